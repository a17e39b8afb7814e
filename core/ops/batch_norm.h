// Batch normalization with an optional fused ReLU. Inputs: x (N,H,W,C), gamma (C), beta (C). Source: arXiv 1502.03167.
#pragma once
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "core/kernels/batch_norm.h"
#include "core/kernels/ref.h"
#include "core/ops/support.h"

namespace bitloom {

// Running statistics: running = (1 - momentum) * running + momentum * batch, with the batch's biased variance, as Keras has it.
struct NormState {
  Tensor mean, var;  // (C)
  float eps = 1e-3f;
  float momentum = 0.1f;
};

namespace detail {

// The values of a normalization that stay for its backward pass.
struct NormValues {
  Tensor x, mean, inv_std, scale, shift;
  bool relu;
  ChannelNorm<float> norm() const { return {mean.data(), inv_std.data(), scale.data(), shift.data(), relu}; }
  int64_t channels() const { return scale.size(); }
};

// y = x * scale + shift, ReLU.
class NormOutput : public Deferred {
 public:
  explicit NormOutput(NormValues values) : v_(std::move(values)) {}
  void read(int64_t begin, int64_t count, float* to) const override {
    channel_affine(v_.x.data() + begin, v_.scale.data(), v_.shift.data(), v_.relu, to, count / v_.channels(), v_.channels());
  }
  int64_t gradient_sums() const override { return 2 * v_.channels(); }
  // The gradient stays as it is: what is left to do with it reads x as well, and computes the ReLU's mask on the way.
  void backward(int64_t begin, int64_t count, float* grad, double* sums) const override {
    const int64_t c = v_.channels();
    std::vector<float> block(size_t(2 * c));
    batch_norm_grad_sums(v_.x.data() + begin, grad, v_.norm(), count / c, c, block.data(), block.data() + c);
    for (size_t i = 0; i < block.size(); ++i) sums[i] += double(block[i]);
  }

 private:
  NormValues v_;
};

// The input gradient, for a and b as batch_norm_input_grad() has them.
class NormInputGrad : public Deferred {
 public:
  NormInputGrad(NormValues values, Tensor dy, Tensor a, Tensor b)
      : v_(std::move(values)), dy_(std::move(dy)), a_(std::move(a)), b_(std::move(b)) {}
  void read(int64_t begin, int64_t count, float* to) const override {
    const float* dy = dy_.block(begin, count, [to](int64_t) { return to; });
    batch_norm_input_grad(v_.x.data() + begin, dy, v_.norm(), a_.data(), b_.data(), to, count / v_.channels(), v_.channels());
  }

 private:
  NormValues v_;
  Tensor dy_, a_, b_;
};

}  // namespace detail

// Neither its output nor its input gradient is written to memory unless somebody asks for the whole.
class BatchNorm {
 public:
  // `training`: normalize by the batch's statistics and move the running ones in `state`; else by the running ones, which stay.
  BatchNorm(NormState& state, bool training, bool relu) : state_(&state), training_(training), relu_(relu) {}

  Tensor forward(const Tensors& in) {
    const Tensor& x = in[0];
    const int64_t c = x.shape().back(), rows = x.size() / c;
    BITLOOM_CHECK(in[1].size() == c && in[2].size() == c, "batch_norm: ", c, " channels, but gamma ", in[1].shape(), ", beta ",
                  in[2].shape());
    Tensor mean(Shape{c}), var(Shape{c}), inv_std(Shape{c}), scale(Shape{c}), shift(Shape{c});
    if (!training_) {
      mean = state_->mean.clone(), var = state_->var;
    } else if (int64_t(x.note().size()) != 2 * c) {
      batch_norm_stats(x.data(), rows, c, mean.data(), var.data());
    } else {
      std::copy_n(x.note().data(), c, mean.data());
      std::copy_n(x.note().data() + c, c, var.data());
    }
    for (int64_t i = 0; i < c; ++i) {
      if (training_) {
        state_->mean[i] += state_->momentum * (mean[i] - state_->mean[i]);
        state_->var[i] += state_->momentum * (var[i] - state_->var[i]);
      }
      inv_std[i] = 1 / std::sqrt(var[i] + state_->eps);
      scale[i] = in[1][i] * inv_std[i];
      shift[i] = in[2][i] - mean[i] * scale[i];
    }
    x.data();  // a deferred input is computed before threads read it
    values_ = {x, mean, inv_std, scale, shift, relu_};
    return Tensor(x.shape(), std::make_unique<detail::NormOutput>(values_));
  }

  Tensors backward(const Tensor& dy, const std::vector<bool>& needs) {
    const Tensor& x = values_.x;
    const int64_t c = values_.channels(), rows = x.size() / c;
    Tensor sum_dy(Shape{c}), sum_dy_xhat(Shape{c});
    if (dy.note().empty()) {
      batch_norm_grad_sums(x.data(), dy.data(), values_.norm(), rows, c, sum_dy.data(), sum_dy_xhat.data());
    } else {
      std::copy_n(dy.note().data(), c, sum_dy.data());
      std::copy_n(dy.note().data() + c, c, sum_dy_xhat.data());
    }
    Tensors grads(3);
    if (needs[0]) {
      Tensor a(Shape{c}, 0.0f), b(Shape{c}, 0.0f);
      for (int64_t i = 0; training_ && i < c; ++i) {
        a[i] = sum_dy[i] / float(rows);
        b[i] = sum_dy_xhat[i] / float(rows);
      }
      grads[0] = Tensor(x.shape(), std::make_unique<detail::NormInputGrad>(values_, dy, a, b));
    }
    if (needs[1]) grads[1] = sum_dy_xhat;
    if (needs[2]) grads[2] = sum_dy;
    return grads;
  }

  TensorD reference(const TensorsD& in, const TensorsD&) const {
    const int64_t c = in[0].shape().back(), rows = in[0].size() / c;
    TensorD mean = to_double(state_->mean), var = to_double(state_->var), scale(Shape{c}), shift(Shape{c}), y(in[0].shape());
    if (training_) ref::batch_norm_stats(in[0].data(), rows, c, mean.data(), var.data());
    for (int64_t i = 0; i < c; ++i) {
      scale[i] = in[1][i] / std::sqrt(var[i] + double(state_->eps));
      shift[i] = in[2][i] - mean[i] * scale[i];
    }
    ref::channel_affine(in[0].data(), scale.data(), shift.data(), relu_, y.data(), rows, c);
    return y;
  }

  static std::vector<GradCase<BatchNorm>> grad_cases() {
    static NormState frozen{random_tensor({5}, 7), random_tensor({5}, 8, 0.5, 2), 1e-3f, 0.1f};
    static NormState batch{random_tensor({5}, 7), random_tensor({5}, 8, 0.5, 2), 1e-3f, 0.1f};
    const Tensors in = {random_tensor({3, 4, 2, 5}, 1), random_tensor({5}, 2, 0.5, 2), random_tensor({5}, 3)};
    const std::vector<bool> all = {true, true, true};
    return {{"training", {batch, true, false}, in, all},
            {"training, relu", {batch, true, true}, in, all},
            {"frozen statistics", {frozen, false, false}, in, all},
            {"frozen statistics, relu", {frozen, false, true}, in, all}};
  }

 private:
  NormState* state_;
  bool training_, relu_;
  detail::NormValues values_;
};

}  // namespace bitloom
