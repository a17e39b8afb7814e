// What a network and a run came to.
#include "nas/run/result.h"

#include <cmath>

namespace bitloom {

NetworkFigures figures_of(const IntegerGraph& graph, const CostTable& costs) {
  NetworkFigures f;
  double cycles = 0;
  for (const IntegerLayer& layer : graph.layers) {
    const double layer_time = layer_cycles(graph, layer, costs);
    cycles += layer_time;
    if (!layer.has_weights()) continue;
    LayerFigures own;
    own.name = layer.name;
    for (const ChannelGroup& group : layer.groups) own.channels[group.bits] += group.channels;
    own.act_bits = graph.layers[size_t(layer.inputs[0])].out.bits;
    own.macs = macs(graph, layer);
    own.parameters = own.macs / (layer.h * layer.w);
    own.weight_bytes = int64_t(layer.weights.size() * sizeof(uint32_t));
    own.cycles = std::llround(layer_time);
    f.macs += own.macs;
    f.layers.push_back(std::move(own));
  }
  f.weight_bytes = weight_bytes(graph);
  f.table_bytes = table_bytes(graph);
  f.cycles = std::llround(cycles);
  f.energy_uj = cycles * costs.picojoule_per_cycle * 1e-6;
  f.cost_table = costs.name;
  return f;
}

double mean_weight_bits(const NetworkFigures& network) {
  double weights = 0, bits = 0;
  for (const LayerFigures& layer : network.layers) {
    double channels = 0, sum = 0;
    for (const auto& [width, count] : layer.channels) {
      if (width == 0) continue;
      channels += double(count);
      sum += width * double(count);
    }
    weights += double(layer.parameters);
    bits += channels > 0 ? double(layer.parameters) * sum / channels : 0;
  }
  return weights > 0 ? bits / weights : 0;
}

}  // namespace bitloom
