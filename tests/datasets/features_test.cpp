// The front ends against values computed by tests/data/features.py (numpy, float64, from the definitions) and by TensorFlow's pipeline.
#include <cmath>

#include "core/kernels/scratch.h"
#include "core/rng.h"
#include "core/state_dict.h"
#include "datasets/log_mel.h"
#include "datasets/mfcc.h"
#include "datasets/wav.h"
#include "tests/support/files.h"

namespace bitloom {
namespace {

using kernel::kLanes;
using testing::data_path;
using testing::error_of;
using testing::shared_path;

// As in features.py.
std::vector<int16_t> signal(int which) {
  std::vector<int16_t> samples;
  uint32_t word = 1;
  for (int64_t i = 0; i < 16000; ++i) {
    word = word * 1664525u + 1013904223u;
    const int noise = int(word >> 16) - 32768;
    const int faint = int(std::floor(noise / 1024.0)), chirp = int(i * i * 3 % 65536) - 32768;
    samples.push_back(int16_t(which == 0 ? chirp : which == 1 ? noise : i / 2000 % 2 == 0 ? faint : 0));
  }
  return samples;
}

std::vector<float> as_floats(const std::vector<int16_t>& samples) { return {samples.begin(), samples.end()}; }

StateDict reference() {
  const std::string file = testing::source_path("tests/data/features.npz");
  return StateDict(read_npz(file), file);
}

// Largest difference of `count` values.
double distance(const float* a, const float* b, int64_t count) {
  double largest = 0;
  for (int64_t i = 0; i < count; ++i) largest = std::max(largest, std::fabs(double(a[i]) - double(b[i])));
  return largest;
}

// Power spectra of the first n samples of each signal, in the lanes `lane`, `lane + 1`, `lane + 2`.
std::vector<std::vector<float>> spectra(int64_t n, int64_t lane) {
  kernel::Scratch scratch;
  const RealFft fft(n);
  float *x = scratch.reserve((n + fft.bins()) * kLanes), *power = x + n * kLanes;
  for (int64_t i = 0; i < n * kLanes; ++i) x[i] = float(i % 1000);  // the neighbours' affair
  for (int s = 0; s < 3; ++s) {
    const std::vector<int16_t> samples = signal(s);
    for (int64_t i = 0; i < n; ++i) x[i * kLanes + lane + s] = float(samples[size_t(i)]);
  }
  fft.power(x, power);
  std::vector<std::vector<float>> out(3);
  for (size_t s = 0; s < 3; ++s)
    for (int64_t k = 0; k < fft.bins(); ++k) out[s].push_back(power[k * kLanes + lane + int64_t(s)]);
  return out;
}

TEST(Fft, IsTheFourierTransform) {
  for (const int64_t n : {8, 512}) {
    const Tensor expected = reference().tensor(n == 8 ? "power_8" : "power");
    const auto found = spectra(n, 0);
    for (int64_t s = 0; s < 3; ++s) {
      const float* row = expected.data() + s * (n / 2 + 1);
      double largest = 0;
      for (int64_t k = 0; k <= n / 2; ++k) largest = std::max(largest, double(row[k]));
      EXPECT_LT(distance(found[size_t(s)].data(), row, n / 2 + 1), 1e-6 * largest) << "signal " << s << " of " << n;
    }
  }
}

TEST(Fft, EveryLaneGivesTheSameBits) {
  const auto first = spectra(512, 0);
  for (int64_t lane = 1; lane + 3 <= kLanes; ++lane) EXPECT_TRUE(spectra(512, lane) == first) << lane;
}

TEST(Fft, RefusesOtherSizes) {
  for (const int64_t n : {0, 2, 480})
    EXPECT_EQ(error_of([&] { RealFft fft(n); }), str("fft: expected a power of two of 4 at least, got ", n));
}

TEST(Mfcc, IsTheDefinition) {
  const Tensor expected = reference().tensor("mfcc");
  std::vector<float> found(490);
  const Mfcc mfcc;
  for (int s = 0; s < 3; ++s) {
    mfcc.run(as_floats(signal(s)).data(), found.data());
    EXPECT_LT(distance(found.data(), expected.data() + s * 490, 490), 2e-4) << "signal " << s;
  }
}

TEST(Mfcc, IsTheSameForLoudAndQuiet) {
  const Mfcc mfcc;
  std::vector<float> samples = as_floats(signal(1)), loud(490), quiet(490);
  mfcc.run(samples.data(), loud.data());
  for (float& v : samples) v /= 1024;
  mfcc.run(samples.data(), quiet.data());
  EXPECT_EQ(loud, quiet);
}

TEST(Mfcc, SilenceHasTheLowestValue) {
  const std::vector<float> silence(Mfcc::kSamples);
  std::vector<float> found(490);
  Mfcc().run(silence.data(), found.data());
  for (size_t i = 0; i < found.size(); i += 10) {
    EXPECT_NEAR(found[i], Mfcc::kLowest, 1e-2);
    EXPECT_GE(found[i], Mfcc::kLowest);
  }
}

TEST(Mfcc, FeaturesOfRealClipsAreTensorFlows) {
  const std::string file = shared_path("data/models/golden_mlperf_ds_cnn.npz"),
                    clips = data_path("speech_commands_test_set_v0.02");
  BITLOOM_NEEDS(file);
  BITLOOM_NEEDS(clips);
  const Npz arrays = read_npz(file);
  const StateDict golden(arrays, file);
  const Tensor input = golden.tensor("input");
  const NpyArray& names = arrays.at("source");
  const Mfcc mfcc;
  std::vector<float> found(490);
  const size_t width = names.bytes.size() / 8;
  for (size_t i = 0; i < 8; ++i) {
    const std::string name(reinterpret_cast<const char*>(&names.bytes[i * width]), width);
    const Waveform w = read_wav(clips + "/" + name.c_str());
    mfcc.run(as_floats(w.samples).data(), found.data());
    EXPECT_LT(distance(found.data(), input.data() + i * 490, 490), 2e-3) << name.c_str();
  }
}

TEST(LogMel, IsTheDefinition) {
  const Tensor expected = reference().tensor("log_mel");
  const LogMel log_mel;
  for (int s = 0; s < 3; ++s) {
    const std::vector<float> found = log_mel.run(signal(s));
    ASSERT_EQ(found.size(), 32u * 128);
    EXPECT_LT(distance(found.data(), expected.data() + s * 32 * 128, 32 * 128), 1e-3) << "signal " << s;
  }
}

TEST(LogMel, RefusesWhatIsTooShortToBeMirrored) {
  EXPECT_EQ(error_of([] { LogMel().run(std::vector<int16_t>(512)); }),
            "log-mel: 512 samples cannot be mirrored over half a window of 512");
}

}  // namespace
}  // namespace bitloom
