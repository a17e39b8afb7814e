// Fake quantization of weights: scales, and the mixture over precisions in one pass over W.
#include <algorithm>
#include <limits>
#include <numeric>

#include "core/parallel.h"
#include "quant/fake_quant.h"

namespace bitloom {

float max_abs_scale(const float* x, int64_t n, float lo, float hi) {
  float largest = 0;
  for (int64_t i = 0; i < n; ++i) largest = std::max(largest, std::fabs(x[i]));
  return largest > 0 ? largest / std::max(-lo, hi) : 1e-8f;
}

float mse_optimal_scale(const float* x, int64_t n, float lo, float hi) {
  float largest = 0;
  for (int64_t i = 0; i < n; ++i) largest = std::max(largest, std::fabs(x[i]));
  if (!(largest > 0)) return 1e-8f;
  constexpr int kSteps = 40;
  double best_error = std::numeric_limits<double>::infinity();
  float best = largest / hi;
  for (int k = kSteps; k >= 4; --k) {
    const float scale = largest / hi * float(k) / kSteps, inverse = 1 / scale;
    double error = 0;
    for (int64_t i = 0; i < n; ++i) {
      const double d = double(std::clamp(round_half_up(x[i] * inverse), lo, hi) * scale - x[i]);
      error += d * d;
    }
    if (error < best_error) best_error = error, best = scale;
  }
  return best;
}

namespace {

// Sum of the shares of the precisions above 0 bits.
float kept_share(const float* theta, const std::vector<int>& bits) {
  float share = 0;
  for (size_t p = 0; p < bits.size(); ++p) share += bits[p] ? theta[p] : 0;
  return share;
}

// A sum whose order does not depend on the vectors of the processor.
struct LaneSums {
  static constexpr int64_t kLanes = 16;
  double lane[kLanes] = {};
  double sum() const { return std::accumulate(lane, lane + kLanes, 0.0); }
};

}  // namespace

Tensor MixWeights::forward(const Tensors& in) {
  w_ = in[0], theta_ = in[1], log_scale_ = in[2];
  const int64_t channels = w_.shape()[0], n = w_.size() / channels, options = int64_t(bits_.size());
  BITLOOM_CHECK(theta_.size() == channels * options && log_scale_.size() == theta_.size(), "mix_weights: ", channels,
                " channels and ", options, " precisions, but theta ", theta_.shape(), " and scales ", log_scale_.shape());
  Tensor out(w_.shape(), 0.0f);
  parallel_for(channels, [&](int64_t i) {
    const float* x = w_.data() + i * n;
    float* y = out.data() + i * n;
    const float share = kept_share(theta_.data() + i * options, bits_);
    for (int64_t p = 0; p < options; ++p) {
      const float t = theta_[i * options + p];
      if (bits_[size_t(p)] == 0 || t == 0) continue;
      const auto [lo, hi] = weight_codes(bits_[size_t(p)], range_);
      const float scale = std::exp(log_scale_[i * options + p]), inverse = 1 / scale, step = t / share * scale;
      for (int64_t k = 0; k < n; ++k) y[k] += step * std::clamp(round_half_up(x[k] * inverse), lo, hi);
    }
  });
  return out;
}

Tensors MixWeights::backward(const Tensor& dy, const std::vector<bool>& needs) {
  const int64_t channels = w_.shape()[0], n = w_.size() / channels, options = int64_t(bits_.size());
  Tensors grads = {Tensor(w_.shape(), 0.0f), Tensor(theta_.shape(), 0.0f), Tensor(log_scale_.shape(), 0.0f)};
  parallel_for(channels, [&](int64_t i) {
    const float *x = w_.data() + i * n, *d = dy.data() + i * n, *th = theta_.data() + i * options;
    float *dx = grads[0].data() + i * n, *dtheta = grads[1].data() + i * options, *dscale = grads[2].data() + i * options;
    const float share = kept_share(th, bits_);
    if (share == 0) return;
    double mixed = 0;  // <dy, W_eff>
    for (int64_t p = 0; p < options; ++p) {
      if (bits_[size_t(p)] == 0 || (th[p] == 0 && !needs[1])) continue;
      const WeightCodes codes = weight_codes(bits_[size_t(p)], range_);
      const float lo = codes.lo, hi = codes.hi;
      const float scale = std::exp(log_scale_[i * options + p]), inverse = 1 / scale, t = th[p] / share;
      LaneSums along_q, along_scale;
      for (int64_t first = 0; first < n; first += LaneSums::kLanes) {
        const int64_t lanes = std::min<int64_t>(LaneSums::kLanes, n - first);
        const float *xs = x + first, *ds = d + first;
        float* dxs = dx + first;
        const auto add = [&](int64_t count) {
#pragma omp simd
          for (int64_t k = 0; k < count; ++k) {
            const float code = round_half_up(xs[k] * inverse), inside = code >= lo && code <= hi ? 1.0f : 0.0f;
            const float q = std::min(std::max(code, lo), hi) * scale;
            dxs[k] += t * inside * ds[k];
            along_q.lane[k] += double(ds[k] * q);
            along_scale.lane[k] += double(ds[k] * (q - inside * xs[k]));
          }
        };
        lanes == LaneSums::kLanes ? add(LaneSums::kLanes) : add(lanes);
      }
      dtheta[p] = float(along_q.sum() / double(share));
      dscale[p] = float(along_scale.sum() * double(t));
      mixed += along_q.sum() * double(t);
    }
    for (int64_t p = 0; p < options; ++p)
      if (bits_[size_t(p)]) dtheta[p] -= float(mixed / double(share));
  });
  for (size_t k = 0; k < 3; ++k)
    if (!needs[k]) grads[k] = Tensor();
  return grads;
}

TensorD MixWeights::reference(const TensorsD& in, const TensorsD& base) const {
  const int64_t channels = in[0].shape()[0], n = in[0].size() / channels, options = int64_t(bits_.size());
  TensorD out(in[0].shape(), 0.0);
  for (int64_t i = 0; i < channels; ++i) {
    double share = 0;
    for (int64_t p = 0; p < options; ++p) share += bits_[size_t(p)] ? in[1][i * options + p] : 0;
    for (int64_t p = 0; p < options; ++p) {
      if (bits_[size_t(p)] == 0 || share == 0) continue;
      const auto [lo, hi] = weight_codes(bits_[size_t(p)], range_);
      const double scale = std::exp(in[2][i * options + p]), base_scale = std::exp(base[2][i * options + p]);
      for (int64_t k = 0; k < n; ++k) {
        const double at = base[0][i * n + k] / base_scale, code = std::floor(at + 0.5);
        const double q = code < double(lo)   ? double(lo)
                         : code > double(hi) ? double(hi)
                                             : in[0][i * n + k] / scale + (code - at);
        out[i * n + k] += in[1][i * options + p] / share * scale * q;
      }
    }
  }
  return out;
}

std::vector<GradCase<MixWeights>> MixWeights::grad_cases() {
  const auto make = [](const char* label, std::vector<int> bits, CodeRange range) {
    const int64_t options = int64_t(bits.size());
    return GradCase<MixWeights>{
        label,
        MixWeights(bits, range),
        {random_tensor({3, 2, 3, 4}, 1), random_tensor({3, options}, 2, 0.1, 1), random_tensor({3, options}, 3, -3, -0.5)},
        {true, true, true}};
  };
  return {make("2/4/8 bits", {2, 4, 8}, CodeRange::kFull), make("0/2/4/8 bits", {0, 2, 4, 8}, CodeRange::kFull),
          make("2 bits, symmetric", {2}, CodeRange::kSymmetric)};
}

Tensor KeptShare::forward(const Tensors& in) {
  shape_ = in[0].shape();
  Tensor keep(Shape{shape_[0]});
  for (int64_t i = 0; i < keep.size(); ++i) keep[i] = 1 - in[0][i * shape_[1]];
  return keep;
}

Tensors KeptShare::backward(const Tensor& dy, const std::vector<bool>&) {
  Tensor dtheta(shape_, 0.0f);
  for (int64_t i = 0; i < shape_[0]; ++i) dtheta[i * shape_[1]] = -dy[i];
  return {dtheta};
}

TensorD KeptShare::reference(const TensorsD& in, const TensorsD&) const {
  const int64_t channels = in[0].shape()[0], options = in[0].shape()[1];
  TensorD keep(Shape{channels});
  for (int64_t i = 0; i < channels; ++i) keep[i] = 1 - in[0][i * options];
  return keep;
}

std::vector<GradCase<KeptShare>> KeptShare::grad_cases() {
  return {{"5 channels, 4 precisions", {}, {random_tensor({5, 4}, 1, 0, 1)}, {true}}};
}

}  // namespace bitloom
