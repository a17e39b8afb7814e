// Register tiles: P x V vectors of sums of products, the inner loops of convolutions and matrix products.
#pragma once
#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

#include "core/kernels/simd.h"

namespace bitloom::kernel {

// Which inputs meet a filter's output channels: all of a window, or the channel's own ones. A dense tile broadcasts one input
// to all lanes, a depthwise tile has a channel in each lane.
enum class Mode { kDense, kDepthwise };

template <Mode mode>
auto input(const float* a, int v) {
  if constexpr (mode == Mode::kDense) {
    (void)v;
    return *a;
  } else {
    return load(a + v * kLanes);
  }
}

// out[p][j] = bias[j] + sum over s < slices, k < length of a[p][s * slice_stride + k * step] * b[s * length + k][j], in order,
// for P pixels p and `channels` columns j. b and bias are padded with zeros to V vectors per row.
struct DotTile {
  const float* const* a;
  int64_t slices, slice_stride, length, step;
  const float* b;
  const float* bias;
  float* const* out;
  int64_t channels;
};

template <Mode mode, int P, int V>
void run(const DotTile& t) {
  const int64_t step = mode == Mode::kDense ? 1 : t.step;
  Vec acc[P][V];
#pragma GCC unroll 32
  for (int p = 0; p < P; ++p) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) acc[p][v] = load(t.bias + v * kLanes);
  }
  const float* b = t.b;
  for (int64_t s = 0; s < t.slices; ++s) {
    const float* a[P];
#pragma GCC unroll 32
    for (int p = 0; p < P; ++p) a[p] = t.a[p] + s * t.slice_stride;
    for (int64_t k = 0; k < t.length; ++k, b += V * kLanes) {
      Vec column[V];
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) column[v] = load(b + v * kLanes);
#pragma GCC unroll 32
      for (int p = 0; p < P; ++p) {
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) acc[p][v] += input<mode>(a[p] + k * step, v) * column[v];
      }
    }
  }
#pragma GCC unroll 32
  for (int p = 0; p < P; ++p) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      const int64_t left = t.channels - v * kLanes;
      if (left >= kLanes) {
        store(t.out[p] + v * kLanes, acc[p][v]);
      } else {
        store_partial(t.out[p] + v * kLanes, acc[p][v], left);
      }
    }
  }
}

// out[p * out_stride + j] += sum over i < count of a[offset[i] + p * step] * b[i * b_stride + j] for P inputs p and V vectors
// of columns j. The sum starts from zero, so that its rounding error does not grow with what `out` already holds.
struct OuterTile {
  const float* a;
  const int64_t* offset;
  int64_t step;
  const float* b;
  int64_t count, b_stride;
  float* out;
  int64_t out_stride;
};

template <Mode mode, int P, int V>
void run(const OuterTile& t) {
  const int64_t step = mode == Mode::kDense ? 1 : t.step;
  Vec acc[P][V] = {};
  const float* b = t.b;
  for (int64_t i = 0; i < t.count; ++i, b += t.b_stride) {
    const float* a = t.a + t.offset[i];
    Vec row[V];
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) row[v] = load(b + v * kLanes);
#pragma GCC unroll 32
    for (int p = 0; p < P; ++p) {
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) acc[p][v] += input<mode>(a + p * step, v) * row[v];
    }
  }
#pragma GCC unroll 32
  for (int p = 0; p < P; ++p) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      float* out = t.out + p * t.out_stride + v * kLanes;
      store(out, load(out) + acc[p][v]);
    }
  }
}

// The tile code for each number of rows and vectors that fits in the registers. A dot tile also keeps an address per row.
inline constexpr int kMaxVectors = 2;
template <class Tile>
constexpr int max_rows(int64_t v) {
  constexpr int limit = std::is_same_v<Tile, DotTile> ? 8 : kAccumulators;
  return std::min(limit, kAccumulators / int(v));
}

template <class Tile, Mode mode>
class TileTable {
 public:
  using Run = void (*)(const Tile&);
  constexpr TileTable() : run_{row<1>(Rows<1>()), row<2>(Rows<2>())} {}
  // 1 <= rows <= max_rows<Tile>(vectors), 1 <= vectors <= kMaxVectors.
  Run at(int64_t rows, int64_t vectors) const { return run_[size_t(vectors - 1)][size_t(rows - 1)]; }

 private:
  using Row = std::array<Run, kAccumulators>;
  template <int V>
  using Rows = std::make_integer_sequence<int, max_rows<Tile>(V)>;
  template <int V, int... P>
  static constexpr Row row(std::integer_sequence<int, P...>) {
    return {run<mode, P + 1, V>...};
  }
  std::array<Row, kMaxVectors> run_;
};

// Splits [0, n) into the fewest parts of at most `limit` whose sizes differ by at most one, and runs f(begin, size) on each.
template <class F>
void split_evenly(int64_t n, int64_t limit, F f) {
  const int64_t parts = (n + limit - 1) / limit, size = n / parts, larger = n % parts;
  for (int64_t i = 0, begin = 0; i < parts; ++i) {
    const int64_t count = size + (i < larger);
    f(begin, count);
    begin += count;
  }
}

}  // namespace bitloom::kernel
