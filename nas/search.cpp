// The search.
#include "nas/search.h"

#include <algorithm>
#include <cmath>

namespace bitloom {

double parse_budget(const std::string& text, CostKind cost) {
  struct Unit {
    CostKind kind;
    const char* suffix;
    double factor;
  };
  constexpr Unit kUnits[] = {{CostKind::kSize, "kB", 8e3},  {CostKind::kSize, "MB", 8e6},  {CostKind::kSize, "B", 8},
                             {CostKind::kCycles, "M", 1e6}, {CostKind::kCycles, "k", 1e3}, {CostKind::kEnergy, "uJ", 1.0},
                             {CostKind::kEnergy, "mJ", 1e3}};
  size_t used = 0;
  double value = 0;
  try {
    value = std::stod(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  for (const Unit& unit : kUnits)
    if (used > 0 && value > 0 && std::isfinite(value) && unit.kind == cost && text.substr(used) == unit.suffix)
      return value * unit.factor;
  throw Error("--budget: '" + text + "' is not an amount for this cost; size: 30kB, cycles: 2M or 500k, energy: 80uJ");
}

SearchLearner::SearchLearner(SearchNetwork& network, const SearchOptions& options)
    : NetworkLearner(network.network(), &network, options.weights, Schedule{Schedule::kConstant, 0, 0, 0.1, {}, 0.3}),
      search_(network),
      options_(options),
      cost_model_(network.network().spec(), options.cost, *options.table),
      reference_cost_(cost_model_.cost(Assignment::uniform(network.network().spec(), 8, 8))),
      lambda_(float(options.lambda)),
      architecture_(network.architecture(), options.architecture) {}

void SearchLearner::set_weights_trainable(bool on) {
  for (Parameter& p : network_.parameters()) p.value.set_requires_grad(on);
  for (Parameter& p : search_.parameters()) p.value.set_requires_grad(on);
}

StepResult SearchLearner::step(const Batch& batch, int64_t epoch, int64_t batch_index, double progress) {
  const bool architecture_step = batch_index % 5 == 4;
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
  const Variable loss = task_loss(tape, network_.spec().kind, network_.forward(tape, batch.x, {false, &search_, nullptr}),
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
  out.put("search", Tensor(Shape{3}, {lambda_, relative_cost_, temperature_}));
  return out;
}

void SearchLearner::load_progress(const StateDict& state) {
  NetworkLearner::load_progress(state);
  architecture_.load(state.part("architecture."));
  const Tensor numbers = state.tensor("search", Shape{3}, "not a checkpoint of this search");
  lambda_ = numbers[0], relative_cost_ = numbers[1], temperature_ = numbers[2];
}

Assignment SearchLearner::result() const {
  Assignment a = search_.discretize();
  if (options_.budget <= 0) return a;
  struct Move {
    double regret;
    size_t layer;
    int64_t row;
    int bits;
  };
  const ModelSpec& spec = network_.spec();
  while (cost_model_.cost(a) > options_.budget) {
    Move best{INFINITY, 0, 0, 0};
    for (size_t i = 1; i < spec.layers.size(); ++i) {
      const Tensor gamma = search_.gamma(int(i));
      if (!gamma.defined()) continue;
      const std::vector<int>& bits = search_.weight_bits(int(i));
      const int64_t options = int64_t(bits.size());
      for (int64_t r = 0; r < gamma.shape()[0]; ++r) {
        const auto now = std::find(bits.begin(), bits.end(), a.weight_bits[i][size_t(r)]) - bits.begin();
        if (now == 0 || bits[size_t(now - 1)] == 0) continue;
        const double regret = double(gamma[r * options + now] - gamma[r * options + now - 1]);
        if (regret < best.regret) best = {regret, i, r, bits[size_t(now - 1)]};
      }
    }
    BITLOOM_CHECK(best.layer > 0, "--budget: even the smallest precisions offered cost ", cost_model_.cost(a),
                  ", the budget is ", options_.budget);
    std::vector<int>& chosen = a.weight_bits[best.layer];
    if (search_.gamma(int(best.layer)).shape()[0] == 1)
      std::fill(chosen.begin(), chosen.end(), best.bits);
    else
      chosen[size_t(best.row)] = best.bits;
  }
  return a;
}

}  // namespace bitloom
