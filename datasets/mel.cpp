// Energies of sound in bands of the mel scale.
#include "datasets/mel.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "core/kernels/scratch.h"

namespace bitloom {
namespace {

using kernel::kLanes;
using kernel::load;
using kernel::store;
using kernel::Vec;

// The triangles over edges[b], edges[b+1], edges[b+2] at the places of the bins from `begin` on, `height` of each.
template <class Place, class Height>
MelBank triangles(const std::vector<double>& edges, int64_t begin, int64_t bins, Place place, Height height) {
  MelBank bank;
  for (size_t b = 0; b + 2 < edges.size(); ++b) {
    int64_t first = bins;
    std::vector<float> weights;
    for (int64_t k = begin; k < bins; ++k) {
      const double at = place(k);
      const double weight =
          std::min((at - edges[b]) / (edges[b + 1] - edges[b]), (edges[b + 2] - at) / (edges[b + 2] - edges[b + 1]));
      if (weight <= 0) continue;
      if (weights.empty()) first = k;
      weights.push_back(float(weight * height(b)));
    }
    bank.first.push_back(first);
    bank.weights.push_back(std::move(weights));
  }
  return bank;
}

}  // namespace

MelBank tensorflow_mel_bank(int64_t bands, int64_t fft, double rate, double lo_hz, double hi_hz) {
  const auto mel = [](double hz) { return 1127 * std::log1p(hz / 700); };
  std::vector<double> edges;
  for (int64_t i = 0; i < bands + 2; ++i)
    edges.push_back(mel(lo_hz) + (mel(hi_hz) - mel(lo_hz)) * double(i) / double(bands + 1));
  return triangles(
      edges, 1, fft / 2 + 1, [&](int64_t bin) { return mel(rate * double(bin) / double(fft)); }, [](size_t) { return 1.0; });
}

MelBank slaney_mel_bank(int64_t bands, int64_t fft, double rate) {
  constexpr double kHzAMel = 200.0 / 3, kKneeHz = 1000, kKneeMel = kKneeHz / kHzAMel;
  const double log_step = std::log(6.4) / 27;
  const double top = kKneeMel + std::log(rate / 2 / kKneeHz) / log_step;
  std::vector<double> edges;
  for (int64_t i = 0; i < bands + 2; ++i) {
    const double mel = top * double(i) / double(bands + 1);
    edges.push_back(mel < kKneeMel ? mel * kHzAMel : kKneeHz * std::exp(log_step * (mel - kKneeMel)));
  }
  return triangles(
      edges, 0, fft / 2 + 1, [&](int64_t bin) { return rate * double(bin) / double(fft); },
      [&](size_t b) { return 2 / (edges[b + 2] - edges[b]); });
}

MelSpectrum::MelSpectrum(int64_t window, int64_t stride, int64_t fft, Of of, MelBank bank)
    : window_(window), stride_(stride), fft_(fft), of_(of), bank_(std::move(bank)) {
  BITLOOM_CHECK(window > 0 && window <= fft && stride > 0, "mel spectrum: a window of ", window, " samples, every ", stride,
                ", does not suit an FFT of ", fft);
  for (int64_t i = 0; i < window; ++i) hann_.push_back(float(0.5 - 0.5 * std::cos(2 * M_PI * double(i) / double(window))));
}

void MelSpectrum::run(const float* samples, int64_t count, float* out) const {
  static thread_local kernel::Scratch scratch;
  const int64_t n = fft_.size(), bins = fft_.bins(), all = frames(count), width = bank_.bands();
  float *x = scratch.reserve((n + bins + width) * kLanes), *spectrum = x + n * kLanes, *energies = spectrum + bins * kLanes;
  for (int64_t first = 0; first < all; first += kLanes) {
    const int64_t lanes = std::min<int64_t>(kLanes, all - first);
    if (lanes < kLanes || first == 0) std::fill(x, x + n * kLanes, 0.0f);
    kernel::transpose(samples + first * stride_, stride_, lanes, window_, x, kLanes);
    for (int64_t i = 0; i < window_; ++i) store(x + i * kLanes, load(x + i * kLanes) * hann_[size_t(i)]);
    fft_.power(x, spectrum);
    if (of_ == Of::kMagnitude)
      for (int64_t i = 0; i < bins * kLanes; ++i) spectrum[i] = std::sqrt(spectrum[i]);
    for (int64_t b = 0; b < width; ++b) {
      const std::vector<float>& weights = bank_.weights[size_t(b)];
      const float* bin = spectrum + bank_.first[size_t(b)] * kLanes;
      Vec sum = {};
      for (size_t i = 0; i < weights.size(); ++i) sum += load(bin + int64_t(i) * kLanes) * weights[i];
      store(energies + b * kLanes, sum);
    }
    kernel::transpose(energies, kLanes, width, lanes, out + first * width, width);
  }
}

}  // namespace bitloom
