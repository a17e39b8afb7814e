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
  int64_t arch_every = 5;
  uint64_t seed = 0;
};

// Every arch_every-th step of the run, on a fresh random share of the samples, updates only gamma and delta (weights and normalization
// statistics frozen); the others update only the weights (nas/README.md, section 5).
class SearchLearner : public NetworkLearner {
 public:
  SearchLearner(SearchNetwork& network, const SearchOptions& options);
  StepResult step(const Batch& batch, int64_t epoch, int64_t batch_index, double progress) override;
  // Of the discretized network; the running statistics stay those of the mixture.
  EvalResult validate(const TaskData& data) override;
  std::vector<std::pair<std::string, double>> report() const override;
  StateDict progress() const override;
  void load_progress(const StateDict& state) override;

  // The assignment the search arrived at; with a budget, by meet_budget().
  Assignment result() const;
  int64_t architecture_steps() const { return steps_ / options_.arch_every; }

 private:
  void set_weights_trainable(bool on);

  SearchNetwork& search_;
  SearchOptions options_;
  CostModel cost_model_;
  double reference_cost_;
  float lambda_;
  int64_t steps_ = 0;                          // of both kinds
  float relative_cost_ = 1, temperature_ = 0;  // of the last architecture step; float, as a checkpoint keeps them
  Optimizer architecture_;
};

}  // namespace bitloom
