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

#include "core/kernels/conv_engine.h"

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
  const Vec even_a = x[4] - b2 * x[2], odd_a = a * (x[3] - b2 * x[1]);
  const Vec even_b = x[4] - a2 * x[2], odd_b = b * (x[3] - a2 * x[1]);
  y[0] = a2 * b2 * x[0] + (x[4] - (a2 + b2) * x[2]);
  y[1] = even_a + odd_a, y[2] = even_a - odd_a;
  y[3] = even_b + odd_b, y[4] = even_b - odd_b;
  y[5] = a2 * b2 * x[1] + (x[5] - (a2 + b2) * x[3]);
}

// y = At x
inline void outputs(const Vec (&x)[6], Vec (&y)[4]) {
  const Vec even_a = x[1] + x[2], odd_a = a * (x[1] - x[2]), even_b = x[3] + x[4], odd_b = b * (x[3] - x[4]);
  y[0] = x[0] + even_a + even_b;
  y[1] = odd_a + odd_b;
  y[2] = a2 * even_a + b2 * even_b;
  y[3] = a2 * odd_a + b2 * odd_b + x[5];
}

// y = A x
inline void output_grads(const Vec (&x)[4], Vec (&y)[6]) {
  const Vec even_a = x[0] + a2 * x[2], odd_a = a * (x[1] + a2 * x[3]);
  const Vec even_b = x[0] + b2 * x[2], odd_b = b * (x[1] + b2 * x[3]);
  y[0] = x[0];
  y[1] = even_a + odd_a, y[2] = even_a - odd_a;
  y[3] = even_b + odd_b, y[4] = even_b - odd_b;
  y[5] = x[3];
}

inline constexpr float n0 = 1 / (a2 * b2), na = 1 / (2 * a2 * (a2 - b2)), nb = 1 / (2 * b2 * (b2 - a2));

// y = G x
inline void filters(const Vec (&x)[3], Vec (&y)[6]) {
  const Vec even_a = na * (x[0] + a2 * x[2]), odd_a = na * a * x[1], even_b = nb * (x[0] + b2 * x[2]), odd_b = nb * b * x[1];
  y[0] = n0 * x[0];
  y[1] = even_a + odd_a, y[2] = even_a - odd_a;
  y[3] = even_b + odd_b, y[4] = even_b - odd_b;
  y[5] = x[2];
}

// y = Gt x
inline void filter_grads(const Vec (&x)[6], Vec (&y)[3]) {
  const Vec even_a = na * (x[1] + x[2]), odd_a = na * a * (x[1] - x[2]), even_b = nb * (x[3] + x[4]),
            odd_b = nb * b * (x[3] - x[4]);
  y[0] = n0 * x[0] + (even_a + even_b);
  y[1] = odd_a + odd_b;
  y[2] = a2 * even_a + b2 * even_b + x[5];
}
}  // namespace winograd

