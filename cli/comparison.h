// Tables that compare series of finished runs: savings at equal score, differences within equal budgets, ablation.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/table.h"
#include "nas/run/front.h"
#include "nas/run/resampling.h"

namespace bitloom {

// What networks cost, in the unit that it is shown in.
struct CostAxis {
  const char *name, *unit;
  CostOf of;
  int decimals;
};
const std::vector<CostAxis>& cost_axes();

std::string with_sign(double value, int decimals);  // "+0.52"

// "float", "w4a8", "channel 0.5", "layer 30kB x0.5" (of a network of half the width).
std::string run_name(const RunResult& result);

class Comparison {
 public:
  // Error when the runs are judged by different metrics, or there is none.
  explicit Comparison(const std::vector<FinishedRun>& runs);

  const std::vector<RunSeries>& series() const { return series_; }
  const Metric& metric() const { return *metric_; }

  // Empty where there is nothing to compare. What channel-wise searches cost at the scores of layer-wise and fixed points:
  std::optional<Table> savings() const;
  // Channel-wise minus layer-wise of the same budget, by seed:
  std::optional<Table> differences() const;
  // Searches that lack a part of the recipe against whole ones (ablation.h):
  std::optional<Table> ablation() const;

  // Of the mean score of every group of a series: over seeds by Student's t, of a single seed over its test samples; empty where neither can be.
  std::vector<std::optional<Interval>> bands(const RunSeries& series) const;

 private:
  using Pair = std::pair<const RunSeries*, const RunSeries*>;
  std::vector<Pair> pairs(bool with_fixed) const;
  std::vector<std::optional<Interval>> intervals(const Bootstrap::Statistic& statistic, size_t values) const;
  std::string p_values(const SeedGroup& own, const SeedGroup& other) const;
  std::vector<std::string> interval_cells(const Estimate& seeds, const std::optional<Interval>& images) const;

  const std::vector<FinishedRun>& runs_;
  const std::vector<RunSeries> series_;
  const Metric* metric_;
  std::optional<Bootstrap> bootstrap_;
};

}  // namespace bitloom
