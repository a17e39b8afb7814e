// Sums over the rows of (rows, c) in an order that depends on (rows, c) only: each position of a block is summed in float over a chunk of rows,
// then positions and chunks are folded in order in double.
#pragma once
#include "core/kernels/channels.h"

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

// Float sums for each position of a block, over the blocks of a chunk.
class BlockSums {
 public:
  explicit BlockSums(int64_t c) : c_(c), sums_(size_t(block_rows(c) * c)) {}
  float* data() { return sums_.data(); }
  // out[j] += the sums at the positions of channel j.
  void fold(double* out) const {
    for (size_t row = 0; row < sums_.size(); row += size_t(c_)) {
      for (size_t j = 0; j < size_t(c_); ++j) out[j] += double(sums_[row + j]);
    }
  }

 private:
  int64_t c_;
  std::vector<float> sums_;
};

// Runs f(first element, number of elements) over the blocks of a chunk.
template <class F>
void for_each_block(const Chunk& chunk, int64_t c, F f) {
  const int64_t block = block_rows(c) * c;
  for (int64_t i = chunk.begin; i < chunk.end; i += block) f(i, std::min(block, chunk.end - i));
}

// out[j] += sum over the chunk's rows of term(element, position in block).
template <class F>
void sum_chunk(const Chunk& chunk, int64_t c, double* out, F term) {
  BlockSums sums(c);
  for_each_block(chunk, c, [acc = sums.data(), term](int64_t begin, int64_t size) {
#pragma omp simd
    for (int64_t i = 0; i < size; ++i) acc[i] += term(begin + i, i);
  });
  sums.fold(out);
}

// The sum over all chunks of their value number `at`.
inline double fold(const std::vector<double>& partial, int64_t per_chunk, int64_t at) {
  double sum = 0;
  for (; at < int64_t(partial.size()); at += per_chunk) sum += partial[size_t(at)];
  return sum;
}

}  // namespace bitloom
