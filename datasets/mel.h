// Energies of sound in bands of the mel scale, frame by frame: what MFCC and log-mel features begin with.
#pragma once
#include <cstdint>
#include <vector>

#include "datasets/fft.h"

namespace bitloom {

// Triangular filters over the bins of a spectrum: band b is the sum of weights[b][i] * spectrum[first[b] + i].
struct MelBank {
  std::vector<int64_t> first;
  std::vector<std::vector<float>> weights;
  int64_t bands() const { return int64_t(first.size()); }
};

// As TensorFlow's tf.signal.linear_to_mel_weight_matrix: mel = 1127 ln(1 + hz / 700), triangles between equidistant mels, linear over mel
// and of height 1; bin 0 is in none.
MelBank tensorflow_mel_bank(int64_t bands, int64_t fft, double rate, double lo_hz, double hi_hz);
// As librosa.filters.mel with its defaults: M. Slaney's scale (Auditory Toolbox, 1998), linear below 1 kHz and logarithmic above, triangles
// linear over hertz and of area 1, from 0 to rate / 2.
MelBank slaney_mel_bank(int64_t bands, int64_t fft, double rate);

// Short-time spectrum in mel bands. Frame t is the samples [t * stride, t * stride + window) times the periodic Hann window, zeros up to the
// size of the FFT. Thread-safe.
class MelSpectrum {
 public:
  enum class Of { kMagnitude, kPower };
  MelSpectrum(int64_t window, int64_t stride, int64_t fft, Of of, MelBank bank);
  int64_t bands() const { return bank_.bands(); }
  // Frames that lie within that many samples.
  int64_t frames(int64_t samples) const { return samples < window_ ? 0 : 1 + (samples - window_) / stride_; }
  // samples: (count). out: (frames(count), bands).
  void run(const float* samples, int64_t count, float* out) const;

 private:
  int64_t window_, stride_;
  RealFft fft_;
  Of of_;
  MelBank bank_;
  std::vector<float> hann_;
};

}  // namespace bitloom
