// Batch normalization with an optional fused ReLU. Inputs: x (N,H,W,C), gamma (C), beta (C). Source: arXiv 1502.03167.
#pragma once
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

class BatchNorm {
 public:
  // `training`: normalize by the batch's statistics and move the running ones in `state`; else by the running ones, which stay.
  BatchNorm(NormState& state, bool training, bool relu) : state_(&state), training_(training), relu_(relu) {}

  Tensor forward(const Tensors& in) {
    x_ = in[0];
    const int64_t c = x_.shape().back(), rows = x_.size() / c;
    BITLOOM_CHECK(in[1].size() == c && in[2].size() == c, "batch_norm: ", c, " channels, but gamma ", in[1].shape(), ", beta ",
                  in[2].shape());
    Tensor var = state_->var;
    if (training_) {
      mean_ = Tensor(Shape{c});
      var = Tensor(Shape{c});
      batch_norm_stats(x_.data(), rows, c, mean_.data(), var.data());
      for (int64_t i = 0; i < c; ++i) {
        state_->mean[i] += state_->momentum * (mean_[i] - state_->mean[i]);
        state_->var[i] += state_->momentum * (var[i] - state_->var[i]);
      }
    } else {
      mean_ = state_->mean.clone();
    }
    inv_std_ = Tensor(Shape{c});
    scale_ = Tensor(Shape{c});
    shift_ = Tensor(Shape{c});
    for (int64_t i = 0; i < c; ++i) {
      inv_std_[i] = 1 / std::sqrt(var[i] + state_->eps);
      scale_[i] = in[1][i] * inv_std_[i];
      shift_[i] = in[2][i] - mean_[i] * scale_[i];
    }
    Tensor y(x_.shape());
    channel_affine(x_.data(), scale_.data(), shift_.data(), relu_, y.data(), rows, c);
    return y;
  }

  Tensors backward(const Tensor& dy, const std::vector<bool>& needs) {
    const int64_t c = x_.shape().back(), rows = x_.size() / c;
    const ChannelNorm<float> norm{mean_.data(), inv_std_.data(), scale_.data(), shift_.data(), relu_};
    Tensor sum_dy(Shape{c}), sum_dy_xhat(Shape{c});
    batch_norm_grad_sums(x_.data(), dy.data(), norm, rows, c, sum_dy.data(), sum_dy_xhat.data());
    Tensors grads(3);
    if (needs[0]) {
      Tensor a(Shape{c}, 0.0f), b(Shape{c}, 0.0f);
      for (int64_t i = 0; training_ && i < c; ++i) {
        a[i] = sum_dy[i] / float(rows);
        b[i] = sum_dy_xhat[i] / float(rows);
      }
      grads[0] = Tensor(x_.shape());
      batch_norm_input_grad(x_.data(), dy.data(), norm, a.data(), b.data(), grads[0].data(), rows, c);
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
  Tensor x_, mean_, inv_std_, scale_, shift_;
};

}  // namespace bitloom
