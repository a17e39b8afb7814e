// Elementwise and loss kernels: plain loops that the compiler vectorises, in parallel blocks.
#include "core/kernels/elementwise.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/kernels/channels.h"
#include "core/parallel.h"

namespace bitloom {

namespace {

// y[i] = f(i) for i in [0, n). An element may be read only before the element of the same index is written.
template <class F>
void map(int64_t n, float* y, F f) {
  parallel_blocks(n, 8192, [&](int64_t begin, int64_t end) {
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) y[i] = f(i);
  });
}

}  // namespace

void relu_forward(const float* x, float* y, int64_t n) {
  map(n, y, [=](int64_t i) { return x[i] < 0 ? 0.0f : x[i]; });
}

void relu_input_grad(const float* y, const float* dy, float* dx, int64_t n) {
  map(n, dx, [=](int64_t i) { return where_positive(y[i], dy[i]); });
}

void relu6_forward(const float* x, float* y, int64_t n) {
  map(n, y, [=](int64_t i) { return x[i] < 0 ? 0.0f : x[i] > 6 ? 6.0f : x[i]; });
}

void relu6_input_grad(const float* x, const float* dy, float* dx, int64_t n) {
  map(n, dx, [=](int64_t i) { return x[i] < 6 ? where_positive(x[i], dy[i]) : 0.0f; });
}

void add_forward(const float* a, const float* b, bool relu, float* y, int64_t n) {
  const float low = relu ? 0.0f : -HUGE_VALF;
  map(n, y, [=](int64_t i) { return a[i] + b[i] < low ? low : a[i] + b[i]; });
}

void accumulate(const float* x, float* y, int64_t n) {
  map(n, y, [=](int64_t i) { return y[i] + x[i]; });
}

void channel_scale(const float* x, const float* g, float* y, int64_t rows, int64_t c) {
  const ChannelPattern scale(g, c);
  for_channel_blocks(rows, c, [&](int64_t begin, int64_t size) {
    const float *in = x + begin, *s = scale.data();
    float* out = y + begin;
#pragma omp simd
    for (int64_t i = 0; i < size; ++i) out[i] = in[i] * s[i];
  });
}

void softmax(const float* logits, float* prob, int64_t rows, int64_t classes) {
  parallel_blocks(rows, 256, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const float* row = logits + r * classes;
      float* p = prob + r * classes;
      const float top = *std::max_element(row, row + classes);
      float sum = 0;
      for (int64_t j = 0; j < classes; ++j) sum += p[j] = std::exp(row[j] - top);
      for (int64_t j = 0; j < classes; ++j) p[j] /= sum;
    }
  });
}

double softmax_cross_entropy(const float* logits, const int32_t* labels, float* prob, int64_t rows, int64_t classes) {
  for (int64_t r = 0; r < rows; ++r) {
    BITLOOM_CHECK(labels[r] >= 0 && labels[r] < classes, "softmax_cross_entropy: label ", labels[r], " of row ", r,
                  " is not in [0,", classes, ")");
  }
  softmax(logits, prob, rows, classes);
  // From the logits and not from prob, which is zero for a label far below the largest logit.
  const double total = ordered_sum(rows, [&](int64_t r) {
    const float* row = logits + r * classes;
    const int64_t top = std::max_element(row, row + classes) - row;
    return double(row[top]) - row[labels[r]] - std::log(double(prob[r * classes + top]));
  });
  return total / double(rows);
}

void softmax_cross_entropy_grad(const float* prob, const int32_t* labels, float dloss, float* dlogits, int64_t rows,
                                int64_t classes) {
  const float scale = dloss / float(rows);
  map(rows * classes, dlogits, [=](int64_t i) { return prob[i] * scale; });
  for (int64_t r = 0; r < rows; ++r) dlogits[r * classes + labels[r]] -= scale;
}

double soft_cross_entropy(const float* logits, const float* targets, float* prob, int64_t rows, int64_t classes) {
  softmax(logits, prob, rows, classes);
  const double total = ordered_sum(rows, [&](int64_t r) {
    const float *row = logits + r * classes, *target = targets + r * classes;
    const int64_t top = std::max_element(row, row + classes) - row;
    const double log_top = std::log(double(prob[r * classes + top]));
    double sum = 0;
    for (int64_t j = 0; j < classes; ++j) sum += double(target[j]) * (double(row[top]) - row[j] - log_top);
    return sum;
  });
  return total / double(rows);
}

void soft_cross_entropy_grad(const float* prob, const float* targets, float dloss, float* dlogits, int64_t rows,
                             int64_t classes) {
  const float scale = dloss / float(rows);
  map(rows * classes, dlogits, [=](int64_t i) { return (prob[i] - targets[i]) * scale; });
}

double mean_squared_error(const float* a, const float* b, int64_t n) {
  const double total = ordered_sum(n, [=](int64_t i) { return (double(a[i]) - b[i]) * (double(a[i]) - b[i]); });
  return total / double(n);
}

void mean_squared_error_grad(const float* a, const float* b, float dloss, float* da, int64_t n) {
  const float scale = 2 * dloss / float(n);
  map(n, da, [=](int64_t i) { return (a[i] - b[i]) * scale; });
}

}  // namespace bitloom
