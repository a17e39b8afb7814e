// Log-mel spectrograms.
#include "datasets/log_mel.h"

#include <cmath>
#include <limits>

#include "core/error.h"

namespace bitloom {

LogMel::LogMel()
    : spectrum_(kWindow, kStride, kWindow, MelSpectrum::Of::kPower, slaney_mel_bank(kBands, kWindow, double(kRate))) {}

std::vector<float> LogMel::run(const std::vector<int16_t>& samples) const {
  constexpr int64_t kEdge = kWindow / 2;
  const int64_t n = int64_t(samples.size());
  BITLOOM_CHECK(n > kEdge, "log-mel: ", n, " samples cannot be mirrored over half a window of ", kEdge);
  std::vector<float> x;
  x.reserve(size_t(n + kWindow));
  for (int64_t i = -kEdge; i < n + kEdge; ++i)
    x.push_back(float(samples[size_t(i < 0 ? -i : i < n ? i : 2 * (n - 1) - i)]) / 32768);
  std::vector<float> bands(size_t(frames(n) * kBands));
  spectrum_.run(x.data(), int64_t(x.size()), bands.data());
  for (float& band : bands) band = 10 * std::log10(band + float(std::numeric_limits<double>::epsilon()));
  return bands;
}

}  // namespace bitloom
