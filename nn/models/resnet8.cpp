// ResNet-8 of MLPerf Tiny: image_classification/keras_model.py, resnet_v1_eembc.
#include "nn/models/models.h"

namespace bitloom {

ModelSpec resnet8(int64_t h, int64_t w, int64_t c, int64_t classes) {
  BITLOOM_CHECK(h >= 4 && w >= 4 && h % 4 == 0 && w % 4 == 0, "resnet8: height and width must be multiples of 4, got ", h, "x",
                w);
  ModelBuilder b("resnet8", h, w, c);
  int index = 0;
  const auto conv = [&](int input, int64_t channels, int64_t kernel, int64_t stride, unsigned parts) {
    return b.conv2d("conv" + std::to_string(index++), input, channels, kernel, kernel, stride, stride, parts);
  };
  constexpr unsigned kBias = ModelBuilder::kBias, kNorm = kBias | ModelBuilder::kNorm, kRelu = ModelBuilder::kRelu;
  int x = conv(0, 16, 3, 1, kNorm | kRelu);
  for (int stack = 1; stack <= 3; ++stack) {
    const int64_t channels = 8 << stack, stride = stack == 1 ? 1 : 2;
    const int y = conv(conv(x, channels, 3, stride, kNorm | kRelu), channels, 3, 1, kNorm);
    const int shortcut = stack == 1 ? x : conv(x, channels, 1, stride, kBias);
    x = b.add("add" + std::to_string(stack), shortcut, y, kRelu);
  }
  x = b.avg_pool("pool", x, h / 4, w / 4);
  b.linear("dense0", x, classes, kBias);
  return b.finish();
}

}  // namespace bitloom
