// Recordings of machines as samples.
#include "datasets/frame_vectors.h"

#include <algorithm>
#include <utility>

namespace bitloom {
namespace {

SampleFormat format_of(const std::vector<float>& frames) {
  SampleFormat format{1, 1, FrameVectors::kTogether * FrameVectors::kBands, false, 1, 0, 0};
  if (frames.empty()) return format;
  const auto [lo, hi] = std::minmax_element(frames.begin(), frames.end());
  format.lo = *lo, format.hi = *hi;
  return format;
}

std::vector<int32_t> repeated(const std::vector<int32_t>& of_recordings) {
  std::vector<int32_t> all;
  for (const int32_t value : of_recordings) all.insert(all.end(), size_t(FrameVectors::kVectors), value);
  return all;
}

}  // namespace

FrameVectors::FrameVectors(std::string name, std::vector<float> frames, const std::vector<int32_t>& machines,
                           const std::vector<int32_t>& labels)
    : Dataset(std::move(name), format_of(frames), int64_t(machines.size()) * kVectors, repeated(labels), repeated(machines)),
      frames_(std::move(frames)) {}

void FrameVectors::fill(int64_t index, const Rng*, float* out) const {
  std::copy_n(frames_.data() + (index / kVectors * kFrames + index % kVectors) * kBands, kTogether * kBands, out);
}

void FrameVectors::frames_of(const std::vector<int16_t>& samples, const LogMel& log_mel, float* out) {
  const std::vector<float> frames = log_mel.run(samples);
  std::copy_n(frames.data() + kFirst * kBands, kFrames * kBands, out);
}

}  // namespace bitloom
