// Batch normalization kernels: flat loops over blocks of rows (channels.h), reductions in chunks (chunk_sums.h).
#include "core/kernels/batch_norm.h"

#include <cmath>
#include <type_traits>

#include "core/kernels/chunk_sums.h"
#include "core/kernels/multiply_add.h"

namespace bitloom {

using kernel::multiply_add;

namespace {

constexpr int64_t kAhead =
    2048;  // floats: what a pass over memory reads next is fetched so far ahead, across the pages where processors stop to do so unasked

}  // namespace

void batch_norm_stats(const float* x, int64_t rows, int64_t c, float* mean, float* var) {
  // Mean and sum of squared deviations of each chunk, merged as in Chan, Golub, LeVeque (1979): exact enough for any mean, and
  // memory is read once.
  const std::vector<double> partial = for_each_chunk(rows, c, 2, [=](const Chunk& chunk, double* out) {
    sum_chunk<1>(chunk, c, out, [=](auto v, int64_t i, int64_t, auto* sum) { sum[0] += streamed<decltype(v)>(x + i); });
    std::vector<float> center(static_cast<size_t>(c));
    const double scale = 1.0 / double((chunk.end - chunk.begin) / c);
    for (int64_t j = 0; j < c; ++j) center[size_t(j)] = float(out[j] * scale);
    const ChannelPattern pattern(center.data(), c);
    sum_chunk<1>(chunk, c, out + c, [=, m = pattern.data()](auto v, int64_t i, int64_t position, auto* sum) {
      const auto d = neighbours<decltype(v)>(x + i) - neighbours<decltype(v)>(m + position);
      sum[0] = multiply_add(d, d, sum[0]);
    });
  });
  const std::vector<double> totals = fold(partial, 2 * c, 0, c);
  std::vector<double> squares(static_cast<size_t>(c));
  const int64_t size = chunk_rows(c);
  for (int64_t first = 0; first < rows; first += size) {
    const double n = double(std::min(size, rows - first));
    const double* chunk = partial.data() + first / size * 2 * c;
#pragma omp simd
    for (int64_t j = 0; j < c; ++j) {
      const double offset = multiply_add(-n, totals[size_t(j)] / double(rows), chunk[j]);
      squares[size_t(j)] += chunk[c + j] + offset * offset / n;
    }
  }
  for (int64_t j = 0; j < c; ++j) {
    mean[j] = float(totals[size_t(j)] / double(rows));
    var[j] = float(squares[size_t(j)] / double(rows));
  }
}

void merge_moments(const float* moments, const int64_t* rows, int64_t blocks, int64_t c, float* mean, float* var) {
  std::vector<double> center(static_cast<size_t>(c)), squares(static_cast<size_t>(c));
  double n = 0;
  for (int64_t b = 0; b < blocks; ++b) {
    const float *m = moments + b * 2 * c, *v = m + c;
    const double more = double(rows[b]), share = more / (n + more);
    for (int64_t j = 0; j < c; ++j) {
      const double offset = double(m[j]) - center[size_t(j)];
      center[size_t(j)] = multiply_add(offset, share, center[size_t(j)]);
      squares[size_t(j)] += multiply_add(more, double(v[j]), offset * offset * n * share);
    }
    n += more;
  }
  for (int64_t j = 0; j < c; ++j) {
    mean[j] = float(center[size_t(j)]);
    var[j] = float(squares[size_t(j)] / n);
  }
}

void channel_affine(const float* x, const float* scale, const float* shift, bool relu, float* y, int64_t rows, int64_t c) {
  const ChannelPattern scales(scale, c), shifts(shift, c);
  const float low = relu ? 0.0f : -HUGE_VALF;
  for_channel_blocks(rows, c, [&](int64_t begin, int64_t size) {
    const float *in = x + begin, *a = scales.data(), *b = shifts.data();
    float* out = y + begin;
    kernel::prefetch<kernel::kRead>(in + kAhead, size);
#pragma omp simd
    for (int64_t i = 0; i < size; ++i) {
      const float v = multiply_add(in[i], a[i], b[i]);
      out[i] = v < low ? low : v;
    }
  });
}

void batch_norm_grad_sums(const float* x, const float* dy, const ChannelNorm<float>& n, int64_t rows, int64_t c, float* sum_dy,
                          float* sum_dy_xhat) {
  const ChannelPattern means(n.mean, c), scales(n.scale, c), shifts(n.shift, c);
  const auto sums = [&](auto relu) {
    return for_each_chunk(rows, c, 2, [&](const Chunk& chunk, double* out) {
      sum_chunk<2>(chunk, c, out,
                   [=, m = means.data(), s = scales.data(), t = shifts.data()](auto v, int64_t i, int64_t at, auto* sum) {
                     using V = decltype(v);
                     const V in = streamed<V>(x + i);
                     V d = streamed<V>(dy + i);
                     if constexpr (relu) d = where_positive(multiply_add(in, neighbours<V>(s + at), neighbours<V>(t + at)), d);
                     sum[0] += d;
                     sum[1] = multiply_add(d, in - neighbours<V>(m + at), sum[1]);
                   });
    });
  };
  const std::vector<double> partial = n.relu ? sums(std::true_type()) : sums(std::false_type());
  const std::vector<double> totals = fold(partial, 2 * c, 0, 2 * c);
  for (int64_t j = 0; j < c; ++j) {
    sum_dy[j] = float(totals[size_t(j)]);
    sum_dy_xhat[j] = float(totals[size_t(c + j)] * n.inv_std[j]);
  }
}

void batch_norm_input_grad(const float* x, const float* dy, const ChannelNorm<float>& n, const float* a, const float* b,
                           float* dx, int64_t rows, int64_t c) {
  // dx = scale dy' + slope x + offset
  std::vector<float> slope(static_cast<size_t>(c)), offset(static_cast<size_t>(c));
  for (size_t j = 0; j < size_t(c); ++j) {
    slope[j] = -n.scale[j] * n.inv_std[j] * b[j];
    offset[j] = multiply_add(-n.scale[j], a[j], -(slope[j] * n.mean[j]));
  }
  const ChannelPattern scales(n.scale, c), shifts(n.shift, c), slopes(slope.data(), c), offsets(offset.data(), c);
  const auto write = [&](auto relu) {
    for_channel_blocks(rows, c, [&, relu](int64_t begin, int64_t size) {
      const float *in = x + begin, *grad = dy + begin, *s = scales.data(), *t = shifts.data(), *u = slopes.data(),
                  *v = offsets.data();
      float* out = dx + begin;
      kernel::prefetch<kernel::kRead>(in + kAhead, size), kernel::prefetch<kernel::kRead>(grad + kAhead, size);
#pragma omp simd
      for (int64_t i = 0; i < size; ++i) {
        const float d = relu ? where_positive(multiply_add(in[i], s[i], t[i]), grad[i]) : grad[i];
        out[i] = multiply_add(s[i], d, multiply_add(u[i], in[i], v[i]));
      }
    });
  };
  if (n.relu) {
    write(std::true_type());
  } else {
    write(std::false_type());
  }
}

}  // namespace bitloom
