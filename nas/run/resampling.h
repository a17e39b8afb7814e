// What differences between networks on one test set are worth: exact tests and bootstrap intervals over its samples.
#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "nas/run/front.h"

namespace bitloom {

// McNemar's test (Psychometrika 12, 1947), exact and two-sided: the probability that, of the samples which only one of two networks gets right,
// the division is as uneven as `only_a` to `only_b` or more when each is as likely to be the one. 1 when there is none.
double mcnemar(int64_t only_a, int64_t only_b);
// Of two runs' predictions. Error when they are not of the same test split.
double mcnemar(const Predictions& a, const Predictions& b);

struct Interval {
  double from = 0, to = 0;
};
// The values between which the middle 95 % of them lie, by linear interpolation of the order statistics. Error without any.
Interval middle95(std::vector<double> values);

// A bootstrap over test samples (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13: percentile intervals): the test set is
// drawn anew, with replacement, the same for all runs that were tested on it, and a statistic of the runs is computed from the scores that they
// have there. Seeds stay: what they add is told by intervals over them.
class Bootstrap {
 public:
  static constexpr int64_t kResamples = 1000;

  // Error unless can_resample().
  explicit Bootstrap(std::vector<FinishedRun> runs);
  // Whether every point of a front among the runs is judged by its accuracy and has predictions.
  static bool can_resample(const std::vector<FinishedRun>& runs);

  // Of every value of a statistic, which always gives as many. Where more than 2.5 % of the resamples have none: empty.
  using Statistic = std::function<std::vector<std::optional<double>>(const std::vector<FinishedRun>& runs)>;
  std::vector<std::optional<Interval>> intervals(const Statistic& statistic) const;

 private:
  std::vector<FinishedRun> runs_;
  std::vector<std::vector<double>> scores_;  // by resample and run
};

}  // namespace bitloom
