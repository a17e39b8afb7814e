// Sub-byte codes in 32-bit words, as memory holds them on MPIC: element 0 in the lowest bits.
#pragma once
#include <cstdint>
#include <vector>

#include "quant/integer/graph.h"

namespace bitloom {

// Words that hold `count` codes of `bits` in {0, 2, 4, 8} bits; a channel always starts a new word.
inline int64_t packed_words(int64_t count, int bits) { return (count * bits + 31) / 32; }

// Code `index` of a packed run of 2, 4 or 8-bit codes.
inline int32_t packed_code(const uint32_t* words, int64_t index, int bits, bool is_signed) {
  const int64_t bit = index * bits;
  const uint32_t top = words[bit / 32] << (32 - bits - bit % 32);
  return is_signed ? int32_t(top) >> (32 - bits) : int32_t(top >> (32 - bits));
}

// Appends `count` codes, zero-padded to whole words: weights (signed) or activations (signed or unsigned). Error for bits
// outside {2, 4, 8} and for a code that its bits cannot hold.
void append_packed(const int32_t* codes, int64_t count, int bits, bool is_signed, std::vector<uint32_t>& words);
std::vector<int32_t> unpack(const uint32_t* words, int64_t count, int bits, bool is_signed);

// All weight codes of a layer as (c, codes_per_channel), 0 in the channels of 0-bit groups. The layer must have the words that
// its groups ask for (IntegerGraph::validate).
std::vector<int8_t> unpack_weights(const IntegerGraph& graph, const IntegerLayer& layer);

}  // namespace bitloom
