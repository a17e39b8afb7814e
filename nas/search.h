// The search: alternating weight and architecture steps under a cost, then discretization.
#pragma once
#include <memory>
#include <string>

#include "nas/search_network.h"

namespace bitloom {

struct SearchOptions {
  CostKind cost = CostKind::kSize;
  const CostTable* table = &published_costs();
  double lambda = 0.5;  // loss + lambda * cost / cost of the w8a8 network
  double budget = 0;    // cost the discretized network must meet (bits, cycles, microjoule); 0: none, lambda stays fixed
  Sampler sampler = Sampler::kSoftmax;
  double first_temperature = 5, last_temperature = 0.05;  // geometric over the run (nas/README.md, section 1)
  OptimizerOptions weights, architecture;
  uint64_t seed = 0;
};

// "30kB" -> bits of weights, "2M" -> cycles, "80uJ" -> microjoule; Error when the unit does not fit the cost.
double parse_budget(const std::string& text, CostKind cost);

// Every fifth batch of an epoch, a fresh random fifth of the samples, updates only gamma and delta (weights and BN statistics frozen); the
// others update only the weights (nas/README.md, section 5).
class SearchLearner : public NetworkLearner {
 public:
  SearchLearner(SearchNetwork& network, const SearchOptions& options);
  StepResult step(const Batch& batch, int64_t epoch, int64_t batch_index, double progress) override;
  // Of the discretized network; the running statistics stay those of the mixture.
  EvalResult validate(const TaskData& data) override;
  std::vector<std::pair<std::string, double>> report() const override;
  StateDict progress() const override;
  void load_progress(const StateDict& state) override;

  // The assignment the search arrived at; with a budget, channels move to fewer bits, least regretted first, until it is met.
  Assignment result() const;

 private:
  void set_weights_trainable(bool on);

  SearchNetwork& search_;
  SearchOptions options_;
  CostModel cost_model_;
  double reference_cost_;
  float lambda_;
  float relative_cost_ = 1, temperature_ = 0;  // of the last architecture step; float, as a checkpoint keeps them
  Optimizer architecture_;
};

}  // namespace bitloom
