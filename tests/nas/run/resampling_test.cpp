// Tests and intervals over test samples against values computed independently.
#include "nas/run/resampling.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/io.h"
#include "core/npz.h"
#include "tests/support/files.h"
#include "tests/support/finished_run.h"
#include "tests/support/tiny_task.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::finished_run;

// Right where `is_right` says so.
template <class F>
FinishedRun predicting(Granularity granularity, uint64_t seed, int64_t samples, F is_right, const std::string& test = "t") {
  FinishedRun run = finished_run(granularity, "1kB", seed, 0, 1000);
  Predictions& p = run.predictions.emplace();
  double right = 0;
  for (int64_t i = 0; i < samples; ++i) {
    p.labels.push_back(i % 3);
    p.found.push_back(is_right(i) ? i % 3 : (i + 1) % 3);
    right += is_right(i);
  }
  p.test = test;
  run.result.test_score_integer = run.result.test_accuracy_integer = right / double(samples);
  return run;
}

// Sums of binomial coefficients in exact fractions.
TEST(Resampling, McNemarsTestIsThatOfExactFractions) {
  const struct {
    int64_t a, b;
    double p;
  } cases[] = {{6, 16, 0.052478790283203125},
               {16, 6, 0.052478790283203125},
               {0, 5, 0.0625},
               {0, 0, 1},
               {10, 10, 1},
               {59, 6, 4.964650327128617e-12},
               {121, 59, 4.434449263755176e-06},
               {210, 260, 0.023706444234052732},
               {4000, 4200, 0.027972423571324383}};
  for (const auto& c : cases) EXPECT_NEAR(mcnemar(c.a, c.b) / c.p, 1, 1e-9) << c.a << " " << c.b;
  // Of 100 samples, 0 to 79 and 10 to 83: 10 only one has, 4 only the other. 2 * (1 + 14 + 91 + 364 + 1001) / 2^14.
  const auto a = predicting(Granularity::kChannel, 1, 100, [](int64_t i) { return i < 80; });
  const auto b = predicting(Granularity::kLayer, 1, 100, [](int64_t i) { return i >= 10 && i < 84; });
  EXPECT_NEAR(mcnemar(*a.predictions, *b.predictions), 2 * 1471 / 16384.0, 1e-12);
  const auto other = predicting(
      Granularity::kLayer, 1, 100, [](int64_t) { return true; }, "another");
  EXPECT_NE(error_of([&] { mcnemar(*a.predictions, *other.predictions); }).find("different test splits"), std::string::npos);
}

TEST(Resampling, TheMiddleIsInterpolated) {
  std::vector<double> values;
  for (int i = 40; i >= 0; --i) values.push_back(i);
  EXPECT_DOUBLE_EQ(middle95(values).from, 1);
  EXPECT_DOUBLE_EQ(middle95(values).to, 39);
  EXPECT_DOUBLE_EQ(middle95({3}).from, 3);
  EXPECT_DOUBLE_EQ(middle95({0, 1}).from, 0.025);
  EXPECT_NE(error_of([] { middle95({}); }), "");
}

