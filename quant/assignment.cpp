// The result of a search, its file form and its ties.
#include "quant/assignment.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/json.h"

namespace bitloom {

ActKind act_kind(const ModelSpec& spec, int i) {
  const LayerSpec& layer = spec.layers[size_t(i)];
  if (i == spec.output()) return spec.kind == TaskKind::kClassification ? ActKind::kNone : ActKind::kSigned;
  if (layer.activation != Activation::kNone) return ActKind::kUnsigned;
  return match(
      layer.kind, [](const InputLayer&) { return ActKind::kNone; }, [](const Conv2dLayer&) { return ActKind::kSigned; },
      [](const DepthwiseLayer&) { return ActKind::kSigned; }, [](const LinearLayer&) { return ActKind::kSigned; },
      [](const AddLayer&) { return ActKind::kSigned; },
      [&](const AvgPoolLayer&) {
        const int source = codes_of(spec, layer.inputs[0]);
        return source == 0 ? ActKind::kSigned : act_kind(spec, source);
      },
      [](const MaxPoolLayer&) { return ActKind::kNone; });
}

int codes_of(const ModelSpec& spec, int layer) {
  while (std::holds_alternative<MaxPoolLayer>(spec.layers[size_t(layer)].kind)) layer = spec.layers[size_t(layer)].inputs[0];
  return layer;
}

Assignment Assignment::uniform(const ModelSpec& spec, int weight_bits, int act_bits) {
  Assignment a;
  for (int i = 0; i < int(spec.layers.size()); ++i) {
    const LayerSpec& layer = spec.layers[size_t(i)];
    a.weight_bits.emplace_back(has_weights(layer) ? size_t(layer.c) : 0, weight_bits);
    a.act_bits.push_back(act_kind(spec, i) == ActKind::kUnsigned ? act_bits : 0);
  }
  return a;
}

std::string to_json(const ModelSpec& spec, const Assignment& assignment) {
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    if (assignment.weight_bits[i].empty() && assignment.act_bits[i] == 0) continue;
    layers.push_back(
        {{"name", spec.layers[i].name}, {"weight_bits", assignment.weight_bits[i]}, {"act_bits", assignment.act_bits[i]}});
  }
  return nlohmann::ordered_json{{"model", spec.name}, {"layers", layers}}.dump() + "\n";
}

bool is_removable(const ModelSpec& spec, int layer) {
  const std::vector<int> ties = channel_ties(spec);
  return ties[size_t(layer)] != ties.back();
}

namespace {

// The bits of one layer as its entry in the file has them.
void read_layer(const ModelSpec& spec, size_t i, const JsonValue& entry, Assignment& a) {
  const LayerSpec& layer = spec.layers[i];
  const std::vector<JsonValue> weights = entry.at("weight_bits").elements();
  const size_t channels = has_weights(layer) ? size_t(layer.c) : 0;
  if (weights.size() != channels)
    entry.at("weight_bits").fail(str("has ", weights.size(), " channels: layer '", layer.name, "' has ", channels));
  const bool removable = channels > 0 && is_removable(spec, int(i));
  a.weight_bits[i].clear();
  for (size_t c = 0; c < channels; ++c) {
    const int64_t bits = weights[c].integer();
    if (!(bits == 2 || bits == 4 || bits == 8 || (bits == 0 && removable)))
      weights[c].fail(
          str("is ", bits, ": layer '", layer.name, "', channel ", c, " can have ", removable ? "0, " : "", "2, 4, 8"));
    a.weight_bits[i].push_back(int(bits));
  }
  const int64_t act = entry.at("act_bits").integer();
  const bool chosen = act_kind(spec, int(i)) == ActKind::kUnsigned;
  if (chosen ? act != 2 && act != 4 && act != 8 : act != 0)
    entry.at("act_bits")
        .fail(str("is ", act, ": layer '", layer.name, "' ", chosen ? "can have 2, 4, 8" : "has no choice, which 0 says"));
  a.act_bits[i] = int(act);
}

}  // namespace

Assignment assignment_from_json(const ModelSpec& spec, const std::string& text, const std::string& where) {
  Assignment a = Assignment::uniform(spec, 8, 8);
  std::vector<bool> given(spec.layers.size());
  const JsonValue root = JsonValue::parse(text, where + ": not an assignment");
  BITLOOM_CHECK(root.at("model").string() == spec.name, where, ": is for model ", quote(root.at("model").string()), ", not ",
                spec.name);
  for (const JsonValue& entry : root.at("layers").elements()) {
    const std::string name = entry.at("name").string();
    const auto layer = std::find_if(spec.layers.begin(), spec.layers.end(), [&](const LayerSpec& l) { return l.name == name; });
    BITLOOM_CHECK(layer != spec.layers.end(), where, ": model ", spec.name, " has no layer ", quote(name));
    const size_t i = size_t(layer - spec.layers.begin());
    BITLOOM_CHECK(!given[i], where, ": layer '", name, "' is there twice");
    read_layer(spec, i, entry, a);
    given[i] = true;
  }
  for (size_t i = 0; i < spec.layers.size(); ++i)
    BITLOOM_CHECK(given[i] || (a.weight_bits[i].empty() && a.act_bits[i] == 0), where, ": layer '", spec.layers[i].name,
                  "' is missing");
  Assignment tied = a;
  honour_ties(spec, tied, 2);
  for (size_t i = 0; i < spec.layers.size(); ++i)
    for (size_t c = 0; c < a.weight_bits[i].size(); ++c)
      BITLOOM_CHECK(a.weight_bits[i][c] == tied.weight_bits[i][c], where, ": layer '", spec.layers[i].name, "', channel ", c,
                    ": ",
                    tied.weight_bits[i][c] ? "one channel of those that are added or read together must stay"
                                           : "a depthwise channel and the one it reads are removed together, or neither");
  return a;
}

std::vector<std::vector<bool>> kept_channels(const ModelSpec& spec, const Assignment& assignment) {
  const std::vector<int> ties = channel_ties(spec);
  std::vector<std::vector<bool>> group(spec.layers.size());  // indexed by group
  for (size_t i = 0; i < spec.layers.size(); ++i) group[i].resize(size_t(spec.layers[i].c), i == 0);
  for (size_t i = 1; i < spec.layers.size(); ++i)
    for (size_t c = 0; c < assignment.weight_bits[i].size(); ++c)
      if (assignment.weight_bits[i][c] > 0) group[size_t(ties[i])][c] = true;
  std::vector<std::vector<bool>> kept;
  for (size_t i = 0; i < spec.layers.size(); ++i) kept.push_back(group[size_t(ties[i])]);
  return kept;
}

void honour_ties(const ModelSpec& spec, Assignment& assignment, int fallback_bits) {
  const std::vector<int> ties = channel_ties(spec);
  for (size_t i = 1; i < spec.layers.size(); ++i) {
    if (!is_channelwise(spec.layers[i])) continue;
    std::vector<int>& own = assignment.weight_bits[i];
    std::vector<int>& source = assignment.weight_bits[size_t(codes_of(spec, spec.layers[i].inputs[0]))];
    for (size_t c = 0; c < source.size(); ++c)
      if (own[c] == 0 || source[c] == 0) own[c] = source[c] = 0;
  }
  const std::vector<std::vector<bool>> kept = kept_channels(spec, assignment);
  for (size_t i = 1; i < spec.layers.size(); ++i)
    if (!assignment.weight_bits[i].empty() && std::none_of(kept[i].begin(), kept[i].end(), [](bool k) { return k; }))
      assignment.weight_bits[i][0] = fallback_bits;
}

}  // namespace bitloom
