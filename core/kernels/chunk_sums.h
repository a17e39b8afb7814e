// Sums over the rows of (rows, c) in an order that depends on (rows, c) only: each position of a block is summed in float over a chunk of rows,
// then positions and chunks are folded in order in double.
#pragma once
#include <type_traits>

#include "core/kernels/channels.h"
#include "core/kernels/simd.h"

namespace bitloom {

inline constexpr int64_t kChunkFloats = 4096;  // stays in the first-level cache between two passes

// Rows a partial sum covers.
inline int64_t chunk_rows(int64_t c) { return std::max<int64_t>(1, kChunkFloats / (block_rows(c) * c)) * block_rows(c); }

// The elements [begin, end) of (rows, c) that one partial sum covers.
struct Chunk {
  int64_t begin, end;
};

// Partial sums, K per channel and chunk: runs f(chunk, K x c doubles) for every chunk in parallel, returns them in order.
template <class F>
std::vector<double> for_each_chunk(int64_t rows, int64_t c, int64_t k, F f) {
  const int64_t size = chunk_rows(c) * c, chunks = (rows * c + size - 1) / size;
  std::vector<double> partial(size_t(chunks * k * c));
  parallel_for(chunks, [&](int64_t i) { f(Chunk{i * size, std::min(rows * c, (i + 1) * size)}, partial.data() + i * k * c); });
  return partial;
}

using kernel::where_positive;  // beside that of floats

// One float, or a vector of neighbours: what a term of a sum is computed from.
template <class V>
V neighbours(const float* p) {
  if constexpr (std::is_same_v<V, float>) {
    return *p;
  } else {
    return kernel::load(p);
  }
}

// The same of an array that is read once, and whose next chunk is asked for: the order in which sum_chunk() reads hides it from the processor.
template <class V>
V streamed(const float* p) {
  if constexpr (!std::is_same_v<V, float>) __builtin_prefetch(p + kChunkFloats);
  return neighbours<V>(p);
}

// out[k * c + j] += sum k < K over the chunk's rows of terms at channel j. terms(V(), element, position in block, sums) adds the K terms of an element, or
// of a vector of neighbours, to sums[0], ..., sums[K - 1] of type V. The sums of a few vectors stay in registers from block to block.
template <int K, class Terms>
void sum_chunk(const Chunk& chunk, int64_t c, double* out, Terms terms) {
  using kernel::kLanes, kernel::Vec;
  constexpr int kGroup = 4;
  const int64_t block = block_rows(c) * c, whole = chunk.begin + (chunk.end - chunk.begin) / block * block;
  const int64_t grouped = block / (kGroup * kLanes) * (kGroup * kLanes);
  std::vector<float> sums(size_t(K * block));
  for (int64_t position = 0; position < grouped; position += kGroup * kLanes) {
    Vec sum[kGroup][K] = {};
    for (int64_t i = chunk.begin + position; i < whole; i += block) {
#pragma GCC unroll 4
      for (int v = 0; v < kGroup; ++v) terms(Vec(), i + v * kLanes, position + v * kLanes, sum[v]);
    }
    for (int v = 0; v < kGroup; ++v) {
      for (int k = 0; k < K; ++k) kernel::store(sums.data() + k * block + position + v * kLanes, sum[v][k]);
    }
  }
  const auto add = [&](int64_t first, int64_t begin,
                       int64_t end) {  // positions [begin, end) of the block that begins at `first`
    for (int64_t position = begin; position < end; ++position) {
      float sum[K];
      for (int k = 0; k < K; ++k) sum[k] = sums[size_t(k * block + position)];
      terms(float(), first + position, position, sum);
      for (int k = 0; k < K; ++k) sums[size_t(k * block + position)] = sum[k];
    }
  };
  for (int64_t i = chunk.begin; i < whole; i += block) add(i, grouped, block);
  add(whole, 0, chunk.end - whole);
  for (int k = 0; k < K; ++k) {
    for (int64_t row = 0; row < block; row += c) {
#pragma omp simd
      for (int64_t j = 0; j < c; ++j) out[k * c + j] += double(sums[size_t(k * block + row + j)]);
    }
  }
}

// The sums over all chunks of their values [first, first + count), in order.
inline std::vector<double> fold(const std::vector<double>& partial, int64_t per_chunk, int64_t first, int64_t count) {
  std::vector<double> sum(static_cast<size_t>(count));
  for (int64_t at = first; at < int64_t(partial.size()); at += per_chunk) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) sum[size_t(j)] += partial[size_t(at + j)];
  }
  return sum;
}

}  // namespace bitloom
