// Weight gradient of convolutions, dense and depthwise: a sum of outer products of the inputs that a window meets and its outputs' gradient, on the register tiles of
// tile.h, output channels in the lanes.
#pragma once
#include <algorithm>
#include <utility>
#include <vector>

#include "core/kernels/conv_engine.h"
#include "core/kernels/tap_products.h"

namespace bitloom::kernel {

// How many elements of the windows a weight gradient handles as one: those of a tap of an image read in place; in a padded copy, those
// of a row of taps, or all of a depthwise window.
template <Mode mode>
int64_t slice_length(const Windows& s) {
  const int64_t kh = s.image_rows.kernel, kw = s.image_columns.kernel;
  return s.in_place ? tap_length<mode>(s) : mode == Mode::kDense ? kw * s.c : kh * kw;
}

// The rows of y's gradient that belong to a band, each pixel's channels padded with zeros to full vectors.
inline const float* output_rows(const float* dy, const Windows& s, const Band& band, int64_t oc) {
  const float* rows = dy + band.first * s.image_columns.positions * oc;
  if (oc == padded(oc)) return rows;
  thread_local Scratch scratch;
  const int64_t pixels = (band.end - band.first) * s.image_columns.positions;
  float* copy = scratch.reserve(pixels * padded(oc));
  copy_pixels(rows, pixels, oc, padded(oc), copy);
  return copy;
}

// sum (kh, kw, tap length, padded oc) += the outer products of a band of an image x and its outputs' gradient dy.
// offset[k]: where element k of a depthwise slice lies.
template <Mode mode>
void add_outer_products(const float* x, const float* dy, const Windows& s, const Band& band, const int64_t* offset, int64_t oc,
                        int64_t begin, int64_t end, float* sum) {
  const Source source(x, s, band);
  const float* columns = output_rows(dy, s, band, oc);
  const int64_t width = padded(oc), ow = s.image_columns.positions, kh = s.image_rows.kernel, kw = s.image_columns.kernel;
  const int64_t slice = slice_length<mode>(s), taps = s.in_place ? kw : 1, slices = kh * kw * tap_length<mode>(s) / slice;
  // While a tile is computed, its share of the next band is fetched: what follows this one. A 1x1 window has too few tiles.
  const int64_t tiles = slices * parts(vectors(oc), kMaxVectors) * parts(end - begin, max_rows(kMaxVectors));
  const int64_t rows = kh * kw > 1 ? band.end - band.first : 0;
  const int64_t in = rows * s.image_rows.stride * s.image_columns.extent * s.c / tiles, out = rows * ow * oc / tiles;
  const float* next_in = x + band.end * s.image_rows.stride * s.image_columns.extent * s.c;
  const float* next_out = dy + band.end * ow * oc;
  for (int64_t i = 0; i < slices; ++i) {
    const int64_t row_tap = i / taps, tap = i % taps;
    const Run v = s.rows().of_tap(row_tap, band.first, band.end), u = s.columns().of_tap(tap, 0, ow);
    OuterTile t;
    t.rows = v.end - v.begin, t.a_row = s.image_rows.stride * s.row_floats(), t.b_row = ow * width;
    t.columns = u.end - u.begin, t.a_step = s.image_columns.stride * s.pixel, t.b_step = width;
    t.out_step = width;
    if (t.columns == 1) std::swap(t.rows, t.columns), std::swap(t.a_row, t.a_step), std::swap(t.b_row, t.b_step);
    const float* a = source.at(v.begin, row_tap, u.begin, tap);
    const float* b = columns + ((v.begin - band.first) * ow + u.begin) * width;
    for_column_blocks(oc, [&](int64_t first_vector, int64_t count) {
      const int64_t channel = first_vector * kLanes;
      t.b = b + channel;
      split_evenly(end - begin, max_rows(count), [&](int64_t first, int64_t size) {
        const int64_t k = begin + first;
        t.a = a + (mode == Mode::kDense ? k : channel), t.offset = mode == Mode::kDense ? nullptr : offset + k;
        t.out = sum + (i * slice + k) * width + channel;
        prefetch<kRead>(next_in, in), prefetch<kRead>(next_out, out);
        next_in += in, next_out += out;
        kTiles<mode, OuterTile>.at(size, count)(t);
      });
    });
  }
}

// Whether rows are too long to be read by the column: the lines that a tile meets would share a few sets of the first-level cache.
inline bool suits_packing(const Windows& s, int64_t oc) { return std::min(s.c, oc) >= 512; }

// The same for a flat 1x1 convolution: what tiles read is copied together, the inputs [begin, end) and, for each column block, a panel of gradients, whose next one
// is fetched meanwhile.
inline void add_packed_products(const float* x, const float* dy, const Windows& s, const Band& band, int64_t oc, int64_t begin,
                                int64_t end, float* sum) {
  const int64_t pixels = band.end - band.first, width = padded(oc), inputs = end - begin;
  thread_local Scratch scratch;
  float *packed = scratch.reserve(pixels * (inputs + kMaxVectors * kLanes)), *panel = packed + pixels * inputs;
  const float *columns = output_rows(dy, s, band, oc), *rows = x + band.first * s.c + begin;
  for (int64_t i = 0; i < pixels; ++i) std::copy_n(rows + i * s.c, inputs, packed + i * inputs);
  for_column_blocks(oc, [&](int64_t first_vector, int64_t count) {
    const int64_t channel = first_vector * kLanes, block = count * kLanes;
    for (int64_t i = 0; i < pixels; ++i) {
      for (int64_t v = 0; v < block; v += kLanes) store(panel + i * block + v, load(columns + i * width + channel + v));
    }
    const float* next = columns + channel + block;
    const int64_t share = parts(pixels, parts(inputs, max_rows(count)));
    split_evenly(inputs, max_rows(count), [&](int64_t first, int64_t size) {
      for (int64_t i = 0; i < share; ++i, next += width) __builtin_prefetch(next);
      OuterTile t{};
      t.a = packed + first, t.a_step = inputs, t.b = panel, t.b_step = block, t.rows = 1, t.columns = pixels;
      t.out = sum + (begin + first) * width + channel, t.out_step = width;
      kTiles<Mode::kDense, OuterTile>.at(size, count)(t);
    });
  });
}

// dw (oc, depth) = the transposed sum of `chunks` partial sums (depth, padded oc), folded in order into the first.
inline void fold(float* partial, int64_t chunks, int64_t depth, int64_t oc, float* dw) {
  const int64_t width = padded(oc);
  parallel_blocks(
      depth, std::max<int64_t>(16, kGrain / (chunks * width)),
      [&](int64_t begin, int64_t end) {
        for (int64_t chunk = 1; chunk < chunks; ++chunk) {
          const float* other = partial + chunk * depth * width;
          for (int64_t i = begin * width; i < end * width; ++i) partial[i] += other[i];
        }
        transpose(partial + begin * width, width, end - begin, oc, dw + begin, depth);
      },
      chunks * depth * width >= kSharedFloats);
}

// The number of partial sums: enough for some threads, each over so many pixels that adding them up costs little, of at most 4 MB together.
inline int64_t weight_grad_chunks(const Conv2dShape& s, int64_t sum_floats) {
  const int64_t most = std::min({int64_t(16), ImageBlocks(s).count(), std::max<int64_t>(1, (1 << 20) / sum_floats)});
  return std::clamp<int64_t>(s.n * s.oh() * s.ow() / 128, 1, most);
}

template <Mode mode>
class OuterProducts : public ConvWeightGrad {
 public:
  explicit OuterProducts(const Conv2dShape& s) : s_(s) {
    const Windows windows = windows_of(flattened(s_, 1));
    depth_ = s.kh * s.kw * tap_length<mode>(windows);
    slice_ = slice_length<mode>(windows);
    chunks_ = weight_grad_chunks(s, depth_ * padded(s.oc));
    parts_ = std::clamp<int64_t>(16 / chunks_, 1, (slice_ + 31) / 32);
    begun_.resize(size_t(chunks_ * parts_));
    for (int64_t k = 0; k < depth_ && mode == Mode::kDepthwise; ++k) {
      offset_.push_back(k / s.kw * windows.row_floats() + k % s.kw * windows.pixel);
    }
    partial_ = scratch_.reserve(chunks_ * depth_ * padded(s.oc));
  }

