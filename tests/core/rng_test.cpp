// Tests of core/rng: the published sequence, independence of streams, and the shape of the distributions.
#include "core/rng.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace bitloom {
namespace {

// First outputs of SplitMix64 for seed 1234567, as listed by Rosetta Code ("Pseudo-random numbers/Splitmix64").
TEST(Rng, MatchesSplitMix64) {
  Rng rng(1234567);
  for (uint64_t expected :
       {6457827717110365317u, 3203168211198807973u, 9817491932198370423u, 4593380528125082431u, 16408922859458223821u})
    EXPECT_EQ(rng.next_u64(), expected);
}

TEST(Rng, SplitDependsOnNameAndIndexOnlyAndDoesNotAdvance) {
  Rng rng(7);
  const uint64_t first = rng.split("augment", 3).next_u64();
  rng.next_u64();
  EXPECT_EQ(rng.split("augment", 3).next_u64(), first);
  Rng again(7);
  again.split("augment", 3);
  again.next_u64();
  EXPECT_EQ(again.next_u64(), rng.next_u64());

  std::set<uint64_t> firsts;
  for (uint64_t key = 0; key < 10; ++key)
    for (const char* name : {"", "a", "b", "ab", "ba", "sample"})
      for (uint64_t index = 0; index < 100; ++index) firsts.insert(Rng(key).split(name, index).next_u64());
  EXPECT_EQ(firsts.size(), 6000u) << "two streams start alike";
}

TEST(Rng, UniformCoversItsIntervalEvenly) {
  Rng rng(1);
  constexpr int kBins = 20, kDraws = 200000;
  int histogram[kBins] = {};
  for (int i = 0; i < kDraws; ++i) {
    const double u = rng.uniform();
    ASSERT_TRUE(u >= 0 && u < 1) << u;
    ++histogram[int(u * kBins)];
    const double v = rng.uniform(-3, 5);
    ASSERT_TRUE(v >= -3 && v < 5) << v;
  }
  // Five standard deviations of a bin's count.
  for (int count : histogram) EXPECT_NEAR(count, kDraws / kBins, 5 * std::sqrt(kDraws / kBins));
}

TEST(Rng, BelowCoversItsRangeEvenly) {
  Rng rng(2);
  for (int64_t n : {1, 2, 3, 7, 10}) {
    std::vector<int> histogram(static_cast<size_t>(n));
    constexpr int kDraws = 70000;
    for (int i = 0; i < kDraws; ++i) {
      const int64_t value = rng.below(n);
      ASSERT_TRUE(value >= 0 && value < n) << value << " of " << n;
      ++histogram[size_t(value)];
    }
    const double mean = double(kDraws) / double(n);
    for (int count : histogram) EXPECT_NEAR(count, mean, 5 * std::sqrt(mean)) << "n = " << n;
  }
  constexpr int64_t kHuge = (int64_t(1) << 31) - 1;
  for (int i = 0; i < 1000; ++i) ASSERT_LT(uint64_t(rng.below(kHuge)), uint64_t(kHuge));
}

TEST(Rng, NormalHasUnitMoments) {
  Rng rng(3);
  constexpr int kDraws = 400000;
  double sum = 0, squares = 0, fourths = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = rng.normal();
    ASSERT_TRUE(std::isfinite(x));
    sum += x;
    squares += x * x;
    fourths += x * x * x * x;
  }
  EXPECT_NEAR(sum / kDraws, 0, 0.01);
  EXPECT_NEAR(squares / kDraws, 1, 0.015);
  EXPECT_NEAR(fourths / kDraws, 3, 0.1);
}

TEST(Rng, PermutationHoldsEveryIndexOnceAndMovesThem) {
  Rng rng(4);
  for (int64_t n : {0, 1, 2, 5, 1000}) {
    std::vector<int64_t> order = rng.permutation(n);
    std::vector<int64_t> sorted = order;
    std::sort(sorted.begin(), sorted.end());
    for (int64_t i = 0; i < n; ++i) ASSERT_EQ(sorted[size_t(i)], i) << "n = " << n;
  }
  int places[4][4] = {};
  for (int i = 0; i < 24000; ++i) {
    const std::vector<int64_t> order = rng.permutation(4);
    for (size_t k = 0; k < 4; ++k) ++places[k][order[k]];
  }
  for (auto& row : places)
    for (int count : row) EXPECT_NEAR(count, 6000, 5 * std::sqrt(6000.0));
}

}  // namespace
}  // namespace bitloom
