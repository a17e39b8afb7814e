// Elementwise operations: ReLU, the residual sum, and a per-channel gate.
#pragma once
#include "core/kernels/batch_norm.h"
#include "core/kernels/elementwise.h"
#include "core/ops/support.h"

namespace bitloom {

struct Relu {
  Tensor y;  // saved for backward

  Tensor forward(const Tensors& in) {
    y = Tensor(in[0].shape());
    relu_forward(in[0].data(), y.data(), y.size());
    return y;
  }
  Tensors backward(const Tensor& dy, const std::vector<bool>&) {
    Tensor dx(dy.shape());
    relu_input_grad(y.data(), dy.data(), dx.data(), dy.size());
    return {dx};
  }
  TensorD reference(const TensorsD& in, const TensorsD&) const {
    TensorD out(in[0].shape());
    for (int64_t i = 0; i < out.size(); ++i) out[i] = std::max(0.0, in[0][i]);
    return out;
  }
  static std::vector<GradCase<Relu>> grad_cases() {
    return {{"both signs", {}, {random_away_from_zero({2, 3, 3, 5}, 1)}, {true}}};
  }
};

// y = a + b, with an optional fused ReLU.
struct Add {
  bool relu = false;
  Tensor y;  // saved for backward when relu

  Tensor forward(const Tensors& in) {
    BITLOOM_CHECK(in[0].shape() == in[1].shape(), "add: shapes ", in[0].shape(), " and ", in[1].shape(), " differ");
    Tensor out(in[0].shape());
    add_forward(in[0].data(), in[1].data(), relu, out.data(), out.size());
    if (relu) y = out;
    return out;
  }
  Tensors backward(const Tensor& dy, const std::vector<bool>&) {
    if (!relu) return {dy, dy};
    Tensor dx(dy.shape());
    relu_input_grad(y.data(), dy.data(), dx.data(), dy.size());
    return {dx, dx};
  }
  TensorD reference(const TensorsD& in, const TensorsD&) const {
    TensorD out(in[0].shape());
    for (int64_t i = 0; i < out.size(); ++i) out[i] = relu ? std::max(0.0, in[0][i] + in[1][i]) : in[0][i] + in[1][i];
    return out;
  }
  static std::vector<GradCase<Add>> grad_cases() {
    const Tensors in = {random_tensor({2, 3, 3, 5}, 1), random_tensor({2, 3, 3, 5}, 2)};
    return {{"plain", {false, {}}, in, {true, true}}, {"relu", {true, {}}, in, {true, true}}};
  }
};

// y = x * keep[c]: how a channel with a 0-bit share fades out of the search, and stays out after it.
struct ChannelGate {
  Tensor x, keep;  // saved for backward

  Tensor forward(const Tensors& in) {
    x = in[0];
    keep = in[1];
    BITLOOM_CHECK(keep.size() == x.shape().back(), "channel_gate: ", keep.size(), " gates for input ", x.shape());
    Tensor y(x.shape());
    channel_scale(x.data(), keep.data(), y.data(), x.size() / keep.size(), keep.size());
    return y;
  }
  Tensors backward(const Tensor& dy, const std::vector<bool>& needs) {
    const int64_t c = keep.size(), rows = x.size() / c;
    Tensors grads(2);
    if (needs[0]) {
      grads[0] = Tensor(x.shape());
      channel_scale(dy.data(), keep.data(), grads[0].data(), rows, c);
    }
    if (needs[1]) {  // sum over rows of dy * x: the normalization's second sum with mean 0 and unit deviation
      grads[1] = Tensor(keep.shape());
      const Tensor zero(Shape{c}, 0.0f), one(Shape{c}, 1.0f);
      Tensor sum_dy(Shape{c});
      batch_norm_grad_sums(x.data(), dy.data(), nullptr, zero.data(), one.data(), rows, c, sum_dy.data(), grads[1].data());
    }
    return grads;
  }
  TensorD reference(const TensorsD& in, const TensorsD&) const {
    TensorD out(in[0].shape());
    for (int64_t i = 0; i < out.size(); ++i) out[i] = in[0][i] * in[1][i % in[1].size()];
    return out;
  }
  static std::vector<GradCase<ChannelGate>> grad_cases() {
    return {{"random gates", {}, {random_tensor({2, 3, 3, 5}, 1), random_tensor({5}, 2, 0, 1)}, {true, true}}};
  }
};

}  // namespace bitloom
