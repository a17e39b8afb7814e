// The convolution engine behind conv2d.h and depthwise.h. Forward and input gradient are correlations of images with packed
// filters, the weight gradient is a sum of outer products; both run on the register tiles of tile.h, channels in the lanes.
#pragma once
#include <algorithm>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/kernels/conv2d.h"
#include "core/kernels/tile.h"
#include "core/kernels/windows.h"
#include "core/parallel.h"

namespace bitloom::kernel {

template <Mode mode, class Tile>
inline constexpr TileTable<Tile, mode> kTiles;

// Runs f(first vector, number of vectors) over the vectors that hold `channels`, a tile's width at a time.
template <class F>
void for_column_blocks(int64_t channels, F f) {
  split_evenly(vectors(channels), kMaxVectors, f);
}

inline constexpr int64_t kGrain = 32768;  // floats worth a task of their own

// Filters for correlate(): for each column block, each window element in turn, the vectors of output channels.
// element(k, j) is the weight of window element k < depth for channel j.
template <class F>
void pack(int64_t depth, int64_t channels, float* packed, F element) {
  parallel_blocks(depth, std::max<int64_t>(1, kGrain / padded(channels)), [&](int64_t k0, int64_t k1) {
    for_column_blocks(channels, [&](int64_t first, int64_t count) {
      const int64_t width = count * kLanes, begin = first * kLanes, valid = std::min(width, channels - begin);
      for (int64_t k = k0; k < k1; ++k) {
        float* row = packed + begin * depth + k * width;
        for (int64_t j = 0; j < valid; ++j) row[j] = element(k, begin + j);
        std::fill(row + valid, row + width, 0.0f);
      }
    });
  });
}

// The distance between the inputs of a window's consecutive elements in one row.
template <Mode mode>
int64_t step(const Windows& s) {
  return mode == Mode::kDense ? 1 : s.pixel;
}

// How many elements of a window row meet one output channel.
template <Mode mode>
int64_t slice_length(const Windows& s) {
  return mode == Mode::kDense ? s.kw * s.c : s.kw;
}

// y = bias + the products of x's windows with packed filters. The windows' pixel (row, column) of an image is written to
// (row * step_h + y0, column * step_w + x0) of an image of (h,w,c). `bias` is padded to full vectors.
struct Correlation {
  Windows windows;
  const float* filters;
  const float* bias;
  int64_t h, w, c, step_h, step_w, y0, x0;
};

template <Mode mode>
class Correlator {
 public:
  explicit Correlator(const Correlation& job)
      : job_(job),
        from_(job.windows.window_offsets()),
        to_(job.windows.pixel_offsets(job.step_h * job.w * job.c, job.step_w * job.c)) {}

  void run(const Band& band, const float* x, float* y) const {
    const Windows& s = job_.windows;
    const int64_t length = slice_length<mode>(s), depth = s.kh * length;
    const float* rows = input_rows(x, s, band);
    float* image = y + ((band.image * job_.h + band.first * job_.step_h + job_.y0) * job_.w + job_.x0) * job_.c;
    for_column_blocks(job_.c, [&](int64_t first_vector, int64_t count) {
      const int64_t channel = first_vector * kLanes;
      split_evenly(band.rows * s.ow, max_rows<DotTile>(count), [&](int64_t first, int64_t pixels) {
        const float* a[kAccumulators];
        float* out[kAccumulators];
        for (int64_t p = 0; p < pixels; ++p) {
          a[p] = rows + from_[size_t(first + p)] + (mode == Mode::kDense ? 0 : channel);
          out[p] = image + to_[size_t(first + p)] + channel;
        }
        kTiles<mode, DotTile>.at(pixels, count)({a, s.kh, s.row_floats(), length, step<mode>(s), job_.filters + channel * depth,
                                                 job_.bias + channel, out, std::min(count * kLanes, job_.c - channel)});
      });
    });
  }

  const Windows& windows() const { return job_.windows; }

