// Kernels over (rows, c) as flat loops for any c: a block is several rows long, and per-channel values are repeated to match.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/parallel.h"

namespace bitloom {

// dy where y > 0, else 0. By value: both are always read, so that the compiler can vectorise the choice.
inline float where_positive(float y, float dy) { return y > 0 ? dy : 0.0f; }

// Rows per block, so that short rows make blocks long enough for vector instructions.
inline int64_t block_rows(int64_t c) { return (255 + c) / c; }

// A per-channel array repeated block_rows(c) times.
class ChannelPattern {
 public:
  ChannelPattern(const float* values, int64_t c) {
    pattern_.reserve(size_t(block_rows(c) * c));
    for (int64_t row = 0; row < block_rows(c); ++row) pattern_.insert(pattern_.end(), values, values + c);
  }
  const float* data() const { return pattern_.data(); }

 private:
  std::vector<float> pattern_;
};

// Runs f(first element, number of elements) over whole blocks and the rest of (rows, c), in parallel.
template <class F>
void for_channel_blocks(int64_t rows, int64_t c, F f) {
  const int64_t block = block_rows(c) * c, blocks_per_task = std::max<int64_t>(1, 4096 / block);
  parallel_blocks(rows * c, blocks_per_task * block, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i += block) f(i, std::min(block, end - i));
  });
}

}  // namespace bitloom
