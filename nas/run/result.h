// What a run came to; what result.json holds.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nas/run/config.h"
#include "quant/integer/graph.h"

namespace bitloom {

// A layer with weights of an integer network.
struct LayerFigures {
  std::string name;
  std::map<int, int64_t> channels;  // by weight bits; 0: removed, their constant is kept
  int act_bits = 8;                 // of its input
  int64_t macs = 0, parameters = 0, weight_bytes = 0, cycles = 0;
};

// An integer network: cycles and energy of one inference by the cost table.
struct NetworkFigures {
  int64_t weight_bytes = 0, table_bytes = 0, macs = 0, cycles = 0;
  double energy_uj = 0;
  std::string cost_table;
  std::vector<LayerFigures> layers;  // those with weights, in order
};
NetworkFigures figures_of(const IntegerGraph& graph, const CostTable& costs);
double mean_weight_bits(const NetworkFigures& network);  // of the weights that are stored; 0 without any

// The choice of a quantized run, as its RunConfig has it.
struct PrecisionChoice {
  Granularity granularity = Granularity::kChannel;
  std::vector<int> weight_bits, act_bits;
  CostKind cost = CostKind::kSize;
  double lambda = 0;
  std::optional<std::string> budget;
};

// Scores are shares of right classes, or minus the mean squared error of a reconstruction. What a float run has not is empty.
struct RunResult {
  std::string task, data, model;
  std::optional<PrecisionChoice> precisions;
  uint64_t seed = 0;
  std::string command;
  std::optional<double> val_score_float;  // empty if the weights came from a file
  double test_accuracy_float = 0;
  std::optional<double> val_score_fake_quant, test_accuracy_fake_quant, test_accuracy_integer;
  std::optional<double> agreement;  // share of samples on which the integer network predicts what its fake-quantized twin does
  std::optional<NetworkFigures> network;
  std::vector<std::pair<std::string, double>> seconds;  // by stage
};

std::string to_json(const RunResult& result);
std::string to_json(const std::vector<RunResult>& results);
std::string to_json(const NetworkFigures& figures);
// Error names `where` and the key that is missing or has the wrong type.
RunResult result_from_json(const std::string& text, const std::string& where);

}  // namespace bitloom
