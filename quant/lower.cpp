// From a quantization-aware network to pure integers.
#include "quant/lower.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/cancel.h"
#include "core/parallel.h"
#include "quant/integer/pack.h"
#include "quant/integer/requantize.h"
#include "quant/lowered_shape.h"

namespace bitloom {
namespace {

// The integers of requantize() for one channel (or one input of an Add): out = (acc * multiplier + offset) >> shift.
struct Rule {
  int32_t multiplier = 0, offset = 0;
  uint8_t shift = 0;
};

int64_t rounding_half(int shift) { return shift > 0 ? int64_t(1) << (shift - 1) : 0; }

bool fits_int32(int64_t v) { return v >= INT32_MIN && v <= INT32_MAX; }

constexpr double kMaxMultiplier = 1 << kMultiplierBits;

// The most precise rule for out = factor * acc + offset with acc in [lo, hi]: the largest shift at which neither product nor sum leaves int32.
Rule choose_rule(double factor, double offset, int64_t lo, int64_t hi, const std::string& where) {
  BITLOOM_CHECK(std::isfinite(factor) && std::isfinite(offset), "lower: ", where, " has a scale that is not finite");
  for (int shift = 31; shift >= 0; --shift) {
    const double m = std::floor(std::ldexp(factor, shift) + 0.5), b = std::floor(std::ldexp(offset, shift) + 0.5);
    if (std::fabs(m) > kMaxMultiplier || std::fabs(b) > INT32_MAX) continue;
    const int64_t multiplier = int64_t(m), sum = int64_t(b) + rounding_half(shift);
    const int64_t first = lo * multiplier, second = hi * multiplier;
    if (fits_int32(sum) && fits_int32(first) && fits_int32(second) && fits_int32(first + sum) && fits_int32(second + sum))
      return {int32_t(multiplier), int32_t(sum), uint8_t(shift)};
  }
  throw Error("lower: " + where + str(": no 32-bit multiplier for factor ", factor, " and offset ", offset));
}

// One weighted layer in the channel order of the float network.
struct LoweredLayer {
  std::vector<int32_t> codes;  // (C, K)
  int64_t k = 0;
  std::vector<Rule> rules;  // one a channel; one for Add (its second multiplier in `second`) and AvgPool
  int32_t second = 0;
  QuantScheme out;
};

class Lowering {
 public:
  explicit Lowering(QatNetwork& qat) : qat_(qat), spec_(qat.network().spec()), layers_(spec_.layers.size()) {}

  IntegerGraph run(const std::string& task) {
    layers_[0].out = qat_.input_quant();
    for (int i = 1; i <= spec_.output(); ++i) {
      check_cancel();
      if (qat_.act_kind(i) != ActKind::kNone) layers_[size_t(i)].out = qat_.output_scheme(i);
      if (codes_of(spec_, i) != i) layers_[size_t(i)].out = input_of(i);
      match(
          spec_.layers[size_t(i)].kind, [](const InputLayer&) {}, [&](const Conv2dLayer&) { lower_weighted(i); },
          [&](const DepthwiseLayer&) { lower_weighted(i); }, [&](const LinearLayer&) { lower_weighted(i); },
          [&](const AddLayer&) { lower_add(i); }, [&](const AvgPoolLayer& k) { lower_pool(i, k.kh * k.kw); },
          [](const MaxPoolLayer&) {});
    }
    order_ = channel_order(spec_, qat_.assignment());
    IntegerGraph graph{spec_.name, task, {}};
    for (int i = 0; i <= spec_.output(); ++i) graph.layers.push_back(emit(i));
    graph.validate();
    return graph;
  }

 private:
  const QuantScheme& input_of(int i, int k = 0) const { return layers_[size_t(spec_.layers[size_t(i)].inputs[size_t(k)])].out; }

  // Scales of the assigned precisions, one a channel; 0 for a removed channel.
  std::vector<double> assigned_scales(int i) const {
    const std::vector<int>& bits = qat_.assignment().weight_bits[size_t(i)];
    const std::vector<int>& options = qat_.weight_bits(i);
    const Tensor logs = qat_.log_scales(i);
    std::vector<double> scales;
    for (size_t c = 0; c < bits.size(); ++c) {
      const auto p = std::find(options.begin(), options.end(), bits[c]) - options.begin();
      const float scale = bits[c] ? std::exp(logs[int64_t(c * options.size()) + p]) : 0;
      BITLOOM_CHECK(bits[c] == 0 || (std::isfinite(scale) && scale > 0), "lower: layer '", spec_.layers[size_t(i)].name,
                    "' channel ", c, " has a weight scale of ", scale);
      scales.push_back(double(scale));
    }
    return scales;
  }

