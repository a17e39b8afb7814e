// Elementwise operations: ReLU, ReLU6, the residual sum, and a per-channel gate.
#pragma once
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "core/kernels/column_sums.h"
#include "core/kernels/elementwise.h"
#include "core/kernels/ref.h"
#include "core/kernels/scratch.h"
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

class Relu6 {
 public:
  Tensor forward(const Tensors& in) {
    y_ = Tensor(in[0].shape());
    relu6_forward(in[0].data(), y_.data(), y_.size());
    return y_;
  }
  Tensors backward(const Tensor& dy, const std::vector<bool>&) {
    Tensor dx(dy.shape());
    relu6_input_grad(y_.data(), dy.data(), dx.data(), dy.size());
    return {dx};
  }
  TensorD reference(const TensorsD& in, const TensorsD&) const {
    TensorD out(in[0].shape());
    ref::relu6_forward(in[0].data(), out.data(), out.size());
    return out;
  }
  static std::vector<GradCase<Relu6>> grad_cases() {
    Tensor x = random_away_from_zero({2, 3, 3, 5}, 1);  // on both sides of 6 too, and not near it
    for (int64_t i = 0; i < x.size(); i += 2) x[i] += 6;
    return {{"below, between, above", {}, {x}, {true}}};
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
    float* to = out.data();
    parallel_blocks(out.size(), row_block(out.size(), out.shape().back()), [&](int64_t begin, int64_t end) {
      thread_local kernel::Scratch first, second;
      const float* a = in[0].block(begin, end - begin, [](int64_t n) { return first.reserve(n); });
      const float* b = in[1].block(begin, end - begin, [](int64_t n) { return second.reserve(n); });
      add_forward(a, b, relu_, to + begin, end - begin);
    });
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

namespace detail {

class GateOutput : public Deferred {
 public:
  GateOutput(Tensor x, Tensor keep) : x_(std::move(x)), keep_(std::move(keep)) {}
  void read(int64_t begin, int64_t count, float* to) const override {
    const float* x = x_.block(begin, count, [to](int64_t) { return to; });
    channel_scale(x, keep_.data(), to, count / keep_.size(), keep_.size());
  }
  int64_t gradient_sums() const override { return keep_.size() + (base() ? base()->gradient_sums() : 0); }
  void backward(int64_t begin, int64_t count, float* grad, double* sums) const override {
    thread_local kernel::Scratch scratch;
    const int64_t c = keep_.size(), rows = count / c;
    const float* x = x_.block(begin, count, [](int64_t n) { return scratch.reserve(n); });
    std::vector<float> dots(static_cast<size_t>(c));
    column_dots(grad, x, rows, c, dots.data());
    for (size_t i = 0; i < dots.size(); ++i) sums[i] += double(dots[i]);
    channel_scale(grad, keep_.data(), grad, rows, c);
    if (base()) base()->backward(begin, count, grad, sums + c);
  }

 private:
  const Deferred* base() const { return x_.readers() == 1 ? x_.source() : nullptr; }

  Tensor x_, keep_;
};

}  // namespace detail

// y = x * keep[c]: how a channel with a 0-bit share fades out of the search, and stays out after it.
class ChannelGate {
 public:
  Tensor forward(const Tensors& in) {
    keep_ = in[1];
    BITLOOM_CHECK(keep_.size() == in[0].shape().back(), "channel_gate: ", keep_.size(), " gates for input ", in[0].shape());
    y_ = Tensor(in[0].shape(), std::make_unique<detail::GateOutput>(in[0], keep_));
    return y_;
  }
  Tensors backward(const Tensor& dy, const std::vector<bool>& needs) {
    const std::ptrdiff_t c = keep_.size();
    Tensors grads(2);
    Tensor dx = through_source(*y_.source(), dy);
    const std::vector<float> sums = dx.note();
    if (needs[1]) grads[1] = Tensor(keep_.shape(), std::vector<float>(sums.begin(), sums.begin() + c));
    dx.set_note({sums.begin() + c, sums.end()});
    if (needs[0]) grads[0] = dx;
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
  Tensor keep_, y_;
};

}  // namespace bitloom
