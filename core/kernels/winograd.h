// 3x3 convolutions with stride 1 by Winograd's minimal filtering F(4x4, 3x3): 36 multiplications for 16 outputs instead of 144.
//
//   forward        Y  = At [ (G w Gt) . (Bt x B) ] A         x: a tile of 6x6 inputs, two of which the next tile reads too; Y: 4x4 outputs
//   input grad     the forward pass of dy with flipped filters
//   weight grad    dw = Gt [ sum over tiles of (A dy At) . (Bt x B) ] G
//
// `.` is taken for each of the 36 places on its own: a matrix product over channels (or over tiles), made of the register tiles of tile.h. The loop
// nest: blocks of tiles, few enough that their transforms stay in the second-level cache; transform the tiles, channels in the lanes; 36 products;
// transform back. Source: Lavin and Gray, arXiv 1509.09308; the matrices are those of Toom and Cook for the points 0, +-3/4, +-3/2 and infinity,
// which are exact in floating point and keep the error (2e-6 of the largest output) well below that of the usual 0, +-1, +-2.
#pragma once
#include <algorithm>
#include <utility>
#include <vector>

#include "core/kernels/outer_products.h"

namespace bitloom::kernel {

// Where winograd's fewer products outweigh its transforms. Not a question of the vector width, so that processors with fused multiply-add compute the same.
inline bool suits_winograd(const Conv2dShape& s) {
#if !defined(__FMA__) && !defined(__aarch64__)
  return false;  // without fused multiply-add its error is above that of the direct sums by more than the tests allow
#endif
  return s.kh == 3 && s.kw == 3 && s.sh == 1 && s.sw == 1 && s.c % 16 == 0 && s.oc % 16 == 0 && s.oh() >= 4 && s.ow() >= 4 &&
         std::max({s.pt, s.pb, s.pl, s.pr}) <= 2;
}

inline constexpr int kTileIn = 6, kTileOut = 4, kPlaces = kTileIn * kTileIn;

// One dimension of the transforms. a, b: the points.
namespace winograd {
inline constexpr float a = 0.75f, b = 1.5f, a2 = a * a, b2 = b * b;

// y = Bt x
inline void inputs(const Vec (&x)[6], Vec (&y)[6]) {
  const Vec even_a = subtract_product(x[4], b2, x[2]), odd_a = subtract_product(x[3], b2, x[1]);
  const Vec even_b = subtract_product(x[4], a2, x[2]), odd_b = subtract_product(x[3], a2, x[1]);
  y[0] = multiply_add(a2 * b2, x[0], subtract_product(x[4], a2 + b2, x[2]));
  y[1] = multiply_add(a, odd_a, even_a), y[2] = subtract_product(even_a, a, odd_a);
  y[3] = multiply_add(b, odd_b, even_b), y[4] = subtract_product(even_b, b, odd_b);
  y[5] = multiply_add(a2 * b2, x[1], subtract_product(x[5], a2 + b2, x[3]));
}

// y = At x
inline void outputs(const Vec (&x)[6], Vec (&y)[4]) {
  const Vec even_a = x[1] + x[2], odd_a = a * (x[1] - x[2]), even_b = x[3] + x[4], odd_b = b * (x[3] - x[4]);
  y[0] = x[0] + even_a + even_b;
  y[1] = odd_a + odd_b;
  y[2] = multiply_add(a2, even_a, b2 * even_b);
  y[3] = multiply_add(a2, odd_a, b2 * odd_b) + x[5];
}

// y = A x
inline void output_grads(const Vec (&x)[4], Vec (&y)[6]) {
  const Vec even_a = multiply_add(a2, x[2], x[0]), odd_a = multiply_add(a2, x[3], x[1]);
  const Vec even_b = multiply_add(b2, x[2], x[0]), odd_b = multiply_add(b2, x[3], x[1]);
  y[0] = x[0];
  y[1] = multiply_add(a, odd_a, even_a), y[2] = subtract_product(even_a, a, odd_a);
  y[3] = multiply_add(b, odd_b, even_b), y[4] = subtract_product(even_b, b, odd_b);
  y[5] = x[3];
}

inline constexpr float n0 = 1 / (a2 * b2), na = 1 / (2 * a2 * (a2 - b2)), nb = 1 / (2 * b2 * (b2 - a2));

// y = G x
inline void filters(const Vec (&x)[3], Vec (&y)[6]) {
  const Vec even_a = multiply_add(a2, x[2], x[0]), odd_a = na * a * x[1];
  const Vec even_b = multiply_add(b2, x[2], x[0]), odd_b = nb * b * x[1];
  y[0] = n0 * x[0];
  y[1] = multiply_add(na, even_a, odd_a), y[2] = multiply_add(na, even_a, -odd_a);
  y[3] = multiply_add(nb, even_b, odd_b), y[4] = multiply_add(nb, even_b, -odd_b);
  y[5] = x[2];
}

// y = Gt x
inline void filter_grads(const Vec (&x)[6], Vec (&y)[3]) {
  const Vec even_a = na * (x[1] + x[2]), even_b = nb * (x[3] + x[4]);
  y[0] = multiply_add(n0, x[0], even_a + even_b);
  y[1] = multiply_add(na * a, x[1] - x[2], nb * b * (x[3] - x[4]));
  y[2] = multiply_add(a2, even_a, b2 * even_b) + x[5];
}
}  // namespace winograd

// The transform (n -> m) of both dimensions: load(i, j) gives the n x n vectors, store(i, j, v) takes the m x m results. (A template argument: a call through
// a pointer would pass all vectors through memory.)
template <int n, int m, auto transform, class Load, class Store>
[[gnu::always_inline]] inline void transform_both(Load load, Store store) {
  Vec half[m][n];  // columns done
#pragma GCC unroll 6
  for (int j = 0; j < n; ++j) {
    Vec in[n], out[m];
#pragma GCC unroll 6
    for (int i = 0; i < n; ++i) in[i] = load(i, j);
    transform(in, out);
#pragma GCC unroll 6
    for (int i = 0; i < m; ++i) half[i][j] = out[i];
  }
#pragma GCC unroll 6
  for (int i = 0; i < m; ++i) {
    Vec out[m];
    transform(half[i], out);
#pragma GCC unroll 6
    for (int j = 0; j < m; ++j) store(i, j, out[j]);
  }
}

// The tiles of some images: outputs 4 x 4 apart, numbered over the rows and columns of all.
class TileGrid {
 public:
  TileGrid(const Conv2dShape& s, int64_t images)
      : images_(images), rows_((s.oh() + kTileOut - 1) / kTileOut), columns_((s.ow() + kTileOut - 1) / kTileOut) {}

