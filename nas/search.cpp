// The search.
#include "nas/search.h"

#include <algorithm>
#include <cmath>

#include "nas/budget.h"

namespace bitloom {

SearchLearner::SearchLearner(SearchNetwork& network, const SearchOptions& options)
    : NetworkLearner(network.network(), &network, options.weights, Schedule{Schedule::kConstant, 0, 0, 0.1, {}, 0.3}),
      search_(network),
      options_(options),
      cost_model_(network.network().spec(), options.cost, *options.table, network.input_quant().is_signed),
      reference_cost_(cost_model_.cost(Assignment::uniform(network.network().spec(), 8, 8))),
      lambda_(float(options.lambda)),
      architecture_(network.architecture(), options.architecture) {}

void SearchLearner::set_weights_trainable(bool on) {
  for (Parameter& p : network_.parameters()) p.value.set_requires_grad(on);
  for (Parameter& p : search_.parameters()) p.value.set_requires_grad(on);
}

StepResult SearchLearner::step(const Batch& batch, int64_t epoch, int64_t batch_index, double progress) {
  const bool architecture_step = ++steps_ % options_.arch_every == 0;
  temperature_ = float(options_.first_temperature * std::pow(options_.last_temperature / options_.first_temperature, progress));
  const Sampling sampling{options_.sampler, double(temperature_)};
  const Rng noise = Rng(options_.seed).split("gumbel", uint64_t(epoch)).split("batch", uint64_t(batch_index));
  StepResult result;
  if (!architecture_step) {
    Tape shares(Tape::kInference);
    search_.sample(shares, sampling, noise);
    result = NetworkLearner::step(batch, epoch, batch_index, progress);
    search_.forget();
    return result;
  }
  set_weights_trainable(false);
  Tape tape;
  search_.sample(tape, sampling, noise);
  const Variable loss = task_loss(tape, network_.spec().kind, network_.forward(tape, batch.x, Pass::kInference, &search_),
                                  batch, &result.correct);
  const Variable cost = search_.cost(tape, cost_model_, reference_cost_);
  tape.backward({{loss, 1.0f}, {cost, lambda_}});
  architecture_.step(1);
  search_.forget();
  set_weights_trainable(true);
  result.loss = double(loss.value()[0]);
  relative_cost_ = cost.value()[0];
  if (options_.budget > 0) {  // raise the pressure while the mixture is above the budget, relax it below
    const double excess = double(relative_cost_) * reference_cost_ / options_.budget - 1;
    lambda_ = std::clamp(float(double(lambda_) * std::exp(0.2 * std::clamp(excess, -0.5, 0.5))), 1e-3f, 1e3f);
  }
  return result;
}

EvalResult SearchLearner::validate(const TaskData& data) {
  const StateDict mixture = network_.state();
  search_.assign(search_.discretize());
  const EvalResult result = NetworkLearner::validate(data);
  network_.load(mixture);
  return result;
}

std::vector<std::pair<std::string, double>> SearchLearner::report() const {
  return {{"temperature", double(temperature_)},
          {"lambda", double(lambda_)},
          {"relative_cost", double(relative_cost_)},
          {"discrete_relative_cost", cost_model_.cost(search_.discretize()) / reference_cost_}};
}

StateDict SearchLearner::progress() const {
  StateDict out = NetworkLearner::progress();
  out.put("architecture.", architecture_.state());
  out.put("steps", std::vector<int64_t>{steps_});
  out.put("search", Tensor(Shape{3}, {lambda_, relative_cost_, temperature_}));
  return out;
}

void SearchLearner::load_progress(const StateDict& state) {
  NetworkLearner::load_progress(state);
  architecture_.load(state.part("architecture."));
  steps_ = state.integers("steps", 1, "not a checkpoint of this search")[0];
  const Tensor numbers = state.tensor("search", Shape{3}, "not a checkpoint of this search");
  lambda_ = numbers[0], relative_cost_ = numbers[1], temperature_ = numbers[2];
}

Assignment SearchLearner::result() const {
  return options_.budget > 0 ? meet_budget(search_, cost_model_, options_.budget) : search_.discretize();
}

}  // namespace bitloom
