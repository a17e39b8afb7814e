// Datasets: samples in memory, views and batches.
#include "datasets/dataset.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"
#include "core/parallel.h"

namespace bitloom {
namespace {

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

// The format of arrays that are whole and finite.
SampleFormat checked_format(const Samples& s) {
  BITLOOM_CHECK(s.h > 0 && s.w > 0 && s.c > 0, s.name, ": sample shape (", s.h, ",", s.w, ",", s.c, ") must be positive");
  BITLOOM_CHECK(s.codes.empty() || s.values.empty(), s.name, ": there are ", s.codes.size(), " codes and ", s.values.size(),
                " values; samples are one or the other");
  BITLOOM_CHECK(int64_t(s.codes.size() + s.values.size()) == s.size() * s.sample_size(), s.name, ": ",
                s.codes.size() + s.values.size(), " elements are no whole number of samples of (", s.h, ",", s.w, ",", s.c,
                ")");
  BITLOOM_CHECK(std::isfinite(s.scale) && s.scale > 0, s.name, ": input scale must be positive, got ", s.scale);
  for (size_t i = 0; i < s.values.size(); ++i)
    BITLOOM_CHECK(std::isfinite(s.values[i]), s.name, ": element ", int64_t(i) % s.sample_size(), " of sample ",
                  int64_t(i) / s.sample_size(), " is ", s.values[i], "; values must be finite");
  SampleFormat format{s.h, s.w, s.c, s.values.empty(), s.scale, 0, 255 * s.scale};
  if (s.values.empty()) return format;
  const auto [lo, hi] = std::minmax_element(s.values.begin(), s.values.end());
  format.lo = *lo, format.hi = *hi;
  return format;
}

std::vector<int32_t> chosen_of(const std::vector<int32_t>& all, const std::vector<int64_t>& indices) {
  std::vector<int32_t> some;
  for (size_t i = 0; i < indices.size() && !all.empty(); ++i) some.push_back(all[size_t(indices[i])]);
  return some;
}

}  // namespace

Dataset::Dataset(std::string name, const SampleFormat& format, int64_t size, std::vector<int32_t> labels,
                 std::vector<int32_t> groups)
    : name_(std::move(name)), format_(format), size_(size), labels_(std::move(labels)), groups_(std::move(groups)) {
  BITLOOM_CHECK(size_ > 0, name_, ": no samples");
  BITLOOM_CHECK(labels_.empty() || int64_t(labels_.size()) == size_, name_, ": ", labels_.size(), " labels for ", size_,
                " samples");
  BITLOOM_CHECK(groups_.empty() || int64_t(groups_.size()) == size_, name_, ": ", groups_.size(), " group numbers for ", size_,
                " samples");
}

void Dataset::fill_codes(int64_t, uint8_t*) const { throw Error(name_ + ": its samples are floats, not codes"); }

void Dataset::set_augment(const Augment& augment) {
  BITLOOM_CHECK(!augment.any(), name_, ": these samples cannot be changed as images are; give no augmentation");
}

std::vector<int64_t> Dataset::epoch(Rng rng) const {
  if (!equally_ || labels_.empty()) return rng.permutation(size_);
  std::map<int32_t, std::vector<int64_t>> of_class;
  for (int64_t i = 0; i < size_; ++i) of_class[labels_[size_t(i)]].push_back(i);
  const int64_t classes = int64_t(of_class.size());
  std::vector<int64_t> drawn;
  int64_t classes_done = 0;
  for (const auto& [label, samples] : of_class) {
    const int64_t end = ++classes_done * size_ / classes;
    while (int64_t(drawn.size()) < end) {
      const std::vector<int64_t> order = rng.permutation(int64_t(samples.size()));
      for (size_t i = 0; i < order.size() && int64_t(drawn.size()) < end; ++i) drawn.push_back(samples[size_t(order[i])]);
    }
  }
  std::vector<int64_t> shuffled;
  for (const int64_t i : rng.permutation(size_)) shuffled.push_back(drawn[size_t(i)]);
  return shuffled;
}

ArrayDataset::ArrayDataset(Samples s)
    : Dataset(s.name, checked_format(s), s.size(), std::move(s.labels), std::move(s.groups)), samples_(std::move(s)) {}

void ArrayDataset::set_augment(const Augment& augment) {
  BITLOOM_CHECK(!augment.of_sound(), name(), ": these samples cannot be changed as sound is; known: ", Augment::kImageItems);
  augment_ = augment;
}

void ArrayDataset::decode(int64_t index, float* out) const {
  const int64_t n = samples_.sample_size();
  if (samples_.codes.empty()) {
    std::copy_n(samples_.values.data() + index * n, n, out);
    return;
  }
  const uint8_t* codes = samples_.codes.data() + index * n;
  for (int64_t i = 0; i < n; ++i) out[i] = float(codes[i]) * samples_.scale;
}

void ArrayDataset::fill(int64_t index, const Rng* rng, float* out) const {
  if (!rng || !augment_.any()) return decode(index, out);
  static thread_local std::vector<float> original;
  original.resize(size_t(samples_.sample_size()));
  decode(index, original.data());
  augment_sample(original.data(), out, samples_.h, samples_.w, samples_.c, augment_, *rng);
}

void ArrayDataset::fill_codes(int64_t index, uint8_t* out) const {
  if (samples_.codes.empty()) Dataset::fill_codes(index, out);
  std::copy_n(samples_.codes.data() + index * samples_.sample_size(), samples_.sample_size(), out);
}

std::vector<int64_t> spread_indices(int64_t size, int64_t count) {
  count = std::min(count, size);
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < count; ++i) indices.push_back(i * size / count);
  return indices;
}