  int64_t size() const { return images_ * rows_ * columns_; }

  // The addresses of a tile's n x n pixels of x (N,h,w,c), the first of which lies (before_h, before_w) in front of the tile's first output; `outside`
  // for those that are not in the image.
  template <int n, class Float>
  void pixels(int64_t tile, Float* x, int64_t h, int64_t w, int64_t c, int64_t before_h, int64_t before_w, Float* outside,
              Float* (&at)[n * n]) const {
    const int64_t y0 = tile / columns_ % rows_ * kTileOut - before_h, x0 = tile % columns_ * kTileOut - before_w;
    Float* image = x + tile / columns_ / rows_ * h * w * c;
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        const bool inside = y0 + i >= 0 && y0 + i < h && x0 + j >= 0 && x0 + j < w;
        at[i * n + j] = inside ? image + ((y0 + i) * w + x0 + j) * c : outside;
      }
    }
  }

 private:
  int64_t images_, rows_, columns_;
};

// The products of a place are summed over at most so many channels at a time: the outputs' transform cancels digits, and magnifies the rounding error of longer sums.
inline constexpr int64_t kSumChannels = 32;

// Tiles transformed at a time: their transforms of c and oc channels fit in half of a usual second-level cache.
inline int64_t tiles_at_a_time(int64_t c, int64_t oc) { return std::clamp<int64_t>((1 << 17) / kPlaces / (c + oc), 8, 128); }

// The floats of a place: an odd number of cache lines, so that the places of a tile fall into different sets of the first-level cache.
inline int64_t place_floats(int64_t tiles, int64_t c) { return (tiles * c / 16 | 1) * 16; }

// to[place][i][channel], count tiles from `first` on, of x (N,h,w,c): the transform of their n x n pixels.
template <int n, auto transform>
void transform_tiles(const TileGrid& grid, int64_t first, int64_t count, const float* x, int64_t h, int64_t w, int64_t c,
                     int64_t before_h, int64_t before_w, const float* zeros, float* to) {
  for (int64_t t = 0; t < count; ++t) {
    const float* at[n * n];
    grid.pixels<n>(first + t, x, h, w, c, before_h, before_w, zeros, at);
    for (int i = 0; i < kTileOut * kTileOut; ++i) {  // what the tile below does not share with this one
      prefetch<kRead>(at[(n - kTileOut + i / kTileOut) * n + (n - kTileOut) / 2 + i % kTileOut] + kTileOut * w * c, c);
    }
    for (int64_t j = 0; j < c; j += kLanes) {
      float* out = to + t * c + j;
      transform_both<n, kTileIn, transform>(
          [&](int row, int column) { return load(at[row * n + column] + j); },
          [&](int row, int column, Vec v) { store(out + (row * kTileIn + column) * place_floats(count, c), v); });
    }
  }
}

