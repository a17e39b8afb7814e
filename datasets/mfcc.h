// Mel-frequency cepstral coefficients: what a keyword network hears.
#pragma once
#include <cstdint>
#include <vector>

#include "datasets/mel.h"

namespace bitloom {

// Of one second at 16 kHz, as MLPerf Tiny's keyword spotting computes them with TensorFlow (github.com/mlcommons/tiny,
// benchmark/training/keyword_spotting/get_dataset.py): samples divided by the largest of them, frames of 30 ms every 20 ms, magnitudes of a
// 512-point FFT, 40 mel bands from 20 to 4000 Hz, ln(band + 1e-6), orthonormal DCT-II (S. Davis and P. Mermelstein, IEEE Transactions on
// Acoustics, Speech, and Signal Processing 28, 1980), of which the first 10 coefficients are kept. Thread-safe.
class Mfcc {
 public:
  static constexpr int64_t kRate = 16000, kSamples = 16000, kFrames = 49, kCoefficients = 10;
  // No coefficient is below that of a frame without any sound: 40 bands of ln(1e-6).
  static constexpr float kLowest = -123.57f;

  Mfcc();
  // samples: (16000), any scale; where none is above 0 they are taken as they are. out: (49, 10).
  void run(const float* samples, float* out) const;
  // The largest of that many samples, 0 at least.
  static float largest_of(const float* samples);
  // Its filters, and its transform (bands, coefficients).
  static MelBank mel_bank();
  static std::vector<float> dct();

 private:
  static constexpr int64_t kBands = 40;
  MelSpectrum spectrum_;
  std::vector<float> dct_;  // (bands, coefficients)
};

}  // namespace bitloom
