// Losses: scalar outputs of shape (1), means over the batch.
#pragma once
#include "core/kernels/elementwise.h"
#include "core/kernels/ref.h"
#include "core/ops/support.h"

namespace bitloom {

// Input: logits (N,1,1,K) or (N,K).
class SoftmaxCrossEntropy {
 public:
  explicit SoftmaxCrossEntropy(std::vector<int32_t> labels) : labels_(std::move(labels)) {}

  Tensor forward(const Tensors& in) {
    const int64_t rows = in[0].shape()[0], classes = in[0].size() / rows;
    BITLOOM_CHECK(int64_t(labels_.size()) == rows, "softmax_cross_entropy: ", labels_.size(), " labels for ", rows, " samples");
    probability_ = Tensor(in[0].shape());
    return scalar(softmax_cross_entropy(in[0].data(), labels_.data(), probability_.data(), rows, classes));
  }
  Tensors backward(const Tensor& dy, const std::vector<bool>&) {
    const int64_t rows = probability_.shape()[0];
    Tensor dx(probability_.shape());
    softmax_cross_entropy_grad(probability_.data(), labels_.data(), dy[0], dx.data(), rows, dx.size() / rows);
    return {dx};
  }
  TensorD reference(const TensorsD& in, const TensorsD&) const {
    const int64_t rows = in[0].shape()[0], classes = in[0].size() / rows;
    TensorD probability(in[0].shape());
    return TensorD(Shape{1}, ref::softmax_cross_entropy(in[0].data(), labels_.data(), probability.data(), rows, classes));
  }
  static std::vector<GradCase<SoftmaxCrossEntropy>> grad_cases() {
    return {{"5 classes", SoftmaxCrossEntropy({0, 4, 2}), {random_tensor({3, 5}, 1, -3, 3)}, {true}}};
  }

 private:
  std::vector<int32_t> labels_;
  Tensor probability_;
};

// Input: logits (N,1,1,K) or (N,K); the targets (N,K) are constant distributions over the classes.
class SoftCrossEntropy {
 public:
  explicit SoftCrossEntropy(Tensor targets) : targets_(std::move(targets)) {}

  Tensor forward(const Tensors& in) {
    const int64_t rows = in[0].shape()[0], classes = in[0].size() / rows;
    BITLOOM_CHECK(targets_.shape() == (Shape{rows, classes}), "soft_cross_entropy: logits ", in[0].shape(), " but targets ",
                  targets_.shape());
    probability_ = Tensor(in[0].shape());
    return scalar(soft_cross_entropy(in[0].data(), targets_.data(), probability_.data(), rows, classes));
  }
  Tensors backward(const Tensor& dy, const std::vector<bool>&) {
    Tensor dx(probability_.shape());
    soft_cross_entropy_grad(probability_.data(), targets_.data(), dy[0], dx.data(), targets_.shape()[0], targets_.shape()[1]);
    return {dx};
  }
  TensorD reference(const TensorsD& in, const TensorsD&) const {
    const int64_t rows = in[0].shape()[0], classes = in[0].size() / rows;
    return TensorD(Shape{1}, ref::soft_cross_entropy(in[0].data(), to_double(targets_).data(), rows, classes));
  }
  static std::vector<GradCase<SoftCrossEntropy>> grad_cases() {
    const Tensor targets(Shape{3, 4}, {0.1f, 0.2f, 0.3f, 0.4f, 1, 0, 0, 0, 0.25f, 0.25f, 0.25f, 0.25f});
    return {{"4 classes", SoftCrossEntropy(targets), {random_tensor({3, 4}, 1, -3, 3)}, {true}}};
  }

 private:
  Tensor targets_, probability_;
};

// Input: y of any shape; the target is a constant of the same size.
class MeanSquaredError {
 public:
  explicit MeanSquaredError(Tensor target) : target_(std::move(target)) {}

  Tensor forward(const Tensors& in) {
    y_ = in[0];
    BITLOOM_CHECK(y_.size() == target_.size(), "mean_squared_error: output ", y_.shape(), " but target ", target_.shape());
    return scalar(mean_squared_error(y_.data(), target_.data(), y_.size()));
  }
  Tensors backward(const Tensor& dy, const std::vector<bool>&) {
    Tensor dx(y_.shape());
    mean_squared_error_grad(y_.data(), target_.data(), dy[0], dx.data(), y_.size());
    return {dx};
  }
  TensorD reference(const TensorsD& in, const TensorsD&) const {
    return TensorD(Shape{1}, ref::mean_squared_error(in[0].data(), to_double(target_).data(), in[0].size()));
  }
  static std::vector<GradCase<MeanSquaredError>> grad_cases() {
    return {{"random target", MeanSquaredError(random_tensor({4, 7}, 2)), {random_tensor({4, 7}, 1)}, {true}}};
  }

 private:
  Tensor target_, y_;
};

}  // namespace bitloom
