// Fronts of finished runs and what they say.
#include "nas/run/front.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/io.h"
#include "core/json.h"
#include "nas/run/ablation.h"
#include "nas/run/deployed.h"

namespace bitloom {
namespace {

constexpr double kPi = 3.14159265358979323846;

// P(|T| <= t).
double student_probability(double t, int64_t degrees) {
  const double angle = std::atan(t / std::sqrt(double(degrees))), c = std::cos(angle);
  const bool odd = degrees % 2 == 1;
  double term = odd ? c : 1, sum = degrees > 1 ? term : 0;
  for (int64_t k = odd ? 3 : 2; k < degrees; k += 2) sum += term *= c * c * double(k - 1) / double(k);
  return odd ? 2 / kPi * (angle + std::sin(angle) * sum) : std::sin(angle) * sum;
}

// What runs of the same group have in common.
RunConfig without_seed(RunConfig c) {
  c.seed = 0;
  c.command.clear();
  c.warmup_file.clear();
  c.identity = {};
  return c;
}

// What runs of the same series have in common.
RunConfig without_budget(const RunConfig& config) {
  RunConfig c = without_seed(config);
  c.budget.clear();
  c.lambda = 0;
  c.assignment_file.clear();
  if (c.granularity == Granularity::kFixed) c.weight_bits.clear(), c.act_bits.clear();
  return c;
}

std::string place_of(const FinishedRun& run) { return run.result.task + "\n" + run.result.data + "\n" + run.result.model; }

std::string set_of(const std::vector<int>& bits) {
  std::string text;
  for (const int b : bits) text += (text.empty() ? "{" : ",") + std::to_string(b);
  return text + "}";
}

std::string series_name(const RunConfig& c) {
  const std::string width = c.width == 1 ? "" : str(", width ", c.width),
                    more = (c.act_bits == std::vector<int>{8} ? "" : ", activations " + set_of(c.act_bits)) + width;
  switch (c.granularity) {
    case Granularity::kFixed: return "one width for all" + width;
    case Granularity::kGiven: return "given widths" + width;
    case Granularity::kLayer: return "layer-wise " + set_of(c.weight_bits) + more;
    case Granularity::kChannel: break;
  }
  return "channel-wise " + set_of(c.weight_bits) + more;
}

double score_of(const FinishedRun& run) { return find_metric(run.result.metric).rank(*run.result.test_score_integer); }

// The group's run of that seed.
const FinishedRun* find_seed(const std::vector<FinishedRun>& runs, const SeedGroup& group, uint64_t seed) {
  for (const size_t i : group.runs)
    if (runs[i].result.seed == seed) return &runs[i];
  return nullptr;
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
}

// Of the groups that have the seed.
std::vector<FrontPoint> front_of_seed(const std::vector<FinishedRun>& runs, const RunSeries& series, uint64_t seed,
                                      CostOf cost) {
  std::vector<FrontPoint> points;
  for (const SeedGroup& group : series.groups)
    if (const FinishedRun* run = find_seed(runs, group, seed)) points.push_back({cost(*run->result.network), score_of(*run)});
  return pareto_front(points);
}

}  // namespace

double student_t95(int64_t degrees) {
  BITLOOM_CHECK(degrees >= 1, "Student's t distribution of ", degrees, " degrees of freedom, expected at least 1");
  double lo = 0, hi = 13;  // of one degree it is 12.7
  for (int i = 0; i < 60; ++i) {
    const double middle = (lo + hi) / 2;
    (student_probability(middle, degrees) < 0.95 ? lo : hi) = middle;
  }
  return (lo + hi) / 2;
}

Estimate estimate(const std::vector<double>& values) {
  BITLOOM_CHECK(!values.empty(), "an estimate of no values");
  Estimate e;
  e.count = int64_t(values.size());
  e.mean = mean_of(values);
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  e.least = *least, e.most = *most;
  if (e.count < 2) return e;
  double squares = 0;
  for (const double v : values) squares += (v - e.mean) * (v - e.mean);
  e.half = student_t95(e.count - 1) * std::sqrt(squares / double(e.count - 1) / double(e.count));
  return e;
}

Estimate estimate(const std::map<uint64_t, double>& by_seed) {
  std::vector<double> values;
  for (const auto& [seed, value] : by_seed) values.push_back(value);
  return estimate(values);
}

std::vector<FrontPoint> pareto_front(std::vector<FrontPoint> points) {
  std::sort(points.begin(), points.end(),
            [](const FrontPoint& a, const FrontPoint& b) { return a.cost != b.cost ? a.cost < b.cost : a.score > b.score; });
  std::vector<FrontPoint> front;
  for (const FrontPoint& p : points)
    if (front.empty() || p.score > front.back().score) front.push_back(p);
  return front;
}

std::optional<double> cost_at(const std::vector<FrontPoint>& front, double score) {
  for (size_t i = 0; i < front.size(); ++i) {
    if (front[i].score < score) continue;
    if (i == 0) return front[0].cost;
    const FrontPoint &a = front[i - 1], &b = front[i];
    return a.cost + (b.cost - a.cost) * (score - a.score) / (b.score - a.score);
  }
  return std::nullopt;
}

double hypervolume(const std::vector<FrontPoint>& front, const FrontPoint& reference) {
  double area = 0, reached = reference.score;
  for (const FrontPoint& p : front) {
    if (p.cost >= reference.cost || p.score <= reached) continue;
    area += (reference.cost - p.cost) * (p.score - reached);
    reached = p.score;
  }
  return area;
}

FinishedRun read_run(const std::string& folder) {
  const std::string result = folder + "/result.json", config = folder + "/config.json";
  check_finished(folder);
  FinishedRun run;
  run.folder = folder;
  run.result = result_from_json(read_text(result, JsonValue::kMaxBytes), result);
  run.config = config_from_json(read_text(config, JsonValue::kMaxBytes), config);
  const std::string predictions = folder + "/predictions.npz";
  if (!file_exists(predictions)) return run;
  const Predictions& p = run.predictions.emplace(read_predictions(predictions));
  double right = 0;
  for (size_t i = 0; i < p.found.size(); ++i) right += p.right(i);
  const double found = right / double(p.found.size()), stored = run.result.test_accuracy_integer.value_or(-1);
  BITLOOM_CHECK(std::fabs(found - stored) < 1e-9, predictions, ": right for ", found, " of the samples, but ", result, " says ",
                stored, "; make it again with bitloom eval --predictions");
  return run;
}

bool is_point(const FinishedRun& run) { return run.result.precisions && run.result.network && run.result.test_score_integer; }

std::string repetition_key(const FinishedRun& run, RunConfig config) {
  return place_of(run) + "\n" + to_json(without_seed(std::move(config)));
}

std::string point_label(const PrecisionChoice& choice) {
  if (choice.granularity == Granularity::kFixed) return str("w", choice.weight_bits.at(0), "a", choice.act_bits.at(0));
  if (choice.granularity == Granularity::kGiven) return name_of(choice.granularity);
  return choice.budget ? *choice.budget : str(choice.lambda);
}

std::vector<RunSeries> series_of(const std::vector<FinishedRun>& runs) {
  std::vector<RunSeries> all;
  std::map<std::string, size_t> series_by_key;
  std::vector<std::vector<std::string>> group_keys;
  const std::vector<bool> lacking = lack_a_part(runs);
  for (size_t i = 0; i < runs.size(); ++i) {
    const FinishedRun& run = runs[i];
    if (!is_point(run) || lacking[i]) continue;
    const auto [at, is_new] = series_by_key.emplace(place_of(run) + to_json(without_budget(run.config)), all.size());
    if (is_new) {
      all.push_back({series_name(run.config), run.config.granularity, {}});
      group_keys.emplace_back();
    }
    RunSeries& series = all[at->second];
    std::vector<std::string>& keys = group_keys[at->second];
    const std::string key = repetition_key(run, run.config);
    size_t g = 0;  // a second run of the same seed is no repetition: it begins another group
    while (g < keys.size() && (keys[g] != key || find_seed(runs, series.groups[g], run.result.seed))) ++g;
    if (g == keys.size()) {
      keys.push_back(key);
      series.groups.push_back({point_label(*run.result.precisions), {}});
    }
    series.groups[g].runs.push_back(i);
  }
  const std::vector<RunSeries> plain = all;
  for (size_t s = 0; s < all.size(); ++s) {
    for (size_t first = 0; first < plain.size(); ++first) {
      if (first == s || plain[first].name != plain[s].name) continue;
      const FinishedRun &a = runs[plain[s].groups[0].runs[0]], &b = runs[plain[first].groups[0].runs[0]];
      const std::string what = difference(without_budget(a.config), without_budget(b.config));
      all[s].name += what.empty() ? " (" + a.result.data + ")" : " (" + what + ")";
      break;
    }
  }
  return all;
}

FrontPoint mean_point(const std::vector<FinishedRun>& runs, const SeedGroup& group, CostOf cost) {
  FrontPoint mean;
  for (const size_t i : group.runs) mean.cost += cost(*runs[i].result.network), mean.score += score_of(runs[i]);
  return {mean.cost / double(group.runs.size()), mean.score / double(group.runs.size())};
}

std::vector<FrontPoint> mean_points(const std::vector<FinishedRun>& runs, const RunSeries& series, CostOf cost) {
  std::vector<FrontPoint> points;
  for (const SeedGroup& group : series.groups) points.push_back(mean_point(runs, group, cost));
  return points;
}

std::optional<Estimate> hypervolume_by_seed(const std::vector<FinishedRun>& runs, const RunSeries& series, CostOf cost,
                                            const FrontPoint& reference) {
  std::vector<double> areas;
  for (const size_t i : series.groups[0].runs) {
    const uint64_t seed = runs[i].result.seed;
    if (std::all_of(series.groups.begin(), series.groups.end(), [&](const SeedGroup& g) { return find_seed(runs, g, seed); }))
      areas.push_back(hypervolume(front_of_seed(runs, series, seed, cost), reference));
  }
  return areas.size() < 2 ? std::optional<Estimate>() : estimate(areas);
}

std::vector<Saving> savings(const std::vector<FinishedRun>& runs, const RunSeries& own, const RunSeries& other, CostOf cost) {
  const std::vector<FrontPoint> front = pareto_front(mean_points(runs, own, cost));
  std::vector<Saving> all;
  for (const SeedGroup& group : other.groups) {
    Saving saving{group.label, mean_point(runs, group, cost), {}, {}, {}};
    saving.cost = cost_at(front, saving.other.score);
    if (saving.cost) saving.saved = 1 - *saving.cost / saving.other.cost;
    std::vector<double> shares;
    for (const size_t i : group.runs)
      if (const auto at = cost_at(front_of_seed(runs, own, runs[i].result.seed, cost), score_of(runs[i])))
        shares.push_back(1 - *at / cost(*runs[i].result.network));
    if (shares.size() >= 2 && shares.size() == group.runs.size()) saving.by_seed = estimate(shares);
    all.push_back(saving);
  }
  return all;
}

std::map<uint64_t, double> paired_by_seed(const std::vector<FinishedRun>& runs, const SeedGroup& own, const SeedGroup& other) {
  std::map<uint64_t, double> differences;
  for (const size_t i : own.runs)
    if (const FinishedRun* partner = find_seed(runs, other, runs[i].result.seed))
      differences[runs[i].result.seed] = score_of(runs[i]) - score_of(*partner);
  return differences;
}

std::vector<PairedDifference> paired_differences(const std::vector<FinishedRun>& runs, const RunSeries& own,
                                                 const RunSeries& other) {
  std::vector<PairedDifference> all;
  std::map<uint64_t, std::vector<double>> by_seed;
  for (const SeedGroup& group : own.groups) {
    const auto same =
        std::find_if(other.groups.begin(), other.groups.end(), [&](const SeedGroup& g) { return g.label == group.label; });
    if (same == other.groups.end()) continue;
    const std::map<uint64_t, double> differences = paired_by_seed(runs, group, *same);
    for (const auto& [seed, difference] : differences) by_seed[seed].push_back(difference);
    if (!differences.empty()) all.push_back({group.label, estimate(differences)});
  }
  std::vector<double> means;
  for (const auto& [seed, values] : by_seed)
    if (values.size() == all.size()) means.push_back(mean_of(values));
  if (all.size() >= 2 && !means.empty()) all.push_back({"mean", estimate(means)});
  return all;
}

bool comparable(const std::vector<FinishedRun>& runs, const RunSeries& a, const RunSeries& b) {
  const FinishedRun &of_a = runs[a.groups[0].runs[0]], &of_b = runs[b.groups[0].runs[0]];
  if (place_of(of_a) != place_of(of_b)) return false;
  if (a.granularity == Granularity::kFixed || b.granularity == Granularity::kFixed) return true;
  RunConfig own = without_budget(of_a.config), others = without_budget(of_b.config);
  for (RunConfig* c : {&own, &others}) c->weight_bits.clear(), c->granularity = Granularity::kChannel, c->width = 1;
  return to_json(own) == to_json(others);
}

}  // namespace bitloom
