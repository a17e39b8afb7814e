// The definition of every kernel, templated on the element type: what the tests of kernels and the reference() of operations compute in double.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/kernels/batch_norm.h"
#include "core/kernels/conv2d.h"
#include "core/kernels/pool.h"

namespace bitloom::ref {

// Calls f(input index of channel 0, filter tap kh * s.kw + kw, output pixel) for every product of a convolution with its input.
template <class F>
void for_each_tap(const Conv2dShape& s, F f) {
  for (int64_t n = 0; n < s.n; ++n) {
    for (int64_t oy = 0; oy < s.oh(); ++oy) {
      for (int64_t ox = 0; ox < s.ow(); ++ox) {
        for (int64_t kh = 0; kh < s.kh; ++kh) {
          for (int64_t kw = 0; kw < s.kw; ++kw) {
            const int64_t y = oy * s.sh - s.pt + kh, x = ox * s.sw - s.pl + kw;
            if (y < 0 || y >= s.h || x < 0 || x >= s.w) continue;
            f(((n * s.h + y) * s.w + x) * s.c, kh * s.kw + kw, (n * s.oh() + oy) * s.ow() + ox);
          }
        }
      }
    }
  }
}

template <class T>
void conv2d_forward(const T* x, const T* w, const T* bias, T* y, const Conv2dShape& s) {
  const int64_t taps = s.kh * s.kw;
  for (int64_t i = 0; i < s.n * s.oh() * s.ow() * s.oc; ++i) y[i] = bias ? bias[i % s.oc] : T(0);
  for_each_tap(s, [&](int64_t in, int64_t tap, int64_t out) {
    for (int64_t o = 0; o < s.oc; ++o) {
      for (int64_t c = 0; c < s.c; ++c) y[out * s.oc + o] += x[in + c] * w[(o * taps + tap) * s.c + c];
    }
  });
}

template <class T>
void conv2d_input_grad(const T* dy, const T* w, T* dx, const Conv2dShape& s) {
  const int64_t taps = s.kh * s.kw;
  std::fill_n(dx, s.n * s.h * s.w * s.c, T(0));
  for_each_tap(s, [&](int64_t in, int64_t tap, int64_t out) {
    for (int64_t o = 0; o < s.oc; ++o) {
      for (int64_t c = 0; c < s.c; ++c) dx[in + c] += dy[out * s.oc + o] * w[(o * taps + tap) * s.c + c];
    }
  });
}

template <class T>
void conv2d_weight_grad(const T* x, const T* dy, T* dw, const Conv2dShape& s) {
  const int64_t taps = s.kh * s.kw;
  std::fill_n(dw, s.oc * taps * s.c, T(0));
  for_each_tap(s, [&](int64_t in, int64_t tap, int64_t out) {
    for (int64_t o = 0; o < s.oc; ++o) {
      for (int64_t c = 0; c < s.c; ++c) dw[(o * taps + tap) * s.c + c] += dy[out * s.oc + o] * x[in + c];
    }
  });
}

template <class T>
void depthwise_forward(const T* x, const T* w, const T* bias, T* y, const Conv2dShape& s) {
  const int64_t taps = s.kh * s.kw;
  for (int64_t i = 0; i < s.n * s.oh() * s.ow() * s.c; ++i) y[i] = bias ? bias[i % s.c] : T(0);
  for_each_tap(s, [&](int64_t in, int64_t tap, int64_t out) {
    for (int64_t c = 0; c < s.c; ++c) y[out * s.c + c] += x[in + c] * w[c * taps + tap];
  });
}

template <class T>
void depthwise_input_grad(const T* dy, const T* w, T* dx, const Conv2dShape& s) {
  const int64_t taps = s.kh * s.kw;
  std::fill_n(dx, s.n * s.h * s.w * s.c, T(0));
  for_each_tap(s, [&](int64_t in, int64_t tap, int64_t out) {
    for (int64_t c = 0; c < s.c; ++c) dx[in + c] += dy[out * s.c + c] * w[c * taps + tap];
  });
}

template <class T>
void depthwise_weight_grad(const T* x, const T* dy, T* dw, const Conv2dShape& s) {
  const int64_t taps = s.kh * s.kw;
  std::fill_n(dw, s.c * taps, T(0));
  for_each_tap(s, [&](int64_t in, int64_t tap, int64_t out) {
    for (int64_t c = 0; c < s.c; ++c) dw[c * taps + tap] += dy[out * s.c + c] * x[in + c];
  });
}

// c (m,n) = op(a) op(b) + bias, where op(a) is (m,k) and op(b) is (k,n); a transposed operand is stored the other way round.
template <class T>
void gemm(bool transpose_a, bool transpose_b, const T* a, const T* b, const T* bias, T* c, int64_t m, int64_t n, int64_t k) {
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      T sum = bias ? bias[j] : T(0);
      for (int64_t p = 0; p < k; ++p) sum += a[transpose_a ? p * m + i : i * k + p] * b[transpose_b ? j * k + p : p * n + j];
      c[i * n + j] = sum;
    }
  }
}

