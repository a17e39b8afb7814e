// The description of a network: shape inference, counts and channel ties.
#include "nn/model_spec.h"

#include <algorithm>
#include <cmath>

#include "core/integer_math.h"

namespace bitloom {

bool has_weights(const LayerSpec& layer) {
  return match(
      layer.kind, [](const InputLayer&) { return false; }, [](const Conv2dLayer&) { return true; },
      [](const DepthwiseLayer&) { return true; }, [](const LinearLayer&) { return true; },
      [](const AddLayer&) { return false; }, [](const AvgPoolLayer&) { return false; });
}

bool has_bias(const LayerSpec& layer) {
  return match(
      layer.kind, [](const InputLayer&) { return false; }, [](const Conv2dLayer& k) { return k.bias; },
      [](const DepthwiseLayer& k) { return k.bias; }, [](const LinearLayer& k) { return k.bias; },
      [](const AddLayer&) { return false; }, [](const AvgPoolLayer&) { return false; });
}

bool is_channelwise(const LayerSpec& layer) {
  return match(
      layer.kind, [](const InputLayer&) { return false; }, [](const Conv2dLayer&) { return false; },
      [](const DepthwiseLayer&) { return true; }, [](const LinearLayer&) { return false; },
      [](const AddLayer&) { return false; }, [](const AvgPoolLayer&) { return false; });
}

Shape weight_shape(const ModelSpec& spec, const LayerSpec& layer) {
  BITLOOM_CHECK(has_weights(layer), "model ", spec.name, ": layer '", layer.name, "' has no weights");
  const LayerSpec& in = spec.input_of(layer);
  return match(
      layer.kind, [](const InputLayer&) { return Shape(); },
      [&](const Conv2dLayer& k) {
        return Shape{layer.c, k.kh, k.kw, in.c};
      },
      [&](const DepthwiseLayer& k) {
        return Shape{layer.c, k.kh, k.kw, 1};
      },
      [&](const LinearLayer&) {
        return Shape{layer.c, 1, 1, in.c};
      },
      [](const AddLayer&) { return Shape(); }, [](const AvgPoolLayer&) { return Shape(); });
}

int64_t macs(const ModelSpec& spec, const LayerSpec& layer) {
  return has_weights(layer) ? layer.h * layer.w * weight_shape(spec, layer).size() : 0;
}

int64_t parameters(const ModelSpec& spec, const LayerSpec& layer) {
  if (!has_weights(layer)) return 0;
  return weight_shape(spec, layer).size() + (has_bias(layer) ? layer.c : 0) + (layer.norm ? 2 * layer.c : 0);
}

int64_t macs(const ModelSpec& spec) {
  int64_t total = 0;
  for (const LayerSpec& layer : spec.layers) total += macs(spec, layer);
  return total;
}

int64_t parameters(const ModelSpec& spec) {
  int64_t total = 0;
  for (const LayerSpec& layer : spec.layers) total += parameters(spec, layer);
  return total;
}

ModelBuilder::ModelBuilder(std::string name, int64_t h, int64_t w, int64_t c) {
  BITLOOM_CHECK(h > 0 && w > 0 && c > 0, "model ", name, ": input extents must be positive, got ", h, "x", w, "x", c);
  spec_.name = std::move(name);
  append({"input", InputLayer{}, {}, false, false, h, w, c});
}

void ModelBuilder::claim(const std::string& name, const std::string& owner) {
  const auto [it, is_new] = owners_.emplace(name, owner);
  BITLOOM_CHECK(is_new, "model ", spec_.name, ": ", it->second, " and ", owner, " are both named '", name, "'");
}

std::string ModelBuilder::norm_name(const std::string& layer) const {
  const size_t digits = layer.find_first_of("0123456789");
  const std::string kind = layer.substr(0, digits);
  if (digits != std::string::npos && (kind == "conv" || kind == "dense") &&
      layer.find_first_not_of("0123456789", digits) == std::string::npos) {
    const std::string numbered = "bn" + layer.substr(digits);
    if (!owners_.count(numbered)) return numbered;
  }
  return layer + "_bn";
}

int ModelBuilder::append(LayerSpec layer) {
  BITLOOM_CHECK(layer.h > 0 && layer.w > 0 && layer.c > 0, "model ", spec_.name, ": layer '", layer.name,
                "' has an empty output (", layer.h, "x", layer.w, "x", layer.c, "); its input is too small");
  BITLOOM_CHECK(!layer.name.empty() && layer.name.find('.') == std::string::npos, "model ", spec_.name, ": layer name '",
                layer.name, "' is empty or has a dot");
  const std::string owner = "layer " + std::to_string(spec_.layers.size());
  claim(layer.name, owner);
  if (layer.norm) {
    layer.norm_name = norm_name(layer.name);
    claim(layer.norm_name, "the normalization of " + owner + " ('" + layer.name + "')");
  }
  spec_.layers.push_back(std::move(layer));
  return spec_.output();
}

namespace {

ConvGeometry same_geometry(const LayerSpec& in, int64_t kh, int64_t kw, int64_t sh, int64_t sw) {
  const auto [top, bottom] = same_padding(in.h, kh, sh);
  const auto [left, right] = same_padding(in.w, kw, sw);
  return {sh, sw, top, bottom, left, right};
}

}  // namespace

int ModelBuilder::conv2d(const std::string& name, int input, int64_t channels, int64_t kh, int64_t kw, int64_t sh, int64_t sw,
                         unsigned parts) {
  const LayerSpec& in = layer(input);
  const Conv2dLayer kind{kh, kw, same_geometry(in, kh, kw, sh, sw), (parts & kBias) != 0};
  return append(
      {name, kind, {input}, (parts & kNorm) != 0, (parts & kRelu) != 0, (in.h + sh - 1) / sh, (in.w + sw - 1) / sw, channels});
}

int ModelBuilder::depthwise(const std::string& name, int input, int64_t kh, int64_t kw, int64_t sh, int64_t sw,
                            unsigned parts) {
  const LayerSpec& in = layer(input);
  const DepthwiseLayer kind{kh, kw, same_geometry(in, kh, kw, sh, sw), (parts & kBias) != 0};
  return append(
      {name, kind, {input}, (parts & kNorm) != 0, (parts & kRelu) != 0, (in.h + sh - 1) / sh, (in.w + sw - 1) / sw, in.c});
}

int ModelBuilder::linear(const std::string& name, int input, int64_t features, unsigned parts) {
  const LayerSpec& in = layer(input);
  BITLOOM_CHECK(in.h == 1 && in.w == 1, "model ", spec_.name, ": fully connected layer '", name, "' wants a 1x1 input, got ",
                in.h, "x", in.w);
  return append({name, LinearLayer{(parts & kBias) != 0}, {input}, (parts & kNorm) != 0, (parts & kRelu) != 0, 1, 1, features});
}

int ModelBuilder::add(const std::string& name, int a, int b, unsigned parts) {
  BITLOOM_CHECK((parts & ~kRelu) == 0, "model ", spec_.name, ": '", name,
                "' can have a ReLU, but neither a bias nor a normalization");
  const LayerSpec &x = layer(a), &y = layer(b);
  BITLOOM_CHECK(x.h == y.h && x.w == y.w && x.c == y.c, "model ", spec_.name, ": '", name, "' adds '", x.name, "' and '",
                y.name, "' of different shapes");
  return append({name, AddLayer{}, {a, b}, false, parts == kRelu, x.h, x.w, x.c});
}

int ModelBuilder::avg_pool(const std::string& name, int input, int64_t kh, int64_t kw) {
  const LayerSpec& in = layer(input);
  return append({name, AvgPoolLayer{kh, kw}, {input}, false, false, in.h / kh, in.w / kw, in.c});
}

ModelSpec ModelBuilder::finish(TaskKind kind) {
  BITLOOM_CHECK(spec_.layers.size() > 1, "model ", spec_.name, ": no layers");
  spec_.kind = kind;
  return std::move(spec_);
}

ModelSpec with_width(ModelSpec spec, double width) {
  if (width == 1) return spec;
  const std::vector<int> ties = channel_ties(spec);
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    LayerSpec& layer = spec.layers[i];
    if (ties[i] == ties.front() || ties[i] == ties.back()) continue;
    const double channels = std::floor(double(layer.c) * width + 0.5);
    BITLOOM_CHECK(channels >= 1 && channels <= 4096, "model ", spec.name, ": layer '", layer.name, "' has ", layer.c,
                  " channels; at --width ", width, " it would have ", channels, ", expected 1 to 4096");
    layer.c = int64_t(channels);
  }
  spec.name += str(" x", width);
  return spec;
}

std::vector<int> channel_ties(const ModelSpec& spec) {
  std::vector<int> group(spec.layers.size());
  const auto join = [&](int a, int b) {
    const int keep = std::min(group[size_t(a)], group[size_t(b)]), drop = std::max(group[size_t(a)], group[size_t(b)]);
    std::replace(group.begin(), group.end(), drop, keep);
  };
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const LayerSpec& layer = spec.layers[i];
    group[i] = int(i);
    match(
        layer.kind, [](const InputLayer&) {}, [](const Conv2dLayer&) {},
        [&](const DepthwiseLayer&) { join(int(i), layer.inputs[0]); }, [](const LinearLayer&) {},
        [&](const AddLayer&) {
          join(int(i), layer.inputs[0]);
          join(int(i), layer.inputs[1]);
        },
        [&](const AvgPoolLayer&) { join(int(i), layer.inputs[0]); });
  }
  return group;
}

}  // namespace bitloom
