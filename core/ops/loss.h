// Losses: scalar outputs of shape (1), means over the batch.
#pragma once
#include "core/kernels/elementwise.h"
#include "core/ops/support.h"

namespace bitloom {

// Input: logits (N,1,1,K) or (N,K).
struct SoftmaxCrossEntropy {
  std::vector<int32_t> labels;
  Tensor probability;  // saved for backward

  Tensor forward(const Tensors& in) {
    const int64_t rows = in[0].shape()[0], classes = in[0].size() / rows;
    BITLOOM_CHECK(int64_t(labels.size()) == rows, "softmax_cross_entropy: ", labels.size(), " labels for ", rows, " samples");
    probability = Tensor(in[0].shape());
    return scalar(softmax_cross_entropy(in[0].data(), labels.data(), probability.data(), rows, classes));
  }
  Tensors backward(const Tensor& dy, const std::vector<bool>&) {
    const int64_t rows = probability.shape()[0];
    Tensor dx(probability.shape());
    softmax_cross_entropy_grad(probability.data(), labels.data(), dy[0], dx.data(), rows, dx.size() / rows);
    return {dx};
  }
  TensorD reference(const TensorsD& in, const TensorsD&) const {
    const int64_t rows = in[0].shape()[0], classes = in[0].size() / rows;
    double loss = 0;
    for (int64_t r = 0; r < rows; ++r) {
      double total = 0;
      for (int64_t k = 0; k < classes; ++k) total += std::exp(in[0][r * classes + k]);
      loss += (std::log(total) - in[0][r * classes + labels[size_t(r)]]) / double(rows);
    }
    return TensorD(Shape{1}, loss);
  }
  static std::vector<GradCase<SoftmaxCrossEntropy>> grad_cases() {
    return {{"5 classes", {{0, 4, 2}, {}}, {random_tensor({3, 5}, 1, -3, 3)}, {true}}};
  }
};

// Input: y of any shape; the target is a constant of the same size.
struct MeanSquaredError {
  Tensor target;
  Tensor y;  // saved for backward

  Tensor forward(const Tensors& in) {
    y = in[0];
    BITLOOM_CHECK(y.size() == target.size(), "mean_squared_error: output ", y.shape(), " but target ", target.shape());
    return scalar(mean_squared_error(y.data(), target.data(), y.size()));
  }
  Tensors backward(const Tensor& dy, const std::vector<bool>&) {
    Tensor dx(y.shape());
    mean_squared_error_grad(y.data(), target.data(), dy[0], dx.data(), y.size());
    return {dx};
  }
  TensorD reference(const TensorsD& in, const TensorsD&) const {
    double loss = 0;
    for (int64_t i = 0; i < in[0].size(); ++i) loss += std::pow(in[0][i] - target[i], 2) / double(in[0].size());
    return TensorD(Shape{1}, loss);
  }
  static std::vector<GradCase<MeanSquaredError>> grad_cases() {
    return {{"random target", {random_tensor({4, 7}, 2), {}}, {random_tensor({4, 7}, 1)}, {true}}};
  }
};

}  // namespace bitloom
