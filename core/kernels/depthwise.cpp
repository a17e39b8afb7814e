// Depthwise convolution kernels: the depthwise instances of the convolution engine.
#include "core/kernels/depthwise.h"

#include "core/kernels/conv_engine.h"

namespace bitloom {
namespace {

void check(const Conv2dShape& s) {
  kernel::check_shape("depthwise", s);
  BITLOOM_CHECK(s.c == s.oc, "depthwise: needs as many outputs as inputs, got ", s.c, " inputs and ", s.oc, " outputs");
}

}  // namespace

void depthwise_forward(const float* x, const float* w, const float* bias, float* y, const Conv2dShape& s) {
  check(s);
  kernel::convolution_forward<kernel::Mode::kDepthwise>(x, w, bias, y, s);
}

void depthwise_input_grad(const float* dy, const float* w, float* dx, const Conv2dShape& s) {
  check(s);
  kernel::convolution_input_grad<kernel::Mode::kDepthwise>(dy, w, dx, s);
}

void depthwise_weight_grad(const float* x, const float* dy, float* dw, const Conv2dShape& s) {
  check(s);
  kernel::convolution_weight_grad<kernel::Mode::kDepthwise>(x, dy, dw, s);
}

}  // namespace bitloom
