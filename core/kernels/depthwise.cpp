// Depthwise convolution kernels: the depthwise instances of the convolution engine.
#include "core/kernels/depthwise.h"

#include "core/kernels/conv_engine.h"
#include "core/kernels/outer_products.h"

namespace bitloom {
namespace {

void check(const Conv2dShape& s) {
  kernel::check_shape("depthwise", s);
  BITLOOM_CHECK(s.c == s.oc, "depthwise: needs as many outputs as inputs, got ", s.c, " inputs and ", s.oc, " outputs");
}

}  // namespace

std::unique_ptr<ConvPass> depthwise_forward_pass(const float* w, const float* bias, const Conv2dShape& s) {
  check(s);
  return kernel::forward_pass<kernel::Mode::kDepthwise>(w, bias, s);
}

std::unique_ptr<ConvPass> depthwise_input_grad_pass(const float* w, const Conv2dShape& s) {
  check(s);
  return kernel::input_grad_pass<kernel::Mode::kDepthwise>(w, s);
}

std::unique_ptr<ConvWeightGrad> depthwise_weight_grad_pass(const Conv2dShape& s) {
  check(s);
  return std::make_unique<kernel::OuterProducts<kernel::Mode::kDepthwise>>(s);
}

void depthwise_forward(const float* x, const float* w, const float* bias, float* y, const Conv2dShape& s) {
  run_blocks(*depthwise_forward_pass(w, bias, s), s, s.in_floats(), x, s.out_floats(), y);
}

void depthwise_input_grad(const float* dy, const float* w, float* dx, const Conv2dShape& s) {
  run_blocks(*depthwise_input_grad_pass(w, s), s, s.out_floats(), dy, s.in_floats(), dx);
}

void depthwise_weight_grad(const float* x, const float* dy, float* dw, const Conv2dShape& s) {
  run_blocks(*depthwise_weight_grad_pass(s), s, x, dy, dw);
}

}  // namespace bitloom
