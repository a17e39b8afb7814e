// MobileNetV1 x 0.25 of MLPerf Tiny: visual_wake_words/vww_model.py.
#include "nn/models/models.h"

namespace bitloom {

ModelSpec mobilenet_v1(int64_t h, int64_t w, int64_t c, int64_t classes) {
  ModelBuilder b("mobilenet_v1", h, w, c);
  constexpr unsigned kNormRelu = ModelBuilder::kBias | ModelBuilder::kNorm | ModelBuilder::kRelu;
  struct Block {
    int64_t channels, stride;
  };
  constexpr Block kBlocks[] = {{16, 1},  {32, 2},  {32, 1},  {64, 2},  {64, 1},  {128, 2}, {128, 1},
                               {128, 1}, {128, 1}, {128, 1}, {128, 1}, {256, 2}, {256, 1}};
  int x = b.conv2d("conv0", 0, 8, 3, 3, 2, 2, kNormRelu), index = 1;
  for (const Block& block : kBlocks) {
    x = b.depthwise("conv" + std::to_string(index++), x, 3, 3, block.stride, block.stride, kNormRelu);
    x = b.conv2d("conv" + std::to_string(index++), x, block.channels, 1, 1, 1, 1, kNormRelu);
  }
  const int64_t rows = b.layer(x).h, columns = b.layer(x).w;
  x = b.avg_pool("pool", x, rows, columns);
  b.linear("dense0", x, classes, ModelBuilder::kBias);
  return b.finish();
}

}  // namespace bitloom
