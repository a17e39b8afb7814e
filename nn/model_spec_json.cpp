// Networks as JSON.
#include "nn/model_spec_json.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "core/json.h"

namespace bitloom {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxLayers = 1000;

// The fewest digits that are read as the same float.
std::string shortest(float value) {
  char text[32];
  for (int digits = 1; digits <= 9; ++digits) {
    std::snprintf(text, sizeof text, "%.*g", digits, double(value));
    if (std::strtof(text, nullptr) == value) break;
  }
  return text;
}

template <class Window>
void put_window(Json& out, const Window& k) {
  const ConvGeometry& g = k.geometry;
  out["kernel"] = {k.kh, k.kw};
  out["stride"] = {g.sh, g.sw};
  out["padding"] = {g.pt, g.pb, g.pl, g.pr};
}

Json layer_json(const ModelSpec& spec, const LayerSpec& layer) {
  Json out = {{"name", layer.name}, {"kind", kind_name(layer.kind)}, {"inputs", Json::array()}};
  for (const int i : layer.inputs) out["inputs"].push_back(spec.layers[size_t(i)].name);
  match(
      layer.kind, [](const InputLayer&) {},
      [&](const Conv2dLayer& k) {
        out["channels"] = layer.c;
        put_window(out, k);
      },
      [&](const DepthwiseLayer& k) { put_window(out, k); }, [&](const LinearLayer&) { out["channels"] = layer.c; },
      [](const AddLayer&) {},
      [&](const AvgPoolLayer& k) {
        out["kernel"] = {k.kh, k.kw};
      },
      [&](const MaxPoolLayer& k) { put_window(out, k); });
  if (has_bias(layer)) out["bias"] = true;
  if (layer.norm) out["norm"] = true;
  if (layer.activation != Activation::kNone) out["activation"] = name_of(layer.activation);
  return out;
}

// What a name may hold: it becomes a key of weight files, a word of C comments and tables, and part of messages.
bool is_plain(const std::string& name, const char* also) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c != '\0' && std::strchr(also, c));
  });
}

// Refuses attributes that nothing reads: they are misspelt, or of another kind.
void check_known(const JsonValue& object, const std::string& owner, const std::vector<std::string>& known) {
  for (const auto& [key, value] : object.members()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    std::string all;
    for (const std::string& each : known) all += (all.empty() ? "" : ", ") + each;
    value.fail(str("is unknown: ", owner, " has ", all));
  }
}

// The value of an enum that a name stands for.
template <class E>
E named_in(const JsonValue& json) {
  const std::string name = json.string();
  try {
    return named<E>(name);
  } catch (const Error& e) {
    json.fail(str("has an ", e.what()));
  }
}

class Reader {
 public:
  Reader(const JsonValue& root, std::string name, int64_t h, int64_t w, int64_t c) : builder_(std::move(name), h, w, c) {
    by_name_["input"] = 0;
    const std::vector<JsonValue> layers = root.at("layers").elements();
    if (layers.size() > kMaxLayers) root.at("layers").fail(str("has ", layers.size(), " layers, more than ", kMaxLayers));
    for (const JsonValue& layer : layers) add(layer);
  }
  ModelSpec finish(TaskKind kind) { return builder_.finish(kind); }

 private:
  void add(const JsonValue& json) {
    LayerSpec layer;
    layer.name = json.at("name").string();
    if (!is_plain(layer.name, "_-")) json.at("name").fail("may hold letters, digits, _ and - only, at most 64");
    layer.inputs = inputs_of(json, layer.name);
    const std::string kind = json.at("kind").string();
    std::vector<std::string> known = {"name", "kind", "inputs"};
    const auto have = [&](std::initializer_list<const char*> more) { known.insert(known.end(), more.begin(), more.end()); };
    if (kind == "conv2d") {
      have({"channels", "kernel", "stride", "padding", "bias", "norm", "activation"});
      layer.kind = windowed<Conv2dLayer>(json, layer, true);
    } else if (kind == "depthwise") {
      have({"kernel", "stride", "padding", "bias", "norm", "activation"});
      layer.kind = windowed<DepthwiseLayer>(json, layer, true);
    } else if (kind == "linear") {
      have({"channels", "bias", "norm", "activation"});
      layer.kind = LinearLayer{flag(json, "bias")};
    } else if (kind == "add") {
      have({"activation"});
      layer.kind = AddLayer{};
    } else if (kind == "avg_pool") {
      have({"kernel"});
      const auto [kh, kw] = pair_of(json.at("kernel"));
      layer.kind = AvgPoolLayer{kh, kw};
    } else if (kind == "max_pool") {
      have({"kernel", "stride", "padding"});
      layer.kind = windowed<MaxPoolLayer>(json, layer, false);
    } else {
      json.at("kind").fail(
          str("is ", quote(kind), ": layer '", layer.name, "' can be a conv2d, depthwise, linear, add, avg_pool or max_pool"));
    }
    check_known(json, str("layer '", layer.name, "', of kind ", kind, ","), known);
    if (json.has("channels")) layer.c = json.at("channels").integer(1, kMaxExtent);
    layer.norm = flag(json, "norm");
    if (json.has("activation")) layer.activation = named_in<Activation>(json.at("activation"));
    if ((kind == "conv2d" || kind == "linear") && layer.c == 0) json.at("channels");
    const std::string name = layer.name;
    by_name_.emplace(name, builder_.append(std::move(layer)));
  }

