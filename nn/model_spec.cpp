// The description of a network: shape inference, counts and channel ties.
#include "nn/model_spec.h"

#include <algorithm>
#include <cmath>

#include "core/integer_math.h"

namespace bitloom {

const char* kind_name(const LayerKind& kind) {
  return match(
      kind, [](const InputLayer&) { return "input"; }, [](const Conv2dLayer&) { return "conv2d"; },
      [](const DepthwiseLayer&) { return "depthwise"; }, [](const LinearLayer&) { return "linear"; },
      [](const AddLayer&) { return "add"; }, [](const AvgPoolLayer&) { return "avg_pool"; },
      [](const MaxPoolLayer&) { return "max_pool"; });
}

float ceiling(Activation activation) { return activation == Activation::kRelu6 ? 6.0f : HUGE_VALF; }

bool has_weights(const LayerSpec& layer) {
  return match(
      layer.kind, [](const InputLayer&) { return false; }, [](const Conv2dLayer&) { return true; },
      [](const DepthwiseLayer&) { return true; }, [](const LinearLayer&) { return true; },
      [](const AddLayer&) { return false; }, [](const AvgPoolLayer&) { return false; },
      [](const MaxPoolLayer&) { return false; });
}

bool has_bias(const LayerSpec& layer) {
  return match(
      layer.kind, [](const InputLayer&) { return false; }, [](const Conv2dLayer& k) { return k.bias; },
      [](const DepthwiseLayer& k) { return k.bias; }, [](const LinearLayer& k) { return k.bias; },
      [](const AddLayer&) { return false; }, [](const AvgPoolLayer&) { return false; },
      [](const MaxPoolLayer&) { return false; });
}

bool is_channelwise(const LayerSpec& layer) {
  return match(
      layer.kind, [](const InputLayer&) { return false; }, [](const Conv2dLayer&) { return false; },
      [](const DepthwiseLayer&) { return true; }, [](const LinearLayer&) { return false; },
      [](const AddLayer&) { return false; }, [](const AvgPoolLayer&) { return false; },
      [](const MaxPoolLayer&) { return false; });
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
      [](const AddLayer&) { return Shape(); }, [](const AvgPoolLayer&) { return Shape(); },
      [](const MaxPoolLayer&) { return Shape(); });
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
  BITLOOM_CHECK(std::max({h, w, c}) <= kMaxExtent, "model ", name, ": input extents must be at most ", kMaxExtent, ", got ", h,
                "x", w, "x", c);
  spec_.name = std::move(name);
  append({"input", InputLayer{}, {}, false, Activation::kNone, h, w, c});
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
  infer_shape(layer);
  BITLOOM_CHECK(layer.h > 0 && layer.w > 0 && layer.c > 0, "model ", spec_.name, ": layer '", layer.name,
                "' has an empty output (", layer.h, "x", layer.w, "x", layer.c, "); its input is too small");
  BITLOOM_CHECK(layer.c <= kMaxExtent && layer.h * layer.w <= kMaxValues / layer.c, "model ", spec_.name, ": layer '",
                layer.name, "' has an output of ", layer.h, "x", layer.w, "x", layer.c, ", more than ", kMaxValues, " values");
  BITLOOM_CHECK(!layer.name.empty() && layer.name.find('.') == std::string::npos, "model ", spec_.name, ": layer name '",
                layer.name, "' is empty or has a dot");
  const std::string owner = "layer " + std::to_string(spec_.layers.size());
  claim(layer.name, owner);
  if (layer.norm) {
    layer.norm_name = norm_name(layer.name);
    claim(layer.norm_name, "the normalization of " + owner + " ('" + layer.name + "')");
  }
  spec_.layers.push_back(std::move(layer));
  if (has_weights(spec_.layers.back())) {
    const LayerSpec& own = spec_.layers.back();
    const int64_t in = is_channelwise(own) ? 1 : spec_.input_of(own).c;
    const Shape filter = weight_shape(spec_, own);
    BITLOOM_CHECK(filter[1] * filter[2] <= kMaxValues / in / own.c, "model ", spec_.name, ": layer '", own.name, "' has ",
                  own.c, " filters of ", filter[1], "x", filter[2], "x", in, ", more than ", kMaxValues, " weights");
  }
  return spec_.output();
}

