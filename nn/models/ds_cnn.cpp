// DS-CNN of MLPerf Tiny: keyword_spotting/keras_model.py.
#include "nn/models/models.h"

namespace bitloom {

ModelSpec ds_cnn(int64_t h, int64_t w, int64_t c, int64_t classes) {
  ModelBuilder b("ds_cnn", h, w, c);
  constexpr unsigned kNormRelu = ModelBuilder::kBias | ModelBuilder::kNorm | ModelBuilder::kRelu;
  int x = b.conv2d("conv0", 0, 64, 10, 4, 2, 2, kNormRelu);
  for (int block = 0; block < 4; ++block) {
    x = b.depthwise("conv" + std::to_string(2 * block + 1), x, 3, 3, 1, 1, kNormRelu);
    x = b.conv2d("conv" + std::to_string(2 * block + 2), x, 64, 1, 1, 1, 1, kNormRelu);
  }
  const int64_t rows = b.layer(x).h, columns = b.layer(x).w;
  x = b.avg_pool("pool", x, rows, columns);
  b.linear("dense0", x, classes, ModelBuilder::kBias);
  return b.finish();
}

}  // namespace bitloom
