// Tests and bootstrap intervals over test samples.
#include "nas/run/resampling.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"
#include "core/parallel.h"
#include "core/rng.h"

namespace bitloom {

double mcnemar(int64_t only_a, int64_t only_b) {
  const int64_t n = only_a + only_b, fewer = std::min(only_a, only_b);
  double log_term = -double(n) * std::log(2.0), sum = 0;  // of the binomial distribution, n times one half
  for (int64_t k = 0; k <= fewer; ++k) {
    sum += std::exp(log_term);
    log_term += std::log(double(n - k)) - std::log(double(k + 1));
  }
  return std::min(1.0, 2 * sum);
}

double mcnemar(const Predictions& a, const Predictions& b) {
  BITLOOM_CHECK(a.test == b.test && a.found.size() == b.found.size(), "McNemar's test: predictions of different test splits");
  int64_t only_a = 0, only_b = 0;
  for (size_t i = 0; i < a.found.size(); ++i) only_a += a.right(i) && !b.right(i), only_b += !a.right(i) && b.right(i);
  return mcnemar(only_a, only_b);
}

Interval middle95(std::vector<double> values) {
  BITLOOM_CHECK(!values.empty(), "an interval of no values");
  std::sort(values.begin(), values.end());
  const auto quantile = [&](double share) {
    const double at = share * double(values.size() - 1);
    const size_t below = size_t(at), above = std::min(below + 1, values.size() - 1);
    return values[below] + (values[above] - values[below]) * (at - double(below));
  };
  return {quantile(0.025), quantile(0.975)};
}

bool Bootstrap::can_resample(const std::vector<FinishedRun>& runs) {
  return std::any_of(runs.begin(), runs.end(), is_point) && std::all_of(runs.begin(), runs.end(), [](const FinishedRun& run) {
           return !is_point(run) || (run.predictions && run.result.metric == accuracy().name());
         });
}

Bootstrap::Bootstrap(std::vector<FinishedRun> runs) : runs_(std::move(runs)), scores_(size_t(kResamples)) {
  BITLOOM_CHECK(can_resample(runs_), "bootstrap: a run has no predictions, or is judged by another metric than accuracy");
  std::vector<std::vector<uint8_t>> right(runs_.size());
  std::map<std::string, std::vector<size_t>> tested;  // runs, by test split
  for (size_t i = 0; i < runs_.size(); ++i) {
    if (!is_point(runs_[i])) continue;
    const Predictions& p = *runs_[i].predictions;
    for (size_t s = 0; s < p.found.size(); ++s) right[i].push_back(p.right(s));
    std::vector<size_t>& same = tested[p.test];
    same.push_back(i);
    BITLOOM_CHECK(right[i].size() == right[same[0]].size(), runs_[i].folder, ": predictions of ", right[i].size(),
                  " samples of a test split that has ", right[same[0]].size(), " in ", runs_[same[0]].folder);
    runs_[i].predictions.reset();  // statistics need the scores alone
  }
  parallel_for(kResamples, [&](int64_t r) {
    std::vector<double>& scores = scores_[size_t(r)];
    scores.resize(runs_.size());
    for (const auto& [test, members] : tested) {
      const size_t samples = right[members[0]].size();
      Rng rng = Rng(0).split("resample", uint64_t(r)).split(test);
      std::vector<int32_t> times(samples);
      for (size_t s = 0; s < samples; ++s) ++times[size_t(rng.below(int64_t(samples)))];
      for (const size_t i : members) {
        int64_t sum = 0;
        for (size_t s = 0; s < samples; ++s) sum += times[s] * right[i][s];
        scores[i] = double(sum) / double(samples);
      }
    }
  });
}

std::vector<std::optional<Interval>> Bootstrap::intervals(const Statistic& statistic) const {
  std::vector<FinishedRun> runs = runs_;
  std::vector<std::vector<double>> values;
  for (const std::vector<double>& scores : scores_) {
    for (size_t i = 0; i < runs.size(); ++i)
      if (is_point(runs[i])) runs[i].result.test_score_integer = scores[i];
    const std::vector<std::optional<double>> found = statistic(runs);
    values.resize(found.size());
    for (size_t k = 0; k < found.size(); ++k)
      if (found[k]) values[k].push_back(*found[k]);
  }
  std::vector<std::optional<Interval>> all;
  for (std::vector<double>& own : values)
    all.push_back(double(own.size()) < 0.975 * double(kResamples) ? std::optional<Interval>() : middle95(std::move(own)));
  return all;
}

}  // namespace bitloom
