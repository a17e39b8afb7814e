// Average pooling over non-overlapping kh x kw windows, no padding; rows and columns that fill no window are ignored.
// x (N,H,W,C), y (N,H/kh,W/kw,C).
#pragma once
#include <cstdint>

namespace bitloom {

struct PoolShape {
  int64_t n = 0, h = 0, w = 0, c = 0, kh = 1, kw = 1;
  int64_t oh() const { return h / kh; }
  int64_t ow() const { return w / kw; }
};
void avg_pool_forward(const float* x, float* y, const PoolShape& s);
void avg_pool_input_grad(const float* dy, float* dx, const PoolShape& s);

}  // namespace bitloom