  int64_t chunks() const override { return chunks_; }
  int64_t parts() const override { return parts_; }

  void add(const float* x, const float* dy, int64_t images, int64_t chunk, int64_t part) override {
    const int64_t width = padded(s_.oc), begin = part * slice_ / parts_, end = (part + 1) * slice_ / parts_;
    float* sum = partial_ + chunk * depth_ * width;
    if (!std::exchange(begun_[size_t(chunk * parts_ + part)], 1)) {
      for (int64_t k = 0; k < depth_; k += slice_) std::fill_n(sum + (k + begin) * width, (end - begin) * width, 0.0f);
    }
    const Windows windows = windows_of(flattened(s_, images));
    for (int64_t i = 0, count = is_flat(s_) ? 1 : images; i < count; ++i) {
      for (int64_t band = 0; band < windows.bands_per_image(); ++band) {
        const float *in = x + i * s_.in_floats(), *grad = dy + i * s_.out_floats();
        if (mode == Mode::kDepthwise && suits_tap_products(windows)) {
          add_tap_products(in, grad, windows, Band(windows, band), sum);
        } else if (mode == Mode::kDense && is_flat(s_) && suits_packing(windows, s_.oc)) {
          add_packed_products(in, grad, windows, Band(windows, band), s_.oc, begin, end, sum);
        } else {
          add_outer_products<mode>(in, grad, windows, Band(windows, band), offset_.data(), s_.oc, begin, end, sum);
        }
      }
    }
  }

  void finish(float* dw) override { fold(partial_, chunks_, depth_, s_.oc, dw); }

 private:
  static Windows windows_of(const Conv2dShape& s) {
    Windows windows = forward_windows<mode>(s, pixel_floats<mode>(s.c));
    // In place, a tile meets a single tap: too few inputs if that is one channel, or a few.
    windows.in_place = windows.in_place && (s.kw == 1 || 2 * tap_length<mode>(windows) >= kLanes);
    return windows;
  }

  Conv2dShape s_;
  int64_t depth_, slice_, chunks_, parts_;
  std::vector<char> begun_;      // by chunk and part; threads write to different ones
  std::vector<int64_t> offset_;  // of the taps in a depthwise window
  Scratch scratch_;
  float* partial_;
};

}  // namespace bitloom::kernel
