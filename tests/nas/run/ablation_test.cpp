// Ablation: which runs lack a part of which, and what that costs.
#include "nas/run/ablation.h"

#include <gtest/gtest.h>

#include "tests/support/files.h"
#include "tests/support/finished_run.h"

namespace bitloom {
namespace {

using testing::finished_run;

FinishedRun with_recipe(uint64_t seed, double score) {
  FinishedRun run = finished_run(Granularity::kChannel, "1kB", seed, score, 1000);
  run.config.recipe = Recipe::kProgressive;
  run.config.distill = 0.5;
  return run;
}

FinishedRun without(const std::string& part, uint64_t seed, double score) {
  FinishedRun run = with_recipe(seed, score);
  find_part(part).leave_out(run.config);
  return run;
}

TEST(Ablation, DifferencesOfEveryPartThatSomeRunLacks) {
  const std::vector<FinishedRun> runs = {without("shrinking", 1, 0.70),    with_recipe(1, 0.80),
                                         without("distillation", 1, 0.79), with_recipe(2, 0.84),
                                         without("shrinking", 2, 0.80),    without("distillation", 3, 0.5)};
  const std::vector<Ablation> all = ablations(runs);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].whole.runs, (std::vector<size_t>{1, 3}));
  ASSERT_EQ(all[0].rows.size(), 2u);
  EXPECT_EQ(all[0].rows[0].part, &find_part("distillation"));
  EXPECT_EQ(all[0].rows[0].difference.count, 1) << "seed 3 has no partner";
  EXPECT_NEAR(all[0].rows[0].difference.mean, -0.01, 1e-12);
  EXPECT_EQ(all[0].rows[1].part, &find_part("shrinking"));
  EXPECT_NEAR(all[0].rows[1].difference.mean, -0.07, 1e-12);                  // -0.10 and -0.04
  EXPECT_NEAR(all[0].rows[1].difference.half.value(), 12.7062 * 0.03, 1e-5);  // their error is half of 0.06
  EXPECT_EQ(lack_a_part(runs), (std::vector<bool>{true, false, true, false, true, true}));
  const std::vector<RunSeries> series = series_of(runs);
  ASSERT_EQ(series.size(), 1u) << "what lacks a part is no point of a front";
  EXPECT_EQ(series[0].groups[0].runs, (std::vector<size_t>{1, 3}));
}

TEST(Ablation, EveryPartChangesARun) {
  for (const RecipePart& part : recipe_parts()) {
    const std::vector<FinishedRun> runs = {with_recipe(1, 0.8), without(part.name, 1, 0.7)};
    ASSERT_EQ(ablations(runs).size(), 1u) << part.name;
    EXPECT_EQ(ablations(runs)[0].rows[0].part, &part);
  }
  EXPECT_NE(testing::error_of([] { find_part("x"); }).find("the recipe has no part 'x'; known: distillation, shrinking"),
            std::string::npos);
}

// Without two parts is one row of the whole, no ablation of what lacks one of them; a seed counts once.
TEST(Ablation, WhatLacksAPartIsNoWhole) {
  std::vector<FinishedRun> runs = {with_recipe(1, 0.8), without("tracking", 1, 0.7), without("shrinking-and-tracking", 1, 0.6),
                                   without("current-precision", 1, 0.75), with_recipe(1, 0.1)};
  const std::vector<Ablation> all = ablations(runs);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].whole.runs, std::vector<size_t>{0});
  EXPECT_EQ(all[0].rows.size(), 3u);
}

TEST(Ablation, OtherRunsLackNothing) {
  std::vector<FinishedRun> runs = {with_recipe(1, 0.8), finished_run(Granularity::kLayer, "1kB", 1, 0.7, 1000)};
  runs.emplace_back();  // a float run
  EXPECT_TRUE(ablations(runs).empty());
  EXPECT_EQ(lack_a_part(runs), std::vector<bool>(3, false));
}

}  // namespace
}  // namespace bitloom
