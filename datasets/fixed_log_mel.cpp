// Log-mel spectrograms in integers.
#include "datasets/fixed_log_mel.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace bitloom {

FixedLogMel::FixedLogMel(double scale, int32_t lo, int32_t hi) : spectrum_(LogMel::kWindow, LogMel::kWindow), lo_(lo), hi_(hi) {
  const double factor = rounded(65536 * 10 * std::log10(2.0) / scale);
  BITLOOM_CHECK(scale > 0 && factor >= 1 && factor < 1 << 30 && lo < hi, "log-mel in integers: codes of scale ", scale,
                " from ", lo, " to ", hi);
  t_.factor = int32_t(factor);
  const MelBank bank = slaney_mel_bank(LogMel::kBands, LogMel::kWindow, double(LogMel::kRate));
  for (size_t b = 0; b < size_t(bank.bands()); ++b) {
    t_.first.push_back(uint16_t(bank.first[b]));
    t_.count.push_back(uint16_t(bank.weights[b].size()));
    for (const float w : bank.weights[b]) t_.weights.push_back(uint16_t(rounded(double(1 << 20) * double(w))));
  }
}

void FixedLogMel::run(const int16_t* frame, int16_t* codes) const {
  uint32_t spectrum[LogMel::kWindow / 2];
  const int shift = spectrum_.shift_of(frame);
  const int64_t first = t_.first.front(), end = t_.first.back() + t_.count.back();
  spectrum_.magnitudes(frame, shift, first, end, spectrum);
  const uint32_t largest = *std::max_element(spectrum + first, spectrum + end);
  int down = 0;
  while (largest >> down >> 23) ++down;
  const uint32_t half = (1u << down) >> 1;
  const int exponent = 2 * (shift + spectrum_.precision() - down) + 50;  // bands are in units of 2^-exponent
  const uint64_t floor = exponent >= 52 ? uint64_t(1) << (exponent - 52) : 0;
  const uint16_t* weight = t_.weights.data();
  for (size_t b = 0; b < size_t(LogMel::kBands); ++b) {
    uint64_t band = floor;
    for (int64_t i = 0; i < t_.count[b]; ++i) {
      const uint64_t m = (spectrum[t_.first[b] + i] + half) >> down;
      band += m * m * *weight++;
    }
    const int64_t level = band ? int64_t(fixed_log2(band)) - exponent * 65536 : -52 * 65536;
    const int64_t code = (level * t_.factor + (int64_t(1) << 31)) >> 32;
    codes[b] = int16_t(std::clamp<int64_t>(code, lo_, hi_));
  }
}

}  // namespace bitloom
