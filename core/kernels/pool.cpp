// Average pooling kernels, parallel over images.
#include "core/kernels/pool.h"

#include <algorithm>

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

}  // namespace

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