template <class T>
void column_sums(const T* x, int64_t rows, int64_t c, T* out) {
  std::fill_n(out, c, T(0));
  for (int64_t i = 0; i < rows * c; ++i) out[i % c] += x[i];
}

template <class T>
void column_dots(const T* x, const T* y, int64_t rows, int64_t c, T* out) {
  std::fill_n(out, c, T(0));
  for (int64_t i = 0; i < rows * c; ++i) out[i % c] += x[i] * y[i];
}

template <class T>
void batch_norm_stats(const T* x, int64_t rows, int64_t c, T* mean, T* var) {
  column_sums(x, rows, c, mean);
  std::fill_n(var, c, T(0));
  for (int64_t j = 0; j < c; ++j) mean[j] /= T(rows);
  for (int64_t i = 0; i < rows * c; ++i) var[i % c] += (x[i] - mean[i % c]) * (x[i] - mean[i % c]) / T(rows);
}

template <class T>
void channel_affine(const T* x, const T* scale, const T* shift, bool relu, T* y, int64_t rows, int64_t c) {
  for (int64_t i = 0; i < rows * c; ++i) {
    y[i] = x[i] * scale[i % c] + shift[i % c];
    if (relu) y[i] = std::max(y[i], T(0));
  }
}

// dy where the normalization's output is positive or has no ReLU, else 0.
template <class T>
T norm_gradient(const ChannelNorm<T>& n, T x, T dy, int64_t channel) {
  return n.relu && x * n.scale[channel] + n.shift[channel] <= 0 ? T(0) : dy;
}

template <class T>
void batch_norm_grad_sums(const T* x, const T* dy, const ChannelNorm<T>& n, int64_t rows, int64_t c, T* sum_dy,
                          T* sum_dy_xhat) {
  std::fill_n(sum_dy, c, T(0));
  std::fill_n(sum_dy_xhat, c, T(0));
  for (int64_t i = 0; i < rows * c; ++i) {
    const int64_t j = i % c;
    const T d = norm_gradient(n, x[i], dy[i], j);
    sum_dy[j] += d;
    sum_dy_xhat[j] += d * (x[i] - n.mean[j]) * n.inv_std[j];
  }
}

template <class T>
void batch_norm_input_grad(const T* x, const T* dy, const ChannelNorm<T>& n, const T* a, const T* b, T* dx, int64_t rows,
                           int64_t c) {
  for (int64_t i = 0; i < rows * c; ++i) {
    const int64_t j = i % c;
    dx[i] = n.scale[j] * (norm_gradient(n, x[i], dy[i], j) - a[j] - (x[i] - n.mean[j]) * n.inv_std[j] * b[j]);
  }
}

// Calls f(input index, output index) for every element inside a pooling window.
template <class F>
void for_each_pooled(const PoolShape& s, F f) {
  for (int64_t n = 0; n < s.n; ++n) {
    for (int64_t y = 0; y < s.oh() * s.kh; ++y) {
      for (int64_t x = 0; x < s.ow() * s.kw; ++x) {
        for (int64_t c = 0; c < s.c; ++c) {
          f(((n * s.h + y) * s.w + x) * s.c + c, ((n * s.oh() + y / s.kh) * s.ow() + x / s.kw) * s.c + c);
        }
      }
    }
  }
}

template <class T>
void avg_pool_forward(const T* x, T* y, const PoolShape& s) {
  std::fill_n(y, s.n * s.oh() * s.ow() * s.c, T(0));
  for_each_pooled(s, [&](int64_t in, int64_t out) { y[out] += x[in] / T(s.kh * s.kw); });
}

