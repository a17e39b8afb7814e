// Log-mel spectrograms: what an anomaly detector hears.
#pragma once
#include <cstdint>
#include <vector>

#include "datasets/mel.h"

namespace bitloom {

// As MLPerf Tiny's anomaly detection and the baseline of DCASE 2020 task 2 compute them with librosa (github.com/mlcommons/tiny,
// benchmark/training/anomaly_detection/common.py): frames of 1024 samples every 512, centred, with the sound mirrored at both ends; power in
// 128 bands of Slaney's mel scale; 10 log10(band + 2.2e-16). Thread-safe.
class LogMel {
 public:
  static constexpr int64_t kRate = 16000, kBands = 128, kStride = 512, kWindow = 1024;
  LogMel();
  static int64_t frames(int64_t samples) { return 1 + samples / kStride; }
  // samples: full scale is 32768; more than 512 of them. Returns (frames(count), 128).
  std::vector<float> run(const std::vector<int16_t>& samples) const;

 private:
  MelSpectrum spectrum_;
};

}  // namespace bitloom
