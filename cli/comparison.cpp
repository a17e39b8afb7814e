// Comparison of series of finished runs.
#include "cli/comparison.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "cli/report.h"
#include "core/error.h"
#include "nas/run/ablation.h"

namespace bitloom {
namespace {

std::string range(double from, double to, double scale, int decimals) {
  return with_sign(from * scale, decimals) + " to " + with_sign(to * scale, decimals);
}

double kilobytes(const NetworkFigures& n) { return double(n.weight_bytes) * 1e-3; }

const FinishedRun* of_seed(const std::vector<FinishedRun>& runs, const SeedGroup& group, uint64_t seed) {
  for (const size_t i : group.runs)
    if (runs[i].result.seed == seed) return &runs[i];
  return nullptr;
}

const SeedGroup* of_label(const RunSeries& series, const std::string& label) {
  for (const SeedGroup& group : series.groups)
    if (group.label == label) return &group;
  return nullptr;
}

}  // namespace

const std::vector<CostAxis>& cost_axes() {
  static const std::vector<CostAxis> axes = {
      {"weights", "kB", kilobytes, 2},
      {"cycles", "Mcycles", [](const NetworkFigures& n) { return double(n.cycles) * 1e-6; }, 3},
      {"energy", "uJ", [](const NetworkFigures& n) { return n.energy_uj; }, 1}};
  return axes;
}

std::string with_sign(double value, int decimals) { return (value >= 0 ? "+" : "") + fixed(value, decimals); }

std::string run_name(const RunResult& r) {
  const std::string width = r.width == 1 ? "" : str(" x", r.width);
  if (!r.precisions) return "float" + width;
  const PrecisionChoice& p = *r.precisions;
  const bool searched = p.granularity == Granularity::kChannel || p.granularity == Granularity::kLayer;
  return (searched ? name_of(p.granularity) + std::string(" ") : "") + point_label(p) + width;
}

Comparison::Comparison(const std::vector<FinishedRun>& runs) : runs_(runs), series_(series_of(runs)) {
  BITLOOM_CHECK(!runs.empty(), "a report of no runs");
  std::vector<RunResult> results;
  for (const FinishedRun& run : runs) results.push_back(run.result);
  metric_ = common_metric(results);
  BITLOOM_CHECK(metric_, "these runs are judged by different metrics; write a page of each");
  if (Bootstrap::can_resample(runs)) bootstrap_.emplace(runs);
}

std::vector<Comparison::Pair> Comparison::pairs(bool with_fixed) const {
  std::vector<Pair> all;
  for (const RunSeries& own : series_)
    for (const RunSeries& other : series_) {
      const bool baseline =
          other.granularity == Granularity::kLayer || (with_fixed && other.granularity == Granularity::kFixed);
      if (own.granularity == Granularity::kChannel && baseline && comparable(runs_, own, other)) all.emplace_back(&own, &other);
    }
  return all;
}

std::vector<std::optional<Interval>> Comparison::intervals(const Bootstrap::Statistic& statistic, size_t values) const {
  return bootstrap_ ? bootstrap_->intervals(statistic) : std::vector<std::optional<Interval>>(values);
}

std::optional<Table> Comparison::savings() const {
  Table table(
      {"at the score of", metric_->unit(), "front", "cost", "there", "here", "saved %", "95 % over seeds", "95 % over images"});
  bool any = false;
  for (const CostAxis& axis : cost_axes())
    for (const auto& [own, other] : pairs(true)) {
      const std::vector<Saving> found = bitloom::savings(runs_, *own, *other, axis.of);
      const RunSeries &front = *own, &baseline = *other;
      const auto images = intervals(
          [&](const std::vector<FinishedRun>& runs) {
            std::vector<std::optional<double>> saved;
            for (const Saving& s : bitloom::savings(runs, front, baseline, axis.of)) saved.push_back(s.saved);
            return saved;
          },
          found.size());
      for (size_t i = 0; i < found.size(); ++i) {
        const Saving& s = found[i];
        const auto& seeds = s.by_seed;
        table.add({other->name + ", " + s.label, metric_->number(metric_->rank(s.other.score)), own->name, axis.unit,
                   fixed(s.other.cost, axis.decimals), s.cost ? fixed(*s.cost, axis.decimals) : "not reached",
                   s.saved ? with_sign(*s.saved * 100, 1) : "-",
                   seeds && seeds->half ? range(seeds->mean - *seeds->half, seeds->mean + *seeds->half, 100, 1) : "-",
                   images[i] ? range(images[i]->from, images[i]->to, 100, 1) : "-"});
        any = true;
      }
    }
  return any ? std::optional<Table>(std::move(table)) : std::nullopt;
}

// McNemar's p of every seed that both have, in their order.
std::string Comparison::p_values(const SeedGroup& own, const SeedGroup& other) const {
  std::string text;
  for (const size_t i : own.runs) {
    const FinishedRun* partner = of_seed(runs_, other, runs_[i].result.seed);
    if (!partner || !runs_[i].predictions || !partner->predictions) continue;
    if (runs_[i].predictions->test != partner->predictions->test) continue;
    text += (text.empty() ? "" : " ") + fixed(mcnemar(*runs_[i].predictions, *partner->predictions), 3);
  }
  return text.empty() ? "-" : text;
}

// Over seeds, over images, and over both: errors that do not depend on each other add up as squares.
std::vector<std::string> Comparison::interval_cells(const Estimate& seeds, const std::optional<Interval>& images) const {
  const double scale = metric_->in_unit(1), mean = seeds.mean;
  const int decimals = metric_->decimals();
  std::vector<std::string> cells = {seeds.half ? range(mean - *seeds.half, mean + *seeds.half, scale, decimals) : "-",
                                    images ? range(images->from, images->to, scale, decimals) : "-", "-"};
  if (seeds.half && images)
    cells[2] = range(mean - std::hypot(*seeds.half, mean - images->from), mean + std::hypot(*seeds.half, images->to - mean),
                     scale, decimals);
  return cells;
}

std::optional<Table> Comparison::differences() const {
  Table table({"within", "better if positive", "less", "seeds", "difference", "95 % over seeds", "95 % over images",
               "95 % over both", "McNemar p, by seed"});
  bool any = false;
  for (const auto& [first, second] : pairs(false)) {
    const RunSeries &own = *first, &other = *second;
    const std::vector<PairedDifference> found = paired_differences(runs_, own, other);
    const auto images = intervals(
        [&](const std::vector<FinishedRun>& runs) {
          std::vector<std::optional<double>> means;
          for (const PairedDifference& p : paired_differences(runs, own, other)) means.emplace_back(p.difference.mean);
          return means;
        },
        found.size());
    for (size_t i = 0; i < found.size(); ++i) {
      const Estimate& e = found[i].difference;
      if (!e.half && !images[i]) continue;
      const SeedGroup *mine = of_label(own, found[i].label), *theirs = of_label(other, found[i].label);
      std::vector<std::string> row = {found[i].label, own.name, other.name, std::to_string(e.count),
                                      with_sign(e.mean * metric_->in_unit(1), metric_->decimals())};
      for (std::string& cell : interval_cells(e, images[i])) row.push_back(std::move(cell));
      row.push_back(mine && theirs ? p_values(*mine, *theirs) : "-");
      table.add(std::move(row));
      any = true;
    }
  }
  return any ? std::optional<Table>(std::move(table)) : std::nullopt;
}

std::optional<Table> Comparison::ablation() const {
  const std::vector<Ablation> all = ablations(runs_);
  if (all.empty()) return std::nullopt;
  Table table({"search", "without", "option", "seeds", metric_->unit(), "kB", "difference", "95 % over seeds",
               "95 % over images", "95 % over both"});
  const auto start_of = [&](const Ablation& ablation, const SeedGroup& group, const char* part, const char* option) {
    const FrontPoint mean = mean_point(runs_, group, kilobytes);
    return std::vector<std::string>{run_name(runs_[ablation.whole.runs[0]].result),
                                    part,
                                    option,
                                    std::to_string(group.runs.size()),
                                    metric_->number(metric_->rank(mean.score)),
                                    fixed(mean.cost, 2)};
  };
  for (const Ablation& ablation : all) {
    std::vector<std::string> row = start_of(ablation, ablation.whole, "nothing", "-");
    row.insert(row.end(), 4, "-");
    table.add(std::move(row));
    const auto images = intervals(
        [&](const std::vector<FinishedRun>& runs) {
          std::vector<std::optional<double>> means;
          for (const AblationRow& r : ablation.rows)
            means.emplace_back(estimate(paired_by_seed(runs, r.runs, ablation.whole)).mean);
          return means;
        },
        ablation.rows.size());
    for (size_t i = 0; i < ablation.rows.size(); ++i) {
      const AblationRow& r = ablation.rows[i];
      row = start_of(ablation, r.runs, r.part->name, r.part->option);
      row.push_back(with_sign(r.difference.mean * metric_->in_unit(1), metric_->decimals()));
      for (std::string& cell : interval_cells(r.difference, images[i])) row.push_back(std::move(cell));
      table.add(std::move(row));
    }
  }
  return table;
}

std::vector<std::optional<Interval>> Comparison::bands(const RunSeries& series) const {
  auto all = intervals(
      [&](const std::vector<FinishedRun>& runs) {
        std::vector<std::optional<double>> means;
        for (const SeedGroup& group : series.groups) means.emplace_back(mean_point(runs, group, kilobytes).score);
        return means;
      },
      series.groups.size());
  for (size_t g = 0; g < all.size(); ++g) {
    std::vector<double> scores;
    for (const size_t i : series.groups[g].runs) scores.push_back(metric_->rank(*runs_[i].result.test_score_integer));
    const Estimate e = estimate(scores);
    if (e.half) all[g] = Interval{e.mean - *e.half, e.mean + *e.half};
  }
  return all;
}

}  // namespace bitloom