  void read_codes(int i, const std::vector<double>& scales) {
    LoweredLayer& out = layers_[size_t(i)];
    const Tensor w = qat_.network().weight(i).value();
    const std::vector<int>& bits = qat_.assignment().weight_bits[size_t(i)];
    out.k = w.size() / w.shape()[0];
    out.codes.assign(size_t(w.size()), 0);
    for (size_t c = 0; c < bits.size(); ++c) {
      if (bits[c] == 0) continue;
      const auto [lo, hi] = weight_codes(bits[c], qat_.options().code_range);
      const float inverse = 1 / float(scales[c]);
      for (int64_t k = int64_t(c) * out.k; k < int64_t(c + 1) * out.k; ++k)
        out.codes[size_t(k)] = int32_t(std::clamp(round_half_up(w[k] * inverse), lo, hi));
    }
  }

  // y = a[c] * conv + b[c]: normalization and bias as one affine map.
  void affine(int i, std::vector<double>& a, std::vector<double>& b) const {
    Network& net = qat_.network();
    const int64_t channels = spec_.layers[size_t(i)].c;
    a.assign(size_t(channels), 1);
    b.assign(size_t(channels), 0);
    for (int64_t c = 0; c < channels; ++c) {
      double& scale = a[size_t(c)];
      double& shift = b[size_t(c)];
      if (net.bias(i).defined()) shift = double(net.bias(i).value()[c]);
      if (const NormState* norm = net.norm(i)) {
        scale = double(net.gamma(i).value()[c]) / std::sqrt(double(norm->var[c]) + double(norm->eps));
        shift = double(net.beta(i).value()[c]) + scale * (shift - double(norm->mean[c]));
      }
    }
  }

  // The range of one channel's accumulator: padding may replace any tap's input by code 0.
  std::pair<int64_t, int64_t> accumulator_range(const LoweredLayer& layer, int64_t channel, const QuantScheme& in) const {
    int64_t lo = 0, hi = 0;
    for (int64_t k = channel * layer.k; k < (channel + 1) * layer.k; ++k) {
      const int64_t code = layer.codes[size_t(k)], at_lo = code * in.lo(), at_hi = code * in.hi();
      lo += std::min({int64_t(0), at_lo, at_hi});
      hi += std::max({int64_t(0), at_lo, at_hi});
    }
    return {lo, hi};
  }

  void lower_weighted(int i) {
    LoweredLayer& layer = layers_[size_t(i)];
    const std::string& name = spec_.layers[size_t(i)].name;
    const int64_t channels = spec_.layers[size_t(i)].c;
    const QuantScheme& in = input_of(i);
    const std::vector<double> scales = assigned_scales(i);
    std::vector<double> a, b;
    read_codes(i, scales);
    affine(i, a, b);
    const bool logits = qat_.act_kind(i) == ActKind::kNone;
    if (logits) layer.out = {32, true, logit_scale(i, scales, a, b)};
    for (int64_t c = 0; c < channels; ++c) {
      if (scales[size_t(c)] == 0) {  // removed: its output is code 0
        layer.rules.push_back({0, 0, 0});
        continue;
      }
      const auto [lo, hi] = accumulator_range(layer, c, in);
      const double factor = a[size_t(c)] * in.scale * scales[size_t(c)] / layer.out.scale,
                   offset = b[size_t(c)] / layer.out.scale;
      const std::string where = "layer '" + name + "' channel " + std::to_string(c);
      layer.rules.push_back(logits ? whole_rule(factor, offset) : choose_rule(factor, offset, lo, hi, where));
    }
    settle(i, scales, in.scale);
  }

  static Rule whole_rule(double factor, double offset) {
    return {int32_t(std::floor(factor + 0.5)), int32_t(std::floor(offset + 0.5)), 0};
  }

