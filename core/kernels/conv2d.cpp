// 2-D convolution kernels: the dense instances of the convolution engine.
#include "core/kernels/conv2d.h"

#include "core/kernels/conv_engine.h"

namespace bitloom {

void conv2d_forward(const float* x, const float* w, const float* bias, float* y, const Conv2dShape& s) {
  kernel::check_shape("conv2d", s);
  kernel::convolution_forward<kernel::Mode::kDense>(x, w, bias, y, s);
}

void conv2d_input_grad(const float* dy, const float* w, float* dx, const Conv2dShape& s) {
  kernel::check_shape("conv2d", s);
  kernel::convolution_input_grad<kernel::Mode::kDense>(dy, w, dx, s);
}

void conv2d_weight_grad(const float* x, const float* dy, float* dw, const Conv2dShape& s) {
  kernel::check_shape("conv2d", s);
  kernel::convolution_weight_grad<kernel::Mode::kDense>(x, dy, dw, s);
}

}  // namespace bitloom
