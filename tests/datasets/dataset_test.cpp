// Tests of datasets/dataset: batches, checks and splits.
#include "datasets/dataset.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>

#include "tests/support/files.h"

namespace bitloom {
namespace {

using testing::error_of;

// Sample i of (2,3,2), class i % 4, holds codes 12 i .. 12 i + 11 modulo 256, or those as floats.
Samples example(int64_t count, bool floats = false) {
  Samples data;
  data.name = "example";
  data.h = 2, data.w = 3, data.c = 2;
  for (int64_t i = 0; i < count * 12; ++i) {
    if (floats) {
      data.values.push_back(float(i % 256));
    } else {
      data.codes.push_back(uint8_t(i % 256));
    }
  }
  for (int64_t i = 0; i < count; ++i) data.labels.push_back(int32_t(i % 4));
  if (!floats) data.scale = 1.0f / 255;
  return data;
}

bool same(const Batch& a, const Batch& b) {
  return a.x.shape() == b.x.shape() && a.labels == b.labels &&
         std::memcmp(a.x.data(), b.x.data(), size_t(a.x.size()) * sizeof(float)) == 0;
}

TEST(Gather, TakesTheSamplesAsked) {
  const int64_t indices[] = {5, 0, 5};
  for (bool floats : {false, true}) {
    const ArrayDataset data(example(6, floats));
    const Batch batch = gather(data, indices, 3, nullptr);
    ASSERT_EQ(batch.x.shape(), (Shape{3, 2, 3, 2}));
    for (int64_t i = 0; i < 36; ++i) EXPECT_EQ(batch.x[i], float(indices[i / 12] * 12 + i % 12) * data.format().scale) << i;
    EXPECT_EQ(batch.labels, (std::vector<int32_t>{1, 0, 1}));
  }
  Samples unlabelled = example(6);
  unlabelled.labels.clear();
  EXPECT_TRUE(gather(ArrayDataset(std::move(unlabelled)), indices, 3, nullptr).labels.empty());
}

TEST(Gather, IsAFunctionOfIndicesAndStreamForAnyNumberOfThreads) {
  ArrayDataset data(example(100));
  std::vector<int64_t> indices(100);
  std::iota(indices.begin(), indices.end(), 0);
  const Batch plain = gather(data, indices.data(), 100, nullptr);
  Augment augment;
  augment.flip = true;
  augment.rotate_degrees = 30;
  augment.crop_padding = 1;
  data.set_augment(augment);
  const Rng rng(3);
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const Batch one = gather(data, indices.data(), 100, &rng);
  for (int n : {2, 3, 7}) {
    omp_set_num_threads(n);
    EXPECT_TRUE(same(one, gather(data, indices.data(), 100, &rng))) << n << " threads";
  }
  omp_set_num_threads(threads);
  // A sample does not depend on its place in the batch.
  const Batch tail = gather(data, indices.data() + 60, 40, &rng);
  EXPECT_EQ(std::memcmp(tail.x.data(), one.x.data() + 60 * 12, 40 * 12 * sizeof(float)), 0);
  const Rng other(4);
  EXPECT_FALSE(same(one, gather(data, indices.data(), 100, &other)));
  EXPECT_TRUE(same(plain, gather(data, indices.data(), 100, nullptr))) << "evaluated as they are";
  data.set_augment({});
  EXPECT_TRUE(same(plain, gather(data, indices.data(), 100, &rng)));
}

TEST(Gather, RefusesAnIndexOutside) {
  const int64_t indices[] = {0, 6};
  EXPECT_EQ(error_of([&] { gather(ArrayDataset(example(6)), indices, 2, nullptr); }), "example: sample 6 of 6 wanted");
}

TEST(ArrayDataset, NamesWhatIsWrong) {
  EXPECT_EQ(error_of([] { ArrayDataset(example(5)); }), "");
  EXPECT_EQ(error_of([] { ArrayDataset(example(5, true)); }), "");
  const std::pair<const char*, void (*)(Samples&)> damages[] = {
      {"no samples", [](Samples& d) { d.codes.clear(), d.labels.clear(); }},
      {"must be positive", [](Samples& d) { d.h = 0; }},
      {"59 elements are no whole number of samples of (2,3,2)", [](Samples& d) { d.codes.pop_back(); }},
      {"there are 60 codes and 60 values", [](Samples& d) { d.values.resize(60); }},
      {"input scale", [](Samples& d) { d.scale = 0; }},
      {"input scale", [](Samples& d) { d.scale = std::numeric_limits<float>::quiet_NaN(); }},
      {"4 labels for 5 samples", [](Samples& d) { d.labels.pop_back(); }},
      {"3 group numbers for 5 samples", [](Samples& d) {
         d.groups = {0, 1, 2};
       }}};
  for (const auto& [reason, damage] : damages) {
    Samples data = example(5);
    damage(data);
    const std::string message = error_of([&] { ArrayDataset(std::move(data)); });
    EXPECT_EQ(message.find("example: "), 0u) << message;
    EXPECT_NE(message.find(reason), std::string::npos) << "expected '" << reason << "', got '" << message << "'";
  }
  Samples data = example(5, true);
  data.values[40] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(error_of([&] { ArrayDataset(std::move(data)); }), "example: element 4 of sample 3 is inf; values must be finite");
}

TEST(ArrayDataset, KnowsItsFormatAndItsCodes) {
  const ArrayDataset codes(example(5)), floats(example(5, true));
  EXPECT_TRUE(codes.format().codes);
  EXPECT_EQ(codes.format().scale, 1.0f / 255);
  EXPECT_FALSE(floats.format().codes);
  EXPECT_EQ(floats.format().lo, 0);
  EXPECT_EQ(floats.format().hi, 59);
  uint8_t stored[12];
  codes.fill_codes(3, stored);
  EXPECT_EQ(stored[0], 36);
  EXPECT_EQ(error_of([&] { floats.fill_codes(3, stored); }), "example: its samples are floats, not codes");
}

TEST(SpreadOver, TakesSamplesFromAllOfIt) {
  Samples sorted = example(12);
  for (size_t i = 0; i < 12; ++i) sorted.labels[i] = int32_t(i / 4);
  sorted.groups = sorted.labels;
  const ArrayDataset data(std::move(sorted));
  const SpreadOver some(data, 5);
  EXPECT_EQ(some.size(), 5);
  EXPECT_EQ(some.labels(), (std::vector<int32_t>{0, 0, 1, 1, 2}));
  EXPECT_EQ(some.groups(), some.labels());
  const std::vector<int64_t> indices = spread_indices(12, 5), all = {0, 1, 2, 3, 4};
  EXPECT_TRUE(same(gather(some, all.data(), 5, nullptr), gather(data, indices.data(), 5, nullptr)));
  EXPECT_EQ(SpreadOver(data, 100).size(), 12);
}

TEST(SplitOff, PartitionsAndKeepsTheOrder) {
  for (bool floats : {false, true}) {
    const Samples all = example(20, floats);
    Samples train = all;
    const Samples val = split_off(train, 7, Rng(1));
    EXPECT_EQ(train.size(), 13);
    EXPECT_EQ(val.size(), 7);
    // Walking through `all`, every sample is the next one of exactly one part.
    size_t t = 0, v = 0;
    const auto row_is = [&](const Samples& part, size_t at, size_t i) {
      if (at >= part.labels.size() || part.labels[at] != all.labels[i]) return false;
      return floats ? std::equal(&all.values[i * 12], &all.values[i * 12] + 12, &part.values[at * 12])
                    : std::equal(&all.codes[i * 12], &all.codes[i * 12] + 12, &part.codes[at * 12]);
    };
    for (size_t i = 0; i < 20; ++i) {
      if (row_is(train, t, i)) {
        ++t;
      } else {
        ASSERT_TRUE(row_is(val, v, i)) << "sample " << i;
        ++v;
      }
    }
    Samples again = all;
    EXPECT_EQ(split_off(again, 7, Rng(1)).labels, val.labels);
  }
  Samples data = example(5);
  for (int64_t count : {-1, 0, 5, 6})
    EXPECT_NE(error_of([&] { split_off(data, count, Rng(1)); }).find("cannot split"), std::string::npos);
}

}  // namespace
}  // namespace bitloom
