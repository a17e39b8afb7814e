// From a quantization-aware network to pure integers.
#pragma once
#include <string>
#include <vector>

#include "quant/integer/graph.h"
#include "quant/qat_network.h"

namespace bitloom {

// Folds normalization, bias and scales into the per-channel integers of requantize(), removes 0-bit channels, sorts the rest by precision
// inside each tie group, and packs the weights. The multipliers have as many bits as the proof that nothing leaves int32 allows.
//
// `qat` is settled on the way: its normalizations and scales are replaced by exactly what those integers stand for, so that the
// fake-quantized network computes, in float, the function of the returned graph. Lowering a settled network again gives the same graph.
// Errors: a scale that is not finite, or one so extreme that no multiplier fits; the message names layer and channel.
IntegerGraph lower(QatNetwork& qat, const std::string& task);

// Input codes of a batch under the graph's input scheme: (N,H,W,C).
TensorT<int16_t> input_codes(const IntegerGraph& graph, const Tensor& x);
// Of the samples [first, first + count): where they are stored as codes of that scheme, those very codes.
TensorT<int16_t> input_codes(const IntegerGraph& graph, const Dataset& data, int64_t first, int64_t count);

}  // namespace bitloom