// The standard error of a mean of samples is known: the intervals are 1.96 of it to each side, but for a normal distribution's curvature and the
// noise of 1,000 resamples. What both networks get wrong does not count in their difference.
TEST(Resampling, IntervalsAreThoseOfTheStandardError) {
  constexpr int64_t kSamples = 2000;
  const auto own = [](int64_t i) { return i % 5 != 0; };
  const auto other = [](int64_t i) { return i % 5 != 0 && i % 20 != 1; };
  const std::vector<FinishedRun> runs = {
      predicting(Granularity::kChannel, 1, kSamples, own), predicting(Granularity::kLayer, 1, kSamples, other),
      predicting(Granularity::kChannel, 2, kSamples, own, "u"), predicting(Granularity::kLayer, 2, kSamples, other, "u")};
  ASSERT_TRUE(Bootstrap::can_resample(runs));
  const Bootstrap bootstrap(runs);
  const auto found = bootstrap.intervals([](const std::vector<FinishedRun>& r) {
    const auto score = [&](size_t i) { return *r[i].result.test_score_integer; };
    return std::vector<std::optional<double>>{score(0), score(0) - score(1), (score(0) - score(1) + score(2) - score(3)) / 2,
                                              score(0) - score(2), std::nullopt};
  });
  ASSERT_EQ(found.size(), 5u);
  const auto expect = [&](size_t k, double mean, double variance) {
    const double half = 1.96 * std::sqrt(variance / kSamples);
    EXPECT_NEAR(found[k].value().from, mean - half, 0.12 * half) << k;
    EXPECT_NEAR(found[k].value().to, mean + half, 0.12 * half) << k;
  };
  expect(0, 0.8, 0.8 * 0.2);
  expect(1, 0.05, 0.05 * 0.95);
  expect(2, 0.05, 0.05 * 0.95 / 2);  // two test sets
  expect(3, 0, 2 * 0.8 * 0.2);       // different ones are not paired
  EXPECT_FALSE(found[4]);
  const auto again = Bootstrap(runs).intervals(
      [](const std::vector<FinishedRun>& r) { return std::vector<std::optional<double>>{*r[0].result.test_score_integer}; });
  EXPECT_EQ(again[0].value().from, found[0].value().from);
}

TEST(Resampling, NeedsPredictionsOfEveryPoint) {
  std::vector<FinishedRun> runs = {predicting(Granularity::kChannel, 1, 10, [](int64_t) { return true; })};
  runs.emplace_back();  // a float run is no point
  EXPECT_TRUE(Bootstrap::can_resample(runs));
  runs.push_back(finished_run(Granularity::kLayer, "1kB", 1, 0.5, 1000));
  EXPECT_FALSE(Bootstrap::can_resample(runs));
  EXPECT_NE(error_of([&] { Bootstrap b(runs); }).find("no predictions"), std::string::npos);
  runs.back() = predicting(Granularity::kLayer, 1, 9, [](int64_t) { return true; });
  EXPECT_NE(error_of([&] { Bootstrap b(runs); }).find("predictions of 9 samples of a test split that has 10"),
            std::string::npos);
  runs.back() = predicting(Granularity::kLayer, 1, 10, [](int64_t) { return true; });
  runs.back().result.metric = "balanced_accuracy";
  EXPECT_FALSE(Bootstrap::can_resample(runs));
  EXPECT_FALSE(Bootstrap::can_resample({}));
}

TEST(Predictions, AreReadBackAndCompact) {
  const testing::TempFolder folder;
  const TaskData data = testing::tiny_data();
  std::vector<double> found;
  for (int64_t i = 0; i < data.test->size(); ++i) found.push_back(double(i % 9 == 3 ? 0 : i % 9));
  const Predictions p = predictions_of(found, data);
  EXPECT_EQ(p.test, digest(*data.test));
  EXPECT_NE(p.test, digest(*data.val));
  EXPECT_TRUE(p.right(2) && !p.right(3));
  write_predictions(folder / "p.npz", p);
  const Predictions read = read_predictions(folder / "p.npz");
  EXPECT_EQ(read.found, p.found);
  EXPECT_EQ(read.labels, p.labels);
  EXPECT_EQ(read.test, p.test);
  EXPECT_EQ(read_npz(folder / "p.npz").at("class").dtype, "|u1");
  Predictions many = p;
  many.found[0] = 300;
  write_predictions(folder / "many.npz", many);
  EXPECT_EQ(read_predictions(folder / "many.npz").found, many.found);
  many.labels.pop_back();
  write_predictions(folder / "bad.npz", many);
  EXPECT_NE(error_of([&] { read_predictions(folder / "bad.npz"); }).find("45 classes and 44 labels"), std::string::npos);
}

}  // namespace
}  // namespace bitloom
