// Register tiles: P x V vectors of sums of products, the inner loops of convolutions and matrix products.
#pragma once
#include <algorithm>
#include <array>
#include <utility>

#include "core/kernels/multiply_add.h"

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

// out[p * out_step + j] = bias[j] + sum over r < rows, k < length of a[p * a_step + r * a_row + k * step] * b[r * b_row + k][j],
// in order, for P pixels p and `channels` columns j. Rows of b and the bias are padded with zeros to V vectors.
struct DotTile {
  int64_t a_step, rows, a_row, length, step;
  const float* b;
  int64_t b_row;
  const float* bias;
  int64_t out_step, channels;
  using Run = void (*)(const DotTile&, const float* a, float* out);
};

template <Mode mode, int P, int V>
void run(const DotTile& t, const float* from, float* out) {
  // A pointer serves three pixels, at no, one and two steps: as much as an address can express with a single step register.
  constexpr int kGroup = 3, kGroups = (P + kGroup - 1) / kGroup;
  const int64_t a_step = t.a_step, step = mode == Mode::kDense ? 1 : t.step;
  Vec acc[P][V];
#pragma GCC unroll 32
  for (int p = 0; p < P; ++p) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) acc[p][v] = load(t.bias + v * kLanes);
  }
  for (int64_t r = 0; r < t.rows; ++r) {
    const float* a[kGroups];
#pragma GCC unroll 32
    for (int g = 0; g < kGroups; ++g) a[g] = opaque(from + r * t.a_row + g * kGroup * a_step);
    const float* b = t.b + r * t.b_row;
    for (int64_t k = 0; k < t.length; ++k, b += V * kLanes) {
      Vec column[V];
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) column[v] = opaque(load(b + v * kLanes));
#pragma GCC unroll 32
      for (int p = 0; p < P; ++p) {
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) {
          acc[p][v] = multiply_add(input<mode>(a[p / kGroup] + p % kGroup * a_step, v), column[v], acc[p][v]);
        }
      }
#pragma GCC unroll 32
      for (int g = 0; g < kGroups; ++g) a[g] += step;
    }
  }
  const int64_t out_step = t.out_step, last = t.channels - (V - 1) * kLanes;
  if (last == kLanes) {
#pragma GCC unroll 32
    for (int p = 0; p < P; ++p, out += out_step) {
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) store(out + v * kLanes, acc[p][v]);
    }
  } else {
#pragma GCC unroll 32
    for (int p = 0; p < P; ++p, out += out_step) {
#pragma GCC unroll 4
      for (int v = 0; v < V - 1; ++v) store(out + v * kLanes, acc[p][v]);
      store_partial(out + (V - 1) * kLanes, acc[p][V - 1], last);
    }
  }
}

// out[p * out_step + j] += sum over r < rows, i < columns of a[r * a_row + i * a_step + offset[p]] * b[r * b_row + i * b_step + j]
// for P inputs p, dense ones at offset[p] = p, and V vectors of columns j. The sum starts from zero, so that its rounding error does not grow with what `out`
// already holds.
struct OuterTile {
  const float* a;
  const int64_t* offset;
  int64_t rows, columns, a_row, a_step;
  const float* b;
  int64_t b_row, b_step;
  float* out;
  int64_t out_step;
  using Run = void (*)(const OuterTile&);
};

template <Mode mode, int P, int V>
void run(const OuterTile& t) {
  const int64_t a_step = t.a_step;
  constexpr int kPointers = mode == Mode::kDense ? 1 : P;
  Vec acc[P][V] = {};
  for (int64_t r = 0; r < t.rows; ++r) {
    const float* a[kPointers];
#pragma GCC unroll 32
    for (int p = 0; p < kPointers; ++p) a[p] = opaque(t.a + r * t.a_row + (mode == Mode::kDense ? 0 : t.offset[p]));
    const float* b = t.b + r * t.b_row;
    for (int64_t i = 0; i < t.columns; ++i, b += t.b_step) {
      Vec row[V];
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) row[v] = opaque(load(b + v * kLanes));
#pragma GCC unroll 32
      for (int p = 0; p < P; ++p) {
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) {
          acc[p][v] = multiply_add(input<mode>(a[p % kPointers] + (mode == Mode::kDense ? p : 0), v), row[v], acc[p][v]);
        }
      }
#pragma GCC unroll 32
      for (int p = 0; p < kPointers; ++p) a[p] += a_step;
    }
  }
  float* out = t.out;
  const int64_t out_step = t.out_step;
#pragma GCC unroll 32
  for (int p = 0; p < P; ++p, out += out_step) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) store(out + v * kLanes, load(out + v * kLanes) + acc[p][v]);
  }
}

// The tile code for each number of rows and vectors that fits in the registers. More than 16 rows gain nothing.
constexpr int max_rows(int64_t v) { return std::min(16, kAccumulators / int(v)); }

template <class Tile, Mode mode>
class TileTable {
 public:
  using Run = typename Tile::Run;
  constexpr TileTable() : TileTable(std::make_integer_sequence<int, kMaxVectors>()) {}
  // 1 <= rows <= max_rows(vectors), 1 <= vectors <= kMaxVectors.
  Run at(int64_t rows, int64_t vectors) const { return run_[size_t(vectors - 1)][size_t(rows - 1)]; }

 private:
  using Row = std::array<Run, max_rows(1)>;
  template <int... V>
  constexpr explicit TileTable(std::integer_sequence<int, V...>) : run_{row<V + 1>(Rows<V + 1>())...} {}
  template <int V>
  using Rows = std::make_integer_sequence<int, max_rows(V)>;
  template <int V, int... P>
  static constexpr Row row(std::integer_sequence<int, P...>) {
    return {run<mode, P + 1, V>...};
  }
  std::array<Row, kMaxVectors> run_;
};

constexpr int64_t parts(int64_t n, int64_t limit) { return (n + limit - 1) / limit; }

// Splits [0, n) into the fewest parts of at most `limit` whose sizes differ by at most one, and runs f(begin, size) on each.
template <class F>
void split_evenly(int64_t n, int64_t limit, F f) {
  const int64_t count = parts(n, limit), size = n / count, larger = n % count;
  for (int64_t i = 0, begin = 0; i < count; ++i) {
    const int64_t part = size + (i < larger);
    f(begin, part);
    begin += part;
  }
}

}  // namespace bitloom::kernel
