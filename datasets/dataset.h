// A dataset split in memory and the batches drawn from it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/rng.h"
#include "core/tensor.h"

namespace bitloom {

// Random changes of a training image, applied in this order: flip, rotation, translation, crop. All are pure functions of the
// Rng.
struct Augment {
  bool flip = false;          // mirror left-right with probability 1/2
  double rotate_degrees = 0;  // uniform in [-d, d], bilinear, zero outside
  double translate = 0;       // uniform in [-t, t] of height and width, whole pixels, zero outside
  int64_t crop_padding = 0;   // pad by p zeros on each side, then crop the original size at a random place
  bool any() const { return flip || rotate_degrees > 0 || translate > 0 || crop_padding > 0; }
};

// Samples are (H,W,C). Stored either as 8-bit codes (value = code * input_scale, e.g. pixels / 255) or as floats.
struct Dataset {
  std::string name;
  int64_t h = 0, w = 0, c = 0;
  int64_t classes = 0;         // 0: no labels, the target is the input itself (autoencoder)
  std::vector<uint8_t> codes;  // size() * h * w * c, or empty
  std::vector<float> values;   // likewise
  float input_scale = 1;
  std::vector<int32_t> labels;  // size(), or empty when classes == 0
  int64_t count = 0;
  int64_t size() const { return count; }
  int64_t sample_size() const { return h * w * c; }
};

// The three parts of a task. `val` decides, `test` is read once for the final figure.
struct TaskData {
  std::string name;  // "cifar10", "synthetic", "npz"
  Dataset train, val, test;
  Augment augment;  // the task's default for training
};

struct Batch {
  Tensor x;                     // (N,H,W,C)
  std::vector<int32_t> labels;  // N, or empty
};

// The samples `indices[0..n)` as floats. With `rng`, sample i is augmented by the stream rng->split("sample", indices[i]), so
// that a batch is a pure function of its indices and the stream. Parallel over samples.
Batch gather(const Dataset& data, const int64_t* indices, int64_t n, const Augment& augment, const Rng* rng);

// Throws Error naming `data.name` when sizes disagree, a label is outside [0, classes) or a value is not finite (with its
// index).
void validate(const Dataset& data);

// 16 hexadecimal digits that change with any bit of any split's samples, labels, shape, scale or number of classes; not with names, the
// path, or the augmentation. The same on every machine (core/hash.h); a tenth of a second for CIFAR-10.
std::string digest(const TaskData& data);

// Moves `count` samples chosen by `rng` from `train` to a new split (validation), order of the rest kept.
Dataset split_off(Dataset& train, int64_t count, Rng rng);

}  // namespace bitloom
