// Pooling kernels, parallel over images.
#include "core/kernels/pool.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/parallel.h"

namespace bitloom {
namespace {

void check(const PoolShape& s) {
  BITLOOM_CHECK(s.kh > 0 && s.kw > 0 && s.oh() > 0 && s.ow() > 0, "avg_pool: a ", s.kh, "x", s.kw, " window does not fit in a ",
                s.h, "x", s.w, " input");
}

// Calls f(index of the input pixel's channel 0, index of its window's) for the pooled pixels of one image, in memory order.
template <class F>
void for_each_pixel(const PoolShape& s, int64_t image, F f) {
  for (int64_t y = 0; y < s.oh() * s.kh; ++y) {
    for (int64_t x = 0; x < s.ow() * s.kw; ++x) {
      f(((image * s.h + y) * s.w + x) * s.c, ((image * s.oh() + y / s.kh) * s.ow() + x / s.kw) * s.c);
    }
  }
}

void check(const Conv2dShape& s) {
  BITLOOM_CHECK(s.pt < s.kh && s.pb < s.kh && s.pl < s.kw && s.pr < s.kw && s.oh() > 0 && s.ow() > 0, "max_pool: a ", s.kh, "x",
                s.kw, " window with padding ", s.pt, ",", s.pb, ",", s.pl, ",", s.pr, " does not fit a ", s.h, "x", s.w,
                " input");
}

// Calls f(index of the input pixel's channel 0, index of the output pixel's) for every element inside the image of every window of one image,
// windows and what is in them in memory order.
template <class F>
void for_each_tap(const Conv2dShape& s, int64_t image, F f) {
  for (int64_t oy = 0; oy < s.oh(); ++oy) {
    for (int64_t ox = 0; ox < s.ow(); ++ox) {
      const int64_t top = oy * s.sh - s.pt, left = ox * s.sw - s.pl, out = ((image * s.oh() + oy) * s.ow() + ox) * s.c;
      for (int64_t y = std::max<int64_t>(top, 0); y < std::min(top + s.kh, s.h); ++y)
        for (int64_t x = std::max<int64_t>(left, 0); x < std::min(left + s.kw, s.w); ++x)
          f(((image * s.h + y) * s.w + x) * s.c, out);
    }
  }
}

}  // namespace

void max_pool_forward(const float* x, float* y, const Conv2dShape& s) {
  check(s);
  const int64_t size = s.oh() * s.ow() * s.c;
  parallel_for(s.n, [&](int64_t image) {
    std::fill_n(y + image * size, size, -HUGE_VALF);
    for_each_tap(s, image, [&](int64_t in, int64_t out) {
#pragma omp simd
      for (int64_t c = 0; c < s.c; ++c) y[out + c] = x[in + c] > y[out + c] ? x[in + c] : y[out + c];
    });
  });
}

void max_pool_input_grad(const float* x, const float* y, const float* dy, float* dx, const Conv2dShape& s) {
  check(s);
  const int64_t size = s.oh() * s.ow() * s.c;
  parallel_for(s.n, [&](int64_t image) {
    std::fill_n(dx + image * s.h * s.w * s.c, s.h * s.w * s.c, 0.0f);
    std::vector<float> left(dy + image * size, dy + (image + 1) * size);  // what no element has been given yet
    for_each_tap(s, image, [&](int64_t in, int64_t out) {
      float* grad = left.data() + (out - image * size);
#pragma omp simd
      for (int64_t c = 0; c < s.c; ++c) {
        const bool largest = x[in + c] == y[out + c];
        dx[in + c] += largest ? grad[c] : 0.0f;
        grad[c] = largest ? 0.0f : grad[c];
      }
    });
  });
}

void avg_pool_forward(const float* x, float* y, const PoolShape& s) {
  check(s);
  const int64_t size = s.oh() * s.ow() * s.c;
  const float scale = 1.0f / float(s.kh * s.kw);
  parallel_for(s.n, [&](int64_t image) {
    float* out = y + image * size;
    std::fill_n(out, size, 0.0f);
    for_each_pixel(s, image, [&](int64_t in, int64_t window) {
      for (int64_t c = 0; c < s.c; ++c) y[window + c] += x[in + c];
    });
    for (int64_t i = 0; i < size; ++i) out[i] *= scale;
  });
}

void avg_pool_input_grad(const float* dy, float* dx, const PoolShape& s) {
  check(s);
  const int64_t size = s.h * s.w * s.c;
  const float scale = 1.0f / float(s.kh * s.kw);
  const bool covered = s.oh() * s.kh == s.h && s.ow() * s.kw == s.w;
  parallel_for(s.n, [&](int64_t image) {
    if (!covered) std::fill_n(dx + image * size, size, 0.0f);
    for_each_pixel(s, image, [&](int64_t in, int64_t window) {
      for (int64_t c = 0; c < s.c; ++c) dx[in + c] = dy[window + c] * scale;
    });
  });
}

}  // namespace bitloom
