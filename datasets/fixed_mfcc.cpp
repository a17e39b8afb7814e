// Mel-frequency cepstral coefficients in integers.
#include "datasets/fixed_mfcc.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace bitloom {
namespace {

constexpr int64_t kHalf = FixedMfcc::kFft / 2, kLogSteps = 64;
constexpr int64_t kOne = int64_t(1) << 31;
constexpr uint64_t kFloor = 137439;  // 1e-6 * 2^21 in Q16: the floor beside bands in units of 2^-(shift + 21)

int32_t high(int32_t a, int32_t b) { return int32_t((int64_t(a) * b) >> 32); }

double rounded(double v) { return std::floor(v + 0.5); }

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

FixedMfcc::FixedMfcc(double scale, int32_t lo, int32_t hi) : lo_(lo), hi_(hi) {
  BITLOOM_CHECK(scale > 0 && std::isfinite(scale) && lo < hi, "mfcc in integers: codes of scale ", scale, " from ", lo, " to ",
                hi);
  for (int64_t i = 0; i <= kWindow / 2; ++i)
    t_.hann.push_back(int32_t(rounded(double(1 << 30) * (0.5 - 0.5 * std::cos(2 * M_PI * double(i) / double(kWindow))))));
  for (int64_t i = 0; i <= kFft / 4; ++i)
    t_.sine.push_back(int32_t(std::min(2147483647.0, rounded(2147483648.0 * std::sin(2 * M_PI * double(i) / double(kFft))))));
  const MelBank bank = Mfcc::mel_bank();
  for (int64_t b = 0; b < bank.bands(); ++b) {
    t_.first.push_back(uint8_t(bank.first[size_t(b)]));
    t_.count.push_back(uint8_t(bank.weights[size_t(b)].size()));
    for (const float w : bank.weights[size_t(b)]) t_.weights.push_back(uint16_t(rounded(32768 * double(w))));
  }
  for (int64_t i = 0; i <= kLogSteps; ++i) t_.log2.push_back(uint32_t(rounded(65536 * std::log2(1 + double(i) / kLogSteps))));
  std::vector<double> dct;
  double largest = 0;
  for (const float v : Mfcc::dct()) {
    dct.push_back(double(v) * std::log(2.0) / scale);
    largest = std::max(largest, std::fabs(dct.back()));
  }
  while (t_.dct_shift < 30 && largest * std::ldexp(1, t_.dct_shift + 1) <= 32767) ++t_.dct_shift;
  BITLOOM_CHECK(largest <= 32767, "mfcc in integers: codes of scale ", scale, " are too fine");
  for (const double v : dct) t_.dct.push_back(int16_t(rounded(std::ldexp(v, t_.dct_shift))));
}

void FixedMfcc::magnitudes(const int16_t* frame, int shift, uint32_t* out) const {
  std::array<int32_t, kHalf> re{}, im{};
  size_t place = 0;  // of a pair of samples: its number's 8 bits in the opposite order
  for (int64_t i = 0; i < kWindow; i += 2) {
    const auto windowed = [&](int64_t k) {
      return high(int32_t(frame[k]) * (1 << (shift + 16)), t_.hann[size_t(std::min(k, kWindow - k))]);
    };
    re[place] = windowed(i), im[place] = windowed(i + 1);
    size_t bit = kHalf / 2;
    for (; place & bit; bit /= 2) place -= bit;
    place += bit;
  }
  for (int64_t span = 1; span < kHalf; span *= 2)
    for (int64_t k = 0; k < span; ++k) {
      const int32_t c = cosine(k * kHalf / span), s = sine(k * kHalf / span);
      for (size_t a = size_t(k), b = size_t(k + span); a < size_t(kHalf); a += size_t(2 * span), b += size_t(2 * span)) {
        const int32_t ar = re[a] >> 1, ai = im[a] >> 1, br = re[b], bi = im[b];
        const int32_t tr = high(br, c) + high(bi, s), ti = high(bi, c) - high(br, s);
        re[a] = ar + tr, im[a] = ai + ti;
        re[b] = ar - tr, im[b] = ai - ti;
      }
    }
  const int64_t bins = t_.first.back() + t_.count.back();
  for (int64_t k = t_.first.front(); k < bins; ++k) {  // as in RealFft, twice the parts and halved at the end
    const size_t a = size_t(k), b = size_t(kHalf - k);
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

int32_t FixedMfcc::log2(uint64_t v) const {
  int32_t whole = 63;
  for (int32_t step = 32; step > 0; step /= 2)
    if (!(v >> (64 - step))) v <<= step, whole -= step;
  const uint32_t fraction = uint32_t(v >> 47) & 0xffff, rest = fraction % 1024;
  const uint32_t *step = &t_.log2[fraction / 1024], part = (step[1] - step[0]) * rest + 512;
  return whole * 65536 + int32_t(step[0] + part / 1024);
}

void FixedMfcc::run(const int16_t* samples, int16_t* codes) const {
  const int32_t largest = std::max<int32_t>(0, *std::max_element(samples, samples + Mfcc::kSamples));
  for (int64_t t = 0; t < Mfcc::kFrames; ++t) {
    const int16_t* frame = samples + t * kStride;
    int32_t peak = 0;
    for (int64_t i = 0; i < kWindow; ++i) peak = std::max(peak, std::abs(int32_t(frame[i])));
    int shift = 0;
    while (shift < 14 && (peak << (shift + 1)) < 32768) ++shift;
    const uint64_t unit = uint64_t(largest > 0 ? largest : 1) << shift, floor = (unit * kFloor + 32768) >> 16;
    const int32_t log_unit = log2(unit) + (21 << 16);
    std::array<uint32_t, kHalf> spectrum;
    magnitudes(frame, shift, spectrum.data());
    int64_t sums[Mfcc::kCoefficients] = {};
    const uint16_t* weight = t_.weights.data();
    for (int64_t b = 0; b < kBands; ++b) {
      uint64_t band = floor;
      for (int64_t i = 0; i < t_.count[size_t(b)]; ++i) band += uint64_t(*weight++) * spectrum[size_t(t_.first[size_t(b)] + i)];
      const int64_t level = log2(band) - log_unit;
      for (int64_t k = 0; k < Mfcc::kCoefficients; ++k) sums[k] += level * t_.dct[size_t(b * Mfcc::kCoefficients + k)];
    }
    const int down = t_.dct_shift + 16;
    for (int64_t k = 0; k < Mfcc::kCoefficients; ++k) {
      const int64_t code = (sums[k] + (int64_t(1) << (down - 1))) >> down;
      codes[t * Mfcc::kCoefficients + k] = int16_t(std::clamp<int64_t>(code, lo_, hi_));
    }
  }
}

}  // namespace bitloom
