// What lower() makes of an assignment that does not depend on weights and scales.
#include "quant/lowered_shape.h"

#include <algorithm>

#include "quant/integer/pack.h"

namespace bitloom {
namespace {

QuantScheme output_shape(const ModelSpec& spec, const Assignment& assignment, int layer, bool signed_input) {
  const int source = codes_of(spec, layer);
  if (source == 0) return {8, signed_input, 1};
  const ActKind kind = act_kind(spec, source);
  if (kind == ActKind::kNone) return {32, true, 1};
  return {assignment.act_bits[size_t(source)] ? assignment.act_bits[size_t(source)] : 8, kind == ActKind::kSigned, 1};
}

}  // namespace

std::vector<std::vector<int64_t>> channel_order(const ModelSpec& spec, const Assignment& assignment) {
  const std::vector<int> ties = channel_ties(spec);
  const std::vector<std::vector<bool>> kept = kept_channels(spec, assignment);
  std::vector<std::vector<int64_t>> order(spec.layers.size());
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    if (ties[i] != int(i)) {  // groups are numbered by their first layer
      order[i] = order[size_t(ties[i])];
      continue;
    }
    for (int64_t c = 0; c < spec.layers[i].c; ++c)
      if (kept[i][size_t(c)]) order[i].push_back(c);
    if (i == 0 || ties.back() == int(i)) continue;
    std::stable_sort(order[i].begin(), order[i].end(), [&](int64_t x, int64_t y) {
      for (size_t j = i; j < ties.size(); ++j) {
        const std::vector<int>& bits = assignment.weight_bits[j];
        if (ties[j] == int(i) && !bits.empty() && bits[size_t(x)] != bits[size_t(y)]) return bits[size_t(x)] > bits[size_t(y)];
      }
      return false;
    });
  }
  return order;
}

IntegerLayer integer_shape(const LayerSpec& layer) {
  IntegerLayer out;
  out.name = layer.name, out.h = layer.h, out.w = layer.w, out.c = layer.c;
  const auto window = [&](IntegerOp op, int64_t kh, int64_t kw, const ConvGeometry& g) {
    out.op = op, out.kh = kh, out.kw = kw, out.sh = g.sh, out.sw = g.sw, out.pt = g.pt, out.pb = g.pb, out.pl = g.pl,
    out.pr = g.pr;
  };
  match(
      layer.kind, [&](const InputLayer&) { out.op = IntegerOp::kInput; },
      [&](const Conv2dLayer& k) { window(IntegerOp::kConv2d, k.kh, k.kw, k.geometry); },
      [&](const DepthwiseLayer& k) { window(IntegerOp::kDepthwise, k.kh, k.kw, k.geometry); },
      [&](const LinearLayer&) { out.op = IntegerOp::kLinear; }, [&](const AddLayer&) { out.op = IntegerOp::kAdd; },
      [&](const AvgPoolLayer& k) {
        window(IntegerOp::kAvgPool, k.kh, k.kw, {k.kh, k.kw, 0, 0, 0, 0});
      },
      [&](const MaxPoolLayer& k) { window(IntegerOp::kMaxPool, k.kh, k.kw, k.geometry); });
  return out;
}

IntegerGraph lowered_shape(const ModelSpec& spec, const Assignment& assignment, bool signed_input) {
  const std::vector<std::vector<int64_t>> order = channel_order(spec, assignment);
  IntegerGraph graph{spec.name, "", {}};
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    IntegerLayer layer = integer_shape(spec.layers[i]);
    layer.inputs.assign(spec.layers[i].inputs.begin(), spec.layers[i].inputs.end());
    layer.c = int64_t(order[i].size());
    layer.out = output_shape(spec, assignment, int(i), signed_input);
    if (has_weights(spec.layers[i]))
      for (const int64_t c : order[i]) {
        const int bits = assignment.weight_bits[i][size_t(c)];
        if (layer.groups.empty() || layer.groups.back().bits != bits) layer.groups.push_back({bits, 0});
        ++layer.groups.back().channels;
      }
    graph.layers.push_back(std::move(layer));
  }
  return graph;
}

std::vector<int64_t> packed_weight_bytes(const ModelSpec& spec, const Assignment& assignment) {
  const std::vector<std::vector<bool>> kept = kept_channels(spec, assignment);
  std::vector<int64_t> bytes;
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    bytes.push_back(0);
    const LayerSpec& layer = spec.layers[i];
    if (!has_weights(layer)) continue;
    const Shape filter = weight_shape(spec, layer);
    const std::vector<bool>& inputs = kept[size_t(layer.inputs[0])];
    const int64_t read = is_channelwise(layer) ? 1 : std::count(inputs.begin(), inputs.end(), true);
    for (const int bits : assignment.weight_bits[i])
      bytes[i] += packed_words(filter[1] * filter[2] * read, bits) * int64_t(sizeof(uint32_t));
  }
  return bytes;
}

}  // namespace bitloom
