// The convolution engine behind conv2d.h and depthwise.h. Forward and input gradient are correlations of images with packed
// filters, the weight gradient is a sum of outer products; both run on the register tiles of tile.h, channels in the lanes.
#pragma once
#include <algorithm>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/kernels/conv2d.h"
#include "core/kernels/pack_filters.h"
#include "core/kernels/tile.h"
#include "core/kernels/windows.h"
#include "core/parallel.h"

namespace bitloom::kernel {

template <Mode mode, class Tile>
inline constexpr TileTable<Tile, mode> kTiles;

// The distance between the inputs of a window's consecutive elements in one row.
template <Mode mode>
int64_t step(const Windows& s) {
  return mode == Mode::kDense ? 1 : s.pixel;
}

// How many elements of a window meet one output channel, per tap.
template <Mode mode>
int64_t tap_length(const Windows& s) {
  return mode == Mode::kDense ? s.c : 1;
}

// How many elements of the windows a weight gradient handles as one: those of a tap of an image read in place; in a padded copy, those
// of a row of taps, or all of a depthwise window.
template <Mode mode>
int64_t slice_length(const Windows& s) {
  const int64_t kh = s.image_rows.kernel, kw = s.image_columns.kernel;
  return s.in_place ? tap_length<mode>(s) : mode == Mode::kDense ? kw * s.c : kh * kw;
}

// How many neighbouring pixels of a row a depthwise tile's vector holds.
template <Mode mode>
int64_t pixels_per_vector(int64_t c, int64_t column_stride) {
  return mode == Mode::kDepthwise && column_stride == 1 && kLanes % c == 0 ? kLanes / c : 1;
}

// y = bias + the products of x's windows with packed filters. The windows' pixel (row, column) of an image is written to
// (row * step_h + y0, column * step_w + x0) of an image of (h,w,c). `bias` is padded to full vectors.
struct Correlation {
  Windows windows;
  const float* filters;
  const float* bias;
  int64_t h, w, c, step_h, step_w, y0, x0, shared;  // `shared` pixels to a vector
};

// What to fetch while a tile is computed, relative to it: `rows` rows of inputs that no window has met so far, and outputs.
struct Ahead {
  int64_t rows, in, out;

  __attribute__((always_inline)) void fetch(const DotTile& t, int64_t pixels, int64_t row_floats) const {
    const int64_t fresh = std::min(t.a_step, t.length);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t p = 0; p < pixels; ++p) prefetch<kRead>(t.a + in + r * row_floats + p * t.a_step, fresh);
    }
    for (int64_t p = 0; p < pixels && out > 0; ++p) prefetch<kWrite>(t.out + out + p * t.out_step, t.channels);
  }
};

// The loop nest: column blocks of output channels; regions of windows that meet the same taps; tiles of neighbours in a row or a
// column, whichever makes fewer of them; in a tile, the taps' inputs one after the other. A band's tiles are laid out once, for all
// images and for all bands that look alike.
template <Mode mode>
class Correlator {
 public:
  explicit Correlator(const Correlation& job) : job_(job) {
    const Windows& s = job_.windows;
    const std::vector<Run> rows = s.rows().runs(), columns = s.columns().runs();
    std::vector<Run> regions, previous;
    for (int64_t i = 0; i < s.bands_per_image(); ++i) {
      const Band band(s, 0, i);
      regions.clear();
      for (Run row : rows) {
        row.begin = std::max(row.begin, band.first) - band.first, row.end = std::min(row.end, band.end) - band.first;
        if (row.begin < row.end) regions.push_back(row);
      }
      if (regions != previous) plans_.push_back(plan(regions, columns));
      plan_of_band_.push_back(plans_.size() - 1);
      previous.swap(regions);
    }
  }

  void run(int64_t band_index, int64_t image, const float* x, float* y) const {
    const Windows& s = job_.windows;
    const Band band(s, image, band_index);
    const float* a = Source(x, s, band).at(band.first, 0, 0, 0);
    float* out = y + ((band.image * job_.h + band.first * job_.step_h + job_.y0) * job_.w + job_.x0) * job_.c;
    for (const Step& step : plans_[plan_of_band_[size_t(band_index)]]) {
      DotTile t = step.tile;
      t.a = a + step.in, t.out = out + step.out;
      step.ahead.fetch(t, step.pixels, s.row_floats());
      step.run(t);
    }
  }

