// The one rounding rule of the project.
#pragma once
#include <algorithm>
#include <cstdint>

namespace bitloom {

// Multipliers that lowering chooses are 2^18 at most: more says more than a float parameter can hold where a scale is kept as its logarithm
// (quant/lower.cpp).
inline constexpr int kMultiplierBits = 18;

// out = clamp((acc * multiplier + offset) >> shift, lo, hi), `offset` already holding the rounding half 2^(shift-1): round half up.
// On MPIC this is mul, p.addN (or p.addNr), p.clip or p.clipu (RI5CY user manual, General ALU Operations): three single-cycle instructions.
// Product and sum must fit int32 for every acc that can occur, which IntegerGraph::validate proves from the codes, so there is no overflow to
// define.
inline int32_t requantize(int32_t acc, int32_t multiplier, int32_t offset, int shift, int32_t lo, int32_t hi) {
  return std::clamp((acc * multiplier + offset) >> shift, lo, hi);
}

// The sum of two tensors brought to one scale: the same rule with the second product added to the offset.
inline int32_t requantize_add(int32_t x0, int32_t m0, int32_t x1, int32_t m1, int32_t offset, int shift, int32_t lo,
                              int32_t hi) {
  return requantize(x0, m0, x1 * m1 + offset, shift, lo, hi);
}

}  // namespace bitloom