  std::vector<int> inputs_of(const JsonValue& json, const std::string& name) const {
    if (!json.has("inputs")) return {int(by_name_.size()) - 1};
    std::vector<int> inputs;
    for (const JsonValue& input : json.at("inputs").elements()) {
      const auto found = by_name_.find(input.string());
      if (found == by_name_.end())
        input.fail(str("is ", quote(input.string()), ": layer '", name, "' can read \"input\" and the layers before it"));
      inputs.push_back(found->second);
    }
    return inputs;
  }

  static bool flag(const JsonValue& json, const char* key) { return json.has(key) && json.at(key).boolean(); }

  static std::pair<int64_t, int64_t> pair_of(const JsonValue& json) {
    const std::vector<JsonValue> both = json.elements();
    if (both.size() != 2) json.fail(str("has ", both.size(), " numbers, expected [height, width]"));
    return {both[0].integer(1, kMaxExtent), both[1].integer(1, kMaxExtent)};
  }

  // A kind with window, stride and padding; a convolution, or a pool.
  template <class Kind>
  Kind windowed(const JsonValue& json, const LayerSpec& layer, bool convolves) const {
    Kind kind;
    std::tie(kind.kh, kind.kw) = pair_of(json.at("kernel"));
    ConvGeometry& g = kind.geometry;
    g.sh = convolves ? 1 : kind.kh, g.sw = convolves ? 1 : kind.kw;
    if (json.has("stride")) std::tie(g.sh, g.sw) = pair_of(json.at("stride"));
    if constexpr (!std::is_same_v<Kind, MaxPoolLayer>) kind.bias = flag(json, "bias");
    const bool named_so = !json.has("padding") || !is_array(json.at("padding"));
    const std::string padding = !json.has("padding") ? (convolves ? "same" : "valid")
                                : named_so           ? json.at("padding").string()
                                                     : "";
    if (!named_so) {
      const std::vector<JsonValue> sides = json.at("padding").elements();
      if (sides.size() != 4)
        json.at("padding").fail(str("has ", sides.size(), " numbers, expected [top, bottom, left, right]"));
      int64_t* const all[] = {&g.pt, &g.pb, &g.pl, &g.pr};
      for (size_t i = 0; i < 4; ++i) *all[i] = sides[i].integer(0, kMaxExtent);
    } else if (padding == "same") {
      if (!layer.inputs.empty()) g = same_geometry(builder_.layer(layer.inputs[0]), kind.kh, kind.kw, g.sh, g.sw);
    } else if (padding != "valid") {
      json.at("padding").fail(str("is ", quote(padding), ", expected \"same\", \"valid\" or [top, bottom, left, right]"));
    }
    return kind;
  }

  static bool is_array(const JsonValue& json) { return json.brief().rfind('[', 0) == 0; }

  ModelBuilder builder_;
  std::map<std::string, int> by_name_;
};

}  // namespace

std::string to_json(const ModelSpec& spec) {
  const LayerSpec& in = spec.layers.front();
  std::string text =
      str("{\n  \"name\": ", Json(spec.name).dump(), ",\n  \"task\": \"", name_of(spec.kind), "\",\n  \"input\": [", in.h, ", ",
          in.w, ", ", in.c, "],\n  \"norm_eps\": ", shortest(spec.norm_eps), ",\n  \"layers\": [\n");
  for (size_t i = 1; i < spec.layers.size(); ++i) {
    const std::string line = layer_json(spec, spec.layers[i]).dump(-1, ' ');
    text += "    ";
    bool quoted = false;
    for (const char c : line) {  // a space behind every comma and colon, as people write
      quoted ^= c == '"';
      text += c;
      if (!quoted && (c == ',' || c == ':')) text += ' ';
    }
    text += i + 1 < spec.layers.size() ? ",\n" : "\n";
  }
  return text + "  ]\n}\n";
}

ModelSpec model_from_json(const std::string& text, const std::string& where) {
  const JsonValue root = JsonValue::parse(text, where);
  check_known(root, "a network", {"name", "task", "input", "norm_eps", "layers"});
  const std::string name = root.at("name").string();
  if (!is_plain(name, "_-. ")) root.at("name").fail("may hold letters, digits, spaces and _-. only, at most 64");
  const TaskKind task = root.has("task") ? named_in<TaskKind>(root.at("task")) : TaskKind::kClassification;
  const std::vector<JsonValue> extents = root.at("input").elements();
  if (extents.size() != 3) root.at("input").fail(str("has ", extents.size(), " numbers, expected [height, width, channels]"));
  const auto extent = [&](size_t i) { return extents[i].integer(1, kMaxExtent); };
  const double eps = root.has("norm_eps") ? root.at("norm_eps").number() : 1e-3;
  if (!(eps >= 0 && eps <= 1)) root.at("norm_eps").fail("is not between 0 and 1");
  const auto make = [&] {
    ModelSpec spec = Reader(root, name, extent(0), extent(1), extent(2)).finish(task);
    spec.norm_eps = float(eps);
    check_usable(spec);
    return spec;
  };
  try {
    return make();
  } catch (const Error& e) {
    const std::string message = e.what();
    throw Error(message.rfind(where, 0) == 0 ? message : where + ": " + message);
  }
}

bool operator==(const ModelSpec& a, const ModelSpec& b) {
  const auto same = [](const LayerSpec& x, const LayerSpec& y) {
    return x.norm_name == y.norm_name && x.h == y.h && x.w == y.w && x.c == y.c;
  };
  return to_json(a) == to_json(b) && std::equal(a.layers.begin(), a.layers.end(), b.layers.begin(), b.layers.end(), same);
}

}  // namespace bitloom
