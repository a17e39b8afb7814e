// Batch normalization kernels: flat loops over blocks of rows (channels.h), reductions in chunks (chunk_sums.h).
#include "core/kernels/batch_norm.h"

#include <cmath>

#include "core/kernels/chunk_sums.h"

namespace bitloom {

void batch_norm_stats(const float* x, int64_t rows, int64_t c, float* mean, float* var) {
  // Mean and sum of squared deviations of each chunk, merged as in Chan, Golub, LeVeque (1979): exact enough for any mean, and
  // memory is read once.
  const std::vector<double> partial = for_each_chunk(rows, c, 2, [=](const Chunk& chunk, double* out) {
    sum_chunk(chunk, c, out, [=](int64_t i, int64_t) { return x[i]; });
    std::vector<float> center(static_cast<size_t>(c));
    const double scale = 1.0 / double((chunk.end - chunk.begin) / c);
    for (int64_t j = 0; j < c; ++j) center[size_t(j)] = float(out[j] * scale);
    const ChannelPattern pattern(center.data(), c);
    const float* m = pattern.data();
    sum_chunk(chunk, c, out + c, [=](int64_t i, int64_t position) {
      const float d = x[i] - m[position];
      return d * d;
    });
  });
  const int64_t size = chunk_rows(c);
  for (int64_t j = 0; j < c; ++j) {
    const double center = fold(partial, 2 * c, j) / double(rows);
    double squares = 0;
    for (int64_t first = 0, at = j; first < rows; first += size, at += 2 * c) {
      const double n = double(std::min(size, rows - first)), offset = partial[size_t(at)] - n * center;
      squares += partial[size_t(at + c)] + offset * offset / n;
    }
    mean[j] = float(center);
    var[j] = float(squares / double(rows));
  }
}

void channel_affine(const float* x, const float* scale, const float* shift, bool relu, float* y, int64_t rows, int64_t c) {
  const ChannelPattern scales(scale, c), shifts(shift, c);
  const float low = relu ? 0.0f : -HUGE_VALF;
  for_channel_blocks(rows, c, [&](int64_t begin, int64_t size) {
    const float *in = x + begin, *a = scales.data(), *b = shifts.data();
    float* out = y + begin;
#pragma omp simd
    for (int64_t i = 0; i < size; ++i) {
      const float v = in[i] * a[i] + b[i];
      out[i] = v < low ? low : v;
    }
  });
}

void batch_norm_grad_sums(const float* x, const float* dy, const float* y, const float* mean, const float* inv_std,
                          int64_t rows, int64_t c, float* sum_dy, float* sum_dy_xhat) {
  const ChannelPattern means(mean, c);
  const float* m = means.data();
  const auto sums = [&](auto gradient) {
    return for_each_chunk(rows, c, 2, [=](const Chunk& chunk, double* out) {
      BlockSums gradients(c), products(c);
      for_each_block(chunk, c, [=, g = gradients.data(), p = products.data()](int64_t begin, int64_t size) {
#pragma omp simd
        for (int64_t i = 0; i < size; ++i) {
          const float d = gradient(begin + i);
          g[i] += d;
          p[i] += d * (x[begin + i] - m[i]);
        }
      });
      gradients.fold(out);
      products.fold(out + c);
    });
  };
  const std::vector<double> partial =
      y ? sums([=](int64_t i) { return where_positive(y[i], dy[i]); }) : sums([=](int64_t i) { return dy[i]; });
  for (int64_t j = 0; j < c; ++j) {
    sum_dy[j] = float(fold(partial, 2 * c, j));
    sum_dy_xhat[j] = float(fold(partial, 2 * c, c + j) * inv_std[j]);
  }
}

void batch_norm_input_grad(const float* x, const float* dy, const float* y, const float* mean, const float* inv_std,
                           const float* scale, const float* a, const float* b, float* dx, int64_t rows, int64_t c) {
  // dx = scale dy' + slope x + offset
  std::vector<float> slope(static_cast<size_t>(c)), offset(static_cast<size_t>(c));
  for (size_t j = 0; j < size_t(c); ++j) {
    slope[j] = -scale[j] * inv_std[j] * b[j];
    offset[j] = -scale[j] * a[j] - slope[j] * mean[j];
  }
  const ChannelPattern scales(scale, c), slopes(slope.data(), c), offsets(offset.data(), c);
  const auto write = [&](auto gradient) {
    for_channel_blocks(rows, c, [&, gradient](int64_t begin, int64_t size) {
      const float *in = x + begin, *s = scales.data(), *t = slopes.data(), *u = offsets.data();
      float* out = dx + begin;
#pragma omp simd
      for (int64_t i = 0; i < size; ++i) out[i] = s[i] * gradient(begin + i) + (t[i] * in[i] + u[i]);
    });
  };
  if (y) {
    write([=](int64_t i) { return where_positive(y[i], dy[i]); });
  } else {
    write([=](int64_t i) { return dy[i]; });
  }
}

}  // namespace bitloom
