// A network that a run deployed: its integer graph and what is measured on it.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "quant/integer/graph.h"
#include "quant/qat_network.h"

namespace bitloom {

// Output codes of the integer network for every sample, (N, outputs).
TensorT<int32_t> run_integer(const IntegerGraph& graph, const Dataset& data);
// Score of those outputs: share of right classes, or minus the mean squared error of the reconstruction.
double integer_score(const IntegerGraph& graph, const TensorT<int32_t>& outputs, const Dataset& data);
// Share of samples on which the fake-quantized network predicts the same class; without labels, share of output elements within one step.
double agreement(const IntegerGraph& graph, const TensorT<int32_t>& outputs, Network& network, LayerTransform* transform,
                 const Dataset& data);

// MACs and weight bytes of the deployed layers, cycles and energy by the published table, channels per bit-width of every layer.
nlohmann::ordered_json describe(const IntegerGraph& graph);

}  // namespace bitloom
