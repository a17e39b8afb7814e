// Front ends in integers against those in floating point.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/rng.h"
#include "datasets/fixed_log_mel.h"
#include "datasets/fixed_mfcc.h"
#include "datasets/sources.h"
#include "datasets/speech.h"
#include "tests/support/files.h"

namespace bitloom {
namespace {

using testing::error_of;

constexpr int64_t kFeatures = Mfcc::kFrames * Mfcc::kCoefficients;
constexpr double kScale = 123.57 / 127;

// Largest distance between codes and the values that they stand for, in codes; what lies beyond their range counts as its end.
double distance(const int16_t* samples, double scale = kScale) {
  const std::vector<float> floats(samples, samples + Mfcc::kSamples);
  std::vector<float> expected(kFeatures);
  Mfcc().run(floats.data(), expected.data());
  std::vector<int16_t> codes(kFeatures);
  FixedMfcc(scale, -128, 127).run(samples, codes.data());
  double largest = 0;
  for (size_t i = 0; i < size_t(kFeatures); ++i)
    largest = std::max(largest, std::fabs(std::clamp(double(expected[i]) / scale, -128.0, 127.0) - codes[i]));
  return largest;
}

template <class Sample>
std::vector<int16_t> sound(Sample sample) {
  std::vector<int16_t> samples;
  for (int64_t i = 0; i < Mfcc::kSamples; ++i) samples.push_back(int16_t(sample(i)));
  return samples;
}

// Half a code is what rounding costs; the arithmetic may add a tenth.
TEST(FixedMfcc, IsTheFloatOneRounded) {
  Rng rng(1);
  const auto noise = [&](double size) { return size * rng.uniform(-1, 1); };
  EXPECT_LT(distance(sound([&](int64_t) { return noise(32767); }).data()), 0.6) << "loud noise";
  EXPECT_LT(distance(sound([&](int64_t) { return noise(300); }).data()), 0.6) << "soft noise";
  EXPECT_LT(distance(sound([&](int64_t) { return noise(4); }).data()), 0.6) << "the last bits";
  EXPECT_LT(distance(sound([&](int64_t i) { return double(i * i * 3 % 65536) - 32768; }).data()), 0.6) << "chirp";
  EXPECT_LT(distance(sound([&](int64_t i) { return i % 4000 < 2000 ? noise(20000) : 0; }).data()), 0.6) << "bursts";
  EXPECT_LT(distance(sound([&](int64_t i) { return 20000 * std::sin(0.1 * double(i)) + noise(3); }).data()), 0.6) << "tone";
  EXPECT_LT(distance(sound([](int64_t) { return 0; }).data()), 0.6) << "silence";
  EXPECT_LT(distance(sound([&](int64_t) { return 1000 + noise(100); }).data()), 0.6) << "a microphone's offset";
  EXPECT_LT(distance(sound([&](int64_t i) { return i < 8000 ? -7 : noise(8000); }).data()), 0.6)
      << "an offset, then loud noise";
}

TEST(FixedMfcc, LoudnessIsNoMatter) {
  Rng rng(2);
  const std::vector<int16_t> soft = sound([&](int64_t) { return rng.below(401) - 200; });
  std::vector<int16_t> loud = soft, codes(kFeatures), louder(kFeatures);
  for (int16_t& v : loud) v = int16_t(v * 64);
  const FixedMfcc mfcc(kScale, -128, 127);
  mfcc.run(soft.data(), codes.data());
  mfcc.run(loud.data(), louder.data());
  EXPECT_EQ(codes, louder);
}

TEST(FixedMfcc, ScalesOfAllSizes) {
  Rng rng(3);
  const std::vector<int16_t> noise = sound([&](int64_t) { return rng.below(2001) - 1000; });
  for (const double scale : {0.25, 0.5, 2.0, 8.0}) EXPECT_LT(distance(noise.data(), scale), 0.6) << scale;
  EXPECT_EQ(error_of([] { FixedMfcc(0, -128, 127); }), "mfcc in integers: codes of scale 0 from -128 to 127");
  EXPECT_EQ(error_of([] { FixedMfcc(1e-6, -128, 127); }), "mfcc in integers: codes of scale 1e-06 are too fine");
}

// Half a code is what rounding costs; the arithmetic may add a twentieth of a decibel, a quarter in bands 110 dB below a tone, and half a
// decibel in those 120 dB below.
TEST(FixedLogMel, IsTheFloatOneRounded) {
  Rng rng(4);
  const auto noise = [&](double size) { return size * rng.uniform(-1, 1); };
  const struct {
    std::vector<int16_t> samples;
    double decibels;
  } sounds[] = {
      {sound([&](int64_t) { return noise(32767); }), 0.05},
      {sound([&](int64_t) { return noise(30); }), 0.05},
      {sound([&](int64_t) { return noise(2); }), 0.05},
      {sound([&](int64_t i) { return i % 5000 < 2000 ? noise(10000) : 0; }), 0.05},
      {sound([&](int64_t) { return 500 + noise(100); }), 0.05},
      {sound([&](int64_t i) { return 20000 * std::sin(0.3 * double(i)) + noise(3); }), 0.25},
      {sound([&](int64_t i) { return 32767 * std::sin(1e-5 * double(i * i)); }), 0.5},
  };
  const LogMel log_mel;
  for (const double scale : {0.4, 1.2}) {
    const FixedLogMel fixed(scale, -128, 127);
    for (const auto& s : sounds) {
      const std::vector<float> expected = log_mel.run(s.samples);
      for (int64_t t = 1; t + 2 < LogMel::frames(Mfcc::kSamples); ++t) {  // frames without mirrored samples
        int16_t codes[LogMel::kBands];
        fixed.run(s.samples.data() + (t - 1) * LogMel::kStride, codes);
        for (int64_t b = 0; b < LogMel::kBands; ++b) {
          const double exact = std::clamp(double(expected[size_t(t * LogMel::kBands + b)]) / scale, -128.0, 127.0);
          EXPECT_NEAR(codes[b] * scale, exact * scale, 0.5 * scale + s.decibels)
              << scale << " " << &s - sounds << " frame " << t << " band " << b;
        }
      }
    }
  }
  EXPECT_EQ(error_of([] { FixedLogMel(0, -128, 127); }), "log-mel in integers: codes of scale 0 from -128 to 127");
}

// Every clip of the official test set.
TEST(FixedMfcc, AgreesOnSpokenWords) {
  BITLOOM_NEEDS(testing::data_path("speech_commands_test_set_v0.02"));
  if (std::getenv("BITLOOM_FAST")) GTEST_SKIP() << "BITLOOM_FAST is set";
  const std::shared_ptr<Dataset> data = load_keywords(testing::data_path("speech_commands_test_set_v0.02")).test;
  const auto* clips = dynamic_cast<const SpeechDataset*>(data.get());
  ASSERT_TRUE(clips);
  ASSERT_EQ(clips->size(), 4890);
  const FixedSpeechDataset fixed(*clips, FixedMfcc(kScale, -128, 127), kScale);
  int64_t differ = 0;
  double largest = 0;
  for (int64_t i = 0; i < clips->size(); ++i) {
    float expected[kFeatures], actual[kFeatures];
    clips->fill(i, nullptr, expected);
    fixed.fill(i, nullptr, actual);
    for (int64_t k = 0; k < kFeatures; ++k) {
      const double exact = std::clamp(expected[k] / kScale, -128.0, 127.0), code = std::round(actual[k] / kScale);
      differ += code != std::floor(exact + 0.5);
      largest = std::max(largest, std::fabs(exact - code));
    }
  }
  EXPECT_LT(double(differ), 0.0002 * double(clips->size() * kFeatures));
  EXPECT_LT(largest, 0.75);
}

}  // namespace
}  // namespace bitloom
