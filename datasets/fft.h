// Fast Fourier transform of real signals, a signal a lane.
#pragma once
#include <cstdint>
#include <vector>

#include "core/kernels/simd.h"

namespace bitloom {

// Power spectra of kernel::kLanes signals of n real samples at once (n a power of two, 4 at least): every step is the scalar algorithm on
// vectors with a lane for each signal, so that a signal's spectrum has the same bits whatever the lanes beside it hold and however many
// there are. The even samples as real and the odd ones as imaginary parts are one complex signal of n/2 samples; its radix-2 transform
// (J. W. Cooley and J. W. Tukey, Mathematics of Computation 19, 1965) is then taken apart (Press et al., Numerical Recipes, "FFT of Single
// Real Function").
class RealFft {
 public:
  explicit RealFft(int64_t n);
  int64_t size() const { return n_; }
  int64_t bins() const { return n_ / 2 + 1; }

  // x: (n, kLanes), aligned to vectors. power: (n/2 + 1, kLanes), the squared magnitudes of bins 0 .. n/2, not divided by n.
  void power(const float* x, float* power) const;

 private:
  int64_t n_;
  std::vector<int64_t> reversed_;  // of n/2 indices, their bits in the opposite order
  std::vector<float> cos_, sin_;   // of -2 pi k / n, k < n/2
};

}  // namespace bitloom
