// The score of an autoencoder in integers: how far its output is from its input.
#pragma once
#include <cstdint>

#include "quant/integer/graph.h"

namespace bitloom {

// Whether the network gives its input again: as many codes of 8 bits.
bool reconstructs(const IntegerGraph& graph);

// Over all codes x of the input and y of the output
//
//     score = sum of e * e        e = (x * in_multiplier - y * out_multiplier + offset) >> shift,        offset = 2^(shift - 1), or 0
//
// with an arithmetic shift, and the mean squared error of the values is score * unit. The larger multiplier has 15 bits and the products 23, so
// that nothing but the sum could leave an int32; `shift` is the least with which the sum of the largest squares that codes can have fits 32 bits
// without a sign. Of 640 codes, e has 12 bits then: two behind the binary point of the coarser codes.
struct AnomalyRule {
  int32_t in_multiplier = 0, out_multiplier = 0, offset = 0;
  int shift = 0;
  double unit = 0;
};
// Error, naming the network, unless it reconstructs its input.
AnomalyRule anomaly_rule(const IntegerGraph& graph);

// `in` and `out`: n codes each.
uint32_t anomaly_score(const AnomalyRule& rule, const int16_t* in, const int32_t* out, int64_t n);

}  // namespace bitloom
