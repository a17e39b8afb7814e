// Elementwise operations: ReLU, the residual sum, and a per-channel gate.
#pragma once
#include "core/kernels/column_sums.h"
#include "core/kernels/elementwise.h"
#include "core/kernels/ref.h"
#include "core/ops/support.h"

namespace bitloom {

class Relu {
 public:
  Tensor forward(const Tensors& in) {
    y_ = Tensor(in[0].shape());
    relu_forward(in[0].data(), y_.data(), y_.size());
    return y_;
  }
  Tensors backward(const Tensor& dy, const std::vector<bool>&) {
    Tensor dx(dy.shape());
    relu_input_grad(y_.data(), dy.data(), dx.data(), dy.size());
    return {dx};
  }
  TensorD reference(const TensorsD& in, const TensorsD&) const {
    TensorD out(in[0].shape());
    ref::relu_forward(in[0].data(), out.data(), out.size());
    return out;
  }
  static std::vector<GradCase<Relu>> grad_cases() {
    return {{"both signs", {}, {random_away_from_zero({2, 3, 3, 5}, 1)}, {true}}};
  }

 private:
  Tensor y_;
};

// y = a + b, with an optional fused ReLU.
class Add {
 public:
  explicit Add(bool relu = false) : relu_(relu) {}

  Tensor forward(const Tensors& in) {
    BITLOOM_CHECK(in[0].shape() == in[1].shape(), "add: shapes ", in[0].shape(), " and ", in[1].shape(), " differ");
    Tensor out(in[0].shape());
    add_forward(in[0].data(), in[1].data(), relu_, out.data(), out.size());
    if (relu_) y_ = out;
    return out;
  }
  Tensors backward(const Tensor& dy, const std::vector<bool>&) {
    if (!relu_) return {dy, dy};
    Tensor dx(dy.shape());
    relu_input_grad(y_.data(), dy.data(), dx.data(), dy.size());
    return {dx, dx};
  }
  TensorD reference(const TensorsD& in, const TensorsD&) const {
    TensorD out(in[0].shape());
    ref::add_forward(in[0].data(), in[1].data(), relu_, out.data(), out.size());
    return out;
  }
  static std::vector<GradCase<Add>> grad_cases() {
    const Tensors in = {random_tensor({2, 3, 3, 5}, 1), random_tensor({2, 3, 3, 5}, 2)};
    return {{"plain", Add(false), in, {true, true}}, {"relu", Add(true), in, {true, true}}};
  }

 private:
  bool relu_;
  Tensor y_;  // if relu
};

// y = x * keep[c]: how a channel with a 0-bit share fades out of the search, and stays out after it.
class ChannelGate {
 public:
  Tensor forward(const Tensors& in) {
    x_ = in[0];
    keep_ = in[1];
    BITLOOM_CHECK(keep_.size() == x_.shape().back(), "channel_gate: ", keep_.size(), " gates for input ", x_.shape());
    Tensor y(x_.shape());
    channel_scale(x_.data(), keep_.data(), y.data(), x_.size() / keep_.size(), keep_.size());
    return y;
  }
  Tensors backward(const Tensor& dy, const std::vector<bool>& needs) {
    const int64_t c = keep_.size(), rows = x_.size() / c;
    Tensors grads(2);
    if (needs[0]) {
      grads[0] = Tensor(x_.shape());
      channel_scale(dy.data(), keep_.data(), grads[0].data(), rows, c);
    }
    if (needs[1]) {
      grads[1] = Tensor(keep_.shape());
      column_dots(dy.data(), x_.data(), rows, c, grads[1].data());
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

 private:
  Tensor x_, keep_;
};

}  // namespace bitloom