template <class T>
void avg_pool_input_grad(const T* dy, T* dx, const PoolShape& s) {
  std::fill_n(dx, s.n * s.h * s.w * s.c, T(0));
  for_each_pooled(s, [&](int64_t in, int64_t out) { dx[in] = dy[out] / T(s.kh * s.kw); });
}

template <class T>
void max_pool_forward(const T* x, T* y, const Conv2dShape& s) {
  std::fill_n(y, s.n * s.oh() * s.ow() * s.c, -std::numeric_limits<T>::infinity());
  for_each_tap(s, [&](int64_t in, int64_t, int64_t out) {
    for (int64_t c = 0; c < s.c; ++c) y[out * s.c + c] = std::max(y[out * s.c + c], x[in + c]);
  });
}

// To the first of the largest.
template <class T>
void max_pool_input_grad(const T* x, const T* y, const T* dy, T* dx, const Conv2dShape& s) {
  std::fill_n(dx, s.n * s.h * s.w * s.c, T(0));
  std::vector<bool> given(size_t(s.n * s.oh() * s.ow() * s.c));
  for_each_tap(s, [&](int64_t in, int64_t, int64_t out) {
    for (int64_t c = 0; c < s.c; ++c) {
      const int64_t i = out * s.c + c;
      if (given[size_t(i)] || x[in + c] != y[i]) continue;
      dx[in + c] += dy[i];
      given[size_t(i)] = true;
    }
  });
}

template <class T>
void relu6_forward(const T* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = std::min(std::max(x[i], T(0)), T(6));
}

template <class T>
void relu6_input_grad(const T* x, const T* dy, T* dx, int64_t n) {
  for (int64_t i = 0; i < n; ++i) dx[i] = x[i] > 0 && x[i] < 6 ? dy[i] : T(0);
}

template <class T>
void relu_forward(const T* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = std::max(x[i], T(0));
}

template <class T>
void relu_input_grad(const T* y, const T* dy, T* dx, int64_t n) {
  for (int64_t i = 0; i < n; ++i) dx[i] = y[i] > 0 ? dy[i] : T(0);
}

template <class T>
void add_forward(const T* a, const T* b, bool relu, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = relu ? std::max(a[i] + b[i], T(0)) : a[i] + b[i];
}

// Logarithm of the sum of exp(row[j]).
template <class T>
T log_sum_exp(const T* row, int64_t n) {
  const T top = *std::max_element(row, row + n);
  T sum = 0;
  for (int64_t j = 0; j < n; ++j) sum += std::exp(row[j] - top);
  return top + std::log(sum);
}

template <class T>
T softmax_cross_entropy(const T* logits, const int32_t* labels, T* prob, int64_t rows, int64_t classes) {
  T loss = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const T* row = logits + r * classes;
    const T whole = log_sum_exp(row, classes);
    for (int64_t j = 0; j < classes; ++j) prob[r * classes + j] = std::exp(row[j] - whole);
    loss += (whole - row[labels[r]]) / T(rows);
  }
  return loss;
}

template <class T>
void softmax_cross_entropy_grad(const T* prob, const int32_t* labels, T dloss, T* dlogits, int64_t rows, int64_t classes) {
  for (int64_t i = 0; i < rows * classes; ++i) {
    dlogits[i] = (prob[i] - (labels[i / classes] == i % classes ? T(1) : T(0))) * dloss / T(rows);
  }
}

template <class T>
T soft_cross_entropy(const T* logits, const T* targets, int64_t rows, int64_t classes) {
  T loss = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const T* row = logits + r * classes;
    const T whole = log_sum_exp(row, classes);
    for (int64_t j = 0; j < classes; ++j) loss += targets[r * classes + j] * (whole - row[j]) / T(rows);
  }
  return loss;
}

template <class T>
T mean_squared_error(const T* a, const T* b, int64_t n) {
  T sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]) / T(n);
  return sum;
}

template <class T>
void mean_squared_error_grad(const T* a, const T* b, T dloss, T* da, int64_t n) {
  for (int64_t i = 0; i < n; ++i) da[i] = 2 * (a[i] - b[i]) * dloss / T(n);
}

}  // namespace bitloom::ref
