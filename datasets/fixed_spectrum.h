// Spectra of sound in 32-bit integers: what the front ends of a microcontroller begin with.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bitloom {

// Magnitudes of windowed frames without floating point. The exported C (quant/export_c/front_end.h) computes the same bits from the same tables:
//   1. The frame is shifted until its largest magnitude has 15 bits, and windowed (Q30): units of 2^-(shift + 14) of a sample.
//   2. A complex radix-2 FFT of the even and the odd samples, halved at each of its stages, so that nothing exceeds 31 bits and the
//      upper halves of products are enough.
//   3. Magnitudes of 16 significant bits, by a square root of 32-bit integers.
class FixedSpectrum {
 public:
  // Of the periodic Hann window; fft: a power of two of 16 at least, no smaller than the window, which is even.
  FixedSpectrum(int64_t window, int64_t fft);
  int64_t window() const { return window_; }
  int64_t fft() const { return 2 * half_; }
  // How far a frame is shifted.
  int shift_of(const int16_t* frame) const;
  // out[k] for bins 1 <= first <= k < end <= fft / 2, in units of 2^-(shift + precision()) of a sample.
  void magnitudes(const int16_t* frame, int shift, int64_t first, int64_t end, uint32_t* out) const;
  int precision() const { return precision_; }

  const std::vector<int32_t>& hann() const {
    return hann_;
  }  // Q30: the first half of the window and its middle; symmetric about it
  const std::vector<int32_t>& sine() const { return sine_; }  // Q31, 1 being 2^31 - 1: of 2 pi i / fft, a quarter of a turn

 private:
  void take(const int16_t* frame, int shift, std::vector<int32_t>& re, std::vector<int32_t>& im) const;
  void transform(std::vector<int32_t>& re, std::vector<int32_t>& im) const;
  int32_t sine(int64_t i) const { return i <= half_ / 2 ? sine_[std::size_t(i)] : sine_[std::size_t(half_ - i)]; }
  int32_t cosine(int64_t i) const {
    return i <= half_ / 2 ? sine_[std::size_t(half_ / 2 - i)] : -sine_[std::size_t(i - half_ / 2)];
  }

  int64_t window_, half_;
  int precision_ = 14;
  std::vector<int32_t> hann_, sine_;
};

// The logarithm to base 2 of v >= 1 in Q16, by linear interpolation in a table of log2(1 + i / 64), i <= 64.
int32_t fixed_log2(uint64_t v);
const std::vector<uint32_t>& fixed_log2_table();

// Rounded half up.
double rounded(double v);

}  // namespace bitloom
