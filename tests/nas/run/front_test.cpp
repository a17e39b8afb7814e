// Fronts and their statistics against values computed by hand.
#include "nas/run/front.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/io.h"
#include "tests/support/files.h"
#include "tests/support/finished_run.h"

namespace bitloom {
namespace {

using testing::finished_run;

double bytes(const NetworkFigures& n) { return double(n.weight_bytes); }

// Two budgets, two seeds, both granularities.
std::vector<FinishedRun> small_sweep() {
  return {finished_run(Granularity::kChannel, "1kB", 1, 0.50, 1000), finished_run(Granularity::kLayer, "1kB", 1, 0.48, 1010),
          finished_run(Granularity::kChannel, "2kB", 1, 0.60, 2000), finished_run(Granularity::kLayer, "2kB", 1, 0.55, 2000),
          finished_run(Granularity::kChannel, "1kB", 2, 0.54, 1100), finished_run(Granularity::kLayer, "1kB", 2, 0.50, 990),
          finished_run(Granularity::kChannel, "2kB", 2, 0.62, 2000), finished_run(Granularity::kLayer, "2kB", 2, 0.59, 2000)};
}

// The usual printed table of the 97.5 % points.
TEST(Front, StudentsTIsThatOfTheTables) {
  const std::pair<int64_t, double> table[] = {{1, 12.706}, {2, 4.303},  {3, 3.182},  {4, 2.776},  {5, 2.571},
                                              {9, 2.262},  {10, 2.228}, {30, 2.042}, {120, 1.980}};
  for (const auto& [degrees, t] : table) EXPECT_NEAR(student_t95(degrees), t, 5.1e-4) << degrees;
  EXPECT_NE(testing::error_of([] { student_t95(0); }), "");
}

TEST(Front, EstimateOfThreeValues) {
  const Estimate e = estimate({1, 2, 6});
  EXPECT_EQ(e.count, 3);
  EXPECT_DOUBLE_EQ(e.mean, 3);
  EXPECT_EQ(e.least, 1);
  EXPECT_EQ(e.most, 6);
  EXPECT_NEAR(e.half.value(), 4.302653 * 1.527525,
              1e-4);  // the variance is (4 + 1 + 9) / 2, the error of the mean its root over root 3
  EXPECT_FALSE(estimate({4}).half);
  EXPECT_NE(testing::error_of([] { estimate(std::vector<double>{}); }), "");
}

TEST(Front, KeepsWhatNothingDominates) {
  const std::vector<FrontPoint> front = pareto_front({{3, 7}, {1, 5}, {2, 4}, {4, 7}, {1, 5}, {3, 6}, {5, 9}});
  ASSERT_EQ(front.size(), 3u);
  EXPECT_EQ(front[0].cost, 1);
  EXPECT_EQ(front[1].cost, 3);
  EXPECT_EQ(front[1].score, 7);
  EXPECT_EQ(front[2].cost, 5);
}

TEST(Front, CostBetweenPointsIsInterpolated) {
  const std::vector<FrontPoint> front = {{10, 80}, {20, 85}, {40, 86}};
  EXPECT_DOUBLE_EQ(cost_at(front, 84).value(), 18);
  EXPECT_DOUBLE_EQ(cost_at(front, 85.5).value(), 30);
  EXPECT_DOUBLE_EQ(cost_at(front, 85).value(), 20);
  EXPECT_DOUBLE_EQ(cost_at(front, 10).value(), 10);
  EXPECT_FALSE(cost_at(front, 86.01));
  EXPECT_FALSE(cost_at({}, 1));
}

TEST(Front, HypervolumeIsTheAreaOfTheStairs) {
  const std::vector<FrontPoint> front = {{1, 2}, {3, 5}};
  EXPECT_DOUBLE_EQ(hypervolume(front, {10, 0}), 9 * 2 + 7 * 3);
  EXPECT_DOUBLE_EQ(hypervolume(front, {3, 1}), 2 * 1);  // the second is no better than the reference in cost
  EXPECT_DOUBLE_EQ(hypervolume(front, {10, 4}), 7 * 1);
  EXPECT_EQ(hypervolume({}, {10, 0}), 0);
  std::vector<FinishedRun> runs = small_sweep();
  const RunSeries channel = series_of(runs)[0];
  const Estimate e = hypervolume_by_seed(runs, channel, bytes, {2100, 0.4}).value();
  EXPECT_NEAR(e.least, 1100 * 0.1 + 100 * 0.1, 1e-9);   // seed 1
  EXPECT_NEAR(e.most, 1000 * 0.14 + 100 * 0.08, 1e-9);  // seed 2
  EXPECT_FALSE(hypervolume_by_seed(runs, {"", Granularity::kChannel, {{"1kB", {0}}}}, bytes, {2100, 0.4}));
}

TEST(Front, GroupsWhatDiffersBySeedAlone) {
  std::vector<FinishedRun> runs = small_sweep();
  runs.push_back(finished_run(Granularity::kChannel, "1kB", 2, 0.54, 1100));  // the same seed again
  runs.push_back(finished_run(Granularity::kChannel, "1kB", 1, 0.40, 1000));
  runs.back().config.distill = 0.5;
  runs.emplace_back();  // a float run
  const std::vector<RunSeries> series = series_of(runs);
  ASSERT_EQ(series.size(), 3u);
  EXPECT_EQ(series[0].name, "channel-wise {2,4,8} (distill is 0.0, not 0.5)");
  EXPECT_EQ(series[1].name, "layer-wise {2,4,8}");
  EXPECT_EQ(series[2].name, "channel-wise {2,4,8} (distill is 0.5, not 0.0)");
  ASSERT_EQ(series[0].groups.size(), 3u);
  EXPECT_EQ(series[0].groups[0].label, "1kB");
  EXPECT_EQ(series[0].groups[0].runs, (std::vector<size_t>{0, 4}));
  EXPECT_EQ(series[0].groups[1].runs, (std::vector<size_t>{2, 6}));
  EXPECT_EQ(series[0].groups[2].runs, std::vector<size_t>{8});
  EXPECT_TRUE(comparable(runs, series[0], series[1]));
  runs[1].config.width = 0.5;
  EXPECT_EQ(series_of(runs)[1].name, "layer-wise {2,4,8}, width 0.5");
  EXPECT_TRUE(comparable(runs, series[0], series[1])) << "what users do instead of removing channels";
  EXPECT_FALSE(comparable(runs, series[2], series[1]));
}

TEST(Front, FixedPrecisionsAreOneSeries) {
  std::vector<FinishedRun> runs;
  for (const int bits : {2, 8}) {
    runs.push_back(finished_run(Granularity::kFixed, "", 1, 0.5, 1000));
    runs.back().config.weight_bits = runs.back().result.precisions->weight_bits = {bits};
  }
  const std::vector<RunSeries> series = series_of(runs);
  ASSERT_EQ(series.size(), 1u);
  EXPECT_EQ(series[0].name, "one width for all");
  EXPECT_EQ(series[0].groups[1].label, "w8a8");
}

TEST(Front, SavingsAtEqualScore) {
  const std::vector<FinishedRun> runs = small_sweep();
  const std::vector<RunSeries> series = series_of(runs);
  const std::vector<Saving> saved = savings(runs, series[0], series[1], bytes);
  ASSERT_EQ(saved.size(), 2u);
  // Layer-wise 0.49 at 1000, less than the front's first point, 0.52 at 1050; 0.57 at 2000, between it and 0.61 at 2000.
  EXPECT_DOUBLE_EQ(saved[0].cost.value(), 1050);
  EXPECT_NEAR(saved[0].saved.value(), -0.05, 1e-12);
  const double at = 1050 + 950 * 0.05 / 0.09;
  EXPECT_NEAR(saved[1].cost.value(), at, 1e-9);
  EXPECT_NEAR(saved[1].saved.value(), 1 - at / 2000, 1e-12);
  // Seed 1: 0.55 half way from 1000 to 2000; seed 2: 0.59 five eighths of the way from 1100.
  EXPECT_NEAR(saved[1].by_seed.value().least, 1 - (1100 + 900 * 5 / 8.0) / 2000, 1e-12);
  EXPECT_NEAR(saved[1].by_seed.value().most, 0.25, 1e-12);
  // The other way round layers never get to the channels' best.
  EXPECT_FALSE(savings(runs, series[1], series[0], bytes)[1].cost);
}

TEST(Front, DifferencesArePairedBySeed) {
  std::vector<FinishedRun> runs = small_sweep();
  runs.push_back(finished_run(Granularity::kChannel, "2kB", 3, 0.99, 2000));  // without a partner
  const std::vector<RunSeries> series = series_of(runs);
  const std::vector<PairedDifference> all = paired_differences(runs, series[0], series[1]);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].label, "1kB");
  EXPECT_NEAR(all[0].difference.mean, 0.03, 1e-12);  // 0.02 and 0.04
  EXPECT_NEAR(all[0].difference.half.value(), 12.7062 * 0.01, 1e-5);
  EXPECT_EQ(all[1].difference.count, 2);
  EXPECT_NEAR(all[1].difference.mean, 0.04, 1e-12);  // 0.05 and 0.03
  EXPECT_EQ(all[2].label, "mean");
  EXPECT_NEAR(all[2].difference.mean, 0.035, 1e-12);  // 0.035 and 0.035
  EXPECT_NEAR(all[2].difference.half.value(), 0, 1e-10);
}

TEST(Front, RanksScoresThatAreBetterLower) {
  std::vector<FinishedRun> runs = {finished_run(Granularity::kLayer, "1kB", 1, 0.5, 1000),
                                   finished_run(Granularity::kLayer, "1kB", 2, 0.3, 1000)};
  for (FinishedRun& run : runs) run.result.metric = "mean_squared_error";
  EXPECT_DOUBLE_EQ(mean_point(runs, series_of(runs)[0].groups[0], bytes).score, -0.4);
}

}  // namespace
}  // namespace bitloom
