// Quantization-aware training.
#include "quant/qat_network.h"

#include <algorithm>
#include <cmath>

#include "core/ops/elementwise.h"
#include "core/parallel.h"

namespace bitloom {
namespace {

constexpr int kSignedActBits[] = {8};

Tensor one_hot(const std::vector<int>& options, const std::vector<int>& chosen, const std::string& layer) {
  Tensor theta(Shape{int64_t(chosen.size()), int64_t(options.size())}, 0.0f);
  for (size_t c = 0; c < chosen.size(); ++c) {
    const auto it = std::find(options.begin(), options.end(), chosen[c]);
    BITLOOM_CHECK(it != options.end(), "layer '", layer, "': ", chosen[c], " bits are not among the precisions offered");
    theta[int64_t(c * options.size()) + (it - options.begin())] = 1;
  }
  return theta;
}

// The clip with the smallest mean squared rounding error for the values seen at one activation.
float optimal_clip(const std::vector<float>& values, int bits, bool is_signed) {
  const QuantScheme unit{bits, is_signed, 1};
  const float scale = mse_optimal_scale(values.data(), int64_t(values.size()), float(unit.lo()), float(unit.hi()));
  return std::max(scale * float(unit.hi()), 1e-4f);
}

}  // namespace

QuantScheme input_scheme(const Dataset& data) {
  const SampleFormat& format = data.format();
  if (format.codes) return {8, false, double(format.scale)};
  const float largest = std::max({-format.lo, format.hi, 1e-6f});
  return format.lo < 0 ? QuantScheme{8, true, double(largest / 127)} : QuantScheme{8, false, double(largest / 255)};
}

QatNetwork::QatNetwork(Network& network, QuantOptions options, QuantScheme input)
    : network_(network), options_(std::move(options)), input_(input), sites_(network.spec().layers.size()) {
  const ModelSpec& spec = network_.spec();
  const bool learned = options_.weight_scale == WeightScale::kLearned;
  for (int i = 1; i <= spec.output(); ++i) {
    const LayerSpec& layer = spec.layers[size_t(i)];
    Site& site = sites_[size_t(i)];
    const auto add = [&](const char* suffix, const Shape& shape, bool trained) {
      Variable v(Tensor(shape, 0.0f), trained);
      if (trained) parameters_.push_back({layer.name + suffix, ParamRole::kClip, v});
      return v;
    };
    if (has_weights(layer)) {
      for (int bits : options_.weight_bits)
        if (bits > 0 || is_removable(spec, i)) site.weight_bits.push_back(bits);
      site.log_scale = add(".log_scale", Shape{layer.c, int64_t(site.weight_bits.size())}, learned);
    }
    const ActKind kind = act_kind(i);
    if (kind == ActKind::kUnsigned) site.act_bits = options_.act_bits;
    if (kind == ActKind::kSigned) site.act_bits.assign(std::begin(kSignedActBits), std::end(kSignedActBits));
    if (!site.act_bits.empty()) site.log_clip = add(".log_clip", Shape{int64_t(site.act_bits.size())}, true);
  }
  assign(Assignment::uniform(spec, options_.weight_bits.back(), options_.act_bits.back()));
}

void QatNetwork::assign(const Assignment& assignment) {
  assignment_ = assignment;
  for (size_t i = 1; i < sites_.size(); ++i) {
    Site& site = sites_[i];
    const std::string& name = network_.spec().layers[i].name;
    if (site.log_scale.defined()) site.weight_theta = Variable(one_hot(site.weight_bits, assignment.weight_bits[i], name));
    if (!site.log_clip.defined()) continue;
    const int bits = act_kind(int(i)) == ActKind::kSigned ? kSignedActBits[0] : assignment.act_bits[i];
    site.act_theta = Variable(one_hot(site.act_bits, {bits}, name).reshape(Shape{int64_t(site.act_bits.size())}));
  }
  probe(probing_);
}

void QatNetwork::probe(bool on) {
  probing_ = on;
  for (Site& site : sites_) {
    if (site.weight_bits.size() > 1) site.weight_theta.set_requires_grad(on);
    if (site.act_bits.size() > 1) site.act_theta.set_requires_grad(on);
  }
}

Tensor QatNetwork::take_weight_share_grad(int layer) {
  Variable& theta = sites_[size_t(layer)].weight_theta;
  return theta.defined() ? theta.take_grad() : Tensor();
}

Tensor QatNetwork::take_act_share_grad(int layer) {
  Variable& theta = sites_[size_t(layer)].act_theta;
  return theta.defined() ? theta.take_grad() : Tensor();
}

void QatNetwork::refresh_idle_scales() {
  if (options_.weight_scale != WeightScale::kLearned) return;  // recomputed at every step anyway
  for (size_t i = 1; i < sites_.size(); ++i)
    if (sites_[i].weight_bits.size() > 1) refresh_scales(int(i), true);
}

void QatNetwork::refresh_scales(int layer, bool idle_only) {
  const Site& site = sites_[size_t(layer)];
  const Tensor w = network_.weight(layer).value();
  Tensor scales = site.log_scale.value();
  const int64_t channels = w.shape()[0], n = w.size() / channels, options = int64_t(site.weight_bits.size());
  const auto scale_of = options_.weight_scale == WeightScale::kMaxAbs ? max_abs_scale : mse_optimal_scale;
  parallel_for(channels, [&](int64_t c) {
    for (int64_t p = 0; p < options; ++p) {
      if (site.weight_bits[size_t(p)] == 0 || (idle_only && site.weight_theta.value()[c * options + p] == 1)) continue;
      const auto [lo, hi] = weight_codes(site.weight_bits[size_t(p)], options_.code_range);
      scales[c * options + p] = std::log(scale_of(w.data() + c * n, n, lo, hi));
    }
  });
}

void QatNetwork::calibrate(const Dataset& data, int64_t samples) {
  for (size_t i = 1; i < sites_.size(); ++i)
    if (sites_[i].log_scale.defined()) refresh_scales(int(i));
  const std::vector<int64_t> indices = spread_indices(data.size(), samples);
  const Batch batch = gather(data, indices.data(), int64_t(indices.size()), nullptr);
  observe([&](int layer, const Tensor& y) {
    const Site& site = sites_[size_t(layer)];
    const bool is_signed = act_kind(layer) == ActKind::kSigned;
    constexpr int64_t kMost = 1 << 16;
    const int64_t stride = std::max<int64_t>(1, y.size() / kMost) | 1;  // odd, so that it does not beat with the channels
    std::vector<float> values;
    const float most = ceiling(network_.spec().layers[size_t(layer)].activation);
    for (int64_t k = 0; k < y.size(); k += stride) values.push_back(is_signed ? y[k] : std::min(std::max(0.0f, y[k]), most));
    Tensor clips = site.log_clip.value();
    for (size_t p = 0; p < site.act_bits.size(); ++p)
      clips[int64_t(p)] = std::log(optimal_clip(values, site.act_bits[p], is_signed));
  });
  Tape tape(Tape::kInference);
  network_.forward(tape, batch.x, Pass::kInference, this);
  observe(nullptr);
}

Variable QatNetwork::input(const Tensor& x) {
  if (observer_) return Variable(x);
  Tensor q(x.shape());
  const float scale = float(input_.scale), inverse = 1 / scale, lo = float(input_.lo()), hi = float(input_.hi());
  parallel_blocks(x.size(), 1 << 14, [&](int64_t begin, int64_t end) {
    const float* from = x.data();
    float* to = q.data();
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) to[i] = scale * round_half_up(std::min(std::max(from[i] * inverse, lo), hi));
  });
  return Variable(q);
}

