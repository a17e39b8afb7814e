// Average pooling over non-overlapping windows. Input x (N,H,W,C).
#pragma once
#include "core/kernels/pool.h"
#include "core/kernels/ref.h"
#include "core/ops/support.h"

namespace bitloom {

class AvgPool {
 public:
  AvgPool(int64_t kh, int64_t kw) : kh_(kh), kw_(kw) {}

  Tensor forward(const Tensors& in) {
    const Shape& x = in[0].shape();
    BITLOOM_CHECK(x.rank() == 4 && x[1] >= kh_ && x[2] >= kw_, "avg_pool: window ", kh_, "x", kw_, " is larger than input ", x);
    s_ = {x[0], x[1], x[2], x[3], kh_, kw_};
    Tensor y(Shape{s_.n, s_.oh(), s_.ow(), s_.c});
    avg_pool_forward(in[0].data(), y.data(), s_);
    return y;
  }
  Tensors backward(const Tensor& dy, const std::vector<bool>&) {
    Tensor dx(Shape{s_.n, s_.h, s_.w, s_.c});
    avg_pool_input_grad(dy.data(), dx.data(), s_);
    return {dx};
  }
  TensorD reference(const TensorsD& in, const TensorsD&) const {
    const Shape& x = in[0].shape();
    const PoolShape shape{x[0], x[1], x[2], x[3], kh_, kw_};
    TensorD y(Shape{shape.n, shape.oh(), shape.ow(), shape.c});
    ref::avg_pool_forward<double>(in[0].data(), y.data(), shape);
    return y;
  }
  static std::vector<GradCase<AvgPool>> grad_cases() {
    return {{"2x2", {2, 2}, {random_tensor({2, 4, 6, 5}, 1)}, {true}},
            {"3x2, leftover row", {3, 2}, {random_tensor({2, 7, 4, 3}, 2)}, {true}}};
  }

 private:
  int64_t kh_, kw_;
  PoolShape s_;
};

}  // namespace bitloom
