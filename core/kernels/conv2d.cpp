// 2-D convolution kernels: the dense instances of the convolution engine, and Winograd's filtering for the 3x3 filters that most of a network is made of.
#include "core/kernels/conv2d.h"

#include "core/kernels/conv_engine.h"
#include "core/kernels/winograd.h"

namespace bitloom {

using kernel::Mode, kernel::Scratch;

void conv2d_forward(const float* x, const float* w, const float* bias, float* y, const Conv2dShape& s) {
  kernel::check_shape("conv2d", s);
  if (!kernel::suits_winograd(s)) return kernel::convolution_forward<Mode::kDense>(x, w, bias, y, s);
  const int64_t depth = 9 * s.c, zero_count = s.c + s.oc;
  thread_local Scratch scratch;
  float *packed = scratch.reserve(depth * s.oc + zero_count), *zeros = packed + depth * s.oc;
  std::fill_n(zeros, zero_count, 0.0f);
  kernel::pack(depth, s.oc, packed, w);
  kernel::winograd_forward(x, packed, bias ? bias : zeros, zeros, y, s);
}

void conv2d_input_grad(const float* dy, const float* w, float* dx, const Conv2dShape& s) {
  kernel::check_shape("conv2d", s);
  if (!kernel::suits_winograd(s)) return kernel::convolution_input_grad<Mode::kDense>(dy, w, dx, s);
  // The convolution of dy with flipped filters, whose taps are shared out from the other end.
  const Conv2dShape adjoint{s.n, s.oh(), s.ow(), s.oc, s.c, 3, 3, 1, 1, 2 - s.pt, 2 - s.pb, 2 - s.pl, 2 - s.pr};
  const int64_t depth = 9 * s.oc, zero_count = s.c + s.oc;
  thread_local Scratch scratch;
  float *packed = scratch.reserve(depth * s.c + zero_count), *zeros = packed + depth * s.c;
  std::fill_n(zeros, zero_count, 0.0f);
  kernel::pack(depth, s.c, packed, [&](int64_t k, int64_t c) { return w[(k % s.oc * 9 + 8 - k / s.oc) * s.c + c]; });
  kernel::winograd_forward(dy, packed, zeros, zeros, dx, adjoint);
}

void conv2d_weight_grad(const float* x, const float* dy, float* dw, const Conv2dShape& s) {
  kernel::check_shape("conv2d", s);
  kernel::suits_winograd(s) ? kernel::winograd_weight_grad(x, dy, dw, s)
                            : kernel::convolution_weight_grad<Mode::kDense>(x, dy, dw, s);
}

}  // namespace bitloom
