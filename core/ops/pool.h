// Average pooling over non-overlapping windows, and max pooling over those of a convolution. Input x (N,H,W,C).
#pragma once
#include "core/kernels/pool.h"
#include "core/kernels/ref.h"
#include "core/ops/conv2d.h"
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

class MaxPool {
 public:
  MaxPool(int64_t kh, int64_t kw, const ConvGeometry& geometry) : kh_(kh), kw_(kw), geometry_(geometry) {}

  Tensor forward(const Tensors& in) {
    x_ = in[0];
    s_ = shape_for(x_.shape());
    y_ = Tensor(Shape{s_.n, s_.oh(), s_.ow(), s_.c});
    max_pool_forward(x_.data(), y_.data(), s_);
    return y_;
  }
  Tensors backward(const Tensor& dy, const std::vector<bool>&) {
    Tensor dx(x_.shape());
    max_pool_input_grad(x_.data(), y_.data(), dy.data(), dx.data(), s_);
    return {dx};
  }
  TensorD reference(const TensorsD& in, const TensorsD&) const {
    const Conv2dShape shape = shape_for(in[0].shape());
    TensorD y(Shape{shape.n, shape.oh(), shape.ow(), shape.c});
    ref::max_pool_forward<double>(in[0].data(), y.data(), shape);
    return y;
  }
  static std::vector<GradCase<MaxPool>> grad_cases() {
    return {{"2x2", {2, 2, {2, 2, 0, 0, 0, 0}}, {distinct({2, 4, 6, 5}, 1)}, {true}},
            {"3x2 stride (2,1), padded", {3, 2, {2, 1, 1, 1, 0, 1}}, {distinct({2, 7, 4, 3}, 2)}, {true}}};
  }

 private:
  Conv2dShape shape_for(const Shape& x) const {
    BITLOOM_CHECK(x.rank() == 4, "max_pool: expected input (N,H,W,C), got ", x);
    const ConvGeometry& g = geometry_;
    return {x[0], x[1], x[2], x[3], x[3], kh_, kw_, g.sh, g.sw, g.pt, g.pb, g.pl, g.pr};
  }
  // A random order of values that are far enough apart for numeric differences.
  static Tensor distinct(const Shape& shape, uint64_t seed) {
    Tensor t(shape);
    Rng rng = Rng(seed).split("distinct");
    for (int64_t i = 0; i < t.size(); ++i) t[i] = float(i) / float(t.size());
    for (int64_t i = t.size() - 1; i > 0; --i) std::swap(t[i], t[rng.below(i + 1)]);
    return t;
  }

  int64_t kh_, kw_;
  ConvGeometry geometry_;
  Conv2dShape s_;
  Tensor x_, y_;
};

}  // namespace bitloom
