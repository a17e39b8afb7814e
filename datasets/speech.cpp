// Spoken words as samples.
#include "datasets/speech.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/cancel.h"
#include "core/error.h"
#include "core/parallel.h"
#include "core/sha1.h"

namespace bitloom {
namespace {

constexpr int64_t kSecond = Mfcc::kSamples, kFeatures = Mfcc::kFrames * Mfcc::kCoefficients;
constexpr double kMixed = 0.8;  // share of training samples that noise is mixed into, as in MLPerf Tiny's get_dataset.py

// Played `speed` times as fast about its middle, and then later by `shift` samples; zeros around.
void warp(const int16_t* in, double speed, double shift, float* out) {
  constexpr double kMiddle = double(kSecond) / 2;
  const double start = kMiddle - (shift + kMiddle) * speed;  // what out[0] is the sample of; out[i]: start + i * speed
  const int64_t begin = std::clamp(int64_t(std::ceil(-start / speed)), int64_t(0), kSecond),
                end = std::clamp(int64_t(std::floor((double(kSecond - 1) - start) / speed)) + 1, begin, kSecond);
  std::fill(out, out + begin, 0.0f);
  for (int64_t i = begin; i < end; ++i) {
    const double at = std::max(0.0, start + double(i) * speed);
    const int32_t k = std::min(int32_t(at), int32_t(kSecond - 2));
    const float a = in[k], b = in[k + 1];
    out[i] = a + (b - a) * float(at - k);
  }
  std::fill(out + end, out + kSecond, 0.0f);
}

SampleFormat mfcc_format() { return {Mfcc::kFrames, Mfcc::kCoefficients, 1, false, 1, Mfcc::kLowest, -Mfcc::kLowest}; }

// The MFCC of every clip, as they are.
std::vector<float> features_of(const std::vector<int16_t>& samples) {
  const Mfcc mfcc;
  const int64_t clips = int64_t(samples.size()) / kSecond;
  std::vector<float> features(size_t(clips * kFeatures));
  parallel_for(clips, [&](int64_t i) {
    check_cancel();
    const int16_t* clip = samples.data() + i * kSecond;
    const std::vector<float> sound(clip, clip + kSecond);
    mfcc.run(sound.data(), features.data() + i * kFeatures);
  });
  return features;
}

}  // namespace

Split split_of_speaker(const std::string& file_name, const Fold& fold) {
  const std::array<uint8_t, 20> digest = sha1(file_name.substr(0, file_name.find("_nohash_")));
  constexpr uint32_t kMaxClips = (1u << 27) - 1;  // MAX_NUM_WAVS_PER_CLASS
  uint32_t low = 0;
  for (size_t i = 16; i < 20; ++i) low = low << 8 | digest[i];
  const uint32_t number = low % (kMaxClips + 1);
  if (fold.count > 0) return fold.split_of(int64_t(number) % fold.count);
  const double percent = double(number) * (100.0 / kMaxClips);
  return percent < 10 ? Split::kVal : percent < 20 ? Split::kTest : Split::kTrain;
}

void Noise::add(const std::vector<int16_t>& recording, const std::string& where) {
  BITLOOM_CHECK(int64_t(recording.size()) >= 10 * kSecond, where, ": background noise of ",
                double(recording.size()) / double(kSecond),
                " s, expected 10 s at least, parts of which training, validation and test get");
  double sum = 0;
  for (const int16_t v : recording) sum += double(v) * v;
  BITLOOM_CHECK(sum > 0, where, ": background noise without a sound");
  const double scale = 1 / std::sqrt(sum / double(recording.size()));
  std::vector<float>& scaled = recordings_.emplace_back();
  for (const int16_t v : recording) scaled.push_back(float(v * scale));
}

const float* Noise::cut(Split part, Rng& rng) const {
  const std::vector<float>& recording = recordings_[size_t(rng.below(int64_t(recordings_.size())))];
  const int64_t tenth = int64_t(recording.size()) / 10;
  const int64_t begin = part == Split::kTrain ? 0
                        : part == Split::kVal ? 8 * tenth
                                              : 9 * tenth,
                length = part == Split::kTrain ? 8 * tenth : tenth;
  return recording.data() + begin + rng.below(length - kSecond + 1);
}

SpeechDataset::SpeechDataset(Clips clips, std::shared_ptr<const Noise> noise, int32_t silence)
    : Dataset(clips.name, mfcc_format(), clips.size(), clips.labels, {}),
      samples_(std::move(clips.samples)),
      noise_(std::move(noise)),
      silence_(silence),
      features_(features_of(samples_)) {}

FixedSpeechDataset::FixedSpeechDataset(const SpeechDataset& clips, const FixedMfcc& mfcc, double scale)
    : Dataset(clips.name(), clips.format(), clips.size(), clips.labels(), clips.groups()),
      features_(size_t(clips.size() * kFeatures)) {
  parallel_for(clips.size(), [&](int64_t i) {
    int16_t codes[kFeatures];
    mfcc.run(clips.sound(i), codes);
    for (int64_t k = 0; k < kFeatures; ++k) features_[size_t(i * kFeatures + k)] = float(codes[k] * scale);
  });
}

void FixedSpeechDataset::fill(int64_t index, const Rng*, float* out) const {
  std::copy_n(features_.data() + index * kFeatures, kFeatures, out);
}

void SpeechDataset::set_augment(const Augment& augment) {
  BITLOOM_CHECK(!augment.of_images(), name(), ": sound cannot be changed as images are; known: ", Augment::kSoundItems);
  augment_ = augment;
}

void SpeechDataset::fill(int64_t index, const Rng* rng, float* out) const {
  if (!rng || !augment_.any()) {
    std::copy_n(features_.data() + index * kFeatures, kFeatures, out);
    return;
  }
  Rng own = *rng;
  static thread_local std::vector<float> audio(kSecond);
  if (labels()[size_t(index)] == silence_) {
    std::copy_n(noise_->cut(Split::kTrain, own), kSecond, audio.begin());
  } else {
    const double shift = std::round(own.uniform(-1, 1) * augment_.shift_ms * double(Mfcc::kRate) / 1000);
    warp(samples_.data() + index * kSecond, 1 + own.uniform(-1, 1) * augment_.speed, shift, audio.data());
  }
  if (augment_.noise > 0 && !noise_->empty() && own.uniform() < kMixed) {
    const float level = float(own.uniform() * augment_.noise) * Mfcc::largest_of(audio.data());
    const float* noise = noise_->cut(Split::kTrain, own);
    for (int64_t i = 0; i < kSecond; ++i) audio[size_t(i)] += level * noise[i];
  }
  mfcc_.run(audio.data(), out);
}

}  // namespace bitloom