// The convolution of a block with filters packed as pack() does: 9 taps of s.c elements.
class WinogradPass : public ConvPass {
 public:
  // bias: s.oc floats that outlive the pass, or null.
  WinogradPass(const float* packed, const float* bias, const Conv2dShape& s) : s_(s), sums_(parts(s.c, kSumChannels)) {
    const int64_t c = s.c, oc = s.oc;
    filters_ = scratch_.reserve(kPlaces * c * oc + c + oc);
    zeros_ = filters_ + kPlaces * c * oc;
    std::fill_n(zeros_, c + oc, 0.0f);
    bias_ = bias ? bias : zeros_;
    for_column_blocks(oc, [&](int64_t first_vector, int64_t count) {
      const int64_t width = count * kLanes;
      parallel_for(c, [&](int64_t k) {
        for (int64_t j = 0; j < width; j += kLanes) {
          const int64_t at = first_vector * kLanes * c + k * width + j;
          const float* from = packed + first_vector * kLanes * 9 * c + k * width + j;
          transform_both<3, kTileIn, winograd::filters>(
              [&](int row, int column) { return load(from + (row * 3 + column) * c * width); },
              [&](int row, int column, Vec v) { store(filters_ + (row * kTileIn + column) * c * oc + at, v); });
        }
      });
    });
  }

  void run(const float* x, float* y, int64_t images) const override {
    const TileGrid grid(s_, images);
    split_evenly(grid.size(), tiles_at_a_time(s_.c, sums_ * s_.oc),
                 [&](int64_t first, int64_t tiles) { run_tiles(grid, first, tiles, x, y); });
  }

 private:
  void run_tiles(const TileGrid& grid, int64_t first, int64_t tiles, const float* x, float* y) const {
    const int64_t c = s_.c, oc = s_.oc;
    thread_local Scratch scratch;
    const int64_t v_place = place_floats(tiles, c), m_place = place_floats(tiles, sums_ * oc);
    float* v = scratch.reserve(kPlaces * (v_place + m_place) + oc);
    float *m = v + kPlaces * v_place, *outside = m + kPlaces * m_place;  // m[place][tile][sum][oc]
    transform_tiles<kTileIn, winograd::inputs>(grid, first, tiles, x, s_.h, s_.w, c, s_.pt, s_.pl, zeros_, v);
    for (int64_t place = 0; place < kPlaces; ++place) {
      multiply(filters_ + place * c * oc, tiles, v + place * v_place, m + place * m_place);
    }
    for (int64_t i = 0; i < tiles; ++i) {
      float* to[kTileOut * kTileOut];
      grid.pixels<kTileOut>(first + i, y, s_.oh(), s_.ow(), oc, 0, 0, outside, to);
      for (float* pixel : to) prefetch<kWrite>(pixel + kTileOut * s_.ow() * oc, oc);
      for (int64_t j = 0; j < oc; j += kLanes) {
        const Vec shift = load(bias_ + j);
        const auto sum_at = [&](int row, int column) {
          const float* part = m + (row * kTileIn + column) * m_place + i * sums_ * oc + j;
          Vec sum = load(part);
          for (int64_t k = 1; k < sums_; ++k) sum += load(part + k * oc);
          return sum;
        };
        transform_both<kTileIn, kTileOut, winograd::outputs>(
            sum_at, [&](int row, int column, Vec sum) { store(to[row * kTileOut + column] + j, sum + shift); });
      }
    }
  }

  // m = the sums of products of v and the filters u, at one place.
  void multiply(const float* u, int64_t tiles, const float* v, float* m) const {
    const int64_t c = s_.c, oc = s_.oc;
    DotTile t{};
    t.a_step = c, t.rows = 1, t.step = 1, t.bias = zeros_, t.out_step = sums_ * oc;
    for_column_blocks(oc, [&](int64_t first_vector, int64_t count) {
      const float* filters = u + first_vector * kLanes * c;
      float* out = m + first_vector * kLanes;
      t.channels = count * kLanes;
      split_evenly(c, kSumChannels, [&](int64_t k, int64_t length) {
        t.length = length, t.b = filters + k * t.channels;
        split_evenly(tiles, max_rows(count), [&](int64_t at, int64_t pixels) {
          kTiles<Mode::kDense, DotTile>.at(pixels, count)(t, v + at * c + k, out + at * sums_ * oc);
        });
        out += oc;
      });
    });
  }

