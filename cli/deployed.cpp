// What is measured on a deployed network.
#include "cli/deployed.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "nas/cost_model.h"
#include "nn/learner.h"
#include "quant/integer/pack.h"
#include "quant/integer/run.h"
#include "quant/lower.h"

namespace bitloom {
namespace {

// Calls f(batch, first sample) over the split in order.
template <class F>
void for_each_batch(const Dataset& data, F f) {
  constexpr int64_t kBatch = 500;
  std::vector<int64_t> indices(size_t(data.size()));
  std::iota(indices.begin(), indices.end(), int64_t(0));
  for (int64_t begin = 0; begin < data.size(); begin += kBatch)
    f(gather(data, indices.data() + begin, std::min(kBatch, data.size() - begin), {}, nullptr), begin);
}

std::vector<int32_t> classes_of(const TensorT<int32_t>& outputs) {
  const int64_t rows = outputs.shape()[0], columns = rows ? outputs.size() / rows : 0;
  std::vector<int32_t> best;
  for (int64_t r = 0; r < rows; ++r) {
    const int32_t* row = outputs.data() + r * columns;
    best.push_back(int32_t(std::max_element(row, row + columns) - row));
  }
  return best;
}

}  // namespace

TensorT<int32_t> run_integer(const IntegerGraph& graph, const Dataset& data) {
  const IntegerRunner runner(graph);
  const IntegerLayer& last = graph.layers.back();
  const int64_t columns = last.h * last.w * last.c;
  TensorT<int32_t> all(Shape{data.size(), columns});
  for_each_batch(data, [&](const Batch& batch, int64_t first) {
    const TensorT<int32_t> out = runner.run(input_codes(graph, batch.x));
    std::memcpy(all.data() + first * columns, out.data(), size_t(out.size()) * sizeof(int32_t));
  });
  return all;
}

double integer_score(const IntegerGraph& graph, const TensorT<int32_t>& outputs, const Dataset& data) {
  if (data.classes) {
    const std::vector<int32_t> predicted = classes_of(outputs);
    int64_t correct = 0;
    for (size_t i = 0; i < predicted.size(); ++i) correct += predicted[i] == data.labels[i];
    return double(correct) / double(std::max<size_t>(1, predicted.size()));
  }
  const int64_t columns = outputs.size() / std::max<int64_t>(1, data.size());
  double sum = 0;
  for_each_batch(data, [&](const Batch& batch, int64_t first) {
    for (int64_t i = 0; i < batch.x.size(); ++i)
      sum += std::pow(graph.layers.back().out.scale * outputs[first * columns + i] - double(batch.x[i]), 2);
  });
  return -sum / double(std::max<int64_t>(1, outputs.size()));
}

double agreement(const IntegerGraph& graph, const TensorT<int32_t>& outputs, Network& network, LayerTransform* transform,
                 const Dataset& data) {
  const int64_t columns = outputs.size() / std::max<int64_t>(1, data.size());
  const std::vector<int32_t> classes = data.classes ? classes_of(outputs) : std::vector<int32_t>();
  const double scale = graph.layers.back().out.scale;
  int64_t same = 0, total = 0;
  for_each_batch(data, [&](const Batch& batch, int64_t first) {
    Tape tape(Tape::kInference);
    const Tensor y = network.forward(tape, batch.x, {false, transform, nullptr}).value();
    if (data.classes) {
      const std::vector<int32_t> predicted = argmax_rows(y.data(), batch.x.shape()[0], columns);
      for (size_t i = 0; i < predicted.size(); ++i) same += predicted[i] == classes[size_t(first) + i];
      total += int64_t(predicted.size());
    } else {
      for (int64_t i = 0; i < y.size(); ++i) same += std::fabs(double(y[i]) / scale - outputs[first * columns + i]) <= 1.001;
      total += y.size();
    }
  });
  return double(same) / double(std::max<int64_t>(1, total));
}

nlohmann::ordered_json describe(const IntegerGraph& graph) {
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  const ThroughputTable& table = published_throughput();
  int64_t total_macs = 0;
  double total_cycles = 0;
  for (const IntegerLayer& layer : graph.layers) {
    if (!layer.has_weights()) continue;
    const int act_bits = graph.layers[size_t(layer.inputs[0])].out.bits;
    std::map<std::string, int64_t> channels;
    int64_t stored = 0;  // channels with weights
    for (const ChannelGroup& group : layer.groups) {
      channels[std::to_string(group.bits)] += group.channels;
      stored += group.bits ? group.channels : 0;
    }
    const int64_t layer_macs = macs(graph, layer), channel_macs = layer_macs / std::max<int64_t>(1, stored);
    double cycles = 0;
    for (const ChannelGroup& group : layer.groups)
      if (group.bits) cycles += double(channel_macs * group.channels) / table.at(act_bits, group.bits);
    total_macs += layer_macs;
    total_cycles += cycles;
    layers.push_back({{"name", layer.name},
                      {"channels", channels},
                      {"act_bits", act_bits},
                      {"macs", layer_macs},
                      {"parameters", layer_macs / (layer.h * layer.w)},
                      {"weight_bytes", int64_t(layer.weights.size() * 4)},
                      {"cycles", std::llround(cycles)}});
  }
  return {{"weight_bytes", weight_bytes(graph)},
          {"table_bytes", table_bytes(graph)},
          {"macs", total_macs},
          {"cycles", std::llround(total_cycles)},
          {"energy_uj", total_cycles * table.picojoule_per_cycle * 1e-6},
          {"throughput_table", table.name},
          {"layers", layers}};
}

}  // namespace bitloom
