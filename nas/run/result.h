// What a run came to; what result.json holds.
#pragma once
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "datasets/task.h"
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
  std::optional<int64_t> flash_bytes;  // of the program for MPIC, where that was the search's cost
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

// What a float run has not is empty. Test scores are in the metric; validation scores in its rank (the greater the better), of the task's
// validation metric. The accuracies are what older versions wrote: of a reconstruction, minus the mean squared error.
struct RunResult {
  std::string task, data, model, metric;
  double width = 1;  // of the model's hidden layers
  std::optional<PrecisionChoice> precisions;
  uint64_t seed = 0;
  std::string command;
  std::optional<std::vector<std::string>> classes;  // their names, where the task has any
  std::optional<double> val_score_float;            // empty if the weights came from a file
  double test_score_float = 0, test_accuracy_float = 0;
  std::optional<double> val_score_fake_quant;
  std::optional<double> test_score_fake_quant, test_accuracy_fake_quant, test_score_integer, test_accuracy_integer;
  std::optional<double> agreement;  // share of samples on which the integer network predicts what its fake-quantized twin does
  std::optional<NetworkFigures> network;
  std::optional<int64_t> architecture_steps;            // that a search took; after none, nothing was chosen
  std::vector<std::pair<std::string, double>> seconds;  // by stage
  // Of this call, by core/profile.h: layers forward, backward and their quantizers, data, optimizer, evaluation, checkpoints, other.
  std::optional<std::vector<std::pair<std::string, double>>> profile;
};

// What test_accuracy_* holds for these results of a test split.
double legacy_accuracy(const Task& task, const std::vector<double>& found, const Dataset& data);
// Metric and scores of a result of an older version, which has only accuracies.
void name_metric(RunResult& result);

std::string to_json(const RunResult& result);
std::string to_json(const std::vector<RunResult>& results);
nlohmann::ordered_json json_of(const NetworkFigures& figures);
// Error names `where` and the key that is missing or has the wrong type.
RunResult result_from_json(const std::string& text, const std::string& where);

}  // namespace bitloom