  // Logits share one scale, so that classes can be compared, and are not shifted: the finest scale at which every channel fits.
  double logit_scale(int i, const std::vector<double>& scales, const std::vector<double>& a,
                     const std::vector<double>& b) const {
    double largest = 0;
    for (size_t c = 0; c < scales.size(); ++c) largest = std::max(largest, std::fabs(a[c]) * input_of(i).scale * scales[c]);
    BITLOOM_CHECK(std::isfinite(largest) && largest > 0, "lower: layer '", spec_.layers[size_t(i)].name,
                  "' has no usable scale");
    for (int bits = 30; bits >= 0; --bits) {
      const double scale = std::ldexp(largest, -bits);
      bool fits = true;
      for (size_t c = 0; c < scales.size() && fits; ++c) {
        const auto [lo, hi] = accumulator_range(layers_[size_t(i)], int64_t(c), input_of(i));
        const double m = std::fabs(a[c] * input_of(i).scale * scales[c] / scale) + 1, offset = std::fabs(b[c] / scale) + 1;
        fits = m * double(std::max(-lo, hi)) + offset < INT32_MAX;
      }
      if (fits) return scale;
    }
    throw Error("lower: layer '" + spec_.layers[size_t(i)].name + "': no scale fits its outputs into 32 bits");
  }

  // Replaces what the rounded integers replaced: normalization by the affine map they stand for or, without one, the weight scales and bias.
  void settle(int i, const std::vector<double>& scales, double in_scale) {
    Network& net = qat_.network();
    const LoweredLayer& layer = layers_[size_t(i)];
    const std::vector<int>& bits = qat_.assignment().weight_bits[size_t(i)];
    const std::vector<int>& options = qat_.weight_bits(i);
    NormState* norm = net.norm(i);
    Tensor logs = qat_.log_scales(i), w = net.weight(i).value();
    for (size_t c = 0; c < bits.size(); ++c) {
      const int64_t channel = int64_t(c);
      if (norm) norm->mean[channel] = 0, norm->var[channel] = 1;  // a removed channel's variance may be 0
      if (bits[c] == 0) continue;
      const Rule& r = layer.rules[c];
      const double step = std::ldexp(layer.out.scale, -int(r.shift));
      const double whole = r.multiplier * step / in_scale;  // one weight code's worth in the output
      const float shift = float(double(int64_t(r.offset) - rounding_half(r.shift)) * step);
      if (norm) {
        net.gamma(i).value()[channel] = float(whole / scales[c]);
        net.beta(i).value()[channel] = shift;
        if (net.bias(i).defined()) net.bias(i).value()[channel] = 0;
        continue;
      }
      if (net.bias(i).defined()) net.bias(i).value()[channel] = shift;
      if (r.multiplier <= 0) continue;
      const auto p = std::find(options.begin(), options.end(), bits[c]) - options.begin();
      logs[int64_t(c * options.size()) + p] = float(std::log(whole));
      for (int64_t k = channel * layer.k; k < (channel + 1) * layer.k; ++k) w[k] = float(layer.codes[size_t(k)] * whole);
    }
    if (norm) norm->eps = 0;
  }

  void lower_add(int i) {
    LoweredLayer& layer = layers_[size_t(i)];
    const QuantScheme &x = input_of(i, 0), &y = input_of(i, 1);
    const double fx = x.scale / layer.out.scale, fy = y.scale / layer.out.scale;
    const double largest = fx * std::max(-x.lo(), x.hi()) + fy * std::max(-y.lo(), y.hi()) + 1;
    BITLOOM_CHECK(largest < 0x1p30, "lower: layer '", spec_.layers[size_t(i)].name, "': no 32-bit multiplier for factors ", fx,
                  " and ", fy);
    int shift = 30;
    while (std::ldexp(largest, shift) >= 0x1p30) --shift;
    const auto multiplier = [&](double f) { return int32_t(std::floor(std::ldexp(f, shift) + 0.5)); };
    layer.rules = {{multiplier(fx), int32_t(rounding_half(shift)), uint8_t(shift)}};
    layer.second = multiplier(fy);
  }

  void lower_pool(int i, int64_t window) {
    LoweredLayer& layer = layers_[size_t(i)];
    const QuantScheme& in = input_of(i);
    if (qat_.act_kind(i) == ActKind::kNone) {  // logits are the sums themselves
      layer.out = {32, true, in.scale / double(window)};
      layer.rules = {{1, 0, 0}};
      return;
    }
    layer.rules = {choose_rule(in.scale / (layer.out.scale * double(window)), 0, in.lo() * window, in.hi() * window,
                               "layer '" + spec_.layers[size_t(i)].name + "'")};
  }

