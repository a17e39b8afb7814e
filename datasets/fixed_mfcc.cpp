// Mel-frequency cepstral coefficients in integers.
#include "datasets/fixed_mfcc.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace bitloom {
namespace {

constexpr uint64_t kFloor = 137439;  // 1e-6 * 2^21 in Q16: the floor beside bands in units of 2^-(shift + 21)

}  // namespace

FixedMfcc::FixedMfcc(double scale, int32_t lo, int32_t hi) : spectrum_(kWindow, kFft), lo_(lo), hi_(hi) {
  BITLOOM_CHECK(scale > 0 && std::isfinite(scale) && lo < hi, "mfcc in integers: codes of scale ", scale, " from ", lo, " to ",
                hi);
  const MelBank bank = Mfcc::mel_bank();
  for (int64_t b = 0; b < bank.bands(); ++b) {
    t_.first.push_back(uint8_t(bank.first[size_t(b)]));
    t_.count.push_back(uint8_t(bank.weights[size_t(b)].size()));
    for (const float w : bank.weights[size_t(b)]) t_.weights.push_back(uint16_t(rounded(32768 * double(w))));
  }
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

void FixedMfcc::run(const int16_t* samples, int16_t* codes) const {
  const int32_t largest = std::max<int32_t>(0, *std::max_element(samples, samples + Mfcc::kSamples));
  for (int64_t t = 0; t < Mfcc::kFrames; ++t) {
    const int16_t* frame = samples + t * kStride;
    const int shift = spectrum_.shift_of(frame);
    uint32_t spectrum[kFft / 2];
    spectrum_.magnitudes(frame, shift, t_.first.front(), t_.first.back() + t_.count.back(), spectrum);
    const uint64_t unit = uint64_t(largest > 0 ? largest : 1) << shift, floor = (unit * kFloor + 32768) >> 16;
    const int32_t log_unit = fixed_log2(unit) + (21 << 16);
    int64_t sums[Mfcc::kCoefficients] = {};
    const uint16_t* weight = t_.weights.data();
    for (size_t b = 0; b < size_t(kBands); ++b) {
      uint64_t band = floor;
      for (int64_t i = 0; i < t_.count[b]; ++i) band += uint64_t(*weight++) * spectrum[t_.first[b] + i];
      const int64_t level = fixed_log2(band) - log_unit;
      for (int64_t k = 0; k < Mfcc::kCoefficients; ++k) sums[k] += level * t_.dct[b * size_t(Mfcc::kCoefficients) + size_t(k)];
    }
    const int down = t_.dct_shift + 16;
    for (int64_t k = 0; k < Mfcc::kCoefficients; ++k) {
      const int64_t code = (sums[k] + (int64_t(1) << (down - 1))) >> down;
      codes[t * Mfcc::kCoefficients + k] = int16_t(std::clamp<int64_t>(code, lo_, hi_));
    }
  }
}

}  // namespace bitloom
