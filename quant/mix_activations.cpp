// Fake quantization of activations: the mixture over precisions in one pass over X, nothing materialised per precision.
#include <algorithm>
#include <array>

#include "core/kernels/scratch.h"
#include "core/parallel.h"
#include "quant/fake_quant.h"

namespace bitloom {
namespace {

constexpr int kSumLanes = 16;  // independent sums within a block, folded in order too
constexpr int kMaxOptions = 3;

struct Grid {
  float theta, lo, hi, scale, inverse;
};

struct Grids {
  int count = 0;
  std::array<Grid, kMaxOptions> at;
};

// The precisions whose share is not 0 (all of them when `all`), in order of `bits`.
Grids active_grids(const std::vector<int>& bits, bool is_signed, const Tensor& theta, const Tensor& log_clip, bool all) {
  Grids grids;
  for (size_t p = 0; p < bits.size(); ++p) {
    const float share = theta[int64_t(p)];
    if (share == 0 && !all) continue;
    const QuantScheme s = activation_scheme(bits[p], is_signed, log_clip[int64_t(p)]);
    const float scale = float(s.scale);
    grids.at[size_t(grids.count++)] = {share, float(s.lo()), float(s.hi()), scale, 1 / scale};
  }
  return grids;
}

inline float quantized(float x, const Grid& g) {
  return g.scale * round_half_up(std::min(std::max(x * g.inverse, g.lo), g.hi));
}

template <int kCount>
void forward_block(const float* x, float* y, int64_t n, const Grids& grids) {
  const std::array<Grid, kMaxOptions> g = grids.at;
#pragma omp simd  // y may be x
  for (int64_t i = 0; i < n; ++i) {
    float sum = 0;
    for (int p = 0; p < kCount; ++p) sum += g[size_t(p)].theta * quantized(x[i], g[size_t(p)]);
    y[i] = sum;
  }
}

// Gradients of theta and of the clips' logarithms, one pair a precision.
struct Sums {
  std::array<double, kMaxOptions> theta{}, clip{};
};

template <int kCount>
Sums backward_block(const float* x, float* grad, int64_t n, const Grids& grids) {
  const std::array<Grid, kMaxOptions> g = grids.at;
  float along_q[kCount][kSumLanes] = {}, along_clip[kCount][kSumLanes] = {};
  const auto element = [&](int64_t i, int lane) {
    float pass = 0;
    for (int p = 0; p < kCount; ++p) {
      const Grid& grid = g[size_t(p)];
      const float v = x[i] * grid.inverse, q = quantized(x[i], grid);
      const float inside = v >= grid.lo && v <= grid.hi ? 1.0f : 0.0f;
      pass += grid.theta * inside;
      along_q[p][lane] += grad[i] * q;
      along_clip[p][lane] += grad[i] * (q - inside * x[i]);
    }
    grad[i] *= pass;
  };
  int64_t i = 0;
  for (; i + kSumLanes <= n; i += kSumLanes)
    for (int lane = 0; lane < kSumLanes; ++lane) element(i + lane, lane);
  for (; i < n; ++i) element(i, int(i % kSumLanes));
  Sums sums;
  for (int p = 0; p < kCount; ++p)
    for (int lane = 0; lane < kSumLanes; ++lane) {
      sums.theta[size_t(p)] += double(along_q[p][lane]);
      sums.clip[size_t(p)] += double(along_clip[p][lane]);
    }
  return sums;
}

constexpr decltype(&forward_block<1>) kForward[] = {forward_block<1>, forward_block<2>, forward_block<3>};
constexpr decltype(&backward_block<1>) kBackward[] = {backward_block<1>, backward_block<2>, backward_block<3>};

// used: the precisions with a share; summed: those that sums are kept of, first of the shares' gradients, then of the clips'.
class MixOutput : public Deferred {
 public:
  MixOutput(Tensor x, const Grids& used, const Grids& summed) : x_(std::move(x)), used_(used), summed_(summed) {}
  void read(int64_t begin, int64_t count, float* to) const override {
    const float* x = x_.block(begin, count, [to](int64_t) { return to; });
    kForward[used_.count - 1](x, to, count, used_);
  }
  int64_t gradient_sums() const override { return 2 * summed_.count + (base() ? base()->gradient_sums() : 0); }
  void backward(int64_t begin, int64_t count, float* grad, double* sums) const override {
    thread_local kernel::Scratch scratch;
    const float* x = x_.block(begin, count, [](int64_t n) { return scratch.reserve(n); });
    const Sums added = kBackward[summed_.count - 1](x, grad, count, summed_);
    for (int p = 0; p < summed_.count; ++p) {
      sums[p] += added.theta[size_t(p)];
      sums[summed_.count + p] += added.clip[size_t(p)];
    }
    if (base()) base()->backward(begin, count, grad, sums + 2 * summed_.count);
  }

