// Log-mel spectrograms in integers: what a microcontroller computes.
#pragma once
#include <cstdint>
#include <vector>

#include "datasets/fixed_spectrum.h"
#include "datasets/log_mel.h"

namespace bitloom {

// A frame of datasets/log_mel.h without floating point, as the codes that a network takes; the exported C (quant/export_c/front_end.h) computes the same
// bits from the same tables: magnitudes (FixedSpectrum), rounded together to 23 bits and squared; mel bands, 64-bit sums; their base-2 logarithm,
// in units of the codes. The floor of 2.2e-16, which is 2^-52, is added where it is a whole unit, and stands where there is no sound.
class FixedLogMel {
 public:
  struct Tables {
    std::vector<uint16_t> first, count;  // bins of each band
    std::vector<uint16_t> weights;       // Q20, band after band
    int32_t factor = 0;                  // codes a doubling of power, Q16
  };

  // scale, lo, hi: of the codes, value in dB = code * scale.
  FixedLogMel(double scale, int32_t lo, int32_t hi);
  // frame: (1024). codes: (128).
  void run(const int16_t* frame, int16_t* codes) const;

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
