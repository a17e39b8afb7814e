// The result of a search, its file form and its ties.
#include "quant/assignment.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/json.h"

namespace bitloom {

ActKind act_kind(const ModelSpec& spec, int i) {
  const LayerSpec& layer = spec.layers[size_t(i)];
  if (i == spec.output()) return spec.kind == TaskKind::kClassification ? ActKind::kNone : ActKind::kSigned;
  if (layer.relu) return ActKind::kUnsigned;
  return match(
      layer.kind, [](const InputLayer&) { return ActKind::kNone; }, [](const Conv2dLayer&) { return ActKind::kSigned; },
      [](const DepthwiseLayer&) { return ActKind::kSigned; }, [](const LinearLayer&) { return ActKind::kSigned; },
      [](const AddLayer&) { return ActKind::kSigned; }, [&](const AvgPoolLayer&) { return act_kind(spec, layer.inputs[0]); });
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

Assignment assignment_from_json(const ModelSpec& spec, const std::string& text, const std::string& where) {
  Assignment a;
  a.weight_bits.resize(spec.layers.size());
  a.act_bits.resize(spec.layers.size());
  const JsonValue root = JsonValue::parse(text, where + ": not an assignment");
  const std::string model = root.at("model").string();
  BITLOOM_CHECK(model == spec.name, where, ": is for model ", quote(model), ", not ", spec.name);
  for (const JsonValue& entry : root.at("layers").elements()) {
    const std::string name = entry.at("name").string();
    const auto layer = std::find_if(spec.layers.begin(), spec.layers.end(), [&](const LayerSpec& l) { return l.name == name; });
    BITLOOM_CHECK(layer != spec.layers.end(), where, ": model ", spec.name, " has no layer ", quote(name));
    const size_t i = size_t(layer - spec.layers.begin());
    a.weight_bits[i].clear();
    for (const JsonValue& bits : entry.at("weight_bits").elements()) a.weight_bits[i].push_back(int(bits.integer(0, 8)));
    a.act_bits[i] = int(entry.at("act_bits").integer(0, 8));
  }
  const auto known = [](int bits) { return bits == 0 || bits == 2 || bits == 4 || bits == 8; };
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const LayerSpec& layer = spec.layers[i];
    const size_t channels = has_weights(layer) ? size_t(layer.c) : 0;
    BITLOOM_CHECK(a.weight_bits[i].size() == channels, where, ": layer '", layer.name, "' has ", channels, " channels, got ",
                  a.weight_bits[i].size());
    BITLOOM_CHECK(std::all_of(a.weight_bits[i].begin(), a.weight_bits[i].end(), known) && known(a.act_bits[i]), where,
                  ": layer '", layer.name, "' has a bit-width other than 0, 2, 4, 8");
  }
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
    std::vector<int>& source = assignment.weight_bits[size_t(spec.layers[i].inputs[0])];
    for (size_t c = 0; c < source.size(); ++c)
      if (own[c] == 0 || source[c] == 0) own[c] = source[c] = 0;
  }
  const std::vector<std::vector<bool>> kept = kept_channels(spec, assignment);
  for (size_t i = 1; i < spec.layers.size(); ++i)
    if (!assignment.weight_bits[i].empty() && std::none_of(kept[i].begin(), kept[i].end(), [](bool k) { return k; }))
      assignment.weight_bits[i][0] = fallback_bits;
}

}  // namespace bitloom
