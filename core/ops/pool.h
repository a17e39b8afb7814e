// Average pooling over non-overlapping windows. Input x (N,H,W,C).
#pragma once
#include "core/kernels/pool.h"
#include "core/kernels/ref.h"
#include "core/ops/support.h"

namespace bitloom {

struct AvgPool {
  int64_t kh = 1, kw = 1;
  PoolShape s;

  Tensor forward(const Tensors& in) {
    const Shape& x = in[0].shape();
    BITLOOM_CHECK(x.rank() == 4 && x[1] >= kh && x[2] >= kw, "avg_pool: window ", kh, "x", kw, " is larger than input ", x);
    s = {x[0], x[1], x[2], x[3], kh, kw};
    Tensor y(Shape{s.n, s.oh(), s.ow(), s.c});
    avg_pool_forward(in[0].data(), y.data(), s);
    return y;
  }
  Tensors backward(const Tensor& dy, const std::vector<bool>&) {
    Tensor dx(Shape{s.n, s.h, s.w, s.c});
    avg_pool_input_grad(dy.data(), dx.data(), s);
    return {dx};
  }
  TensorD reference(const TensorsD& in, const TensorsD&) const {
    const Shape& x = in[0].shape();
    const PoolShape shape{x[0], x[1], x[2], x[3], kh, kw};
    TensorD y(Shape{shape.n, shape.oh(), shape.ow(), shape.c});
    ref::avg_pool_forward<double>(in[0].data(), y.data(), shape);
    return y;
  }
  static std::vector<GradCase<AvgPool>> grad_cases() {
    return {{"2x2", {2, 2, {}}, {random_tensor({2, 4, 6, 5}, 1)}, {true}},
            {"3x2, leftover row", {3, 2, {}}, {random_tensor({2, 7, 4, 3}, 2)}, {true}}};
  }
};

}  // namespace bitloom
