// The progressive search: it meets budgets, shrinks on the way, learns, and continues with the same bits.
#include "nas/progressive.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "nn/trainer.h"
#include "tests/support/files.h"
#include "tests/support/gradcheck.h"
#include "tests/support/tiny_task.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::quant_options;
using testing::tiny_spec;

struct Tiny : testing::TinySearch<> {
  using TinySearch::TinySearch;
  double whole(CostKind kind) const { return CostModel(tiny_spec(), kind).cost(Assignment::uniform(tiny_spec(), 8, 8)); }
  Network teacher{tiny_spec(), Rng(2)};
};

ProgressiveOptions options_for(Tiny& t, double share, CostKind kind = CostKind::kSize) {
  ProgressiveOptions options;
  options.cost = kind;
  options.budget = share * t.whole(kind);
  options.weights.lr = 0.02;
  options.distillation = {&t.teacher, 0.2};
  return options;
}

TrainerOptions four_epochs() {
  TrainerOptions training;
  training.stage = "search";
  training.epochs = 4;
  training.batch_size = 16;
  training.keep_best = false;
  return training;
}

TEST(ProgressiveTest, BudgetsAreMetAndTheNetworkLearns) {
  double score = 0;  // mean over the cases: on 45 validation samples, one of them says little
  struct Case {
    CostKind kind;
    double share;
    Granularity granularity;
    std::vector<int> weight_bits;
  };
  for (const Case& c : {Case{CostKind::kSize, 0.4, Granularity::kChannel, {2, 4, 8}},
                        Case{CostKind::kSize, 0.4, Granularity::kLayer, {2, 4, 8}},
                        Case{CostKind::kSize, 0.2, Granularity::kChannel, {0, 2, 4, 8}},
                        Case{CostKind::kCycles, 0.7, Granularity::kChannel, {0, 2, 4, 8}},
                        Case{CostKind::kEnergy, 0.8, Granularity::kLayer, {2, 4, 8}}}) {
    Tiny t(quant_options(c.weight_bits, {2, 4, 8}), c.granularity);
    ProgressiveLearner learner(t.search, t.data, options_for(t, c.share, c.kind));
    train(learner, t.data, four_epochs(), {});
    const Assignment found = learner.result();
    EXPECT_EQ(learner.decisions(), ProgressiveLearner::kDecisions - 1);
    const double cost = CostModel(tiny_spec(), c.kind).cost(found);
    EXPECT_LE(cost, c.share * t.whole(c.kind));
    EXPECT_GE(cost, 0.6 * c.share * t.whole(c.kind)) << "the budget is there to be used";
    for (const std::vector<int>& bits : found.weight_bits) {
      const bool uniform = std::all_of(bits.begin(), bits.end(), [&](int b) { return b == bits[0]; });
      EXPECT_TRUE(uniform || c.granularity == Granularity::kChannel);
    }
    score += learner.validate(t.data).score / 5;
  }
  EXPECT_GT(score, 0.3) << "a guess has 1 / 9";
}

TEST(ProgressiveTest, TheNetworkShrinksGeometrically) {
  Tiny t;
  ProgressiveLearner learner(t.search, t.data, options_for(t, 0.1));
  const std::vector<int64_t> indices = {0, 1, 2, 3, 4, 5, 6, 7};
  const Batch batch = gather(*t.data.train, indices.data(), 8, nullptr);
  double last = 1;
  for (int k = 0; k < 100; ++k) {
    learner.step(batch, 0, k, k / 100.0);
    const double now = learner.report()[0].second, target = std::max(0.1, std::pow(0.1, k / 80.0));
    EXPECT_LE(now, target * std::pow(10, 3 / 80.0)) << "decided at most three steps ago, " << k;
    EXPECT_LE(now, last * 1.25) << k;
    last = now;
  }
  EXPECT_LE(last, 0.1);
}