void ModelBuilder::infer_shape(LayerSpec& layer) const {
  const auto check = [&](bool ok, const auto&... problem) {
    BITLOOM_CHECK(ok, "model ", spec_.name, ": layer '", layer.name, "' ", problem...);
  };
  const size_t inputs = std::holds_alternative<AddLayer>(layer.kind)     ? 2
                        : std::holds_alternative<InputLayer>(layer.kind) ? 0
                                                                         : 1;
  check(layer.inputs.size() == inputs, "has ", layer.inputs.size(), " inputs, but a layer of kind ", kind_name(layer.kind),
        " reads ", inputs);
  for (const int i : layer.inputs)
    check(i >= 0 && size_t(i) < spec_.layers.size(), "reads layer ", i, ", which is not an earlier one");
  check(has_weights(layer) || !layer.norm, "can have no normalization, being of kind ", kind_name(layer.kind));
  check(has_weights(layer) || std::holds_alternative<AddLayer>(layer.kind) || layer.activation == Activation::kNone,
        "can have no activation, being of kind ", kind_name(layer.kind));
  if (layer.inputs.empty()) return check(spec_.layers.empty(), "is a second input");
  const LayerSpec& in = spec_.input_of(layer);
  const auto extent = [&](int64_t size, int64_t window, int64_t stride, int64_t before, int64_t after) {
    check(window >= 1 && stride >= 1 && window <= kMaxExtent && stride <= kMaxExtent, "has a window of ", window,
          " and a stride of ", stride, ", expected 1 to ", kMaxExtent);
    check(before >= 0 && after >= 0 && before < window && after < window, "has padding of ", before, " and ", after,
          ", expected 0 or more and less than its window of ", window);
    check(size + before + after >= window, "has a window of ", window, ", larger than its padded input of ",
          size + before + after);
    return window_positions(size, window, stride, before, after);
  };
  const auto slide = [&](const auto& k) {
    const ConvGeometry& g = k.geometry;
    layer.h = extent(in.h, k.kh, g.sh, g.pt, g.pb);
    layer.w = extent(in.w, k.kw, g.sw, g.pl, g.pr);
  };
  const auto like_input = [&] { layer.h = in.h, layer.w = in.w, layer.c = in.c; };
  match(
      layer.kind, [](const InputLayer&) {}, [&](const Conv2dLayer& k) { slide(k); },
      [&](const DepthwiseLayer& k) {
        slide(k);
        layer.c = in.c;
      },
      [&](const LinearLayer&) {
        BITLOOM_CHECK(in.h == 1 && in.w == 1, "model ", spec_.name, ": fully connected layer '", layer.name,
                      "' wants a 1x1 input, got ", in.h, "x", in.w);
        layer.h = layer.w = 1;
      },
      [&](const AddLayer&) {
        const LayerSpec& y = spec_.input_of(layer, 1);
        BITLOOM_CHECK(in.h == y.h && in.w == y.w && in.c == y.c, "model ", spec_.name, ": '", layer.name, "' adds '", in.name,
                      "' and '", y.name, "' of different shapes");
        like_input();
      },
      [&](const AvgPoolLayer& k) {
        check(k.kh >= 1 && k.kw >= 1, "has a window of ", k.kh, "x", k.kw, ", expected 1 or more");
        layer.h = in.h / k.kh, layer.w = in.w / k.kw, layer.c = in.c;
      },
      [&](const MaxPoolLayer& k) {
        slide(k);
        layer.c = in.c;
      });
}

ConvGeometry same_geometry(const LayerSpec& in, int64_t kh, int64_t kw, int64_t sh, int64_t sw) {
  const auto [top, bottom] = same_padding(in.h, kh, sh);
  const auto [left, right] = same_padding(in.w, kw, sw);
  return {sh, sw, top, bottom, left, right};
}

