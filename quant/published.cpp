// The authors' quantizers.
#include "quant/published.h"

#include <algorithm>
#include <cmath>

#include "core/ends_with.h"

namespace bitloom {
namespace {

constexpr float kSteps = 255;

// Rounds each of `rows` rows to a multiple of (max - min) / steps of its own; one without a range to multiples of 1 / steps.
void round_rows(Tensor& t, int64_t rows, double steps) {
  const int64_t n = t.size() / rows;
  for (int64_t r = 0; r < rows; ++r) {
    float* row = t.data() + r * n;
    const auto [least, most] = std::minmax_element(row, row + n);
    const float range = *most - *least, step = float(double(range > 0 ? range : 1) / steps);
    for (int64_t i = 0; i < n; ++i) row[i] = std::nearbyint(row[i] / step) * step;
  }
}

void take_geometry(LayerSpec& layer, const LayerSpec& in, int64_t kh, int64_t kw, ConvGeometry& g, const StateDict& weights) {
  const std::string key = layer.name + ".geometry";
  const std::vector<int64_t> v = weights.integers(key, 7);
  for (int k = 0; k < 6; ++k)
    BITLOOM_CHECK(v[size_t(k)] >= (k < 2) && v[size_t(k)] <= 64, "array '", key, "': element ", k, " is ", v[size_t(k)],
                  ", expected a stride from 1 or a padding from 0, to 64");
  g = {v[0], v[1], v[2], v[3], v[4], v[5]};
  const int64_t h = window_positions(in.h, kh, g.sh, g.pt, g.pb), w = window_positions(in.w, kw, g.sw, g.pl, g.pr);
  BITLOOM_CHECK(h == layer.h && w == layer.w, "array '", key, "': layer '", layer.name, "' would give ", h, "x", w,
                ", but the model's gives ", layer.h, "x", layer.w);
}

}  // namespace

bool is_published(const StateDict& weights) {
  const auto is_clip = [](const auto& entry) { return ends_with(entry.first, ".input_clip"); };
  return std::any_of(weights.arrays().begin(), weights.arrays().end(), is_clip);
}

ModelSpec published_form(ModelSpec spec, const StateDict& weights) {
  const auto parts = [&](LayerSpec& layer, bool& bias) {
    bias = weights.has(layer.name + ".bias");
    if (layer.norm_name.empty() && layer.name.rfind("conv", 0) == 0) layer.norm_name = "bn" + layer.name.substr(4);
    layer.norm = !layer.norm_name.empty() && weights.has(layer.norm_name + ".gamma");
  };
  for (LayerSpec& layer : spec.layers) {
    layer.activation = Activation::kNone;
    const auto convolution = [&](auto kind) {
      parts(layer, kind.bias);
      take_geometry(layer, spec.input_of(layer), kind.kh, kind.kw, kind.geometry, weights);
      layer.kind = kind;
    };
    match(
        LayerKind(layer.kind), [](const InputLayer&) {}, [&](Conv2dLayer k) { convolution(k); },
        [&](DepthwiseLayer k) { convolution(k); },
        [&](LinearLayer k) {
          parts(layer, k.bias);
          layer.kind = k;
        },
        [](const AddLayer&) {},
        [&](const AvgPoolLayer&) {
          if (spec.name == "ds_cnn") layer.kind = AvgPoolLayer{spec.layers[0].h / 2, spec.layers[0].w / 2};
        },
        [](const MaxPoolLayer&) {});
  }
  return spec;
}

PublishedQuantizers::PublishedQuantizers(Network& network, const StateDict& weights) {
  for (int i = 0; i <= network.spec().output(); ++i) {
    const LayerSpec& layer = network.spec().layers[size_t(i)];
    const std::string key = layer.name + ".input_clip";
    if (weights.has(key)) {
      const float clip = weights.finite_tensor(key, Shape{1})[0];
      BITLOOM_CHECK(clip > 0, "array '", key, "' is ", clip, ", expected a positive number");
      clips_[i] = clip;
    }
    Variable bias = network.bias(i);
    if (bias.defined()) round_rows(bias.value(), 1, 4294967295.0);
  }
}

Variable PublishedQuantizers::read(Tape&, int layer, const Variable& x) {
  const auto clip = clips_.find(layer);
  Tensor y = x.value().clone();
  if (clip == clips_.end()) {
    round_rows(y, y.shape()[0], kSteps);
  } else {
    const float scale = kSteps / clip->second;
    for (int64_t i = 0; i < y.size(); ++i) y[i] = std::floor(scale * std::clamp(y[i], 0.0f, clip->second)) / scale;
  }
  return Variable(y);
}

Variable PublishedQuantizers::weight(Tape&, int, const Variable& w) {
  Tensor q = w.value().clone();
  round_rows(q, q.shape()[0], kSteps);
  return Variable(q);
}

}  // namespace bitloom