// Every part can be left out, does something, and leaves the budget met.
TEST(ProgressiveTest, PartsCanBeLeftOut) {
  if (std::getenv("BITLOOM_FAST")) GTEST_SKIP() << "BITLOOM_FAST is set";
  const auto found = [](void (*leave_out)(ProgressiveOptions&)) {
    Tiny t;
    ProgressiveOptions options = options_for(t, 0.15);
    leave_out(options);
    ProgressiveLearner learner(t.search, t.data, options);
    train(learner, t.data, four_epochs(), {});
    EXPECT_LE(CostModel(tiny_spec(), CostKind::kSize).cost(learner.result()), options.budget);
    return learner.model().arrays().at("conv0.weight").bytes;
  };
  using Options = ProgressiveOptions;
  const auto whole = found([](Options&) {});
  EXPECT_EQ(whole, found([](Options&) {}));
  EXPECT_NE(whole, found([](Options& o) { o.shrink = 0; }));
  EXPECT_NE(whole, found([](Options& o) { o.sensitivity = SensitivityKind::kStart; }));
  EXPECT_NE(whole, found([](Options& o) { o.sensitivity = SensitivityKind::kFromMost; }));
  EXPECT_NE(whole, found([](Options& o) { o.refresh_scales = false; }));
  EXPECT_NE(whole, found([](Options& o) { o.distillation.weight = 0; }));
}

// Without shrinking, the first decision is for the whole budget.
TEST(ProgressiveTest, TheBudgetMayBeAskedForAtOnce) {
  Tiny t;
  ProgressiveOptions options = options_for(t, 0.15);
  options.shrink = 0;
  ProgressiveLearner learner(t.search, t.data, options);
  const std::vector<int64_t> indices = {0, 1, 2, 3, 4, 5, 6, 7};
  const Batch batch = gather(*t.data.train, indices.data(), 8, nullptr);
  for (int k = 0; k < 4; ++k) learner.step(batch, 0, k, k / 100.0);
  EXPECT_EQ(learner.decisions(), 1);
  EXPECT_LE(learner.report()[0].second, 0.15);
}

// Sensitivities measured at the start are the same in a run that is resumed.
TEST(ProgressiveTest, ResumedRunsEndWithTheSameBits) {
  const auto trained = [](SensitivityKind kind, int64_t stop_after) {
    const testing::TempFolder folder;
    TrainerOptions training = four_epochs();
    training.checkpoint = folder / "search.ckpt.npz";
    std::map<std::string, std::vector<uint8_t>> bytes;
    for (bool again = true; again;) {
      again = false;
      Tiny t;
      ProgressiveOptions options = options_for(t, 0.15);
      options.sensitivity = kind;
      ProgressiveLearner learner(t.search, t.data, options);
      int64_t calls = 0;
      try {
        train(learner, t.data, training, [&](const TrainState&) { return stop_after == 0 || ++calls <= stop_after; });
      } catch (const Interrupted&) {
        again = true;
      }
      StateDict all = learner.model();
      all.put("progress.", learner.progress());
      for (const auto& [key, array] : all.arrays()) bytes[key] = array.bytes;
    }
    return bytes;
  };
  for (const SensitivityKind kind : {SensitivityKind::kTracked, SensitivityKind::kStart})
    EXPECT_EQ(trained(kind, 0), trained(kind, 23));
}

TEST(ProgressiveTest, CheckpointsOfOtherSearchesAreRefused) {
  Tiny t, other(quant_options({2, 8}, {8}));
  ProgressiveLearner learner(t.search, t.data, options_for(t, 0.3)), narrow(other.search, other.data, options_for(other, 0.3));
  EXPECT_NE(error_of([&] { learner.load_progress(narrow.progress()); }), "");
}

// A run of one step decides nothing on the way, and keeps to its budget all the same.
TEST(ProgressiveTest, ShortRunsMeetTheirBudget) {
  Tiny t;
  ProgressiveLearner learner(t.search, t.data, options_for(t, 0.2));
  const int64_t index = 0;
  learner.step(gather(*t.data.train, &index, 1, nullptr), 0, 0, 0);
  EXPECT_EQ(learner.decisions(), 0);
  EXPECT_LE(CostModel(tiny_spec(), CostKind::kSize).cost(learner.result()), 0.2 * t.whole(CostKind::kSize));
}

}  // namespace
}  // namespace bitloom
