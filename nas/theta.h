// From architecture parameters to shares of the precisions.
#pragma once
#include <string>
#include <tuple>

#include "core/names.h"
#include "core/ops/support.h"

namespace bitloom {

enum class Sampler {
  kSoftmax,     // softmax(gamma / temperature), annealed towards one-hot
  kGumbel,      // the same with Gumbel noise (arXiv 1611.01144)
  kGumbelHard,  // one-hot of that, gradient of the soft shares
  kArgmax,      // one-hot of the largest, gradient of the softmax
};
template <>
struct NamesOf<Sampler> {
  static constexpr const char* kWhat = "sampling";
  static constexpr Named<Sampler> kAll[] = {
      {Sampler::kSoftmax, "softmax"},
      {Sampler::kGumbel, "gumbel"},
      {Sampler::kGumbelHard, "gumbel-hard"},
      {Sampler::kArgmax, "argmax"},
  };
};

// One way of drawing shares, passed by value so that loss and cost of a step see the same draw.
struct Sampling {
  Sampler sampler = Sampler::kSoftmax;
  double temperature = 1;
};

// theta (channels,P), or (P) for channels = 0, from gamma (R,P) with R = channels, or 1 to give all channels the same shares. `noise` (R,P)
// is added to gamma; undefined: none.
class SampleTheta {
 public:
  SampleTheta(const Sampling& sampling, int64_t channels, Tensor noise = {})
      : sampling_(sampling), channels_(channels), noise_(std::move(noise)) {}

  Tensor forward(const Tensors& in);
  Tensors backward(const Tensor& dy, const std::vector<bool>& needs);
  // The soft shares: what the gradient is taken of, and for soft samplers also the value.
  TensorD reference(const TensorsD& in, const TensorsD& base) const;
  static std::vector<GradCase<SampleTheta>> grad_cases();

 private:
  Sampling sampling_;
  int64_t channels_;
  Tensor noise_;
  Tensor soft_;  // (R,P)
};

// Index of the largest of n values; of equals the last, which has the most bits: undecided channels are not removed.
int64_t likeliest(const float* values, int64_t n);

// Standard Gumbel noise.
Tensor gumbel_noise(const Shape& shape, Rng rng);

}  // namespace bitloom
