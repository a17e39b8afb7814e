// Spectra of sound in 32-bit integers.
#include "datasets/fixed_spectrum.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace bitloom {
namespace {

constexpr int64_t kLogSteps = 64;

int32_t high(int32_t a, int32_t b) { return int32_t((int64_t(a) * b) >> 32); }

// The root of v, rounded down, bit by bit.
uint32_t square_root(uint32_t v) {
  uint32_t root = 0;
  for (uint32_t bit = 1u << 30; bit > 0; bit >>= 2) {
    const uint32_t with = root + bit;
    root >>= 1;
    if (v >= with) v -= with, root += bit;
  }
  return root;
}

}  // namespace

double rounded(double v) { return std::floor(v + 0.5); }

FixedSpectrum::FixedSpectrum(int64_t window, int64_t fft) : window_(window), half_(fft / 2) {
  BITLOOM_CHECK(fft >= 16 && (fft & (fft - 1)) == 0 && window > 0 && window % 2 == 0 && window <= fft,
                "spectrum in integers: a window of ", window, " samples does not suit an FFT of ", fft);
  for (int64_t i = 1; i < half_; i *= 2) --precision_;
  for (int64_t i = 0; i <= window / 2; ++i)
    hann_.push_back(int32_t(rounded(double(1 << 30) * (0.5 - 0.5 * std::cos(2 * M_PI * double(i) / double(window))))));
  for (int64_t i = 0; i <= half_ / 2; ++i)
    sine_.push_back(int32_t(std::min(2147483647.0, rounded(2147483648.0 * std::sin(2 * M_PI * double(i) / double(fft))))));
}

int FixedSpectrum::shift_of(const int16_t* frame) const {
  int32_t peak = 0;
  for (int64_t i = 0; i < window_; ++i) peak = std::max(peak, std::abs(int32_t(frame[i])));
  int shift = 0;
  while (shift < 14 && (peak << (shift + 1)) < 32768) ++shift;
  return shift;
}

void FixedSpectrum::take(const int16_t* frame, int shift, std::vector<int32_t>& re, std::vector<int32_t>& im) const {
  std::fill(re.begin(), re.end(), 0), std::fill(im.begin(), im.end(), 0);
  size_t place = 0;  // of a pair of samples: its number's bits in the opposite order
  for (int64_t i = 0; i < window_; i += 2) {
    const auto windowed = [&](int64_t k) {
      return high(int32_t(frame[k]) * (1 << (shift + 16)), hann_[size_t(std::min(k, window_ - k))]);
    };
    re[place] = windowed(i), im[place] = windowed(i + 1);
    size_t bit = size_t(half_ / 2);
    for (; place & bit; bit /= 2) place -= bit;
    place += bit;
  }
}

void FixedSpectrum::transform(std::vector<int32_t>& re, std::vector<int32_t>& im) const {
  for (int64_t span = 1; span < half_; span *= 2)
    for (int64_t k = 0; k < span; ++k) {
      const int32_t c = cosine(k * half_ / span), s = sine(k * half_ / span);
      for (size_t a = size_t(k), b = size_t(k + span); a < size_t(half_); a += size_t(2 * span), b += size_t(2 * span)) {
        const int32_t ar = re[a] >> 1, ai = im[a] >> 1, br = re[b], bi = im[b];
        const int32_t tr = high(br, c) + high(bi, s), ti = high(bi, c) - high(br, s);  // halved: c and s are Q31
        re[a] = ar + tr, im[a] = ai + ti;
        re[b] = ar - tr, im[b] = ai - ti;
      }
    }
}

void FixedSpectrum::magnitudes(const int16_t* frame, int shift, int64_t first, int64_t end, uint32_t* out) const {
  static thread_local std::vector<int32_t> re, im;
  re.resize(size_t(half_)), im.resize(size_t(half_));
  take(frame, shift, re, im);
  transform(re, im);
  constexpr int64_t kOne = int64_t(1) << 31;
  for (int64_t k = first; k < end; ++k) {  // as in RealFft, twice the parts and halved at the end
    const size_t a = size_t(k), b = size_t(half_ - k);
    const int64_t even_re = int64_t(re[a]) + re[b], even_im = int64_t(im[a]) - im[b], odd_re = int64_t(im[a]) + im[b],
                  odd_im = int64_t(re[b]) - re[a], c = cosine(k), s = sine(k);
    uint32_t x = uint32_t(std::abs((even_re * kOne + odd_re * c + odd_im * s + kOne) >> 32));
    uint32_t y = uint32_t(std::abs((even_im * kOne - odd_re * s + odd_im * c + kOne) >> 32));
    int down = 0;
    while ((x | y) >> 19) x >>= 4, y >>= 4, down += 4;
    while ((x | y) >> 15) x >>= 1, y >>= 1, ++down;
    out[k] = square_root(x * x + y * y) << down;
  }
}

const std::vector<uint32_t>& fixed_log2_table() {
  static const std::vector<uint32_t> table = [] {
    std::vector<uint32_t> values;
    for (int64_t i = 0; i <= kLogSteps; ++i) values.push_back(uint32_t(rounded(65536 * std::log2(1 + double(i) / kLogSteps))));
    return values;
  }();
  return table;
}

int32_t fixed_log2(uint64_t v) {
  int32_t whole = 63;
  for (int32_t step = 32; step > 0; step /= 2)
    if (!(v >> (64 - step))) v <<= step, whole -= step;
  const uint32_t fraction = uint32_t(v >> 47) & 0xffff, rest = fraction % 1024;
  const uint32_t *step = &fixed_log2_table()[fraction / 1024], part = (step[1] - step[0]) * rest + 512;
  return whole * 65536 + int32_t(step[0] + part / 1024);
}

}  // namespace bitloom
