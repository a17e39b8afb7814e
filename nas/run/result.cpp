// What a network and a run came to.
#include "nas/run/result.h"

#include <cmath>

#include "nn/models/models.h"

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

double legacy_accuracy(const Task& task, const std::vector<double>& found, const Dataset& data) {
  return task.kind == TaskKind::kClassification ? accuracy().score(found, data) : -mean_squared_error().score(found, data);
}

void name_metric(RunResult& r) {
  if (!r.metric.empty()) return;
  const Metric& metric = find_model(r.model).kind == TaskKind::kClassification ? accuracy() : mean_squared_error();
  r.metric = metric.name();
  r.test_score_float = metric.rank(r.test_accuracy_float);
  if (r.test_accuracy_fake_quant) r.test_score_fake_quant = metric.rank(*r.test_accuracy_fake_quant);
  if (r.test_accuracy_integer) r.test_score_integer = metric.rank(*r.test_accuracy_integer);
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
