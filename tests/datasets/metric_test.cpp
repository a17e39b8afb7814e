// Tests of datasets/metric: each against its definition, and what each asks of the data.
#include <gtest/gtest.h>

#include <cmath>

#include "datasets/task.h"
#include "tests/support/files.h"

namespace bitloom {
namespace {

using testing::error_of;

ArrayDataset labelled(std::vector<int32_t> labels, std::vector<int32_t> groups = {}, int64_t size = 0) {
  Samples s;
  s.name = "part";
  s.h = s.w = s.c = 1;
  s.values.resize(labels.empty() ? size_t(size) : labels.size());
  s.labels = std::move(labels);
  s.groups = std::move(groups);
  return ArrayDataset(std::move(s));
}

TEST(Metric, AccuracyCountsSamplesAndBalancedAccuracyClasses) {
  const ArrayDataset data = labelled({0, 0, 0, 0, 0, 0, 1, 1, 2, 2});
  const std::vector<double> found = {0, 0, 0, 0, 0, 1, 1, 2, 2, 2};
  EXPECT_DOUBLE_EQ(accuracy().score(found, data), 0.8);
  EXPECT_DOUBLE_EQ(balanced_accuracy().score(found, data), (5.0 / 6 + 0.5 + 1) / 3);
  Task task;
  task.label_names = {"cat", "dog"};
  const auto parts = balanced_accuracy().parts(found, data, task);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[1].first, "recall dog");
  EXPECT_EQ(parts[2].first, "recall 2");
  EXPECT_DOUBLE_EQ(parts[1].second, 0.5);
  EXPECT_TRUE(accuracy().parts(found, data, task).empty());
}

TEST(Metric, MeanSquaredErrorNeedsNoLabels) { EXPECT_DOUBLE_EQ(mean_squared_error().score({1, 2, 6}, labelled({}, {}, 3)), 3); }

// Against its definition: the share of pairs in the right order, ties counted half.
TEST(Metric, RocAucIsTheShareOfPairsInOrder) {
  Rng rng(1);
  for (int round = 0; round < 20; ++round) {
    std::vector<double> errors;
    std::vector<int32_t> labels;
    for (int i = 0; i < 40; ++i) {
      labels.push_back(int32_t(i < 2 ? i : rng.below(2)));
      errors.push_back(double(rng.below(round < 10 ? 8 : 1 << 20)) + labels.back());
    }
    double order = 0, pairs = 0;
    for (size_t a = 0; a < 40; ++a)
      for (size_t n = 0; n < 40; ++n) {
        if (labels[a] == 0 || labels[n] != 0) continue;
        order += errors[a] > errors[n] ? 1 : errors[a] == errors[n] ? 0.5 : 0;
        ++pairs;
      }
    EXPECT_NEAR(roc_auc().score(errors, labelled(labels)), order / pairs, 1e-12) << round;
  }
}

TEST(Metric, RocAucIsTheMeanOverGroupsThatHaveAnomalies) {
  // Group 5 is in perfect order, group 7 in the reverse one; together they would be in neither; group 9 has no anomalies.
  const ArrayDataset data = labelled({0, 1, 0, 1, 0, 0}, {5, 5, 7, 7, 9, 9});
  const std::vector<double> errors = {1, 2, 20, 10, 3, 4};
  EXPECT_DOUBLE_EQ(roc_auc().score(errors, data), 0.5);
  const auto parts = roc_auc().parts(errors, data, Task());
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0], (std::pair<std::string, double>("roc_auc of group 5", 1)));
  EXPECT_EQ(parts[1], (std::pair<std::string, double>("roc_auc of group 7", 0)));
}

// By hand, as scikit-learn's roc_auc_score(max_fpr=0.1) has it: 20 normal samples, so that the curve counts up to the second of them.
TEST(Metric, PartialRocAucIsOfTheFirstTenth) {
  std::vector<int32_t> labels(20, 0);
  labels.insert(labels.end(), {1, 1});
  const ArrayDataset data = labelled(labels);
  const auto score = [&](double a, double b) {
    std::vector<double> errors;
    for (int i = 0; i < 20; ++i) errors.push_back(i);
    errors.insert(errors.end(), {a, b});
    return partial_roc_auc().score(errors, data);
  };
  EXPECT_DOUBLE_EQ(score(30, 40), 1);
  EXPECT_DOUBLE_EQ(score(30, 18.5), (1 + (0.075 - 0.005) / 0.095) / 2);
  EXPECT_DOUBLE_EQ(score(30, 19), (1 + (0.0375 + 0.05 - 0.005) / 0.095) / 2);
  EXPECT_DOUBLE_EQ(score(-1, -2), (1 - 0.005 / 0.095) / 2);
  EXPECT_DOUBLE_EQ(partial_roc_auc().score(std::vector<double>(22, 1.0), data), 0.5);
}

TEST(Metric, SaysWhatTheDataLack) {
  EXPECT_EQ(error_of([] { accuracy().score({0, 1}, labelled({}, {}, 2)); }), "part: accuracy needs labels");
  EXPECT_EQ(error_of([] { accuracy().score({0, 1}, labelled({0})); }), "part: accuracy of 2 results for 1 samples");
  EXPECT_EQ(error_of([] {
              roc_auc().score({0, 1}, labelled({0, 0}));
            }),
            "part: roc_auc needs normal (0) and anomalous (1) samples");
  EXPECT_EQ(error_of([] {
              roc_auc().score({0, 1}, labelled({0, 1}, {0, 1}));
            }),
            "part: roc_auc needs normal (0) and anomalous (1) samples in one group at least");
  EXPECT_EQ(error_of([] { find_metric("acc"); }), "unknown metric 'acc'; known: " + metric_names());
  EXPECT_EQ(metric_names().rfind("accuracy, balanced_accuracy", 0), 0u);
}

TEST(Metric, PrintsAndRanksInItsOwnUnit) {
  EXPECT_EQ(find_metric("accuracy").text(0.85642), "85.64 %");
  EXPECT_EQ(accuracy().unit(), "%");
  EXPECT_EQ(roc_auc().text(0.83124), "roc_auc 0.8312");
  EXPECT_EQ(mean_squared_error().text(12.5), "mean_squared_error 12.50");
  EXPECT_EQ(roc_auc().unit(), "roc_auc");
  EXPECT_GT(accuracy().rank(0.9), accuracy().rank(0.8));
  EXPECT_GT(mean_squared_error().rank(0.8), mean_squared_error().rank(0.9));
}

}  // namespace
}  // namespace bitloom
