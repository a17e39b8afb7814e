// Mel-frequency cepstral coefficients in integers: what a microcontroller computes.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "datasets/mfcc.h"

namespace bitloom {

// The features of datasets/mfcc.h without floating point, as the codes that a network takes; the exported C (quant/export_c/front_end.h) computes the
// same bits from the same tables:
//   1. A frame is shifted until its largest magnitude has 15 bits, and windowed (Q30): units of 2^-(shift + 14) of a sample.
//   2. A complex radix-2 FFT of the even and the odd samples, halved at each of its 8 stages, so that nothing exceeds 31 bits and the
//      upper halves of products are enough.
//   3. Magnitudes of 16 significant bits, by a square root of 32-bit integers.
//   4. Mel bands, 64-bit sums; their base-2 logarithm (Q16) by a table and linear interpolation. Division by the largest sample, and the floor
//      of 1e-6 beside it, become a difference of logarithms and a term of the sum.
//   5. The DCT, with ln 2 and the codes' scale in its coefficients, rounded half up and clamped.
class FixedMfcc {
 public:
  static constexpr int64_t kWindow = 480, kStride = 320, kFft = 512, kBands = 40;
  struct Tables {
    std::vector<int32_t> hann;          // Q30: the first half of the periodic window and its middle; symmetric about it
    std::vector<int32_t> sine;          // Q31, 1 being 2^31 - 1: of 2 pi i / 512, a quarter of a turn
    std::vector<uint8_t> first, count;  // bins of each band
    std::vector<uint16_t> weights;      // Q15, band after band
    std::vector<uint32_t> log2;         // Q16: of 1 + i / 64, i <= 64
    std::vector<int16_t> dct;           // (bands, coefficients), in units of 2^-dct_shift codes
    int dct_shift = 0;
  };

  // scale, lo, hi: of the codes, value = code * scale.
  FixedMfcc(double scale, int32_t lo, int32_t hi);
  // samples: (16000). codes: (49, 10).
  void run(const int16_t* samples, int16_t* codes) const;

  const Tables& tables() const { return t_; }
  int32_t lo() const { return lo_; }
  int32_t hi() const { return hi_; }

 private:
  // Magnitudes of the bins of a frame, those that a band has.
  void magnitudes(const int16_t* frame, int shift, uint32_t* out) const;
  int32_t log2(uint64_t v) const;
  int32_t sine(int64_t i) const { return i <= kFft / 4 ? t_.sine[size_t(i)] : t_.sine[size_t(kFft / 2 - i)]; }
  int32_t cosine(int64_t i) const { return i <= kFft / 4 ? t_.sine[size_t(kFft / 4 - i)] : -t_.sine[size_t(i - kFft / 4)]; }

  Tables t_;
  int32_t lo_, hi_;
};

}  // namespace bitloom