  const Windows& windows() const { return job_.windows; }

 private:
  // A tile whose inputs and outputs lie `in` and `out` floats behind those of the band's first window.
  struct Step {
    typename TileTable<DotTile, mode>::Run run;
    int64_t pixels, in, out;
    DotTile tile;
    Ahead ahead;
  };
  using Plan = std::vector<Step>;

  Plan plan(const std::vector<Run>& rows, const std::vector<Run>& columns) const {
    Plan steps;
    for_column_blocks(job_.c * job_.shared, [&](int64_t first_vector, int64_t count) {
      for (const Run& row : rows) {
        for (const Run& column : columns) add_region(row, column, first_vector * kLanes, count, steps);
      }
    });
    return steps;
  }

  // The tiles of one region, for `count` vectors of channels.
  void add_region(const Run& row, const Run& column, int64_t channel, int64_t count, Plan& steps) const {
    const Windows& s = job_.windows;
    const int64_t length = tap_length<mode>(s), width = count * kLanes, kw = s.image_columns.kernel;
    const float* filters = job_.filters + channel * s.image_rows.kernel * kw * length;
    const int64_t row_step = s.image_rows.stride * s.row_floats(), column_step = s.image_columns.stride * s.pixel;
    const int64_t row_out = job_.step_h * job_.w * job_.c, column_out = job_.step_w * job_.c;
    const int64_t limit = max_rows(count);
    DotTile t{};
    t.rows = row.end_tap - row.first_tap, t.a_row = s.row_floats();
    t.length = (column.end_tap - column.first_tap) * length, t.step = step<mode>(s);
    t.b = filters + (row.first_tap * kw + column.first_tap) * length * width, t.b_row = kw * length * width;
    t.bias = job_.bias + channel, t.channels = std::min(width, job_.c * job_.shared - channel);
    // n neighbours from (r, c) on, whose inputs and outputs lie `in` and `out` floats apart
    const auto line = [&](int64_t r, int64_t c, int64_t n, int64_t in, int64_t out, const Ahead& ahead) {
      t.a_step = in, t.out_step = out;
      const int64_t a = r * row_step + row.first_tap * s.row_floats() + c * column_step + column.first_tap * s.pixel;
      split_evenly(n, limit, [&](int64_t first, int64_t pixels) {
        steps.push_back({kTiles<mode, DotTile>.at(pixels, count), pixels, a + first * in + (mode == Mode::kDense ? 0 : channel),
                         r * row_out + c * column_out + first * out + channel, t, ahead});
      });
    };
    const bool reads = s.in_place && channel == 0 && job_.y0 == 0 && job_.x0 == 0;  // the first to read the input
    const int64_t rows = row.end - row.begin, columns = column.end - column.begin;
    if (job_.shared > 1) {
      const int64_t in = column_step * job_.shared, out = column_out * job_.shared, whole = columns / job_.shared;
      for (int64_t r = row.begin; r < row.end; ++r) {
        t.channels = kLanes;
        if (whole > 0) line(r, column.begin, whole, in, out, {0, 0, row_out});
        t.channels = columns % job_.shared * job_.c;
        if (t.channels > 0) line(r, column.begin + whole * job_.shared, 1, in, out, {0, 0, 0});
      }
    } else if (rows * parts(columns, limit) <= columns * parts(rows, limit)) {
      const int64_t stride = s.image_rows.stride, fresh = std::min(t.rows, stride);
      const Ahead next_row{reads ? fresh : 0, (stride + t.rows - fresh) * s.row_floats(), row_out};
      for (int64_t r = row.begin; r < row.end; ++r) line(r, column.begin, columns, column_step, column_out, next_row);
    } else {
      const int64_t ahead = columns == s.image_columns.positions ? 2 * limit : 0;
      const Ahead next_tiles{reads && ahead > 0, ahead * row_step, ahead * row_out};
      for (int64_t c = column.begin; c < column.end; ++c) line(row.begin, c, rows, row_step, row_out, next_tiles);
    }
  }