// The transform T (n -> m) of both dimensions: load(i, j) gives the n x n vectors, store(i, j, v) takes the m x m results.
template <int n, int m, class Transform, class Load, class Store>
[[gnu::always_inline]] inline void transform_both(Transform transform, Load load, Store store) {
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

// The tiles of a convolution: outputs 4 x 4 apart, numbered over the rows and columns of all images.
class TileGrid {
 public:
  explicit TileGrid(const Conv2dShape& s)
      : s_(s), rows_((s.oh() + kTileOut - 1) / kTileOut), columns_((s.ow() + kTileOut - 1) / kTileOut) {}

  int64_t size() const { return s_.n * rows_ * columns_; }

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
  Conv2dShape s_;
  int64_t rows_, columns_;
};

// The products of a place are summed over at most so many channels at a time: the outputs' transform cancels digits, and magnifies the rounding error of longer sums.
inline constexpr int64_t kSumChannels = 32;

// Tiles transformed at a time: their transforms of c and oc channels fit in half of a usual second-level cache.
inline int64_t tiles_at_a_time(int64_t c, int64_t oc) { return std::clamp<int64_t>((1 << 17) / kPlaces / (c + oc), 8, 128); }

// to[place][i][channel], count tiles from `first` on, of x (N,h,w,c): the transform of their n x n pixels.
template <int n, class Transform>
void transform_tiles(const TileGrid& grid, int64_t first, int64_t count, const float* x, int64_t h, int64_t w, int64_t c,
                     int64_t before_h, int64_t before_w, const float* zeros, Transform transform, float* to) {
  for (int64_t t = 0; t < count; ++t) {
    const float* at[n * n];
    grid.pixels<n>(first + t, x, h, w, c, before_h, before_w, zeros, at);
    for (int i = 0; i < kTileOut * kTileOut; ++i) {  // what the tile below does not share with this one
      prefetch<kRead>(at[(n - kTileOut + i / kTileOut) * n + (n - kTileOut) / 2 + i % kTileOut] + kTileOut * w * c, c);
    }
    for (int64_t j = 0; j < c; j += kLanes) {
      float* out = to + t * c + j;
      transform_both<n, kTileIn>(
          transform, [&](int row, int column) { return load(at[row * n + column] + j); },
          [&](int row, int column, Vec v) { store(out + (row * kTileIn + column) * count * c, v); });
    }
  }
}

// y (N,oh,ow,oc) = the convolution of x with filters packed as pack() does: 9 taps of s.c elements. zeros: s.c + s.oc floats.
inline void winograd_forward(const float* x, const float* packed, const float* bias, const float* zeros, float* y,
                             const Conv2dShape& s) {
  const TileGrid grid(s);
  const int64_t c = s.c, oc = s.oc, sums = parts(c, kSumChannels), block = tiles_at_a_time(c, sums * oc);
  thread_local Scratch filter_scratch;
  float* u = filter_scratch.reserve(kPlaces * c * oc);
  for_column_blocks(oc, [&](int64_t first_vector, int64_t count) {
    const int64_t width = count * kLanes;
    parallel_for(c, [&](int64_t k) {
      for (int64_t j = 0; j < width; j += kLanes) {
        const int64_t at = first_vector * kLanes * c + k * width + j;
        const float* from = packed + first_vector * kLanes * 9 * c + k * width + j;
        transform_both<3, kTileIn>(
            winograd::filters, [&](int row, int column) { return load(from + (row * 3 + column) * c * width); },
            [&](int row, int column, Vec v) { store(u + (row * kTileIn + column) * c * oc + at, v); });
      }
    });
  });
  parallel_for((grid.size() + block - 1) / block, [&](int64_t task) {
    const int64_t first = task * block, tiles = std::min(block, grid.size() - first);
    thread_local Scratch scratch;
    float* v = scratch.reserve(kPlaces * block * (c + sums * oc) + oc);
    float *m = v + kPlaces * block * c, *outside = m + kPlaces * block * sums * oc;  // m[place][tile][sum][oc]
    transform_tiles<kTileIn>(grid, first, tiles, x, s.h, s.w, c, s.pt, s.pl, zeros, winograd::inputs, v);
    DotTile t{};
    t.a_step = c, t.rows = 1, t.step = 1, t.bias = zeros, t.out_step = sums * oc;
    for (int64_t place = 0; place < kPlaces; ++place) {
      for_column_blocks(oc, [&](int64_t first_vector, int64_t count) {
        const float* filters = u + place * c * oc + first_vector * kLanes * c;
        t.channels = count * kLanes;
        float* out = m + place * tiles * sums * oc + first_vector * kLanes;
        split_evenly(c, kSumChannels, [&](int64_t k, int64_t length) {
          t.length = length, t.b = filters + k * t.channels;
          split_evenly(tiles, max_rows(count), [&](int64_t at, int64_t pixels) {
            t.a = v + (place * tiles + at) * c + k, t.out = out + at * sums * oc;
            kTiles<Mode::kDense, DotTile>.at(pixels, count)(t);
          });
          out += oc;
        });
      });
    }
    for (int64_t i = 0; i < tiles; ++i) {
      float* to[kTileOut * kTileOut];
      grid.pixels<kTileOut>(first + i, y, s.oh(), s.ow(), oc, 0, 0, outside, to);
      for (float* pixel : to) prefetch<kWrite>(pixel + kTileOut * s.ow() * oc, oc);
      for (int64_t j = 0; j < oc; j += kLanes) {
        const Vec shift = load(bias + j);
        const auto sum_at = [&](int row, int column) {
          const float* part = m + ((row * kTileIn + column) * tiles + i) * sums * oc + j;
          Vec sum = load(part);
          for (int64_t k = 1; k < sums; ++k) sum += load(part + k * oc);
          return sum;
        };
        transform_both<kTileIn, kTileOut>(winograd::outputs, sum_at, [&](int row, int column, Vec sum) {
          store(to[row * kTileOut + column] + j, sum + shift);
        });
      }
    }
  });
}

// dw (OC,3,3,C): the weight gradient. At most 16 partial sums, folded in order, of 4 MB together.
inline void winograd_weight_grad(const float* x, const float* dy, float* dw, const Conv2dShape& s) {
  const TileGrid grid(s);
  const int64_t c = s.c, oc = s.oc, block = tiles_at_a_time(c, oc), depth = 9 * c, sums = kPlaces * c * oc;
  const int64_t blocks = (grid.size() + block - 1) / block;
  const int64_t chunks = std::clamp<int64_t>((1 << 20) / sums, 1, std::min<int64_t>(16, blocks));
  thread_local Scratch shared_scratch;
  float* partial = shared_scratch.reserve(chunks * sums + depth * oc + std::max(c, oc));
  float *packed = partial + chunks * sums, *zeros = packed + depth * oc;
  std::fill_n(zeros, std::max(c, oc), 0.0f);
  parallel_for(chunks, [&](int64_t chunk) {
    thread_local Scratch scratch;
    float *v = scratch.reserve(kPlaces * block * (c + oc)), *m = v + kPlaces * block * c, *sum = partial + chunk * sums;
    std::fill_n(sum, sums, 0.0f);
    for (int64_t b = chunk * blocks / chunks; b < (chunk + 1) * blocks / chunks; ++b) {
      const int64_t first = b * block, tiles = std::min(block, grid.size() - first);
      transform_tiles<kTileIn>(grid, first, tiles, x, s.h, s.w, c, s.pt, s.pl, zeros, winograd::inputs, v);
      transform_tiles<kTileOut>(grid, first, tiles, dy, s.oh(), s.ow(), oc, 0, 0, zeros, winograd::output_grads, m);
      OuterTile t{};
      t.rows = 1, t.columns = tiles, t.a_step = c, t.b_step = oc, t.out_step = oc;
      for (int64_t place = 0; place < kPlaces; ++place) {
        for_column_blocks(oc, [&](int64_t first_vector, int64_t count) {
          t.b = m + place * tiles * oc + first_vector * kLanes;
          split_evenly(c, max_rows(count), [&](int64_t k, int64_t size) {
            t.a = v + place * tiles * c + k, t.out = sum + (place * c + k) * oc + first_vector * kLanes;
            kTiles<Mode::kDense, OuterTile>.at(size, count)(t);
          });
        });
      }
    }
  });
  parallel_for(c, [&](int64_t k) {
    for (int64_t j = 0; j < oc; j += kLanes) {
      transform_both<kTileIn, 3>(
          winograd::filter_grads,
          [&](int row, int column) {
            const float* at = partial + ((row * kTileIn + column) * c + k) * oc + j;
            Vec sum = load(at);
            for (int64_t chunk = 1; chunk < chunks; ++chunk) sum += load(at + chunk * sums);
            return sum;
          },
          [&](int row, int column, Vec v) { store(packed + ((row * 3 + column) * c + k) * oc + j, v); });
    }
  });
  fold(packed, 1, depth, oc, dw);
}

}  // namespace bitloom::kernel
