// ResNet-8 of MLPerf Tiny: image_classification/keras_model.py, resnet_v1_eembc.
#include "nn/models/models.h"

namespace bitloom {

ModelSpec resnet8(int64_t h, int64_t w, int64_t c, int64_t classes) {
  BITLOOM_CHECK(h >= 4 && w >= 4 && h % 4 == 0 && w % 4 == 0, "resnet8: height and width must be multiples of 4, got ", h, "x",
                w);
  ModelBuilder b("resnet8", h, w, c);
  int index = 0;
  const auto conv = [&](int input, int64_t channels, int64_t kernel, int64_t stride, ModelBuilder::Options options) {
    return b.conv2d("conv" + std::to_string(index++), input, channels, kernel, kernel, stride, stride, options);
  };
  constexpr ModelBuilder::Options kNormRelu{true, true, true}, kNorm{true, false, true}, kShortcut{false, false, true};
  int x = conv(0, 16, 3, 1, kNormRelu);
  for (int stack = 1; stack <= 3; ++stack) {
    const int64_t channels = 8 << stack, stride = stack == 1 ? 1 : 2;
    const int y = conv(conv(x, channels, 3, stride, kNormRelu), channels, 3, 1, kNorm);
    const int shortcut = stack == 1 ? x : conv(x, channels, 1, stride, kShortcut);
    x = b.add("add" + std::to_string(stack), shortcut, y, true);
  }
  x = b.avg_pool("pool", x, h / 4, w / 4);
  b.linear("dense0", x, classes, {false, false, true});
  return b.finish();
}

}  // namespace bitloom
