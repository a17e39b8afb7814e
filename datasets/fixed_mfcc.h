// Mel-frequency cepstral coefficients in integers: what a microcontroller computes.
#pragma once
#include <cstdint>
#include <vector>

#include "datasets/fixed_spectrum.h"
#include "datasets/mfcc.h"

namespace bitloom {

// The features of datasets/mfcc.h without floating point, as the codes that a network takes; the exported C (quant/export_c/front_end.h) computes the
// same bits from the same tables: magnitudes (FixedSpectrum); mel bands, 64-bit sums; their base-2 logarithm. Division by the largest sample, and the
// floor of 1e-6 beside it, become a difference of logarithms and a term of the sum. The DCT has ln 2 and the codes' scale in its
// coefficients; what comes out is rounded half up and clamped.
class FixedMfcc {
 public:
  static constexpr int64_t kWindow = 480, kStride = 320, kFft = 512, kBands = 40;
  struct Tables {
    std::vector<uint8_t> first, count;  // bins of each band
    std::vector<uint16_t> weights;      // Q15, band after band
    std::vector<int16_t> dct;           // (bands, coefficients), in units of 2^-dct_shift codes
    int dct_shift = 0;
  };

  // scale, lo, hi: of the codes, value = code * scale.
  FixedMfcc(double scale, int32_t lo, int32_t hi);
  // samples: (16000). codes: (49, 10).
  void run(const int16_t* samples, int16_t* codes) const;

  const FixedSpectrum& spectrum() const { return spectrum_; }
  const Tables& tables() const { return t_; }
  int32_t lo() const { return lo_; }
  int32_t hi() const { return hi_; }

 private:
  FixedSpectrum spectrum_;
  Tables t_;
  int32_t lo_, hi_;
};

}  // namespace bitloom
