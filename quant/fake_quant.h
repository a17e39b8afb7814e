// Fake quantization: what a tensor becomes when it is stored at a mixture of precisions. Every value is scale * integer code with the code in
// the range of the packed type, so a one-hot mixture can be deployed as it is. Rounding is half up everywhere, as in requantize().
#pragma once
#include <cmath>
#include <cstdint>
#include <tuple>
#include <vector>

#include "core/names.h"
#include "core/ops/support.h"
#include "quant/integer/graph.h"

namespace bitloom {

// Which integers a b-bit weight may use.
enum class CodeRange {
  kFull,       // [-2^(b-1), 2^(b-1)-1]
  kSymmetric,  // [-(2^(b-1)-1), 2^(b-1)-1]
};
template <>
struct NamesOf<CodeRange> {
  static constexpr const char* kWhat = "code range";
  static constexpr Named<CodeRange> kAll[] = {
      {CodeRange::kFull, "full"},
      {CodeRange::kSymmetric, "symmetric"},
  };
};

struct WeightCodes {
  float lo, hi;
};
inline WeightCodes weight_codes(int bits, CodeRange range) {
  const float half = float(1 << (bits - 1));
  return {range == CodeRange::kFull ? -half : 1 - half, half - 1};
}

inline float round_half_up(float v) { return std::floor(v + 0.5f); }

// The scale that minimizes the mean squared rounding error of the n values, searched over fractions of max|x| (Sung et al., arXiv
// 1511.06488); lo and hi are the code limits. A positive value even for an all-zero tensor.
float mse_optimal_scale(const float* x, int64_t n, float lo, float hi);
// The scale at which max|x| has the largest code.
float max_abs_scale(const float* x, int64_t n, float lo, float hi);

// W_eff[i] = sum over p with bits > 0 of theta[i][p] * Q_p(W[i]) / sum of those theta (arXiv 2206.08852, as EdMIPS, arXiv 2004.05795; the 0-bit share acts on the layer's
// output through ChannelGate, where a normalization cannot undo it; a channel whose whole share is 0 bits has W_eff = 0).
// Inputs: w (OC,...), theta (OC,P), log_scale (OC,P): natural logarithm of the scales, so that Adam's steps are relative and scales stay
// positive. Straight-through rounding; clipped codes pass no gradient to w; gradient of a scale as in LSQ (arXiv 1902.08153).
class MixWeights {
 public:
  explicit MixWeights(std::vector<int> bits, CodeRange range = CodeRange::kFull) : bits_(std::move(bits)), range_(range) {}

  Tensor forward(const Tensors& in);
  Tensors backward(const Tensor& dy, const std::vector<bool>& needs);
  TensorD reference(const TensorsD& in, const TensorsD& base) const;
  static std::vector<GradCase<MixWeights>> grad_cases();

 private:
  std::vector<int> bits_;
  CodeRange range_;
  Tensor w_, theta_, log_scale_;
};

// X_eff = sum_p theta[p] * Q_p(x). Inputs: x (any shape), theta (P), log_clip (P): natural logarithm of the largest representable value.
// Unsigned: Q_p(x) = s * round(clamp(x, 0, clip) / s), s = clip / (2^b - 1), which includes the ReLU; signed: s = clip / (2^(b-1) - 1),
// codes from -2^(b-1). Gradient of a clip: PACT's saturated part (arXiv 1805.06085) plus LSQ's rounding residual.
class MixActivations {
 public:
  // Whether gradients of the shares will be asked for: of one-hot ones they are needed only where the search looks at the other precisions.
  enum class Shares { kFixed, kTrained };
  MixActivations(std::vector<int> bits, bool is_signed, Shares shares = Shares::kTrained)
      : bits_(std::move(bits)), is_signed_(is_signed), shares_(shares) {}

  Tensor forward(const Tensors& in);
  Tensors backward(const Tensor& dy, const std::vector<bool>& needs);
  TensorD reference(const TensorsD& in, const TensorsD& base) const;
  static std::vector<GradCase<MixActivations>> grad_cases();

 private:
  std::vector<int> bits_;
  bool is_signed_;
  Shares shares_;
  Tensor x_, theta_, log_clip_, y_;
};

// keep[i] = 1 - theta[i][0]: the share of channel i that is not removed, for a theta (OC,P) whose first precision is 0 bits.
class KeptShare {
 public:
  Tensor forward(const Tensors& in);
  Tensors backward(const Tensor& dy, const std::vector<bool>& needs);
  TensorD reference(const TensorsD& in, const TensorsD& base) const;
  static std::vector<GradCase<KeptShare>> grad_cases();

 private:
  Shape shape_;
};

// The scheme of an activation tensor with the given clip.
QuantScheme activation_scheme(int bits, bool is_signed, float log_clip);

using QuantOps = std::tuple<MixWeights, MixActivations, KeptShare>;

}  // namespace bitloom
