// Fast Fourier transform of real signals.
#include "datasets/fft.h"

#include <cmath>

#include "core/error.h"
#include "core/kernels/scratch.h"

namespace bitloom {

using kernel::kLanes;
using kernel::load;
using kernel::store;
using kernel::Vec;

RealFft::RealFft(int64_t n) : n_(n) {
  BITLOOM_CHECK(n >= 4 && (n & (n - 1)) == 0, "fft: expected a power of two of 4 at least, got ", n);
  const int64_t half = n / 2;
  reversed_.assign(size_t(half), 0);
  for (int64_t i = 1; i < half; ++i) reversed_[size_t(i)] = reversed_[size_t(i / 2)] / 2 + (i % 2) * half / 2;
  for (int64_t k = 0; k < half; ++k) {
    const double angle = -2 * M_PI * double(k) / double(n);
    cos_.push_back(float(std::cos(angle)));
    sin_.push_back(float(std::sin(angle)));
  }
}

void RealFft::power(const float* x, float* power) const {
  static thread_local kernel::Scratch scratch;
  const int64_t half = n_ / 2;
  float *re = scratch.reserve(n_ * kLanes), *im = re + half * kLanes;
  for (int64_t i = 0; i < half; ++i) {
    const float* pair = x + reversed_[size_t(i)] * 2 * kLanes;
    store(re + i * kLanes, load(pair));
    store(im + i * kLanes, load(pair + kLanes));
  }
  for (int64_t span = 1; span < half; span *= 2)
    for (int64_t k = 0; k < span; ++k) {
      const float c = cos_[size_t(k * half / span)], s = sin_[size_t(k * half / span)];
      for (int64_t i = k; i < half; i += 2 * span) {
        float *re_a = re + i * kLanes, *im_a = im + i * kLanes, *re_b = re_a + span * kLanes, *im_b = im_a + span * kLanes;
        const Vec br = load(re_b), bi = load(im_b), ar = load(re_a), ai = load(im_a);
        const Vec tr = br * c - bi * s, ti = br * s + bi * c;
        store(re_a, ar + tr), store(im_a, ai + ti);
        store(re_b, ar - tr), store(im_b, ai - ti);
      }
    }
  // X[k] = E + w^k O, where E and O, the transforms of the even and the odd samples, are the parts of Z[k] that are Hermitian in k and not.
  for (int64_t k = 0; k <= half; ++k) {
    const int64_t a = k % half, b = (half - k) % half;
    const float c = k < half ? cos_[size_t(k)] : -1, s = k < half ? sin_[size_t(k)] : 0;
    const Vec ar = load(re + a * kLanes), ai = load(im + a * kLanes), br = load(re + b * kLanes), bi = load(im + b * kLanes);
    const Vec even_re = (ar + br) * 0.5f, even_im = (ai - bi) * 0.5f, odd_re = (ai + bi) * 0.5f, odd_im = (br - ar) * 0.5f;
    const Vec xr = even_re + odd_re * c - odd_im * s, xi = even_im + odd_re * s + odd_im * c;
    store(power + k * kLanes, xr * xr + xi * xi);
  }
}

}  // namespace bitloom
