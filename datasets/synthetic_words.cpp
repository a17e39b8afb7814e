// The built-in keywords: which vowel glides into which?
//
// A word is two vowels, the first gliding into the second, spoken by a made-up voice: pulses at the pitch of the voice through two resonators at the
// vowels' formants (source and filter: D. Klatt, Journal of the Acoustical Society of America 67, 1980). Voices differ in pitch, in the length of
// the vocal tract, which scales all formants, in how fast and when they speak, and in the noise around them. Neither the sounds nor their order alone
// tells the word. Not speech: what is measured on it says how the method works, and nothing about words.
#include <algorithm>
#include <cmath>
#include <utility>

#include "core/cancel.h"
#include "core/error.h"
#include "core/parallel.h"
#include "datasets/sources.h"
#include "datasets/speech.h"

namespace bitloom {
namespace {

constexpr double kRate = double(Mfcc::kRate);

// First and second formant in Hz: G. Peterson and H. Barney, Journal of the Acoustical Society of America 24, 1952, table II, men.
struct Vowel {
  const char* name;
  double first, second;
};
constexpr Vowel kVowels[] = {{"ee", 270, 2290}, {"a", 660, 1720}, {"o", 570, 840}, {"oo", 300, 870}};

// All ordered pairs; the last four are "unknown".
constexpr std::pair<int, int> kWords[] = {{0, 1}, {1, 0}, {0, 2}, {2, 0}, {1, 2}, {2, 1},
                                          {0, 3}, {3, 0}, {1, 3}, {3, 1}, {2, 3}, {3, 2}};
constexpr int32_t kKeywords = 8, kSilence = 8, kUnknown = 9, kClasses = 10;

// A two-pole resonator, its gain at 0 Hz being 1 (Klatt, equations 1 and 2).
class Resonator {
 public:
  double run(double x, double hz, double bandwidth) {
    const double r = std::exp(-M_PI * bandwidth / kRate), b = 2 * r * std::cos(2 * M_PI * hz / kRate), c = -r * r;
    const double y = (1 - b - c) * x + b * last_ + c * before_;
    before_ = last_;
    return last_ = y;
  }

 private:
  double last_ = 0, before_ = 0;
};

std::vector<double> speak(std::pair<int, int> word, Rng& rng) {
  std::vector<double> sound(static_cast<size_t>(Mfcc::kSamples));
  const double pitch = rng.uniform(90, 260), tract = rng.uniform(0.88, 1.18), length = rng.uniform(0.3, 0.65);
  const double start = rng.uniform(0.05, 0.95 - length), turn = rng.uniform(0.35, 0.65), glide = rng.uniform(0.15, 0.35);
  const Vowel &from = kVowels[word.first], &to = kVowels[word.second];
  Resonator first, second, third;
  double phase = 1;
  for (int64_t i = int64_t(start * kRate), end = int64_t((start + length) * kRate); i < end; ++i) {
    const double at = double(i - int64_t(start * kRate)) / (length * kRate);
    phase += pitch * (1.1 - 0.25 * at) / kRate * (1 + 0.02 * rng.normal());
    const double pulse = phase >= 1 ? 1 : 0;
    phase -= pulse;
    const double part = std::clamp((at - turn) / glide + 0.5, 0.0, 1.0), fade = std::min({1.0, at / 0.1, (1 - at) / 0.2});
    const double f1 = tract * (from.first + part * (to.first - from.first)),
                 f2 = tract * (from.second + part * (to.second - from.second));
    sound[size_t(i)] = fade * third.run(second.run(first.run(pulse + 0.01 * rng.normal(), f1, 80), f2, 120), 2800 * tract, 200);
  }
  return sound;
}

// Noise whose spectrum falls, more or less, towards high frequencies.
std::vector<double> hiss(int64_t samples, Rng& rng) {
  const double keep = rng.uniform(0, 0.95);
  std::vector<double> noise;
  double last = 0;
  for (int64_t i = 0; i < samples; ++i) noise.push_back(last = keep * last + rng.normal());
  return noise;
}

double rms(const std::vector<double>& sound) {
  double sum = 0;
  for (const double v : sound) sum += v * v;
  return std::sqrt(sum / double(sound.size()));
}

void render(int64_t index, int32_t label, Rng rng, int16_t* out) {
  std::vector<double> sound(static_cast<size_t>(Mfcc::kSamples)), noise = hiss(Mfcc::kSamples, rng);
  if (label != kSilence) sound = speak(kWords[label == kUnknown ? kKeywords + index / kClasses % 4 : label], rng);
  const double snr = label == kSilence ? 1 : std::pow(10, rng.uniform(-0.4, 0.3)),
               level = std::max(rms(sound), 1e-9) / (rms(noise) * snr);
  double peak = 0;
  for (size_t i = 0; i < sound.size(); ++i) peak = std::max(peak, std::fabs(sound[i] += level * noise[i]));
  for (size_t i = 0; i < sound.size(); ++i) out[i] = int16_t(std::lround(sound[i] / peak * 20000));
}

// Classes in turn, so that every split is balanced.
Clips make_clips(const char* name, int64_t count, const Rng& rng) {
  BITLOOM_CHECK(count > 0, "synthetic words ", name, ": ", count, " clips asked; ask for one at least");
  Clips clips{str("synthetic words ", name), std::vector<int16_t>(size_t(count * Mfcc::kSamples)),
              std::vector<int32_t>(size_t(count))};
  parallel_for(count, [&](int64_t i) {
    check_cancel();
    clips.labels[size_t(i)] = int32_t(i % kClasses);
    render(i, int32_t(i % kClasses), rng.split(name, uint64_t(i)), &clips.samples[size_t(i * Mfcc::kSamples)]);
  });
  return clips;
}

std::shared_ptr<SpeechDataset> dataset(Clips clips) {
  return std::make_shared<SpeechDataset>(std::move(clips), std::make_shared<Noise>(), -1);
}

}  // namespace

TaskData make_synthetic_words(uint64_t seed, int64_t train, int64_t val, int64_t test) {
  const Rng rng = Rng(seed).split("synthetic words");
  Task task;
  task.name = "synthetic_kws";
  task.classes = kClasses;
  for (int32_t k = 0; k < kKeywords; ++k)
    task.label_names.push_back(str(kVowels[kWords[k].first].name, "-", kVowels[kWords[k].second].name));
  task.label_names.insert(task.label_names.end(), {"silence", "unknown"});
  task.augment.shift_ms = 100;
  TaskData data{std::move(task), dataset(make_clips("train", train, rng)), dataset(make_clips("val", val, rng)),
                dataset(make_clips("test", test, rng))};
  data.train->set_augment(data.task.augment);
  validate(data);
  return data;
}

}  // namespace bitloom
