// A network that a run deployed, and what is measured on it.
#pragma once
#include <string>
#include <vector>

#include "core/rng.h"
#include "datasets/task.h"
#include "nas/run/config.h"
#include "quant/integer/graph.h"
#include "quant/qat_network.h"

namespace bitloom {

// The integer network of a run's folder, or the file itself.
std::string network_file(const std::string& run);
// That network. Error, in one line with what to do, when the folder's run is a float one or has not come to its end.
IntegerGraph load_deployed(const std::string& run);
// What its classes are called: as its folder's result.json says, or everyone does (known_classes()); empty where neither knows.
std::vector<std::string> class_names(const std::string& run, const IntegerGraph& graph);
// Error when the folder holds a run that has not come to its end.
void check_finished(const std::string& run);
// Sets how `config` reads pictures, and of which fold data of the run's own task are, as the run in that folder did; unless the options name data also
// task and seed.
void take_task_of(const std::string& run, RunConfig& config);
// Error, naming the file, unless the graph reads such samples and gives as many outputs as they have classes (or values).
void check_fits(const IntegerGraph& graph, const std::string& file, const TaskData& data);

// `count` inputs (N,H,W,C) of random codes in the range of the graph's input.
TensorT<int16_t> random_codes(const IntegerGraph& graph, int64_t count, Rng rng);
// "12@8 4@2": channels at bits; "-" for a layer without weights.
std::string weight_bits_text(const IntegerLayer& layer);

// What the integer network finds for every sample, for metrics: see found_in(); of a reconstruction, what the device computes
// (quant/integer/anomaly_score.h).
std::vector<double> found_by_integers(const IntegerGraph& graph, TaskKind kind, const Dataset& data);
// Share of samples on which the fake-quantized network predicts the same class; of a reconstruction, share of output elements within one step.
double agreement(const IntegerGraph& graph, Network& network, LayerTransform* transform, const Dataset& data);

}  // namespace bitloom
