// The built-in words: what they are, and that they are always the same.
#include <gtest/gtest.h>

#include <set>

#include "datasets/sources.h"
#include "datasets/speech.h"
#include "tests/support/tiny_task.h"

namespace bitloom {
namespace {

TEST(SyntheticWords, AreBalancedAndDependOnTheSeedAlone) {
  const TaskData data = make_synthetic_words(3, 40, 20, 30);
  EXPECT_EQ(data.task.classes, 10);
  EXPECT_EQ(data.task.label_name(0), "ee-a");
  EXPECT_EQ(data.task.label_name(9), "unknown");
  EXPECT_EQ(data.train->size(), 40);
  EXPECT_EQ(data.test->size(), 30);
  for (int64_t i = 0; i < 30; ++i) EXPECT_EQ(data.test->labels()[size_t(i)], i % 10);
  EXPECT_EQ(digest(data), digest(make_synthetic_words(3, 40, 20, 30)));
  EXPECT_NE(digest(data), digest(make_synthetic_words(4, 40, 20, 30)));
}

// Larger splits begin with smaller ones, and no two samples are the same.
TEST(SyntheticWords, EverySampleIsItsOwn) {
  const TaskData data = make_synthetic_words(0, 10, 10, 40), more = make_synthetic_words(0, 20, 10, 50);
  const auto features = [](const Dataset& split) {
    std::vector<float> all(size_t(split.size() * split.format().size()));
    for (int64_t i = 0; i < split.size(); ++i) split.fill(i, nullptr, all.data() + i * split.format().size());
    return all;
  };
  const std::vector<float> few = features(*data.test), many = features(*more.test);
  EXPECT_TRUE(std::equal(few.begin(), few.end(), many.begin()));
  std::set<std::vector<float>> seen;
  for (size_t i = 0; i < many.size(); i += 490)
    seen.insert({many.begin() + std::ptrdiff_t(i), many.begin() + std::ptrdiff_t(i + 490)});
  EXPECT_EQ(seen.size(), 50u);
}

}  // namespace
}  // namespace bitloom
