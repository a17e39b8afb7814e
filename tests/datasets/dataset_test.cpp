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
Dataset example(int64_t count, bool floats = false) {
  Dataset data;
  data.name = "example";
  data.h = 2, data.w = 3, data.c = 2;
  data.classes = 4;
  data.count = count;
  for (int64_t i = 0; i < count * 12; ++i) {
    if (floats) {
      data.values.push_back(float(i % 256));
    } else {
      data.codes.push_back(uint8_t(i % 256));
    }
  }
  for (int64_t i = 0; i < count; ++i) data.labels.push_back(int32_t(i % 4));
  if (!floats) data.input_scale = 1.0f / 255;
  return data;
}

bool same(const Batch& a, const Batch& b) {
  return a.x.shape() == b.x.shape() && a.labels == b.labels &&
         std::memcmp(a.x.data(), b.x.data(), size_t(a.x.size()) * sizeof(float)) == 0;
}

TEST(Gather, TakesTheSamplesAsked) {
  const int64_t indices[] = {5, 0, 5};
  for (bool floats : {false, true}) {
    const Dataset data = example(6, floats);
    const Batch batch = gather(data, indices, 3, Augment(), nullptr);
    ASSERT_EQ(batch.x.shape(), (Shape{3, 2, 3, 2}));
    for (int64_t i = 0; i < 36; ++i) EXPECT_EQ(batch.x[i], float(indices[i / 12] * 12 + i % 12) * data.input_scale) << i;
    EXPECT_EQ(batch.labels, (std::vector<int32_t>{1, 0, 1}));
  }
  Dataset unlabelled = example(6);
  unlabelled.classes = 0;
  unlabelled.labels.clear();
  EXPECT_TRUE(gather(unlabelled, indices, 3, Augment(), nullptr).labels.empty());
}

TEST(Gather, IsAFunctionOfIndicesAndStreamForAnyNumberOfThreads) {
  const Dataset data = example(100);
  std::vector<int64_t> indices(100);
  std::iota(indices.begin(), indices.end(), 0);
  Augment augment;
  augment.flip = true;
  augment.rotate_degrees = 30;
  augment.crop_padding = 1;
  const Rng rng(3);
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const Batch one = gather(data, indices.data(), 100, augment, &rng);
  for (int n : {2, 3, 7}) {
    omp_set_num_threads(n);
    EXPECT_TRUE(same(one, gather(data, indices.data(), 100, augment, &rng))) << n << " threads";
  }
  omp_set_num_threads(threads);
  // A sample does not depend on its place in the batch.
  const Batch tail = gather(data, indices.data() + 60, 40, augment, &rng);
  EXPECT_EQ(std::memcmp(tail.x.data(), one.x.data() + 60 * 12, 40 * 12 * sizeof(float)), 0);
  const Rng other(4);
  EXPECT_FALSE(same(one, gather(data, indices.data(), 100, augment, &other)));
  EXPECT_TRUE(same(gather(data, indices.data(), 100, augment, nullptr), gather(data, indices.data(), 100, Augment(), &rng)));
}

TEST(Gather, RefusesAnIndexOutside) {
  const int64_t indices[] = {0, 6};
  EXPECT_EQ(error_of([&] { gather(example(6), indices, 2, Augment(), nullptr); }), "example: sample 6 of 6 wanted");
}

TEST(Validate, NamesWhatIsWrong) {
  EXPECT_EQ(error_of([] { validate(example(5)); }), "");
  EXPECT_EQ(error_of([] { validate(example(5, true)); }), "");
  const std::pair<const char*, void (*)(Dataset&)> damages[] = {
      {"no samples", [](Dataset& d) { d.count = 0; }},
      {"must be positive", [](Dataset& d) { d.h = 0; }},
      {"need 60 codes or values, there are 59 codes", [](Dataset& d) { d.codes.pop_back(); }},
      {"there are 60 codes and 60 values", [](Dataset& d) { d.values.resize(60); }},
      {"there are 0 codes and 0 values", [](Dataset& d) { d.codes.clear(); }},
      {"input scale", [](Dataset& d) { d.input_scale = 0; }},
      {"input scale", [](Dataset& d) { d.input_scale = std::numeric_limits<float>::quiet_NaN(); }},
      {"4 labels for 5 samples", [](Dataset& d) { d.labels.pop_back(); }},
      {"5 labels for 5 samples of 0 classes", [](Dataset& d) { d.classes = 0; }},
      {"label 4 of sample 2 is outside 0 .. 3", [](Dataset& d) { d.labels[2] = 4; }},
      {"label -1 of sample 4", [](Dataset& d) { d.labels[4] = -1; }}};
  for (const auto& [reason, damage] : damages) {
    Dataset data = example(5);
    damage(data);
    const std::string message = error_of([&] { validate(data); });
    EXPECT_EQ(message.find("example: "), 0u) << message;
    EXPECT_NE(message.find(reason), std::string::npos) << "expected '" << reason << "', got '" << message << "'";
  }
  Dataset data = example(5, true);
  data.values[40] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(error_of([&] { validate(data); }), "example: element 4 of sample 3 is inf; values must be finite");
}

TEST(Digest, ChangesWithTheDataAndNothingElse) {
  const auto task = [](bool floats) {
    TaskData data;
    data.train = example(9, floats), data.val = example(5, floats), data.test = example(7, floats);
    return data;
  };
  const TaskData base = task(false);
  const std::string stored = digest(base);
  EXPECT_EQ(stored.size(), 16u);
  TaskData same = task(false);
  same.name = same.train.name = "elsewhere";
  same.augment.flip = true;
  EXPECT_EQ(digest(same), stored);
  EXPECT_NE(digest(task(true)), stored);
  const std::pair<const char*, void (*)(TaskData&)> changes[] = {
      {"a pixel", [](TaskData& d) { d.train.codes[50] ^= 1; }},
      {"a label of the test set", [](TaskData& d) { d.test.labels[6] ^= 1; }},
      {"another shape", [](TaskData& d) { std::swap(d.val.h, d.val.w); }},
      {"another scale", [](TaskData& d) { d.val.input_scale = 1; }},
      {"swapped splits", [](TaskData& d) { std::swap(d.val, d.test); }},
      {"a class more", [](TaskData& d) { d.train.classes = 5; }}};
  for (const auto& [what, change] : changes) {
    TaskData other = task(false);
    change(other);
    EXPECT_NE(digest(other), stored) << what;
  }
}

TEST(SplitOff, PartitionsAndKeepsTheOrder) {
  for (bool floats : {false, true}) {
    const Dataset all = example(20, floats);
    Dataset train = all;
    const Dataset val = split_off(train, 7, Rng(1));
    validate(train);
    validate(val);
    EXPECT_EQ(train.size(), 13);
    EXPECT_EQ(val.size(), 7);
    // Walking through `all`, every sample is the next one of exactly one part.
    size_t t = 0, v = 0;
    const auto row_is = [&](const Dataset& part, size_t at, size_t i) {
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
    Dataset again = all;
    EXPECT_EQ(split_off(again, 7, Rng(1)).labels, val.labels);
  }
  Dataset data = example(5);
  for (int64_t count : {-1, 0, 5, 6})
    EXPECT_NE(error_of([&] { split_off(data, count, Rng(1)); }).find("cannot split"), std::string::npos);
}

}  // namespace
}  // namespace bitloom
