// Forward pass and input gradient of convolutions, dense and depthwise: correlations of images with packed filters, on the register tiles of tile.h, channels in the
// lanes.
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
      const Band band(s, i);
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

  // x, y: an image.
  void run(int64_t band_index, const float* x, float* y) const {
    const Windows& s = job_.windows;
    const Band band(s, band_index);
    const float* a = Source(x, s, band).at(band.first, 0, 0, 0);
    float* out = y + ((band.first * job_.step_h + job_.y0) * job_.w + job_.x0) * job_.c;
    for (const Step& step : plans_[plan_of_band_[size_t(band_index)]]) {
      const DotTile& t = step.tile;
      float* to = out + step.out;
      for (int64_t p = 0; p < step.pixels && step.ahead > 0; ++p) {
        prefetch<kWrite>(to + step.ahead + p * t.out_step, t.channels);
        // A depthwise window meets few outputs, and may wait for inputs that are not in the cache.
        if (mode == Mode::kDepthwise && step.in_ahead > 0)
          prefetch<kRead>(a + step.in + step.in_ahead + p * t.a_step, t.channels);
      }
      step.run(t, a + step.in, to);
    }
  }

  const Windows& windows() const { return job_.windows; }

 private:
  // A tile whose inputs and outputs lie `in` and `out` floats behind those of the band's first window. Outputs `ahead` of its own, and a depthwise tile's inputs
  // `in_ahead`, are asked for meanwhile.
  struct Step {
    typename TileTable<DotTile, mode>::Run run;
    int64_t pixels, in, out, ahead, in_ahead;
    DotTile tile;
  };
  using Plan = std::vector<Step>;

  Plan plan(const std::vector<Run>& rows, const std::vector<Run>& columns) const {
    Plan steps;
    for_column_blocks(job_.c * job_.shared, [&](int64_t first_vector, int64_t count) {
      for (const Run& row : rows) {
        for (const Run& column : columns) add_region(row, column, first_vector * kLanes, count, steps);
      }
    });
    // A depthwise tile reads channels that no other does: in the order of what they write, tiles pass over the image once.
    if (mode == Mode::kDepthwise)
      std::stable_sort(steps.begin(), steps.end(), [](const Step& a, const Step& b) { return a.out < b.out; });
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
    const bool reads = s.in_place && job_.y0 == 0 && job_.x0 == 0;  // the first to read the input
    // n neighbours from (r, c) on, whose inputs and outputs lie `in` and `out` floats apart
    const auto line = [&](int64_t r, int64_t c, int64_t n, int64_t in, int64_t out, int64_t ahead, int64_t in_ahead) {
      t.a_step = in, t.out_step = out;
      const int64_t a = r * row_step + row.first_tap * s.row_floats() + c * column_step + column.first_tap * s.pixel;
      split_evenly(n, limit, [&](int64_t first, int64_t pixels) {
        steps.push_back({kTiles<mode, DotTile>.at(pixels, count), pixels, a + first * in + (mode == Mode::kDense ? 0 : channel),
                         r * row_out + c * column_out + first * out + channel, ahead, reads ? in_ahead : 0, t});
      });
    };
    const int64_t rows = row.end - row.begin, columns = column.end - column.begin;
    if (job_.shared > 1) {
      const int64_t in = column_step * job_.shared, out = column_out * job_.shared, whole = columns / job_.shared;
      for (int64_t r = row.begin; r < row.end; ++r) {
        t.channels = kLanes;
        if (whole > 0) line(r, column.begin, whole, in, out, row_out, t.rows * s.row_floats());
        t.channels = columns % job_.shared * job_.c;
        if (t.channels > 0) line(r, column.begin + whole * job_.shared, 1, in, out, 0, 0);
      }
    } else if (rows * parts(columns, limit) <= columns * parts(rows, limit)) {
      for (int64_t r = row.begin; r < row.end; ++r)
        line(r, column.begin, columns, column_step, column_out, row_out, t.rows * s.row_floats());
    } else {
      const int64_t ahead = mode == Mode::kDepthwise ? limit : columns == s.image_columns.positions ? 2 * limit : 0;
      for (int64_t c = column.begin; c < column.end; ++c)
        line(row.begin, c, rows, row_step, row_out, ahead * row_out, ahead * row_step);
    }
  }

  Correlation job_;
  std::vector<Plan> plans_;
  std::vector<size_t> plan_of_band_;
};

// A 1x1 convolution with stride 1 is a matrix product: all images of a block become the rows of a single one, which divides best.
inline bool is_flat(const Conv2dShape& s) {
  return s.kh == 1 && s.kw == 1 && s.sh == 1 && s.sw == 1 && s.pt == 0 && s.pb == 0 && s.pl == 0 && s.pr == 0;
}

