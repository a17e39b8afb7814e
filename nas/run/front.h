// Fronts of finished runs and what they say: the spread over seeds, cost at equal score, hypervolume, paired differences.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nas/run/config.h"
#include "nas/run/predictions.h"
#include "nas/run/result.h"

namespace bitloom {

// Half of the width, in standard errors, of the two-sided 95 % interval of a mean: P(|T| <= t) = 0.95 of Student's t distribution, whose
// probability for whole degrees of freedom (at least 1) is a finite sum (Abramowitz and Stegun, 26.7.3 and 26.7.4).
double student_t95(int64_t degrees);

// What repetitions of one measurement say.
struct Estimate {
  int64_t count = 0;
  double mean = 0, least = 0, most = 0;
  std::optional<double> half;  // of the 95 % interval of the mean; of two values or more
};
// Error without any value.
Estimate estimate(const std::vector<double>& values);
Estimate estimate(const std::map<uint64_t, double>& by_seed);

// Less cost is better, and a greater score.
struct FrontPoint {
  double cost = 0, score = 0;
};
// Those that no other point is at least as good as in both and better in one; by ascending cost, equal points once.
std::vector<FrontPoint> pareto_front(std::vector<FrontPoint> points);
// The cost at which the front, joined by straight lines, reaches the score; of a lower score than its first point's, that point's cost, and of a
// greater one than its last point's, nothing.
std::optional<double> cost_at(const std::vector<FrontPoint>& front, double score);
// The area that the front dominates within the reference point, which has the most cost and the least score that count (Zitzler and Thiele, PPSN 1998).
double hypervolume(const std::vector<FrontPoint>& front, const FrontPoint& reference);

struct FinishedRun {
  std::string folder;
  RunConfig config;
  RunResult result;
  std::optional<Predictions> predictions;
};
// result.json and config.json of a folder, and predictions.npz where there is one. Error when one of the first two is missing, the run has not
// come to its end, or the predictions are not those that its accuracy is of.
FinishedRun read_run(const std::string& folder);

// Whether it is a point of a front: a quantized run with its figures.
bool is_point(const FinishedRun& run);
// Alike for runs that differ by their seed alone, and by the weights that they start from: `config` on the task, data and model of the run.
std::string repetition_key(const FinishedRun& run, RunConfig config);

// What tells a choice of precisions from others of its granularity: its budget, or lambda; "w4a8"; "given".
std::string point_label(const PrecisionChoice& choice);

// Runs that differ by their seed alone, and by the weights that they start from.
struct SeedGroup {
  std::string label;         // point_label()
  std::vector<size_t> runs;  // indices, ascending
};
// Groups that differ by their budget (or lambda) alone; of fixed precisions, by the precisions; of given ones, by the assignment.
struct RunSeries {
  std::string name;  // "channel-wise {2,4,8}", and as much more as tells it from the others
  Granularity granularity = Granularity::kChannel;
  std::vector<SeedGroup> groups;
};
// Float runs are in none, nor are those which lack a part of another one's recipe (ablation.h). Series and groups in the order in which their first runs are given.
std::vector<RunSeries> series_of(const std::vector<FinishedRun>& runs);

using CostOf = double (*)(const NetworkFigures&);
// Costs and ranked scores (Metric::rank) of the integer networks of a group. Its means:
FrontPoint mean_point(const std::vector<FinishedRun>& runs, const SeedGroup& group, CostOf cost);
std::vector<FrontPoint> mean_points(const std::vector<FinishedRun>& runs, const RunSeries& series, CostOf cost);

// Of each seed's own front; of the seeds that every group has. Empty when they are fewer than two.
std::optional<Estimate> hypervolume_by_seed(const std::vector<FinishedRun>& runs, const RunSeries& series, CostOf cost,
                                            const FrontPoint& reference);

// What `own` costs at the scores of the points of `other`.
struct Saving {
  std::string label;  // of the other's point
  FrontPoint other;   // means over its seeds
  // Interpolated along the front of own's means; the share of the cost that it saves over other's; empty when own never scores as much.
  std::optional<double> cost, saved;
  std::optional<Estimate>
      by_seed;  // of the share saved, each seed's point against its own front; empty when it is of one seed or some front does not get there
};
std::vector<Saving> savings(const std::vector<FinishedRun>& runs, const RunSeries& own, const RunSeries& other, CostOf cost);

// Ranked score of `own` minus that of `other`, for every seed that both have.
std::map<uint64_t, double> paired_by_seed(const std::vector<FinishedRun>& runs, const SeedGroup& own, const SeedGroup& other);

// Ranked score of `own` minus that of `other` of the same label and seed, for every label that both have: label after label, then, when there are
// several, the mean over them of each seed that has them all, as "mean".
struct PairedDifference {
  std::string label;
  Estimate difference;
};
std::vector<PairedDifference> paired_differences(const std::vector<FinishedRun>& runs, const RunSeries& own,
                                                 const RunSeries& other);

// Whether two series differ in granularity, weight precisions and width of the network alone, so that their difference is due to them; fixed precisions are compared with
// every search on the same model and data.
bool comparable(const std::vector<FinishedRun>& runs, const RunSeries& a, const RunSeries& b);

}  // namespace bitloom
