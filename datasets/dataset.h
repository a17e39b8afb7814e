// What a network is trained and measured on: numbered samples of one shape, and the batches drawn from them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/rng.h"
#include "core/tensor.h"
#include "datasets/augment.h"

namespace bitloom {

// The parts of a task's data.
enum class Split { kTrain, kVal, kTest };
constexpr const char* kSplitNames[] = {"train", "val", "test"};

// Cross-validation: of `count` parts of the data one, `which` (1 .. count), is for testing, the next one for validation, the others for training, so that
// over all of them every sample is tested once. count 0: the data's own splits.
struct Fold {
  int64_t which = 0, count = 0;
  Split split_of(int64_t part) const {  // part 0 .. count-1
    return part == which - 1 ? Split::kTest : part == which % count ? Split::kVal : Split::kTrain;
  }
};

// Shape (H,W,C) and quantization of the samples: 8-bit codes, value = code * scale, or floats between lo and hi.
struct SampleFormat {
  int64_t h = 0, w = 0, c = 0;
  bool codes = false;
  float scale = 1;       // of codes
  float lo = 0, hi = 1;  // of floats
  int64_t size() const { return h * w * c; }
};

// One split of a task. A kind of data is a class that fills in samples, from memory or computed on the way (ArrayDataset below is the one
// for arrays); how they are changed at random in training is its own affair too.
class Dataset {
 public:
  virtual ~Dataset() = default;
  const std::string& name() const { return name_; }
  int64_t size() const { return size_; }
  const SampleFormat& format() const { return format_; }
  // Class of every sample, or 0 for a normal and 1 for an anomalous one; empty where nothing is known.
  const std::vector<int32_t>& labels() const { return labels_; }
  // What samples are grouped by when they are scored, such as the machine they were recorded at; empty for none.
  const std::vector<int32_t>& groups() const { return groups_; }

  // So many samples in a row are one thing to be scored, by the mean of what was found: the parts of a recording. They share label and group.
  virtual int64_t scored_together() const { return 1; }

  // Writes sample `index` (h*w*c values) to `out`, with `rng` changed at random as in training: a pure function of both. Called from many
  // threads at once.
  virtual void fill(int64_t index, const Rng* rng, float* out) const = 0;
  // The codes of sample `index` as they are stored; only if format().codes.
  virtual void fill_codes(int64_t index, uint8_t* out) const;
  // The random changes that fill() makes from now on. Error for samples that know none.
  virtual void set_augment(const Augment& augment);

  // Samples in the order in which an epoch of training draws them: all, once each. After draw_classes_equally() as many, but of every class as many as
  // of any other (or one more): of a rare one all of its samples several times, of a frequent one some.
  std::vector<int64_t> epoch(Rng rng) const;
  void draw_classes_equally() { equally_ = true; }

 protected:
  // Error when there are no samples, or labels or groups but not one for each.
  Dataset(std::string name, const SampleFormat& format, int64_t size, std::vector<int32_t> labels, std::vector<int32_t> groups);

 private:
  std::string name_;
  SampleFormat format_;
  int64_t size_;
  std::vector<int32_t> labels_, groups_;
  bool equally_ = false;
};

// Samples as arrays.
struct Samples {
  std::string name;
  int64_t h = 0, w = 0, c = 0;
  std::vector<uint8_t> codes;  // (N,H,W,C), or empty
  std::vector<float> values;   // likewise
  float scale = 1;             // of codes
  std::vector<int32_t> labels, groups;
  int64_t sample_size() const { return h * w * c; }
  int64_t size() const { return sample_size() > 0 ? int64_t(codes.size() + values.size()) / sample_size() : 0; }
};

// Moves `count` samples chosen by `rng` from `train` to new samples (validation), order of the rest kept.
Samples split_off(Samples& train, int64_t count, Rng rng);

// Samples in memory, in training changed as images are.
class ArrayDataset : public Dataset {
 public:
  // Error naming the samples when their sizes disagree or a value is not finite (with its index).
  explicit ArrayDataset(Samples samples);
  void fill(int64_t index, const Rng* rng, float* out) const override;
  void fill_codes(int64_t index, uint8_t* out) const override;
  void set_augment(const Augment& augment) override;
  const Samples& samples() const { return samples_; }

 private:
  void decode(int64_t index, float* out) const;
  Samples samples_;  // its name, labels and groups have moved to the base
  Augment augment_;
};

// `count` of a dataset's samples, spread evenly over it: files are often sorted by class. The dataset must outlive it.
class SpreadOver : public Dataset {
 public:
  SpreadOver(const Dataset& all, int64_t count);
  void fill(int64_t index, const Rng* rng, float* out) const override { all_.fill(indices_[size_t(index)], rng, out); }
  void fill_codes(int64_t index, uint8_t* out) const override { all_.fill_codes(indices_[size_t(index)], out); }

 private:
  const Dataset& all_;
  const std::vector<int64_t> indices_;
};
// The numbers of those samples: i * size / count.
std::vector<int64_t> spread_indices(int64_t size, int64_t count);
// The same in random order, always the same one: for what is estimated batch by batch, each of which would else be of one class.
std::vector<int64_t> mixed_indices(int64_t size, int64_t count);

struct Batch {
  Tensor x;                     // (N,H,W,C)
  std::vector<int32_t> labels;  // N, or empty
  Tensor targets =
      Tensor();  // (N,classes) that sum up to 1: what is to be answered where that is not just the label; or of rank 0
};

// The samples `indices[0..n)`. With `rng`, sample i is changed by the stream rng->split("sample", indices[i]), so that a batch is a pure
// function of its indices and the stream. Parallel over samples.
Batch gather(const Dataset& data, const int64_t* indices, int64_t n, const Rng* rng);

}  // namespace bitloom