namespace {

// What the parts of a layer say, beside its bias.
LayerSpec layer_of(const std::string& name, LayerKind kind, std::vector<int> inputs, unsigned parts, int64_t c = 0) {
  LayerSpec layer;
  layer.name = name, layer.kind = kind, layer.inputs = std::move(inputs), layer.c = c;
  layer.norm = (parts & ModelBuilder::kNorm) != 0;
  layer.activation = parts & ModelBuilder::kRelu6  ? Activation::kRelu6
                     : parts & ModelBuilder::kRelu ? Activation::kRelu
                                                   : Activation::kNone;
  return layer;
}

}  // namespace

int ModelBuilder::conv2d(const std::string& name, int input, int64_t channels, int64_t kh, int64_t kw, int64_t sh, int64_t sw,
                         unsigned parts) {
  const Conv2dLayer kind{kh, kw, same_geometry(layer(input), kh, kw, sh, sw), (parts & kBias) != 0};
  return append(layer_of(name, kind, {input}, parts, channels));
}

int ModelBuilder::depthwise(const std::string& name, int input, int64_t kh, int64_t kw, int64_t sh, int64_t sw,
                            unsigned parts) {
  const DepthwiseLayer kind{kh, kw, same_geometry(layer(input), kh, kw, sh, sw), (parts & kBias) != 0};
  return append(layer_of(name, kind, {input}, parts));
}

int ModelBuilder::linear(const std::string& name, int input, int64_t features, unsigned parts) {
  return append(layer_of(name, LinearLayer{(parts & kBias) != 0}, {input}, parts, features));
}

int ModelBuilder::add(const std::string& name, int a, int b, unsigned parts) {
  BITLOOM_CHECK((parts & ~(kRelu | kRelu6)) == 0, "model ", spec_.name, ": '", name,
                "' can have a ReLU, but neither a bias nor a normalization");
  return append(layer_of(name, AddLayer{}, {a, b}, parts));
}

int ModelBuilder::avg_pool(const std::string& name, int input, int64_t kh, int64_t kw) {
  return append(layer_of(name, AvgPoolLayer{kh, kw}, {input}, 0));
}

int ModelBuilder::max_pool(const std::string& name, int input, int64_t kh, int64_t kw, const ConvGeometry& geometry) {
  return append(layer_of(name, MaxPoolLayer{kh, kw, geometry}, {input}, 0));
}

ModelSpec ModelBuilder::finish(TaskKind kind) {
  BITLOOM_CHECK(spec_.layers.size() > 1, "model ", spec_.name, ": no layers");
  spec_.kind = kind;
  return std::move(spec_);
}

void check_usable(const ModelSpec& spec) {
  const auto check = [&](bool ok, const LayerSpec& layer, const auto&... problem) {
    BITLOOM_CHECK(ok, "model ", spec.name, ": layer '", layer.name, "' ", problem...);
  };
  std::vector<bool> read(spec.layers.size());
  int64_t values = 0;
  for (const LayerSpec& layer : spec.layers) {
    for (const int i : layer.inputs) read[size_t(i)] = true;
    values += layer.h * layer.w * layer.c + (has_weights(layer) ? weight_shape(spec, layer).size() : 0);
    check(values <= kMaxValues, layer, "and those before it have more than ", kMaxValues, " values and weights");
  }
  for (size_t i = 0; i + 1 < read.size(); ++i) check(read[i], spec.layers[i], "is read by no other");
  const LayerSpec &in = spec.layers.front(), &last = spec.layers.back();
  check(has_weights(last) || std::holds_alternative<AvgPoolLayer>(last.kind), last, "is the last, but of kind ",
        kind_name(last.kind), "; expected one with weights, or avg_pool");
  check(last.activation == Activation::kNone, last, "is the last and has the activation ", name_of(last.activation),
        ", which no loss here expects");
  check(last.h == 1 && last.w == 1, last, "is the last and gives ", last.h, "x", last.w, " pixels, expected one");
  if (spec.kind == TaskKind::kReconstruction)
    check(in.h == 1 && in.w == 1 && in.c == last.c, last, "gives ", last.c, " values, but what it reconstructs is ", in.h, "x",
          in.w, "x", in.c);
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
        [&](const AvgPoolLayer&) { join(int(i), layer.inputs[0]); },
        [&](const MaxPoolLayer&) { join(int(i), layer.inputs[0]); });
  }
  return group;
}

}  // namespace bitloom
