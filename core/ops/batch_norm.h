// Batch normalization with an optional fused ReLU. Inputs: x (N,H,W,C), gamma (C), beta (C). Source: arXiv 1502.03167.
#pragma once
#include "core/kernels/batch_norm.h"
#include "core/ops/support.h"

namespace bitloom {

// Running statistics: running = (1 - momentum) * running + momentum * batch, with the batch's biased variance, as Keras has it.
struct NormState {
  Tensor mean, var;  // (C)
  float eps = 1e-3f;
  float momentum = 0.1f;
};

struct BatchNorm {
  NormState* state = nullptr;  // updated by a training forward pass
  bool training = false;       // false: normalize by the running statistics and leave them alone
  bool relu = false;
  Tensor x, y, mean, inv_std, scale;  // saved for backward

  Tensor forward(const Tensors& in) {
    x = in[0];
    const int64_t c = x.shape().back(), rows = x.size() / c;
    BITLOOM_CHECK(in[1].size() == c && in[2].size() == c, "batch_norm: ", c, " channels, but gamma ", in[1].shape(), ", beta ",
                  in[2].shape());
    Tensor batch_mean(Shape{c}), batch_var(Shape{c});
    if (training) {
      batch_norm_stats(x.data(), rows, c, batch_mean.data(), batch_var.data());
      for (int64_t i = 0; i < c; ++i) {
        state->mean[i] += state->momentum * (batch_mean[i] - state->mean[i]);
        state->var[i] += state->momentum * (batch_var[i] - state->var[i]);
      }
    } else {
      batch_mean = state->mean.clone();
      batch_var = state->var;
    }
    mean = batch_mean;
    inv_std = Tensor(Shape{c});
    scale = Tensor(Shape{c});
    Tensor shift(Shape{c});
    for (int64_t i = 0; i < c; ++i) {
      inv_std[i] = 1 / std::sqrt(batch_var[i] + state->eps);
      scale[i] = in[1][i] * inv_std[i];
      shift[i] = in[2][i] - mean[i] * scale[i];
    }
    y = Tensor(x.shape());
    channel_affine(x.data(), scale.data(), shift.data(), relu, y.data(), rows, c);
    return y;
  }

  Tensors backward(const Tensor& dy, const std::vector<bool>& needs) {
    const int64_t c = x.shape().back(), rows = x.size() / c;
    const float* mask = relu ? y.data() : nullptr;
    Tensor sum_dy(Shape{c}), sum_dy_xhat(Shape{c});
    batch_norm_grad_sums(x.data(), dy.data(), mask, mean.data(), inv_std.data(), rows, c, sum_dy.data(), sum_dy_xhat.data());
    Tensors grads(3);
    if (needs[0]) {
      Tensor a(Shape{c}, 0.0f), b(Shape{c}, 0.0f);
      for (int64_t i = 0; training && i < c; ++i) {
        a[i] = sum_dy[i] / float(rows);
        b[i] = sum_dy_xhat[i] / float(rows);
      }
      grads[0] = Tensor(x.shape());
      batch_norm_input_grad(x.data(), dy.data(), mask, mean.data(), inv_std.data(), scale.data(), a.data(), b.data(),
                            grads[0].data(), rows, c);
    }
    if (needs[1]) grads[1] = sum_dy_xhat;
    if (needs[2]) grads[2] = sum_dy;
    return grads;
  }

  TensorD reference(const TensorsD& in, const TensorsD&) const {
    const int64_t c = in[0].shape().back(), rows = in[0].size() / c;
    TensorD out(in[0].shape());
    for (int64_t i = 0; i < c; ++i) {
      double m = 0, v = 0;
      for (int64_t r = 0; r < rows; ++r) m += in[0][r * c + i] / double(rows);
      for (int64_t r = 0; r < rows; ++r) v += std::pow(in[0][r * c + i] - m, 2) / double(rows);
      if (!training) m = state->mean[i], v = state->var[i];
      for (int64_t r = 0; r < rows; ++r) {
        const double value = (in[0][r * c + i] - m) / std::sqrt(v + double(state->eps)) * in[1][i] + in[2][i];
        out[r * c + i] = relu ? std::max(0.0, value) : value;
      }
    }
    return out;
  }

  static std::vector<GradCase<BatchNorm>> grad_cases() {
    static NormState frozen{random_tensor({5}, 7), random_tensor({5}, 8, 0.5, 2), 1e-3f, 0.1f};
    static NormState batch{random_tensor({5}, 7), random_tensor({5}, 8, 0.5, 2), 1e-3f, 0.1f};
    const auto make = [](const char* label, NormState* s, bool training, bool relu) {
      return GradCase<BatchNorm>{label,
                                 {s, training, relu, {}, {}, {}, {}, {}},
                                 {random_tensor({3, 4, 2, 5}, 1), random_tensor({5}, 2, 0.5, 2), random_tensor({5}, 3)},
                                 {true, true, true}};
    };
    return {make("training", &batch, true, false), make("training, relu", &batch, true, true),
            make("frozen statistics", &frozen, false, false), make("frozen statistics, relu", &frozen, false, true)};
  }
};

}  // namespace bitloom
