// From architecture parameters to shares of the precisions.
#include "nas/theta.h"

#include <algorithm>
#include <cmath>

namespace bitloom {

Tensor gumbel_noise(const Shape& shape, Rng rng) {
  Tensor noise(shape);
  for (int64_t i = 0; i < noise.size(); ++i) noise[i] = float(-std::log(-std::log(std::max(rng.uniform(), 1e-12))));
  return noise;
}

int64_t likeliest(const float* values, int64_t n) {
  int64_t best = 0;
  for (int64_t k = 1; k < n; ++k)
    if (values[k] >= values[best]) best = k;
  return best;
}

Tensor SampleTheta::forward(const Tensors& in) {
  const int64_t options = in[0].shape().back(), rows = in[0].size() / options;
  BITLOOM_CHECK(rows == 1 || rows == channels_, "theta: ", rows, " rows of parameters for ", channels_, " channels");
  soft_ = Tensor(Shape{rows, options});
  Tensor used = soft_;
  const bool hard = sampling_.sampler == Sampler::kGumbelHard || sampling_.sampler == Sampler::kArgmax;
  if (hard) used = Tensor(soft_.shape(), 0.0f);
  for (int64_t r = 0; r < rows; ++r) {
    float* p = soft_.data() + r * options;
    for (int64_t k = 0; k < options; ++k)
      p[k] = (in[0][r * options + k] + (noise_.defined() ? noise_[r * options + k] : 0)) / float(sampling_.temperature);
    const int64_t top = likeliest(p, options);
    if (hard) used[r * options + top] = 1;
    const float largest = p[top];
    float total = 0;
    for (int64_t k = 0; k < options; ++k) total += p[k] = std::exp(p[k] - largest);
    for (int64_t k = 0; k < options; ++k) p[k] /= total;
  }
  if (channels_ == 0) return used.clone().reshape(Shape{options});
  Tensor theta(Shape{channels_, options});
  for (int64_t i = 0; i < theta.size(); ++i) theta[i] = used[rows == 1 ? i % options : i];
  return theta;
}

Tensors SampleTheta::backward(const Tensor& dy, const std::vector<bool>&) {
  const int64_t rows = soft_.shape()[0], options = soft_.shape()[1];
  Tensor sum(soft_.shape(), 0.0f), grad(soft_.shape());
  for (int64_t i = 0; i < dy.size(); ++i) sum[rows == 1 ? i % options : i] += dy[i];
  for (int64_t r = 0; r < rows; ++r) {
    const float *p = soft_.data() + r * options, *d = sum.data() + r * options;
    float mean = 0;
    for (int64_t k = 0; k < options; ++k) mean += p[k] * d[k];
    for (int64_t k = 0; k < options; ++k) grad[r * options + k] = p[k] * (d[k] - mean) / float(sampling_.temperature);
  }
  return {grad};
}

TensorD SampleTheta::reference(const TensorsD& in, const TensorsD&) const {
  const int64_t options = in[0].shape().back(), rows = in[0].size() / options;
  TensorD theta(channels_ == 0 ? Shape{options} : Shape{channels_, options});
  for (int64_t i = 0; i < theta.size(); ++i) {
    const int64_t r = rows == 1 ? 0 : i / options;
    const auto weight = [&](int64_t k) {
      return std::exp((in[0][r * options + k] + (noise_.defined() ? double(noise_[r * options + k]) : 0)) /
                      sampling_.temperature);
    };
    double total = 0;
    for (int64_t k = 0; k < options; ++k) total += weight(k);
    theta[i] = weight(i % options) / total;
  }
  return theta;
}

std::vector<GradCase<SampleTheta>> SampleTheta::grad_cases() {
  return {
      {"per channel", {{Sampler::kSoftmax, 0.7}, 5}, {random_tensor({5, 3}, 1)}, {true}},
      {"per layer", {{Sampler::kSoftmax, 5}, 4}, {random_tensor({1, 3}, 2)}, {true}},
      {"activation, gumbel", {{Sampler::kGumbel, 0.5}, 0, gumbel_noise({1, 3}, Rng(3))}, {random_tensor({1, 3}, 4)}, {true}}};
}

}  // namespace bitloom
