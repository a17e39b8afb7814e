// Sliding windows over images: which inputs a window meets, in the image itself or in a copy padded with zeros.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/kernels/scratch.h"
#include "core/kernels/simd.h"

namespace bitloom::kernel {

// A range of neighbouring window positions and of the window's taps.
struct Run {
  int64_t begin, end, first_tap, end_tap;
  bool operator==(const Run& o) const {
    return begin == o.begin && end == o.end && first_tap == o.first_tap && end_tap == o.end_tap;
  }
};

// One axis of an image under a sliding window: tap t of position i meets input i * stride + t - before, or zero where that is not
// in [0, extent). `before` may be negative.
struct Axis {
  int64_t extent, kernel, stride, before, positions;

  int64_t covered() const { return (positions - 1) * stride + kernel; }
  // The same windows over a copy that begins with the first window and ends with the last.
  Axis of_copy() const { return {covered(), kernel, stride, 0, positions}; }

  // The positions whose windows lie inside the image.
  int64_t inside() const { return std::max<int64_t>(0, end(kernel - 1) - begin(0)); }
  // The positions at which a tap lies inside the image, within [from, to).
  Run of_tap(int64_t tap, int64_t from, int64_t to) const {
    const int64_t first = std::clamp(begin(tap), from, to);
    return {first, std::clamp(end(tap), first, to), tap, tap + 1};
  }
  // The positions in order: one run of those whose windows lie inside the image, and every other on its own.
  std::vector<Run> runs() const {
    std::vector<Run> all;
    const int64_t first = begin(0), last = std::max(first, end(kernel - 1));  // between them, windows have all their taps
    for (int64_t i = 0; i < positions;) {
      const int64_t first_tap = std::clamp<int64_t>(before - i * stride, 0, kernel);
      const int64_t end_tap = std::clamp<int64_t>(extent + before - i * stride, first_tap, kernel);
      const int64_t next = i == first && first < last ? last : i + 1;
      all.push_back({i, next, first_tap, end_tap});
      i = next;
    }
    return all;
  }

 private:
  // The first position at which a tap lies behind the image's begin or end.
  int64_t begin(int64_t tap) const { return std::clamp<int64_t>((before - tap + stride - 1) / stride, 0, positions); }
  int64_t end(int64_t tap) const { return std::clamp<int64_t>((extent + before - tap + stride - 1) / stride, 0, positions); }
};

// An image (rows, columns, c) read through a window. Kernels read pixels of `pixel` >= c floats: of the image in place, leaving
// out the taps outside it, or of a copy padded with zeros.
struct Windows {
  int64_t c;
  Axis image_rows, image_columns;
  int64_t pixel;
  bool in_place;

  Axis rows() const { return in_place ? image_rows : image_rows.of_copy(); }
  Axis columns() const { return in_place ? image_columns : image_columns.of_copy(); }
  int64_t row_floats() const { return columns().extent * pixel; }
  int64_t positions() const { return image_rows.positions * image_columns.positions; }
  // Whether at least half of the windows lie inside the image, so that the others may be small tiles.
  bool mostly_inside() const { return 2 * image_rows.inside() * image_columns.inside() >= positions(); }

  // Output rows handled at a time: few enough for the cache.
  int64_t band_rows() const { return std::clamp<int64_t>(512 / image_columns.positions, 1, image_rows.positions); }
  int64_t bands_per_image() const { return (image_rows.positions + band_rows() - 1) / band_rows(); }
};

// Output rows [first, end) of an image.
struct Band {
  Band(const Windows& s, int64_t index)
      : first(index * s.band_rows()), end(std::min(first + s.band_rows(), s.image_rows.positions)) {}
  int64_t first, end;
};

// `count` pixels of c floats, copied to pixels of `pixel` floats: as many, or whole vectors that end in zeros.
inline void copy_pixels(const float* from, int64_t count, int64_t c, int64_t pixel, float* to) {
  if (c == pixel) {
    std::copy_n(from, count * c, to);
    return;
  }
  const int64_t whole = pixel - kLanes;
  for (int64_t i = 0; i < count; ++i, from += c, to += pixel) {
    for (int64_t j = 0; j < whole; j += kLanes) store(to + j, load(from + j));
    store(to + whole, load_partial(from + whole, c - whole));
  }
}

// The input that a band's windows read: the image, or a copy of the rows it needs that the thread's next call overwrites.
class Source {
 public:
  Source(const float* image, const Windows& s, const Band& band) : rows_(s.rows()), columns_(s.columns()), pixel_(s.pixel) {
    base_ = s.in_place ? image : copy(image, s, band);
    first_ = s.in_place ? 0 : band.first * rows_.stride;
  }

  // The first input that a tap of the window at (row, column) meets.
  const float* at(int64_t row, int64_t row_tap, int64_t column, int64_t column_tap) const {
    const int64_t y = row * rows_.stride + row_tap - rows_.before - first_;
    return base_ + (y * columns_.extent + column * columns_.stride + column_tap - columns_.before) * pixel_;
  }

 private:
  static const float* copy(const float* image, const Windows& s, const Band& band) {
    thread_local Scratch scratch;
    const Axis &v = s.image_rows, &u = s.image_columns;
    const int64_t rows = (band.end - band.first - 1) * v.stride + v.kernel, top = band.first * v.stride - v.before;
    float* copy = scratch.reserve(rows * s.row_floats() + kLanes);
    std::fill_n(copy + rows * s.row_floats(), kLanes, 0.0f);  // a vector of several pixels may begin at the last one
    const int64_t begin = std::clamp<int64_t>(u.before, 0, u.covered());
    const int64_t end = std::clamp<int64_t>(u.extent + u.before, begin, u.covered());
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t y = top + r;
      float* row = copy + r * s.row_floats();
      if (y < 0 || y >= v.extent || begin == end) {
        std::fill_n(row, s.row_floats(), 0.0f);
        continue;
      }
      std::fill_n(row, begin * s.pixel, 0.0f);
      copy_pixels(image + (y * u.extent + begin - u.before) * s.c, end - begin, s.c, s.pixel, row + begin * s.pixel);
      std::fill_n(row + end * s.pixel, (u.covered() - end) * s.pixel, 0.0f);
    }
    return copy;
  }

  Axis rows_, columns_;
  int64_t pixel_, first_;
  const float* base_;
};

}  // namespace bitloom::kernel