 private:
  Correlation job_;
  std::vector<int64_t> from_, to_;
};

// Runs all jobs on one image before the next, so that the image stays in the cache.
template <Mode mode>
void correlate(const std::vector<Correlation>& jobs, const float* x, float* y) {
  const std::vector<Correlator<mode>> correlators(jobs.begin(), jobs.end());
  std::vector<std::pair<const Correlator<mode>*, int64_t>> tasks;  // a job and a band of the image
  for (const Correlator<mode>& correlator : correlators) {
    for (int64_t band = 0; band < correlator.windows().bands_per_image(); ++band) tasks.emplace_back(&correlator, band);
  }
  const int64_t per_image = int64_t(tasks.size());
  parallel_for(jobs[0].windows.n * per_image, [&](int64_t i) {
    const auto& [correlator, band] = tasks[size_t(i % per_image)];
    correlator->run(Band(correlator->windows(), i / per_image, band), x, y);
  });
}

// A 1x1 convolution with stride 1 is a matrix product: all images become the rows of a single one, which divides best.
inline Conv2dShape flattened(Conv2dShape s) {
  if (s.kh == 1 && s.kw == 1 && s.sh == 1 && s.sw == 1 && s.pt == 0 && s.pb == 0 && s.pl == 0 && s.pr == 0) {
    s.h *= s.n * s.w;
    s.n = s.w = 1;
  }
  return s;
}

inline void check_shape(const char* name, const Conv2dShape& s) {
  BITLOOM_CHECK(s.n > 0 && s.h > 0 && s.w > 0 && s.c > 0 && s.oc > 0 && s.kh > 0 && s.kw > 0 && s.sh > 0 && s.sw > 0, name,
                ": sizes and strides must be positive, got input (", s.n, ",", s.h, ",", s.w, ",", s.c, "), filters (", s.oc,
                ",", s.kh, ",", s.kw, "), stride (", s.sh, ",", s.sw, ")");
  BITLOOM_CHECK(s.pt >= 0 && s.pb >= 0 && s.pl >= 0 && s.pr >= 0 && s.h + s.pt + s.pb >= s.kh && s.w + s.pl + s.pr >= s.kw,
                name, ": a ", s.kh, "x", s.kw, " filter does not fit in a ", s.h, "x", s.w, " input padded by (", s.pt, ",",
                s.pb, ",", s.pl, ",", s.pr, ")");
}

// Floats per pixel that kernels read: depthwise tiles read whole vectors of channels.
template <Mode mode>
int64_t pixel_floats(int64_t c) {
  return mode == Mode::kDense ? c : padded(c);
}

template <Mode mode>
Windows forward_windows(const Conv2dShape& s) {
  return {s.n, s.h, s.w, s.c, s.kh, s.kw, s.sh, s.sw, s.pt, s.pl, s.oh(), s.ow(), pixel_floats<mode>(s.c)};
}

// One axis of the input gradient at input positions phase, phase + stride, ... < extent: they meet only every stride-th tap, so
// their gradient is a correlation of dy, at stride 1, with the taps last, last - stride, ..., first.
struct Phase {
  Phase(int64_t extent, int64_t kernel, int64_t stride, int64_t pad, int64_t phase)
      : first((phase + pad) % stride),
        taps(first < kernel ? (kernel - first + stride - 1) / stride : 0),
        before(taps > 0 ? taps - 1 - (phase + pad) / stride : 0),
        outputs((extent - phase + stride - 1) / stride) {}
  int64_t first, taps, before, outputs;
  int64_t tap(int64_t t, int64_t stride) const { return first + (taps - 1 - t) * stride; }
};

template <Mode mode>
void convolution_forward(const float* x, const float* w, const float* bias, float* y, const Conv2dShape& shape) {
  const Conv2dShape s = flattened(shape);
  const int64_t depth = s.kh * s.kw * (mode == Mode::kDense ? s.c : 1);
  thread_local Scratch scratch;
  float* packed = scratch.reserve(padded(s.oc) * (depth + 1));
  float* packed_bias = packed + padded(s.oc) * depth;
  pack(depth, s.oc, packed, [&](int64_t k, int64_t oc) { return w[oc * depth + k]; });
  pack(1, s.oc, packed_bias, [&](int64_t, int64_t oc) { return bias ? bias[oc] : 0.0f; });
  correlate<mode>({{forward_windows<mode>(s), packed, packed_bias, s.oh(), s.ow(), s.oc, 1, 1, 0, 0}}, x, y);
}

template <Mode mode>
void convolution_input_grad(const float* dy, const float* w, float* dx, const Conv2dShape& shape) {
  const Conv2dShape s = flattened(shape);
  const int64_t inputs = mode == Mode::kDense ? s.oc : 1;  // channels of dy that meet one channel of dx
  thread_local Scratch scratch;
  float* no_bias = scratch.reserve(padded(s.c) * (1 + s.kh * s.kw * inputs));  // the phases share out the taps
  std::fill_n(no_bias, padded(s.c), 0.0f);
  float* packed = no_bias + padded(s.c);
  std::vector<Correlation> jobs;
  for (int64_t y0 = 0; y0 < std::min(s.sh, s.h); ++y0) {
    for (int64_t x0 = 0; x0 < std::min(s.sw, s.w); ++x0) {
      const Phase v(s.h, s.kh, s.sh, s.pt, y0), u(s.w, s.kw, s.sw, s.pl, x0);
      const int64_t depth = v.taps * u.taps * inputs;
      pack(depth, s.c, packed, [&](int64_t k, int64_t c) {
        const int64_t kh = v.tap(k / inputs / u.taps, s.sh), kw = u.tap(k / inputs % u.taps, s.sw);
        return mode == Mode::kDense ? w[((k % inputs * s.kh + kh) * s.kw + kw) * s.c + c] : w[(c * s.kh + kh) * s.kw + kw];
      });
      const Windows windows{
          s.n, s.oh(), s.ow(), s.oc, v.taps, u.taps, 1, 1, v.before, u.before, v.outputs, u.outputs, pixel_floats<mode>(s.oc)};
      jobs.push_back({windows, packed, no_bias, s.h, s.w, s.c, s.sh, s.sw, y0, x0});
      packed += padded(s.c) * depth;
    }
  }
  correlate<mode>(jobs, dy, dx);
}

// The rows of y's gradient that belong to a band, each pixel's channels padded with zeros to full vectors.
inline const float* output_rows(const float* dy, const Windows& s, const Band& band, int64_t oc) {
  const float* rows = dy + (band.image * s.oh + band.first) * s.ow * oc;
  if (oc == padded(oc)) return rows;
  thread_local Scratch scratch;
  float* copy = scratch.reserve(band.rows * s.ow * padded(oc));
  copy_pixels(rows, band.rows * s.ow, oc, padded(oc), copy);
  return copy;
}

// sum (kh * slice_length, padded oc) += the outer products of a band, for elements [begin, end) of every window row.
template <Mode mode>
void add_outer_products(const float* x, const float* dy, const Windows& s, const Band& band, const int64_t* offset, int64_t oc,
                        int64_t begin, int64_t end, float* sum) {
  const float* rows = input_rows(x, s, band);
  const float* columns = output_rows(dy, s, band, oc);
  const int64_t width = padded(oc);
  for (int64_t kh = 0; kh < s.kh; ++kh) {
    for_column_blocks(oc, [&](int64_t first_vector, int64_t count) {
      const int64_t channel = first_vector * kLanes;
      const float* first_input = rows + kh * s.row_floats() + (mode == Mode::kDense ? 0 : channel);
      split_evenly(end - begin, max_rows<OuterTile>(count), [&](int64_t first, int64_t size) {
        const int64_t k = begin + first;
        kTiles<mode, OuterTile>.at(
            size, count)({first_input + k * step<mode>(s), offset, step<mode>(s), columns + channel, band.rows * s.ow, width,
                          sum + (kh * slice_length<mode>(s) + k) * width + channel, width});
      });
    });
  }
}

// dw (oc, depth) = the transposed sum of `chunks` partial sums (depth, padded oc), folded in order into the first.
inline void fold(float* partial, int64_t chunks, int64_t depth, int64_t oc, float* dw) {
  const int64_t width = padded(oc);
  parallel_blocks(depth, std::max<int64_t>(16, kGrain / (chunks * width)), [&](int64_t begin, int64_t end) {
    for (int64_t chunk = 1; chunk < chunks; ++chunk) {
      const float* other = partial + chunk * depth * width;
      for (int64_t i = begin * width; i < end * width; ++i) partial[i] += other[i];
    }
    for (int64_t j = 0; j < oc; ++j) {
      for (int64_t k = begin; k < end; ++k) dw[j * depth + k] = partial[k * width + j];
    }
  });
}

template <Mode mode>
void convolution_weight_grad(const float* x, const float* dy, float* dw, const Conv2dShape& shape) {
  const Conv2dShape s = flattened(shape);
  const Windows windows = forward_windows<mode>(s);
  const std::vector<int64_t> offset = windows.window_offsets();
  const int64_t bands = windows.bands(), slice = slice_length<mode>(windows), depth = s.kh * slice, width = padded(s.oc);
  // At most 16 partial sums over 1024 or more pixels each; where that leaves few, the window elements are divided too.
  const int64_t chunks = std::clamp<int64_t>(s.n * s.oh() * s.ow() / 1024, 1, std::min<int64_t>(16, bands));
  const int64_t parts = std::clamp<int64_t>(16 / chunks, 1, (slice + 31) / 32);
  thread_local Scratch scratch;
  float* partial = scratch.reserve(chunks * depth * width);
  parallel_for(chunks * parts, [&](int64_t task) {
    const int64_t chunk = task / parts, begin = task % parts * slice / parts, end = (task % parts + 1) * slice / parts;
    float* sum = partial + chunk * depth * width;
    for (int64_t kh = 0; kh < s.kh; ++kh) std::fill_n(sum + (kh * slice + begin) * width, (end - begin) * width, 0.0f);
    for (int64_t i = chunk * bands / chunks; i < (chunk + 1) * bands / chunks; ++i) {
      add_outer_products<mode>(x, dy, windows, Band(windows, i / windows.bands_per_image(), i % windows.bands_per_image()),
                               offset.data(), s.oc, begin, end, sum);
    }
  });
  fold(partial, chunks, depth, s.oc, dw);
}

}  // namespace bitloom::kernel
