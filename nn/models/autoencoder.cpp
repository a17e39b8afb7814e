// Dense autoencoder of MLPerf Tiny: anomaly_detection/keras_model.py.
#include "nn/models/models.h"

namespace bitloom {

ModelSpec autoencoder(int64_t h, int64_t w, int64_t c, int64_t) {
  ModelBuilder b("autoencoder", h, w, c);
  constexpr unsigned kNormRelu = ModelBuilder::kBias | ModelBuilder::kNorm | ModelBuilder::kRelu;
  constexpr int64_t kWidths[] = {128, 128, 128, 128, 8, 128, 128, 128, 128};
  int x = 0, index = 0;
  for (int64_t width : kWidths) x = b.linear("dense" + std::to_string(index++), x, width, kNormRelu);
  b.linear("dense" + std::to_string(index), x, c, ModelBuilder::kBias);
  return b.finish(TaskKind::kReconstruction);
}

}  // namespace bitloom
