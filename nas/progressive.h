// The progressive search: quantization-aware training under a budget that shrinks, precisions decided anew on the way.
#pragma once
#include <optional>

#include "nas/search_network.h"
#include "nas/sensitivity.h"

namespace bitloom {

// Where the sensitivities come from that decide.
enum class SensitivityKind { kTracked, kFromMost, kStart };
template <>
struct NamesOf<SensitivityKind> {
  static constexpr const char* kWhat = "sensitivity";
  static constexpr Named<SensitivityKind> kAll[] = {
      {SensitivityKind::kTracked, "tracked"},     // a moving average over the training, of moves from the precision in use
      {SensitivityKind::kFromMost, "from-most"},  // likewise, of moves from the most bits
      {SensitivityKind::kStart, "start"},         // measured once, before the first step, from the most bits
  };
};

constexpr double kDefaultShrink = 0.8;

struct ProgressiveOptions {
  CostKind cost = CostKind::kSize;
  const CostTable* table = &published_costs();
  double budget = 0;  // bits, cycles or microjoule
  OptimizerOptions weights;
  Distillation distillation;
  double shrink =
      kDefaultShrink;  // part of the search over which the budget shrinks; 0: it is what was asked for from the first decision on
  SensitivityKind sensitivity = SensitivityKind::kTracked;
  bool refresh_scales = true;  // scales of precisions that are not in use follow the weights, before every decision
};

// Every step trains weights, scales and clips with the precisions as they are, and its gradients by the shares of the others keep the
// sensitivities (a moving average). At kDecisions moments of the run, evenly spaced, allocate() decides every precision for a budget that falls
// geometrically from the cost of the most bits to the one asked for, which it reaches at `shrink` of the run: what is taken from the network at
// once is little, and the rest of it learns to do without. After Zhu and Gupta's gradual pruning, arXiv 1710.01878.
class ProgressiveLearner : public NetworkLearner {
 public:
  static constexpr int64_t kDecisions = 40;

  // `data` is what sensitivities are measured on that are measured once.
  ProgressiveLearner(SearchNetwork& network, const TaskData& data, const ProgressiveOptions& options);
  ~ProgressiveLearner() override;
  StepResult step(const Batch& batch, int64_t epoch, int64_t batch_index, double progress) override;
  std::vector<std::pair<std::string, double>> report() const override;
  StateDict progress() const override;
  void load_progress(const StateDict& state) override;

  // The assignment arrived at; it meets the budget.
  Assignment result() const;
  int64_t decisions() const { return decisions_; }

 private:
  double target(double progress) const;
  void decide(double budget);
  Shares sensitivity() const;

  SearchNetwork& search_;
  ProgressiveOptions options_;
  CostModel cost_model_;
  double most_;                     // cost of the most bits
  std::optional<Shares> measured_;  // before the first step
  SensitivityMeter meter_;
  int64_t decisions_ = 0;
};

}  // namespace bitloom