  Conv2dShape s_;
  int64_t sums_;
  Scratch scratch_;
  float *filters_, *zeros_;
  const float* bias_;
};

// dw (OC,3,3,C): the weight gradient, of at most 16 partial sums of 5 MB together.
class WinogradWeightGrad : public ConvWeightGrad {
 public:
  explicit WinogradWeightGrad(const Conv2dShape& s) : s_(s), sums_(kPlaces * s.c * s.oc) {
    const int64_t blocks = ImageBlocks(s).count(), zeros = std::max(s.c, s.oc);
    chunks_ = std::clamp<int64_t>((5 << 18) / sums_, 1, std::min<int64_t>(16, blocks));
    begun_.resize(size_t(chunks_));
    partial_ = scratch_.reserve(chunks_ * sums_ + 9 * s.c * s.oc + zeros);
    packed_ = partial_ + chunks_ * sums_, zeros_ = packed_ + 9 * s.c * s.oc;
    std::fill_n(zeros_, zeros, 0.0f);
  }

  int64_t chunks() const override { return chunks_; }

  void add(const float* x, const float* dy, int64_t images, int64_t chunk, int64_t) override {
    const TileGrid grid(s_, images);
    float* sum = partial_ + chunk * sums_;
    if (!std::exchange(begun_[size_t(chunk)], 1)) std::fill_n(sum, sums_, 0.0f);
    split_evenly(grid.size(), tiles_at_a_time(s_.c, s_.oc),
                 [&](int64_t first, int64_t tiles) { add_tiles(grid, first, tiles, x, dy, sum); });
  }

  void finish(float* dw) override {
    const int64_t c = s_.c, oc = s_.oc;
    parallel_for(c, [&](int64_t k) {
      for (int64_t j = 0; j < oc; j += kLanes) {
        transform_both<kTileIn, 3, winograd::filter_grads>(
            [&](int row, int column) {
              const float* at = partial_ + ((row * kTileIn + column) * c + k) * oc + j;
              Vec sum = load(at);
              for (int64_t chunk = 1; chunk < chunks_; ++chunk) sum += load(at + chunk * sums_);
              return sum;
            },
            [&](int row, int column, Vec v) { store(packed_ + ((row * 3 + column) * c + k) * oc + j, v); });
      }
    });
    fold(packed_, 1, 9 * c, oc, dw);
  }

 private:
  void add_tiles(const TileGrid& grid, int64_t first, int64_t tiles, const float* x, const float* dy, float* sum) const {
    const int64_t c = s_.c, oc = s_.oc;
    thread_local Scratch scratch;
    const int64_t v_place = place_floats(tiles, c), m_place = place_floats(tiles, oc);
    float *v = scratch.reserve(kPlaces * (v_place + m_place)), *m = v + kPlaces * v_place;
    transform_tiles<kTileIn, winograd::inputs>(grid, first, tiles, x, s_.h, s_.w, c, s_.pt, s_.pl, zeros_, v);
    transform_tiles<kTileOut, winograd::output_grads>(grid, first, tiles, dy, s_.oh(), s_.ow(), oc, 0, 0, zeros_, m);
    OuterTile t{};
    t.rows = 1, t.columns = tiles, t.a_step = c, t.b_step = oc, t.out_step = oc;
    for (int64_t place = 0; place < kPlaces; ++place) {
      for_column_blocks(oc, [&](int64_t first_vector, int64_t count) {
        t.b = m + place * m_place + first_vector * kLanes;
        split_evenly(c, max_rows(count), [&](int64_t k, int64_t size) {
          t.a = v + place * v_place + k, t.out = sum + (place * c + k) * oc + first_vector * kLanes;
          kTiles<Mode::kDense, OuterTile>.at(size, count)(t);
        });
      });
    }
  }

  Conv2dShape s_;
  int64_t sums_, chunks_;
  std::vector<char> begun_;  // by chunk; threads write to different ones
  Scratch scratch_;
  float *partial_, *packed_, *zeros_;
};

}  // namespace bitloom::kernel