  IntegerLayer emit(int i) const {
    const LayerSpec& spec = spec_.layers[size_t(i)];
    const LoweredLayer& from = layers_[size_t(i)];
    IntegerLayer out = integer_shape(spec);
    out.inputs.assign(spec.inputs.begin(), spec.inputs.end());
    out.c = int64_t(order_[size_t(i)].size());
    out.out = from.out;
    const auto plain_rule = [&] {
      out.multiplier = {from.rules[0].multiplier};
      out.offset = {from.rules[0].offset};
      out.shift = {from.rules[0].shift};
    };
    match(
        spec.kind, [](const InputLayer&) {}, [&](const Conv2dLayer&) { emit_weights(i, order_[size_t(spec.inputs[0])], out); },
        [&](const DepthwiseLayer&) { emit_weights(i, {0}, out); },
        [&](const LinearLayer&) { emit_weights(i, order_[size_t(spec.inputs[0])], out); },
        [&](const AddLayer&) {
          plain_rule();
          out.multiplier.push_back(from.second);
        },
        [&](const AvgPoolLayer&) { plain_rule(); }, [](const MaxPoolLayer&) {});
    return out;
  }

  // Filters, groups and rules in final order; `inputs` are the kept input channels (of one filter tap).
  void emit_weights(int i, const std::vector<int64_t>& inputs, IntegerLayer& out) const {
    const LoweredLayer& from = layers_[size_t(i)];
    const std::vector<int>& bits = qat_.assignment().weight_bits[size_t(i)];
    const int64_t taps = out.kh * out.kw, channels_in = from.k / taps;
    for (int64_t c : order_[size_t(i)]) {
      const int b = bits[size_t(c)];
      if (out.groups.empty() || out.groups.back().bits != b) out.groups.push_back({b, 0});
      ++out.groups.back().channels;
      const Rule& r = from.rules[size_t(c)];
      out.multiplier.push_back(r.multiplier);
      out.offset.push_back(r.offset);
      out.shift.push_back(r.shift);
      if (b == 0) continue;
      std::vector<int32_t> codes;
      for (int64_t t = 0; t < taps; ++t)
        for (int64_t in : inputs) codes.push_back(from.codes[size_t(c * from.k + t * channels_in + in)]);
      append_packed(codes.data(), int64_t(codes.size()), b, true, out.weights);
    }
  }

  QatNetwork& qat_;
  const ModelSpec& spec_;
  std::vector<LoweredLayer> layers_;
  std::vector<std::vector<int64_t>> order_;
};

}  // namespace

IntegerGraph lower(QatNetwork& qat, const std::string& task) {
  Lowering(qat).run(task);         // settles; float parameters hold a little less than the integers they replace,
  return Lowering(qat).run(task);  // so what they hold is what counts
}

TensorT<int16_t> input_codes(const IntegerGraph& graph, const Tensor& x) {
  const QuantScheme& s = graph.layers[0].out;
  const float inverse = 1 / float(s.scale), lo = float(s.lo()), hi = float(s.hi());
  TensorT<int16_t> codes(x.shape());
  parallel_blocks(x.size(), 1 << 14, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) codes[i] = int16_t(std::clamp(round_half_up(x[i] * inverse), lo, hi));
  });
  return codes;
}

TensorT<int16_t> input_codes(const IntegerGraph& graph, const Dataset& data, int64_t first, int64_t count) {
  const QuantScheme& scheme = graph.layers[0].out;
  const SampleFormat& f = data.format();
  std::vector<int64_t> indices(static_cast<size_t>(count));
  std::iota(indices.begin(), indices.end(), first);
  if (!f.codes || scheme.bits != 8 || scheme.is_signed || scheme.scale != double(f.scale))
    return input_codes(graph, gather(data, indices.data(), count, nullptr).x);
  TensorT<int16_t> codes(Shape{count, f.h, f.w, f.c});
  parallel_for(count, [&](int64_t i) {
    std::vector<uint8_t> stored(static_cast<size_t>(f.size()));
    data.fill_codes(first + i, stored.data());
    std::copy(stored.begin(), stored.end(), codes.data() + i * f.size());
  });
  return codes;
}

}  // namespace bitloom
