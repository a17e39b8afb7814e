// Weight gradient of 3x3 depthwise filters: every tap's sum of products of its inputs and the outputs' gradient, channels in the lanes.
//
// The loop nest: groups of output rows whose inputs and gradients stay in the first-level cache; vectors of channels; rows; columns. A vector's nine sums stay in
// registers, so that a gradient is loaded once for all of them, and inputs are read where they are: rows outside the image are a row of zeros, columns
// outside are left out. That adds the same numbers in the same order as a padded copy.
#pragma once
#include <algorithm>

#include "core/kernels/multiply_add.h"
#include "core/kernels/scratch.h"
#include "core/kernels/windows.h"

namespace bitloom::kernel {

inline constexpr int kTaps = 3;  // in a row, and rows

inline bool suits_tap_products(const Windows& s) {
  return s.image_rows.kernel == kTaps && s.image_columns.kernel == kTaps && s.c % kLanes == 0;
}

using TapSums = Vec[kTaps][kTaps];

// The columns of a row whose taps all lie inside the image, [first, end), and how far apart they and their inputs are.
struct TapColumns {
  TapColumns(const Axis& a, int64_t channels)
      : axis(a),
        c(channels),
        first(a.of_tap(0, 0, a.positions).begin),
        end(std::max(first, a.of_tap(kTaps - 1, 0, a.positions).end)) {}
  Axis axis;
  int64_t c, first, end;
};

// sums += the products of the gradients dy of columns [from, to), some of whose taps lie outside the image, and those taps' inputs.
inline void add_edge(const float* const (&inputs)[kTaps], const float* dy, const TapColumns& columns, int64_t from, int64_t to,
                     TapSums& sums) {
  for (int64_t i = from; i < to; ++i) {
    const Vec d = load(dy + i * columns.c);
    const int64_t column = i * columns.axis.stride - columns.axis.before;
#pragma GCC unroll 3
    for (int k = 0; k < kTaps; ++k) {
      if (uint64_t(column + k) >= uint64_t(columns.axis.extent)) continue;
#pragma GCC unroll 3
      for (int t = 0; t < kTaps; ++t) sums[t][k] = multiply_add(load(inputs[t] + (column + k) * columns.c), d, sums[t][k]);
    }
  }
}

// The same of a whole row.
inline void add_row(const float* const (&inputs)[kTaps], const float* dy, const TapColumns& columns, TapSums& sums) {
  add_edge(inputs, dy, columns, 0, columns.first, sums);
  const int64_t c = columns.c, step = columns.axis.stride * c;
  const float *in[kTaps], *gradient = dy + columns.first * c;
#pragma GCC unroll 3
  for (int t = 0; t < kTaps; ++t) in[t] = opaque(inputs[t] + columns.first * step - columns.axis.before * c);
  for (int64_t i = columns.first; i < columns.end; ++i, gradient += c) {
    const Vec d = load(gradient);
#pragma GCC unroll 3
    for (int t = 0; t < kTaps; ++t) {
#pragma GCC unroll 3
      for (int k = 0; k < kTaps; ++k) sums[t][k] = multiply_add(load(in[t] + k * c), d, sums[t][k]);
      in[t] += step;
    }
  }
  add_edge(inputs, dy, columns, columns.end, columns.axis.positions, sums);
}

// sum (kh, kw, c) += the products of a band of an image x and its outputs' gradient dy. Each starts from zero, as in OuterTile.
inline void add_tap_products(const float* x, const float* dy, const Windows& s, const Band& band, float* sum) {
  const Axis& rows = s.image_rows;
  const TapColumns columns(s.image_columns, s.c);
  const int64_t in_row = s.image_columns.extent * s.c, out_row = s.image_columns.positions * s.c;
  thread_local Scratch scratch;
  float *carry = scratch.reserve(kTaps * kTaps * s.c + in_row), *zeros = carry + kTaps * kTaps * s.c;
  std::fill_n(zeros, in_row, 0.0f);
  constexpr int64_t kCache = 6144;  // floats
  const int64_t group = std::max<int64_t>(1, (kCache - kTaps * in_row) / (rows.stride * in_row + out_row));
  for (int64_t begin = band.first; begin < band.end; begin += group) {
    const int64_t end = std::min(begin + group, band.end);
    // Where a pixel has many vectors, one of which is summed at a time, processors do not see what is read next: a vector's share of the next group is fetched.
    const bool many = s.c > 32;
    const int64_t in = many ? group * rows.stride * in_row * kLanes / s.c : 0, out = many ? group * out_row * kLanes / s.c : 0;
    const float *next_in = x + ((end - 1) * rows.stride + kTaps - rows.before) * in_row, *next_out = dy + end * out_row;
    for (int64_t channel = 0; channel < s.c; channel += kLanes, next_in += in, next_out += out) {
      prefetch<kRead>(next_in, in), prefetch<kRead>(next_out, out);
      TapSums sums = {};
      const auto each = [&](auto f) {
#pragma GCC unroll 3
        for (int t = 0; t < kTaps; ++t) {
#pragma GCC unroll 3
          for (int k = 0; k < kTaps; ++k) f(sums[t][k], (t * kTaps + k) * s.c + channel);
        }
      };
      if (begin > band.first) each([&](Vec& v, int64_t at) { v = load(carry + at); });
      for (int64_t r = begin; r < end; ++r) {
        const float* inputs[kTaps];
#pragma GCC unroll 3
        for (int t = 0; t < kTaps; ++t) {
          const int64_t row = r * rows.stride + t - rows.before;
          inputs[t] = (row < 0 || row >= rows.extent ? zeros : x + row * in_row) + channel;
        }
        add_row(inputs, dy + r * out_row + channel, columns, sums);
      }
      if (end < band.end) {
        each([&](Vec& v, int64_t at) { store(carry + at, v); });
      } else {
        each([&](Vec& v, int64_t at) { store(sum + at, load(sum + at) + v); });
      }
    }
  }
}

}  // namespace bitloom::kernel
