// Recordings of machines as samples: overlapping vectors of log-mel frames.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "datasets/log_mel.h"

namespace bitloom {

// As MLPerf Tiny has it (benchmark/training/anomaly_detection/common.py): the central 200 frames of a recording count, five of which in a row make a
// sample of 640 values; a recording is scored by the mean over its 196.
class FrameVectors : public Dataset {
 public:
  static constexpr int64_t kFirst = 50, kFrames = 200, kTogether = 5, kVectors = kFrames - kTogether + 1,
                           kBands = LogMel::kBands;
  static constexpr int64_t kNeeded = (kFirst + kFrames - 1) * LogMel::kStride;  // samples of a recording, at least

  // Of each recording: frames (kFrames, kBands), its machine, and whether it is an anomaly (no labels: all are normal).
  FrameVectors(std::string name, std::vector<float> frames, const std::vector<int32_t>& machines,
               const std::vector<int32_t>& labels);
  void fill(int64_t index, const Rng*, float* out) const override;
  int64_t scored_together() const override { return kVectors; }

  // Writes the frames that count of a recording of kNeeded samples or more.
  static void frames_of(const std::vector<int16_t>& samples, const LogMel& log_mel, float* out);

 private:
  const std::vector<float> frames_;  // (recordings, kFrames, kBands): overlapping vectors are stored once
};

}  // namespace bitloom
