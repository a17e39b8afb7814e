// The measured cost table: layers of many shapes on the simulated core, and what a piece of code takes that explains them best.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "mpic/compile/plan/pieces.h"

namespace bitloom::mpic {

// Networks whose last layers, of every kind and pair of precisions, show every piece with other neighbours.
std::vector<IntegerGraph> calibration_networks();
// Cycles of the last layer.
double last_layer_cycles(const IntegerGraph& network);

// One layer with a single run of channels on an input of in_h x in_w x in_c, weights and tables zero: only its time is of interest. `shape` has
// op, extents, window and output.
IntegerGraph timing_network(const LayerGeometry& shape, int in_bits, int weight_bits);

// The layers of published figures: 3x3, 32 -> 64 channels on 16x16; pointwise, 64 -> 64 on 25x5.
LayerGeometry reference_layer(int out_bits);
LayerGeometry pointwise_layer(int out_bits);

// Cycles of every piece, by piece_index(): least squares of relative errors. `done` is called after each network.
std::vector<double> fit_pieces(const std::vector<IntegerGraph>& networks, const std::function<void(size_t)>& done = {});
// As nas/costs/mpic_measured.inc holds them.
std::string pieces_text(const std::vector<double>& pieces);

}  // namespace bitloom::mpic