 private:
  // That the gradient goes through next, if nobody else adds to it.
  const Deferred* base() const { return x_.readers() == 1 ? x_.source() : nullptr; }

  Tensor x_;
  Grids used_, summed_;
};

}  // namespace

QuantScheme activation_scheme(int bits, bool is_signed, float log_clip) {
  const int levels = is_signed ? (1 << (bits - 1)) - 1 : (1 << bits) - 1;
  return {bits, is_signed, double(std::exp(log_clip) / float(levels))};
}

Tensor MixActivations::forward(const Tensors& in) {
  x_ = in[0], theta_ = in[1], log_clip_ = in[2];
  BITLOOM_CHECK(bits_.size() <= kMaxOptions && theta_.size() == int64_t(bits_.size()) && log_clip_.size() == theta_.size(),
                "mix_activations: ", bits_.size(), " precisions, but theta ", theta_.shape(), " and clips ", log_clip_.shape());
  const Grids used = active_grids(bits_, is_signed_, theta_, log_clip_, false);
  BITLOOM_CHECK(used.count > 0, "mix_activations: all shares are zero");
  const Grids summed = active_grids(bits_, is_signed_, theta_, log_clip_, shares_ == Shares::kTrained);
  y_ = Tensor(x_.shape(), std::make_unique<MixOutput>(x_, used, summed));
  return y_;
}

Tensors MixActivations::backward(const Tensor& dy, const std::vector<bool>& needs) {
  const bool all = shares_ == Shares::kTrained;
  BITLOOM_CHECK(all || !needs[1], "mix_activations: gradients of shares that were said to be fixed");
  Tensor dx = through_source(*y_.source(), dy);
  const std::vector<float> sums = dx.note();
  const int64_t count = active_grids(bits_, is_signed_, theta_, log_clip_, all).count;
  dx.set_note({sums.begin() + 2 * count, sums.end()});
  Tensors grads(3);
  if (needs[0]) grads[0] = dx;
  Tensor shares(theta_.shape(), 0.0f), clips(log_clip_.shape(), 0.0f);
  for (int64_t p = 0, active = 0; p < theta_.size(); ++p) {
    if (theta_[p] == 0 && !all) continue;
    shares[p] = sums[size_t(active)];
    clips[p] = sums[size_t(count + active)] * theta_[p];
    ++active;
  }
  if (needs[1]) grads[1] = shares;
  if (needs[2]) grads[2] = clips;
  return grads;
}

TensorD MixActivations::reference(const TensorsD& in, const TensorsD& base) const {
  TensorD out(in[0].shape(), 0.0);
  for (size_t p = 0; p < bits_.size(); ++p) {
    const QuantScheme s = activation_scheme(bits_[p], is_signed_, 0);
    const double scale = std::exp(in[2][int64_t(p)]) * s.scale, base_scale = std::exp(base[2][int64_t(p)]) * s.scale;
    for (int64_t i = 0; i < out.size(); ++i) {
      const double at = base[0][i] / base_scale;
      const double q = at < s.lo() ? s.lo() : at > s.hi() ? s.hi() : in[0][i] / scale + (std::floor(at + 0.5) - at);
      out[i] += in[1][int64_t(p)] * scale * q;
    }
  }
  return out;
}

std::vector<GradCase<MixActivations>> MixActivations::grad_cases() {
  const auto make = [](const char* label, std::vector<int> bits, bool is_signed) {
    const int64_t options = int64_t(bits.size());
    return GradCase<MixActivations>{
        label,
        {bits, is_signed},
        {random_away_from_zero({2, 3, 3, 5}, 1), random_tensor({options}, 2, 0.1, 1), random_tensor({options}, 3, -0.8, 0)},
        {true, true, true}};
  };
  return {make("unsigned 8 bits", {8}, false), make("unsigned 2/4/8 bits", {2, 4, 8}, false), make("signed 8 bits", {8}, true)};
}

}  // namespace bitloom
