// The integer network: ranges and sizes.
#include "quant/integer/graph.h"

#include <limits>

namespace bitloom {

int32_t QuantScheme::lo() const {
  if (bits == 32) return std::numeric_limits<int32_t>::min();
  return is_signed ? -(1 << (bits - 1)) : 0;
}

int32_t QuantScheme::hi() const {
  if (bits == 32) return std::numeric_limits<int32_t>::max();
  return is_signed ? (1 << (bits - 1)) - 1 : (1 << bits) - 1;
}

OpTraits traits(IntegerOp op) {
  using Window = OpTraits::Window;
  using Weights = OpTraits::Weights;
  switch (op) {
    case IntegerOp::kInput: return {"input", 0, Window::kNone, Weights::kNone, false};
    case IntegerOp::kConv2d: return {"conv2d", 1, Window::kSliding, Weights::kAllChannels};
    case IntegerOp::kDepthwise: return {"depthwise", 1, Window::kSliding, Weights::kOwnChannel};
    case IntegerOp::kLinear: return {"linear", 1, Window::kWhole, Weights::kAllChannels};
    case IntegerOp::kAdd: return {"add", 2, Window::kNone, Weights::kNone};
    case IntegerOp::kAvgPool: return {"avg_pool", 1, Window::kTiles, Weights::kNone};
    case IntegerOp::kMaxPool: return {"max_pool", 1, Window::kSliding, Weights::kNone, false};
  }
  return {};
}

const char* to_string(IntegerOp op) {
  const char* name = traits(op).name;
  return name ? name : "unknown";
}

std::array<int64_t, 2> window_of(const IntegerGraph& graph, const IntegerLayer& layer) {
  if (traits(layer.op).window != OpTraits::Window::kWhole) return {layer.kh, layer.kw};
  const IntegerLayer& in = graph.layers[size_t(layer.inputs[0])];
  return {in.h, in.w};
}

int64_t codes_per_channel(const IntegerGraph& graph, const IntegerLayer& layer) {
  if (!layer.has_weights()) return 0;
  const auto [kh, kw] = window_of(graph, layer);
  const bool own = traits(layer.op).weights == OpTraits::Weights::kOwnChannel;
  return kh * kw * (own ? 1 : graph.layers[size_t(layer.inputs[0])].c);
}

int64_t macs(const IntegerGraph& graph, const IntegerLayer& layer) {
  int64_t channels = 0;
  for (const ChannelGroup& group : layer.groups) channels += group.bits ? group.channels : 0;
  return layer.h * layer.w * channels * codes_per_channel(graph, layer);
}

int64_t weight_bytes(const IntegerGraph& graph) {
  size_t bytes = 0;
  for (const IntegerLayer& layer : graph.layers) bytes += layer.weights.size() * sizeof(uint32_t);
  return int64_t(bytes);
}

int64_t table_bytes(const IntegerGraph& graph) {
  size_t bytes = 0;
  for (const IntegerLayer& layer : graph.layers) {
    bytes += (layer.multiplier.size() + layer.offset.size()) * sizeof(int32_t) + layer.shift.size();
  }
  return int64_t(bytes);
}

}  // namespace bitloom