std::vector<int64_t> mixed_indices(int64_t size, int64_t count) {
  const std::vector<int64_t> spread = spread_indices(size, count);
  std::vector<int64_t> mixed;
  for (const int64_t i : Rng(0).split("mixed").permutation(int64_t(spread.size()))) mixed.push_back(spread[size_t(i)]);
  return mixed;
}

SpreadOver::SpreadOver(const Dataset& all, int64_t count)
    : Dataset(all.name(), all.format(), std::min(count, all.size()), chosen_of(all.labels(), spread_indices(all.size(), count)),
              chosen_of(all.groups(), spread_indices(all.size(), count))),
      all_(all),
      indices_(spread_indices(all.size(), count)) {}

Batch gather(const Dataset& data, const int64_t* indices, int64_t n, const Rng* rng) {
  const SampleFormat& f = data.format();
  Batch batch{Tensor(Shape{n, f.h, f.w, f.c}), std::vector<int32_t>(data.labels().empty() ? 0 : size_t(n))};
  parallel_for(n, [&](int64_t i) {
    const int64_t index = indices[i];
    BITLOOM_CHECK(index >= 0 && index < data.size(), data.name(), ": sample ", index, " of ", data.size(), " wanted");
    const Rng own = rng ? rng->split("sample", uint64_t(index)) : Rng();
    data.fill(index, rng ? &own : nullptr, batch.x.data() + i * f.size());
    if (!batch.labels.empty()) batch.labels[size_t(i)] = data.labels()[size_t(index)];
  });
  return batch;
}

Samples split_off(Samples& train, int64_t count, Rng rng) {
  BITLOOM_CHECK(count > 0 && count < train.size(), train.name, ": cannot split ", count, " samples off ", train.size());
  std::vector<bool> chosen(static_cast<size_t>(train.size()));
  const std::vector<int64_t> order = rng.permutation(train.size());
  for (int64_t i = 0; i < count; ++i) chosen[size_t(order[size_t(i)])] = true;

  Samples split;
  split.name = train.name;
  split.h = train.h, split.w = train.w, split.c = train.c;
  split.scale = train.scale;
  move_rows(train.codes, split.codes, train.sample_size(), chosen);
  move_rows(train.values, split.values, train.sample_size(), chosen);
  move_rows(train.labels, split.labels, 1, chosen);
  move_rows(train.groups, split.groups, 1, chosen);
  return split;
}

}  // namespace bitloom
