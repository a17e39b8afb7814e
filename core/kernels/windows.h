// Sliding windows over images: which input rows a band of output rows needs, with zeros where a window leaves the image.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/kernels/scratch.h"

namespace bitloom::kernel {

// Images (n,h,w,c) read through a kh x kw window that moves by (sh, sw) over (oh, ow) positions. The first window starts `top`
// rows above and `left` columns before the image; both may be negative. Kernels read pixels of `pixel` >= c floats.
struct Windows {
  int64_t n, h, w, c, kh, kw, sh, sw, top, left, oh, ow, pixel;

  // Whether kernels can read the image itself.
  bool in_place() const { return pixel == c && top == 0 && left == 0 && (oh - 1) * sh + kh <= h && (ow - 1) * sw + kw <= w; }
  int64_t columns() const { return in_place() ? w : (ow - 1) * sw + kw; }
  int64_t row_floats() const { return columns() * pixel; }

  // Output rows handled at a time: few enough for the cache and for sixteen threads, a function of the shape only.
  int64_t band_rows() const {
    const int64_t pixels = std::clamp<int64_t>(n * oh * ow / 16, 16, 512);
    return std::clamp<int64_t>(pixels / ow, 1, oh);
  }
  int64_t bands_per_image() const { return (oh + band_rows() - 1) / band_rows(); }
  int64_t bands() const { return n * bands_per_image(); }

  // For each pixel (row, column) of a band, row * row_stride + column * column_stride.
  std::vector<int64_t> pixel_offsets(int64_t row_stride, int64_t column_stride) const {
    std::vector<int64_t> offsets;
    offsets.reserve(size_t(band_rows() * ow));
    for (int64_t row = 0; row < band_rows(); ++row) {
      for (int64_t column = 0; column < ow; ++column) offsets.push_back(row * row_stride + column * column_stride);
    }
    return offsets;
  }
  // Where the window of each pixel of a band begins in its input rows.
  std::vector<int64_t> window_offsets() const { return pixel_offsets(sh * row_floats(), sw * pixel); }
};

// Output rows [first, first + rows) of one image.
struct Band {
  Band(const Windows& s, int64_t image_index, int64_t band_index)
      : image(image_index), first(band_index * s.band_rows()), rows(std::min(s.band_rows(), s.oh - first)) {}
  int64_t image, first, rows;
};

// `count` pixels of c floats, copied to pixels of `pixel` floats that end in zeros.
inline void copy_pixels(const float* from, int64_t count, int64_t c, int64_t pixel, float* to) {
  if (c == pixel) {
    std::copy_n(from, count * c, to);
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    std::copy_n(from + i * c, c, to + i * pixel);
    std::fill_n(to + i * pixel + c, pixel - c, 0.0f);
  }
}

// The input rows of a band, row_floats() apart: in x itself or in a copy that the thread's next call overwrites.
inline const float* input_rows(const float* x, const Windows& s, const Band& band) {
  const float* image = x + band.image * s.h * s.w * s.c;
  const int64_t top = band.first * s.sh - s.top;
  if (s.in_place()) return image + top * s.w * s.c;
  thread_local Scratch scratch;
  const int64_t rows = (band.rows - 1) * s.sh + s.kh;
  float* copy = scratch.reserve(rows * s.row_floats());
  const int64_t begin = std::clamp<int64_t>(s.left, 0, s.columns());
  const int64_t end = std::clamp<int64_t>(s.w + s.left, begin, s.columns());
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t y = top + r;
    float* row = copy + r * s.row_floats();
    if (y < 0 || y >= s.h || begin == end) {
      std::fill_n(row, s.row_floats(), 0.0f);
      continue;
    }
    std::fill_n(row, begin * s.pixel, 0.0f);
    copy_pixels(image + (y * s.w + begin - s.left) * s.c, end - begin, s.c, s.pixel, row + begin * s.pixel);
    std::fill_n(row + end * s.pixel, (s.columns() - end) * s.pixel, 0.0f);
  }
  return copy;
}

}  // namespace bitloom::kernel
