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

const char* to_string(IntegerOp op) {
  switch (op) {
    case IntegerOp::kInput: return "input";
    case IntegerOp::kConv2d: return "conv2d";
    case IntegerOp::kDepthwise: return "depthwise";
    case IntegerOp::kLinear: return "linear";
    case IntegerOp::kAdd: return "add";
    case IntegerOp::kAvgPool: return "avg_pool";
  }
  return "unknown";
}

int64_t codes_per_channel(const IntegerGraph& graph, const IntegerLayer& layer) {
  if (!layer.has_weights()) return 0;
  const IntegerLayer& in = graph.layers[size_t(layer.inputs[0])];
  if (layer.op == IntegerOp::kLinear) return in.h * in.w * in.c;
  return layer.kh * layer.kw * (layer.op == IntegerOp::kDepthwise ? 1 : in.c);
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
