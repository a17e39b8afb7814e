// Mel-frequency cepstral coefficients.
#include "datasets/mfcc.h"

#include <algorithm>
#include <cmath>

namespace bitloom {
namespace {

constexpr int64_t kWindow = 480, kStride = 320, kFft = 512;
constexpr double kLoHz = 20, kHiHz = 4000;
constexpr float kFloor = 1e-6f;

}  // namespace

MelBank Mfcc::mel_bank() { return tensorflow_mel_bank(kBands, kFft, double(kRate), kLoHz, kHiHz); }

std::vector<float> Mfcc::dct() {
  std::vector<float> dct;
  for (int64_t band = 0; band < kBands; ++band)
    for (int64_t k = 0; k < kCoefficients; ++k) {
      // Coefficient 0 is as large as the others, not orthonormal's 1/sqrt(2) of it: so tf.signal.mfccs_from_log_mel_spectrograms has it.
      const double angle = M_PI * double(k) * (double(band) + 0.5) / double(kBands);
      dct.push_back(float(2 * std::cos(angle) / std::sqrt(2 * double(kBands))));
    }
  return dct;
}

Mfcc::Mfcc() : spectrum_(kWindow, kStride, kFft, MelSpectrum::Of::kMagnitude, mel_bank()), dct_(dct()) {}

float Mfcc::largest_of(const float* samples) {
  constexpr int64_t kParts = 64;  // independent, so that they are vectors
  static_assert(kSamples % kParts == 0);
  float largest[kParts] = {};
  for (int64_t i = 0; i < kSamples; i += kParts)
    for (int64_t k = 0; k < kParts; ++k) largest[k] = samples[i + k] > largest[k] ? samples[i + k] : largest[k];
  return *std::max_element(largest, largest + kParts);
}

void Mfcc::run(const float* samples, float* out) const {
  static thread_local std::vector<float> scaled(kSamples), bands(kFrames * kBands);
  float largest = largest_of(samples);
  if (largest == 0) largest = 1;
  for (int64_t i = 0; i < kSamples; ++i) scaled[size_t(i)] = samples[i] / largest;
  spectrum_.run(scaled.data(), kSamples, bands.data());
  for (float& band : bands) band = std::log(band + kFloor);
  for (int64_t t = 0; t < kFrames; ++t) {
    float sums[kCoefficients] = {};
    for (int64_t band = 0; band < kBands; ++band)
      for (int64_t k = 0; k < kCoefficients; ++k)
        sums[k] += bands[size_t(t * kBands + band)] * dct_[size_t(band * kCoefficients + k)];
    std::copy(sums, sums + kCoefficients, out + t * kCoefficients);
  }
}

}  // namespace bitloom
