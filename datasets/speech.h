// Spoken words as samples: waveforms, of which features are computed on the way, and how training changes them.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "datasets/fixed_mfcc.h"
#include "datasets/mfcc.h"

namespace bitloom {

// Of a recording's file name, whatever folder it lies in: a tenth of the speakers each for validation and test, all clips of a speaker, the part
// before "_nohash_", in the same one. The published rule of Speech Commands (its README.md, which_set()): SHA-1 of the speaker modulo 2^27.
// With a fold, the same number modulo its count is the part.
Split split_of_speaker(const std::string& file_name, const Fold& fold = {});

// Recordings of background noise, which mixing and the class "silence" cut seconds from: of the first 80 % for training, of the next and the
// last 10 % for validation and test, which are thereby never heard in training.
class Noise {
 public:
  // Error naming `where`: shorter than ten seconds, or without a sound.
  void add(const std::vector<int16_t>& recording, const std::string& where);
  bool empty() const { return recordings_.empty(); }
  // One second, of a recording whose root mean square is 1.
  const float* cut(Split part, Rng& rng) const;

 private:
  std::vector<std::vector<float>> recordings_;
};

struct Clips {
  std::string name;
  std::vector<int16_t> samples;  // Mfcc::kSamples of each clip
  std::vector<int32_t> labels;
  int64_t size() const { return int64_t(labels.size()); }
};

// The MFCC of clips, (49,10,1). In training each waveform is drawn anew: faster or slower, shifted, with noise mixed in (Augment), and clips of
// the class `silence` (-1: none) are other cuts of the noise.
class SpeechDataset : public Dataset {
 public:
  SpeechDataset(Clips clips, std::shared_ptr<const Noise> noise, int32_t silence);
  void fill(int64_t index, const Rng* rng, float* out) const override;
  void set_augment(const Augment& augment) override;
  // The samples of a clip as it is, Mfcc::kSamples.
  const int16_t* sound(int64_t index) const { return samples_.data() + index * Mfcc::kSamples; }

 private:
  const Mfcc mfcc_;
  const std::vector<int16_t> samples_;
  const std::shared_ptr<const Noise> noise_;
  const int32_t silence_;
  std::vector<float> features_;  // of the clips as they are
  Augment augment_;
};

// The same clips as they are, their features computed in integers, as values of the codes.
class FixedSpeechDataset : public Dataset {
 public:
  // codes: value = code * scale. `clips` must outlive it.
  FixedSpeechDataset(const SpeechDataset& clips, const FixedMfcc& mfcc, double scale);
  void fill(int64_t index, const Rng* rng, float* out) const override;

 private:
  std::vector<float> features_;
};

}  // namespace bitloom
