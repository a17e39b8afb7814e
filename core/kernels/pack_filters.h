// Filters in the order in which register tiles read them.
#pragma once
#include <algorithm>
#include <cstdint>

#include "core/kernels/tile.h"
#include "core/parallel.h"

namespace bitloom::kernel {

// Runs f(first vector, number of vectors) over the vectors that hold `channels`, a tile's width at a time.
template <class F>
void for_column_blocks(int64_t channels, F f) {
  split_evenly(vectors(channels), kMaxVectors, f);
}

inline constexpr int64_t kGrain = 4096;               // floats worth a task of their own
inline constexpr int64_t kSharedFloats = 8 * kGrain;  // and threads

// Filters for correlate(): for each column block, each window element in turn, the vectors of output channels.
// element(k, j) is the weight of window element k < depth for channel j.
template <class F>
void pack(int64_t depth, int64_t channels, float* packed, F element) {
  parallel_blocks(
      depth, std::max<int64_t>(1, kGrain / padded(channels)),
      [&](int64_t k0, int64_t k1) {
        for_column_blocks(channels, [&](int64_t first, int64_t count) {
          const int64_t width = count * kLanes, begin = first * kLanes, valid = std::min(width, channels - begin);
          for (int64_t k = k0; k < k1; ++k) {
            float* row = packed + begin * depth + k * width;
            for (int64_t j = 0; j < valid; ++j) row[j] = element(k, begin + j);
            std::fill(row + valid, row + width, 0.0f);
          }
        });
      },
      depth * padded(channels) >= kSharedFloats);
}

// The same of filters w (channels, depth).
inline void pack(int64_t depth, int64_t channels, float* packed, const float* w) {
  parallel_blocks(
      depth, std::max<int64_t>(kLanes, kGrain / padded(channels) / kLanes * kLanes),
      [&](int64_t k0, int64_t k1) {
        for_column_blocks(channels, [&](int64_t first, int64_t count) {
          const int64_t width = count * kLanes, begin = first * kLanes, valid = std::min(width, channels - begin);
          float* to = packed + begin * depth + k0 * width;
          transpose(w + begin * depth + k0, depth, valid, k1 - k0, to, width);
          for (int64_t k = 0; k < k1 - k0 && valid < width; ++k) std::fill(to + k * width + valid, to + (k + 1) * width, 0.0f);
        });
      },
      depth * padded(channels) >= kSharedFloats);
}

}  // namespace bitloom::kernel
