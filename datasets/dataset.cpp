// Datasets in memory: batches, checks, splits.
#include "datasets/dataset.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/hash.h"
#include "core/parallel.h"
#include "datasets/augment.h"

namespace bitloom {
namespace {

// Sample `index` as floats, scaled.
void decode(const Dataset& data, int64_t index, float* out) {
  const int64_t n = data.sample_size();
  if (data.codes.empty()) {
    std::copy_n(data.values.data() + index * n, n, out);
    return;
  }
  const uint8_t* codes = data.codes.data() + index * n;
  for (int64_t i = 0; i < n; ++i) out[i] = float(codes[i]) * data.input_scale;
}

// Moves the samples for which `chosen` holds from `from` to the end of `to`; both keep their order.
template <class T>
void move_rows(std::vector<T>& from, std::vector<T>& to, int64_t row, const std::vector<bool>& chosen) {
  if (from.empty()) return;
  auto kept = from.begin();
  for (size_t i = 0; i < chosen.size(); ++i) {
    const auto begin = from.begin() + int64_t(i) * row;
    if (chosen[i]) {
      to.insert(to.end(), begin, begin + row);
    } else {
      kept = std::copy(begin, begin + row, kept);
    }
  }
  from.erase(kept, from.end());
}

}  // namespace

Batch gather(const Dataset& data, const int64_t* indices, int64_t n, const Augment& augment, const Rng* rng) {
  Batch batch{Tensor(Shape{n, data.h, data.w, data.c}), {}};
  if (data.classes > 0) batch.labels.resize(size_t(n));
  const bool augmented = rng && augment.any();
  parallel_for(n, [&](int64_t i) {
    const int64_t index = indices[i];
    BITLOOM_CHECK(index >= 0 && index < data.size(), data.name, ": sample ", index, " of ", data.size(), " wanted");
    float* out = batch.x.data() + i * data.sample_size();
    if (augmented) {
      std::vector<float> original(static_cast<size_t>(data.sample_size()));
      decode(data, index, original.data());
      augment_sample(original.data(), out, data.h, data.w, data.c, augment, rng->split("sample", uint64_t(index)));
    } else {
      decode(data, index, out);
    }
    if (data.classes > 0) batch.labels[size_t(i)] = data.labels[size_t(index)];
  });
  return batch;
}

void validate(const Dataset& data) {
  BITLOOM_CHECK(data.count > 0, data.name, ": no samples");
  BITLOOM_CHECK(data.h > 0 && data.w > 0 && data.c > 0, data.name, ": sample shape (", data.h, ",", data.w, ",", data.c,
                ") must be positive");
  const size_t elements = size_t(data.count * data.sample_size());
  BITLOOM_CHECK(data.codes.empty() != data.values.empty() && data.codes.size() + data.values.size() == elements, data.name,
                ": ", data.count, " samples of (", data.h, ",", data.w, ",", data.c, ") need ", elements,
                " codes or values, there are ", data.codes.size(), " codes and ", data.values.size(), " values");
  BITLOOM_CHECK(std::isfinite(data.input_scale) && data.input_scale > 0, data.name, ": input scale must be positive, got ",
                data.input_scale);
  BITLOOM_CHECK(data.labels.size() == (data.classes > 0 ? size_t(data.count) : 0), data.name, ": ", data.labels.size(),
                " labels for ", data.count, " samples of ", data.classes, " classes");
  for (size_t i = 0; i < data.labels.size(); ++i)
    BITLOOM_CHECK(data.labels[i] >= 0 && data.labels[i] < data.classes, data.name, ": label ", data.labels[i], " of sample ", i,
                  " is outside 0 .. ", data.classes - 1);
  for (size_t i = 0; i < data.values.size(); ++i)
    BITLOOM_CHECK(std::isfinite(data.values[i]), data.name, ": element ", int64_t(i) % data.sample_size(), " of sample ",
                  int64_t(i) / data.sample_size(), " is ", data.values[i], "; values must be finite");
}

std::string digest(const TaskData& data) {
  uint64_t hash = 0;
  // The size of each array is hashed before it, so that no value can move to the next one unnoticed.
  const auto add = [&](const auto& values) {
    const int64_t count = int64_t(values.size());
    hash = hash64(&count, sizeof count, hash);
    hash = hash64(values.data(), count * int64_t(sizeof values[0]), hash);
  };
  for (const Dataset* part : {&data.train, &data.val, &data.test}) {
    add(std::vector<int64_t>{part->h, part->w, part->c, part->classes, part->count});
    add(std::vector<float>{part->input_scale});
    add(part->codes);
    add(part->values);
    add(part->labels);
  }
  return hex64(hash);
}

Dataset split_off(Dataset& train, int64_t count, Rng rng) {
  BITLOOM_CHECK(count > 0 && count < train.size(), train.name, ": cannot split ", count, " samples off ", train.size());
  std::vector<bool> chosen(static_cast<size_t>(train.size()));
  const std::vector<int64_t> order = rng.permutation(train.size());
  for (int64_t i = 0; i < count; ++i) chosen[size_t(order[size_t(i)])] = true;

  Dataset split;
  split.name = train.name;
  split.h = train.h, split.w = train.w, split.c = train.c;
  split.classes = train.classes;
  split.input_scale = train.input_scale;
  split.count = count;
  move_rows(train.codes, split.codes, train.sample_size(), chosen);
  move_rows(train.values, split.values, train.sample_size(), chosen);
  move_rows(train.labels, split.labels, 1, chosen);
  train.count -= count;
  return split;
}

}  // namespace bitloom