  Correlation job_;
  std::vector<Plan> plans_;
  std::vector<size_t> plan_of_band_;
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
    correlator->run(band, i / per_image, x, y);
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
Windows make_windows(int64_t n, int64_t c, const Axis& rows, const Axis& columns, int64_t pixel) {
  Windows s{n, c, rows, columns, pixel, false};
  s.in_place = pixel == c && (mode == Mode::kDense || c % kLanes == 0) && s.mostly_inside();
  return s;
}

template <Mode mode>
Windows forward_windows(const Conv2dShape& s, int64_t pixel) {
  return make_windows<mode>(s.n, s.c, {s.h, s.kh, s.sh, s.pt, s.oh()}, {s.w, s.kw, s.sw, s.pl, s.ow()}, pixel);
}

// One axis of the input gradient at input positions phase, phase + stride, ... < extent: they meet only every stride-th tap, so
// their gradient is a correlation of dy, at stride 1, with the taps last, last - stride, ..., first.
struct Phase {
  Phase(int64_t extent, int64_t outputs, int64_t kernel, int64_t stride, int64_t pad, int64_t phase)
      : first((phase + pad) % stride),
        taps(first < kernel ? (kernel - first + stride - 1) / stride : 0),
        axis{outputs, taps, 1, taps > 0 ? taps - 1 - (phase + pad) / stride : 0, (extent - phase + stride - 1) / stride} {}
  int64_t first, taps;
  Axis axis;
  int64_t tap(int64_t t, int64_t stride) const { return first + (taps - 1 - t) * stride; }
};

template <Mode mode>
void convolution_forward(const float* x, const float* w, const float* bias, float* y, const Conv2dShape& shape) {
  const Conv2dShape s = flattened(shape);
  const int64_t depth = s.kh * s.kw * (mode == Mode::kDense ? s.c : 1), shared = pixels_per_vector<mode>(s.c, s.sw);
  const auto channel = [&](int64_t j) { return mode == Mode::kDense ? j : j % s.oc; };  // of lane j
  thread_local Scratch scratch;
  float* packed = scratch.reserve(padded(s.oc) * (depth + 1));
  float* packed_bias = packed + padded(s.oc) * depth;
  if (shared > 1) {
    pack(depth, s.oc * shared, packed, [&](int64_t k, int64_t j) { return w[channel(j) * depth + k]; });
  } else {
    pack(depth, s.oc, packed, w);
  }
  pack(1, s.oc * shared, packed_bias, [&](int64_t, int64_t j) { return bias ? bias[channel(j)] : 0.0f; });
  const Windows windows = forward_windows<mode>(s, shared > 1 ? s.c : pixel_floats<mode>(s.c));
  correlate<mode>({{windows, packed, packed_bias, s.oh(), s.ow(), s.oc, 1, 1, 0, 0, shared}}, x, y);
}

template <Mode mode>
void convolution_input_grad(const float* dy, const float* w, float* dx, const Conv2dShape& shape) {
  const Conv2dShape s = flattened(shape);
  const int64_t inputs = mode == Mode::kDense ? s.oc : 1;  // channels of dy that meet one channel of dx
  const int64_t shared = pixels_per_vector<mode>(s.c, s.sw), pixel = shared > 1 ? s.c : pixel_floats<mode>(s.oc);
  thread_local Scratch scratch;
  float* no_bias = scratch.reserve(padded(s.c) * (1 + s.kh * s.kw * inputs));  // the phases share out the taps
  std::fill_n(no_bias, padded(s.c), 0.0f);
  float* packed = no_bias + padded(s.c);
  std::vector<Correlation> jobs;
  for (int64_t y0 = 0; y0 < std::min(s.sh, s.h); ++y0) {
    for (int64_t x0 = 0; x0 < std::min(s.sw, s.w); ++x0) {
      const Phase v(s.h, s.oh(), s.kh, s.sh, s.pt, y0), u(s.w, s.ow(), s.kw, s.sw, s.pl, x0);
      const int64_t depth = v.taps * u.taps * inputs;
      pack(depth, s.c * shared, packed, [&](int64_t k, int64_t c) {
        const int64_t kh = v.tap(k / inputs / u.taps, s.sh), kw = u.tap(k / inputs % u.taps, s.sw);
        return mode == Mode::kDense ? w[((k % inputs * s.kh + kh) * s.kw + kw) * s.c + c]
                                    : w[(c % s.c * s.kh + kh) * s.kw + kw];
      });
      const Windows windows = make_windows<mode>(s.n, s.oc, v.axis, u.axis, pixel);
      jobs.push_back({windows, packed, no_bias, s.h, s.w, s.c, s.sh, s.sw, y0, x0, shared});
      packed += padded(s.c) * depth;
    }
  }
  correlate<mode>(jobs, dy, dx);
}

// The rows of y's gradient that belong to a band, each pixel's channels padded with zeros to full vectors.
inline const float* output_rows(const float* dy, const Windows& s, const Band& band, int64_t oc) {
  const float* rows = dy + (band.image * s.image_rows.positions + band.first) * s.image_columns.positions * oc;
  if (oc == padded(oc)) return rows;
  thread_local Scratch scratch;
  const int64_t pixels = (band.end - band.first) * s.image_columns.positions;
  float* copy = scratch.reserve(pixels * padded(oc));
  copy_pixels(rows, pixels, oc, padded(oc), copy);
  return copy;
}

// sum (kh, kw, tap length, padded oc) += the outer products of a band, for elements [begin, end) of every slice of the windows.
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
  const float* next_in = x + (band.image * s.image_rows.extent + band.end * s.image_rows.stride) * s.image_columns.extent * s.c;
  const float* next_out = dy + (band.image * s.image_rows.positions + band.end) * ow * oc;
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

// dw (oc, depth) = the transposed sum of `chunks` partial sums (depth, padded oc), folded in order into the first.
inline void fold(float* partial, int64_t chunks, int64_t depth, int64_t oc, float* dw) {
  const int64_t width = padded(oc);
  parallel_blocks(depth, std::max<int64_t>(16, kGrain / (chunks * width)), [&](int64_t begin, int64_t end) {
    for (int64_t chunk = 1; chunk < chunks; ++chunk) {
      const float* other = partial + chunk * depth * width;
      for (int64_t i = begin * width; i < end * width; ++i) partial[i] += other[i];
    }
    transpose(partial + begin * width, width, end - begin, oc, dw + begin, depth);
  });
}

template <Mode mode>
void convolution_weight_grad(const float* x, const float* dy, float* dw, const Conv2dShape& shape) {
  const Conv2dShape s = flattened(shape);
  Windows windows = forward_windows<mode>(s, pixel_floats<mode>(s.c));
  // In place, a tile meets a single tap: too few inputs if that is one channel, or a few.
  windows.in_place = windows.in_place && (s.kw == 1 || 2 * tap_length<mode>(windows) >= kLanes);
  const int64_t slice = slice_length<mode>(windows), bands = windows.bands(), width = padded(s.oc);
  const int64_t depth = s.kh * s.kw * tap_length<mode>(windows);
  std::vector<int64_t> offset;  // of the taps in a depthwise window
  for (int64_t k = 0; k < depth && mode == Mode::kDepthwise; ++k) {
    offset.push_back(k / s.kw * windows.row_floats() + k % s.kw * windows.pixel);
  }
  // At most 16 partial sums over 1024 or more pixels each; where that leaves few, the window elements are divided too.
  const int64_t chunks = std::clamp<int64_t>(s.n * s.oh() * s.ow() / 1024, 1, std::min<int64_t>(16, bands));
  const int64_t parts = std::clamp<int64_t>(16 / chunks, 1, (slice + 31) / 32);
  thread_local Scratch scratch;
  float* partial = scratch.reserve(chunks * depth * width);
  parallel_for(chunks * parts, [&](int64_t task) {
    const int64_t chunk = task / parts, begin = task % parts * slice / parts, end = (task % parts + 1) * slice / parts;
    float* sum = partial + chunk * depth * width;
    for (int64_t k = 0; k < depth; k += slice) std::fill_n(sum + (k + begin) * width, (end - begin) * width, 0.0f);
    for (int64_t i = chunk * bands / chunks; i < (chunk + 1) * bands / chunks; ++i) {
      add_outer_products<mode>(x, dy, windows, Band(windows, i / windows.bands_per_image(), i % windows.bands_per_image()),
                               offset.data(), s.oc, begin, end, sum);
    }
  });
  fold(partial, chunks, depth, s.oc, dw);
}

}  // namespace bitloom::kernel
