// Tests of datasets/synthetic: that it is the same everywhere, balanced, and not solved by a single pixel or colour.
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "datasets/sources.h"
#include "tests/support/files.h"
#include "tests/support/tiny_task.h"

namespace bitloom {
namespace {

using testing::samples_of;

TEST(Synthetic, IsTheSameOnEveryMachineAndCompiler) {
  const TaskData task = make_synthetic(1, 100, 20, 20);
  // CRC-32 of the codes, the same from g++ 12 and clang 14 at any optimisation.
  EXPECT_EQ(crc32_z(0, samples_of(task.train).codes.data(), samples_of(task.train).codes.size()), 2728035196u);
  EXPECT_EQ(crc32_z(0, samples_of(task.test).codes.data(), samples_of(task.test).codes.size()), 1513607761u);
}

TEST(Synthetic, DependsOnTheSeedAndNotOnTheSizes) {
  const TaskData a = make_synthetic(1, 60, 30, 30), b = make_synthetic(1, 90, 30, 60), c = make_synthetic(2, 60, 30, 30);
  EXPECT_EQ(samples_of(a.val).codes, samples_of(b.val).codes);
  EXPECT_TRUE(
      std::equal(samples_of(a.train).codes.begin(), samples_of(a.train).codes.end(), samples_of(b.train).codes.begin()));
  EXPECT_TRUE(std::equal(samples_of(a.test).codes.begin(), samples_of(a.test).codes.end(), samples_of(b.test).codes.begin()));
  EXPECT_NE(samples_of(a.train).codes, samples_of(c.train).codes);
}

TEST(Synthetic, SplitsAreBalancedAndShareNoImage) {
  const TaskData task = make_synthetic(3);
  EXPECT_EQ(task.train->size(), 4096);
  EXPECT_EQ(task.val->size(), 1024);
  EXPECT_EQ(task.test->size(), 2048);
  std::set<std::string> images;
  for (const std::shared_ptr<Dataset>& part : {task.train, task.val, task.test}) {
    std::vector<int64_t> counts(static_cast<size_t>(task.task.classes));
    for (int32_t label : part->labels()) ++counts[size_t(label)];
    for (int64_t count : counts)
      EXPECT_NEAR(double(count), double(part->size()) / double(task.task.classes), 1) << part->name();
    for (int64_t i = 0; i < part->size(); ++i) {
      const auto begin = samples_of(part).codes.begin() + i * part->format().size();
      images.emplace(begin, begin + part->format().size());
    }
  }
  EXPECT_EQ(images.size(), 4096u + 1024u + 2048u);
}

TEST(Synthetic, RefusesEmptySplits) {
  EXPECT_EQ(testing::error_of([] { make_synthetic(1, 10, 0, 10); }), "synthetic val: 0 samples asked; ask for one at least");
}

// The accuracy of a classifier that only knows each class's mean image.
double accuracy_of_mean_images(const TaskData& task) {
  const int64_t n = task.train->format().size(), classes = task.task.classes;
  std::vector<double> means(static_cast<size_t>(classes * n)), counts(static_cast<size_t>(classes));
  for (int64_t i = 0; i < task.train->size(); ++i) {
    const size_t label = size_t(task.train->labels()[size_t(i)]);
    ++counts[label];
    for (int64_t k = 0; k < n; ++k) means[label * size_t(n) + size_t(k)] += samples_of(task.train).codes[size_t(i * n + k)];
  }
  int64_t correct = 0;
  for (int64_t i = 0; i < task.test->size(); ++i) {
    int32_t best = 0;
    double least = 1e30;
    for (int64_t label = 0; label < classes; ++label) {
      double distance = 0;
      for (int64_t k = 0; k < n; ++k)
        distance +=
            std::pow(means[size_t(label * n + k)] / counts[size_t(label)] - samples_of(task.test).codes[size_t(i * n + k)], 2);
      if (distance < least) least = distance, best = int32_t(label);
    }
    correct += best == task.test->labels()[size_t(i)];
  }
  return double(correct) / double(task.test->size());
}

// It must stay far from what a network reaches.
TEST(Synthetic, IsNotSolvedByMeanImages) { EXPECT_LT(accuracy_of_mean_images(make_synthetic(4)), 0.35) << "chance is 1/9"; }

TEST(SyntheticFigures, AreTheSameOnEveryMachineAndDependOnTheSeedAlone) {
  const TaskData data = make_synthetic_figures(1, 60, 20, 40), more = make_synthetic_figures(1, 80, 30, 40);
  EXPECT_EQ(crc32_z(0, samples_of(data.test).codes.data(), samples_of(data.test).codes.size()), 2565583606u);
  EXPECT_TRUE(std::equal(samples_of(data.train).codes.begin(), samples_of(data.train).codes.end(),
                         samples_of(more.train).codes.begin()));
  EXPECT_NE(digest(data), digest(make_synthetic_figures(2, 60, 20, 40)));
  for (int64_t i = 0; i < 40; ++i) EXPECT_EQ(data.test->labels()[size_t(i)], i % 2);
  const int64_t size = data.test->format().size();
  std::set<std::string> images;
  for (const std::shared_ptr<Dataset>& part : {data.train, data.val, data.test})
    for (auto at = samples_of(part).codes.begin(); at != samples_of(part).codes.end(); at += size)
      images.emplace(at, at + size);
  EXPECT_EQ(images.size(), 60u + 20u + 40u);
}

TEST(SyntheticFigures, AreNotFoundByMeanImages) {
  EXPECT_LT(accuracy_of_mean_images(make_synthetic_figures(4, 4000, 100, 2000)), 0.6) << "chance is 1/2";
}

}  // namespace
}  // namespace bitloom
