// Average pooling over non-overlapping kh x kw windows, no padding; rows and columns that fill no window are ignored.
// x (N,H,W,C), y (N,H/kh,W/kw,C).
#pragma once
#include <cstdint>

#include "core/kernels/conv2d.h"

namespace bitloom {

struct PoolShape {
  int64_t n = 0, h = 0, w = 0, c = 0, kh = 1, kw = 1;
  int64_t oh() const { return h / kh; }
  int64_t ow() const { return w / kw; }
};
void avg_pool_forward(const float* x, float* y, const PoolShape& s);
void avg_pool_input_grad(const float* dy, float* dx, const PoolShape& s);

// Max pooling over the windows of a convolution, s.oc == s.c; what is padded is never the largest, so padding must be smaller than the window.
// x (N,H,W,C), y (N,OH,OW,C).
void max_pool_forward(const float* x, float* y, const Conv2dShape& s);
// The gradient goes to the first of a window's elements that is the largest.
void max_pool_input_grad(const float* x, const float* y, const float* dy, float* dx, const Conv2dShape& s);

}  // namespace bitloom