Variable QatNetwork::weight(Tape& tape, int layer, const Variable& w) {
  const ProfileScope scope(network_.spec().layers[size_t(layer)].name, " quantizers");
  if (observer_) return w;
  if (options_.weight_scale != WeightScale::kLearned && tape.recording()) refresh_scales(layer);
  const Site& site = sites_[size_t(layer)];
  return tape.apply(MixWeights(site.weight_bits, options_.code_range), {w, weight_theta(layer), site.log_scale});
}

Variable QatNetwork::output(Tape& tape, int layer, const Variable& y) {
  const ProfileScope scope(network_.spec().layers[size_t(layer)].name, " quantizers");
  const Site& site = sites_[size_t(layer)];
  const bool is_signed = act_kind(layer) == ActKind::kSigned;
  if (observer_) {
    if (site.log_clip.defined()) observer_(layer, y.value());
    return activate(tape, network_.spec().layers[size_t(layer)].activation, y);
  }
  Variable gated = y;
  if (!site.weight_bits.empty() && site.weight_bits.front() == 0)
    gated = tape.apply(ChannelGate{}, {y, tape.apply(KeptShare{}, {weight_theta(layer)})});
  if (!site.log_clip.defined()) return gated;
  const Variable theta = act_theta(layer);
  bound_clips(layer);
  const auto shares = theta.requires_grad() ? MixActivations::Shares::kTrained : MixActivations::Shares::kFixed;
  return tape.apply(MixActivations(site.act_bits, is_signed, shares), {gated, theta, site.log_clip});
}

void QatNetwork::bound_clips(int layer) const {
  const float most = std::log(ceiling(network_.spec().layers[size_t(layer)].activation));
  Tensor clips = sites_[size_t(layer)].log_clip.value();
  for (int64_t p = 0; p < clips.size(); ++p)
    if (clips[p] > most) clips[p] = most;
}

QuantScheme QatNetwork::output_scheme(int layer) const {
  const Site& site = sites_[size_t(layer)];
  if (const int source = codes_of(network_.spec(), layer); source != layer) return output_scheme(source);
  if (layer == 0) return input_;
  BITLOOM_CHECK(site.log_clip.defined(), "layer '", network_.spec().layers[size_t(layer)].name, "' has no quantized output");
  bound_clips(layer);
  for (size_t p = 0; p < site.act_bits.size(); ++p)
    if (site.act_theta.value()[int64_t(p)] == 1)
      return activation_scheme(site.act_bits[p], act_kind(layer) == ActKind::kSigned, site.log_clip.value()[int64_t(p)]);
  throw Error("qat network: no precision assigned");
}

// Calls f(key, tensor) for every stored tensor.
template <class Self, class F>
void QatNetwork::each_tensor(Self& self, F f) {
  for (size_t i = 1; i < self.sites_.size(); ++i) {
    auto& site = self.sites_[i];
    const std::string& name = self.network_.spec().layers[i].name;
    if (site.log_scale.defined()) f("quant." + name + ".log_scale", site.log_scale.value());
    if (site.log_clip.defined()) f("quant." + name + ".log_clip", site.log_clip.value());
  }
}

StateDict QatNetwork::state() const {
  StateDict out;
  each_tensor(*this, [&](const std::string& key, const Tensor& t) { out.put(key, t); });
  return out;
}

void QatNetwork::load(const StateDict& state) {
  const std::string otherwise = "these weights are not quantized as this network is";
  each_tensor(*this, [&](const std::string& key, Tensor& t) { t = state.finite_tensor(key, t.shape(), otherwise); });
}

}  // namespace bitloom