// The shape that a block of so many images is handled as: images one by one, or a single flat one.
inline Conv2dShape flattened(Conv2dShape s, int64_t images) {
  if (is_flat(s)) {
    s.h *= images * s.w;
    s.w = 1;
  }
  s.n = 1;
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
Windows make_windows(int64_t c, const Axis& rows, const Axis& columns, int64_t pixel) {
  Windows s{c, rows, columns, pixel, false};
  s.in_place = pixel == c && (mode == Mode::kDense || c % kLanes == 0) && s.mostly_inside();
  return s;
}

template <Mode mode>
Windows forward_windows(const Conv2dShape& s, int64_t pixel) {
  return make_windows<mode>(s.c, {s.h, s.kh, s.sh, s.pt, s.oh()}, {s.w, s.kw, s.sw, s.pl, s.ow()}, pixel);
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

// The forward pass and the input gradient: all correlations of an image before the next, so that it stays in the cache.
template <Mode mode>
class CorrelationPass : public ConvPass {
 public:
  // jobs_of: the correlations of a block of so many images, one after the other in memory.
  template <class JobsOf>
  CorrelationPass(const Conv2dShape& s, int64_t in_floats, int64_t out_floats, JobsOf jobs_of)
      : in_floats_(in_floats), out_floats_(out_floats), flat_(is_flat(s)) {
    const int64_t blocks = ImageBlocks(s).count();
    smallest_ = flat_ ? s.n / blocks : 1;
    for (int64_t images = smallest_; images <= (flat_ ? (s.n + blocks - 1) / blocks : 1); ++images) {
      const std::vector<Correlation> jobs = jobs_of(images);
      correlators_.emplace_back(jobs.begin(), jobs.end());
    }
  }

  void run(const float* in, float* out, int64_t images) const override {
    const std::vector<Correlator<mode>>& correlators = correlators_[flat_ ? size_t(images - smallest_) : 0];
    for (int64_t i = 0, count = flat_ ? 1 : images; i < count; ++i) {
      for (const Correlator<mode>& correlator : correlators) {
        for (int64_t band = 0; band < correlator.windows().bands_per_image(); ++band) {
          correlator.run(band, in + i * in_floats_, out + i * out_floats_);
        }
      }
    }
  }

  Scratch filters;  // that the correlations read

 private:
  int64_t in_floats_, out_floats_, smallest_;
  bool flat_;
  std::vector<std::vector<Correlator<mode>>> correlators_;  // of blocks of smallest_ images, or one more
};

template <Mode mode>
std::unique_ptr<ConvPass> forward_pass(const float* w, const float* bias, const Conv2dShape& s) {
  const int64_t depth = s.kh * s.kw * (mode == Mode::kDense ? s.c : 1), shared = pixels_per_vector<mode>(s.c, s.sw);
  const auto channel = [&](int64_t j) { return mode == Mode::kDense ? j : j % s.oc; };  // of lane j
  Scratch filters;
  float* packed = filters.reserve(padded(s.oc) * (depth + 1));
  float* packed_bias = packed + padded(s.oc) * depth;
  if (shared > 1) {
    pack(depth, s.oc * shared, packed, [&](int64_t k, int64_t j) { return w[channel(j) * depth + k]; });
  } else {
    pack(depth, s.oc, packed, w);
  }
  pack(1, s.oc * shared, packed_bias, [&](int64_t, int64_t j) { return bias ? bias[channel(j)] : 0.0f; });
  auto pass = std::make_unique<CorrelationPass<mode>>(s, s.in_floats(), s.out_floats(), [&](int64_t images) {
    const Conv2dShape block = flattened(s, images);
    const Windows windows = forward_windows<mode>(block, shared > 1 ? s.c : pixel_floats<mode>(s.c));
    return std::vector<Correlation>{{windows, packed, packed_bias, block.oh(), block.ow(), s.oc, 1, 1, 0, 0, shared}};
  });
  pass->filters = std::move(filters);
  return pass;
}

template <Mode mode>
std::unique_ptr<ConvPass> input_grad_pass(const float* w, const Conv2dShape& s) {
  const int64_t inputs = mode == Mode::kDense ? s.oc : 1;  // channels of dy that meet one channel of dx
  const int64_t shared = pixels_per_vector<mode>(s.c, s.sw), pixel = shared > 1 ? s.c : pixel_floats<mode>(s.oc);
  Scratch filters;
  float* no_bias = filters.reserve(padded(s.c) * (1 + s.kh * s.kw * inputs));  // the phases share out the taps
  std::fill_n(no_bias, padded(s.c), 0.0f);
  bool is_packed = false;  // the filters are the same for blocks of any size
  auto pass = std::make_unique<CorrelationPass<mode>>(s, s.out_floats(), s.in_floats(), [&](int64_t images) {
    const Conv2dShape block = flattened(s, images);
    float* packed = no_bias + padded(s.c);
    std::vector<Correlation> jobs;
    for (int64_t y0 = 0; y0 < std::min(s.sh, s.h); ++y0) {
      for (int64_t x0 = 0; x0 < std::min(s.sw, s.w); ++x0) {
        const Phase v(block.h, block.oh(), s.kh, s.sh, s.pt, y0), u(block.w, block.ow(), s.kw, s.sw, s.pl, x0);
        const int64_t depth = v.taps * u.taps * inputs;
        const auto element = [&](int64_t k, int64_t c) {
          const int64_t kh = v.tap(k / inputs / u.taps, s.sh), kw = u.tap(k / inputs % u.taps, s.sw);
          return mode == Mode::kDense ? w[((k % inputs * s.kh + kh) * s.kw + kw) * s.c + c]
                                      : w[(c % s.c * s.kh + kh) * s.kw + kw];
        };
        if (!is_packed) pack(depth, s.c * shared, packed, element);
        const Windows windows = make_windows<mode>(s.oc, v.axis, u.axis, pixel);
        jobs.push_back({windows, packed, no_bias, block.h, block.w, s.c, s.sh, s.sw, y0, x0, shared});
        packed += padded(s.c) * depth;
      }
    }
    is_packed = true;
    return jobs;
  });
  pass->filters = std::move(filters);
  return pass;
}

}  // namespace bitloom::kernel
