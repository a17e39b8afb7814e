// What lower() makes of an assignment that does not depend on weights and scales.
#pragma once
#include <vector>

#include "quant/assignment.h"
#include "quant/integer/graph.h"

namespace bitloom {

// By layer, the original channels of its output in their final order: without the removed ones, sorted by the precisions of all weighted layers
// that share the channels, so that each of them becomes few runs of one precision. Input and output keep theirs.
std::vector<std::vector<int64_t>> channel_order(const ModelSpec& spec, const Assignment& assignment);

// Name, operation, extents and window of a layer, all channels kept; without inputs, schemes, weights and rules.
IntegerLayer integer_shape(const LayerSpec& layer);

// The graph without weights, multipliers, offsets, shifts and scales: extents, groups of channels, bits and signs. `signed_input`: of the
// network's 8-bit input codes (input_scheme()).
IntegerGraph lowered_shape(const ModelSpec& spec, const Assignment& assignment, bool signed_input);

// Bytes of the packed weights that lower() stores, by layer of the spec, for an assignment.
std::vector<int64_t> packed_weight_bytes(const ModelSpec& spec, const Assignment& assignment);

}  // namespace bitloom
