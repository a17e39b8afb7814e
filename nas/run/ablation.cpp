// Ablation of the progressive recipe.
#include "nas/run/ablation.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"

namespace bitloom {
namespace {

// The key of a run's repetitions without the part; empty if it has none to lose.
std::string key_without(const RecipePart& part, const FinishedRun& run) {
  if (run.config.recipe != Recipe::kProgressive || run.config.granularity == Granularity::kGiven) return "";
  RunConfig config = run.config;
  part.leave_out(config);
  const std::string key = repetition_key(run, config);
  return key == repetition_key(run, run.config) ? "" : key;
}

// Groups of runs that differ by seed alone, by their keys; of a seed the first.
std::map<std::string, SeedGroup> groups_of(const std::vector<FinishedRun>& runs, std::vector<std::string>& in_order) {
  std::map<std::string, SeedGroup> groups;
  for (size_t i = 0; i < runs.size(); ++i) {
    if (!is_point(runs[i])) continue;
    const std::string key = repetition_key(runs[i], runs[i].config);
    SeedGroup& group = groups[key];
    if (group.runs.empty()) group.label = point_label(*runs[i].result.precisions), in_order.push_back(key);
    const bool repeated = std::any_of(group.runs.begin(), group.runs.end(),
                                      [&](size_t other) { return runs[other].result.seed == runs[i].result.seed; });
    if (!repeated) group.runs.push_back(i);
  }
  return groups;
}

}  // namespace

const std::vector<RecipePart>& recipe_parts() {
  static const std::vector<RecipePart> parts = {
      {"distillation", "--distill 0", [](RunConfig& c) { c.distill = 0; }},
      {"shrinking", "--shrink 0", [](RunConfig& c) { c.shrink = 0; }},
      {"tracking", "--sensitivity start", [](RunConfig& c) { c.sensitivity = SensitivityKind::kStart; }},
      {"shrinking-and-tracking", "--shrink 0 --sensitivity start",
       [](RunConfig& c) { c.shrink = 0, c.sensitivity = SensitivityKind::kStart; }},
      {"current-precision", "--sensitivity from-most", [](RunConfig& c) { c.sensitivity = SensitivityKind::kFromMost; }},
      {"fresh-scales", "--no-refresh-scales", [](RunConfig& c) { c.refresh_scales = false; }},
      {"learned-scales", "--weight-scale mse", [](RunConfig& c) { c.weight_scale = WeightScale::kMse; }},
      {"estimated-norms", "--no-estimate-norms", [](RunConfig& c) { c.estimate_norms = false; }},
      {"best-epoch", "--no-keep-best", [](RunConfig& c) { c.keep_best = false; }},
      {"fine-tuning", "all epochs are --search-epochs",
       [](RunConfig& c) { c.search.epochs += c.finetune.epochs, c.finetune.epochs = 0; }},
  };
  return parts;
}

const RecipePart& find_part(const std::string& name) {
  std::string known;
  for (const RecipePart& part : recipe_parts()) {
    if (name == part.name) return part;
    known += (known.empty() ? "" : ", ") + std::string(part.name);
  }
  throw Error("the recipe has no part " + quote(name) + "; known: " + known);
}

std::vector<Ablation> ablations(const std::vector<FinishedRun>& runs) {
  std::vector<std::string> keys;
  const std::map<std::string, SeedGroup> groups = groups_of(runs, keys);
  const std::vector<bool> lacking = lack_a_part(runs);
  std::vector<Ablation> all;
  for (const std::string& key : keys) {
    if (lacking[groups.at(key).runs[0]]) continue;
    Ablation ablation{groups.at(key), {}};
    for (const RecipePart& part : recipe_parts()) {
      const auto without = groups.find(key_without(part, runs[ablation.whole.runs[0]]));
      if (without == groups.end()) continue;
      const std::map<uint64_t, double> differences = paired_by_seed(runs, without->second, ablation.whole);
      if (!differences.empty()) ablation.rows.push_back({&part, without->second, estimate(differences)});
    }
    if (!ablation.rows.empty()) all.push_back(std::move(ablation));
  }
  return all;
}

std::vector<bool> lack_a_part(const std::vector<FinishedRun>& runs) {
  std::set<std::string> without;
  for (const FinishedRun& run : runs)
    for (const RecipePart& part : recipe_parts()) without.insert(key_without(part, run));
  std::vector<bool> lack;
  for (const FinishedRun& run : runs) lack.push_back(without.count(repetition_key(run, run.config)) > 0);
  return lack;
}

}  // namespace bitloom
