// The progressive search.
#include "nas/progressive.h"

#include <algorithm>
#include <cmath>

#include "nas/allocation.h"

namespace bitloom {
namespace {

constexpr double kMemory = 0.99;  // of the sensitivities, a step

}  // namespace

ProgressiveLearner::ProgressiveLearner(SearchNetwork& network, const TaskData& data, const ProgressiveOptions& options)
    : NetworkLearner(network.network(), &network, options.weights, Schedule{Schedule::kConstant, 0, 0, 0.1, {}, 0.3},
                     options.distillation),
      search_(network),
      options_(options),
      cost_model_(network.network().spec(), options.cost, *options.table, network.input_quant().is_signed),
      most_(cost_model_.cost(network.assignment())),
      meter_(network) {
  if (options.sensitivity == SensitivityKind::kStart) measured_ = fisher_sensitivity(search_, data);
  search_.probe(true);
}

ProgressiveLearner::~ProgressiveLearner() { search_.probe(false); }

double ProgressiveLearner::target(double progress) const {
  const double shrunk = progress < options_.shrink ? progress / options_.shrink : 1;
  return std::max(options_.budget, most_ * std::pow(options_.budget / most_, shrunk));
}

Shares ProgressiveLearner::sensitivity() const { return measured_ ? *measured_ : meter_.value(); }

void ProgressiveLearner::decide(double budget) {
  if (options_.refresh_scales) search_.refresh_idle_scales();
  search_.assign(allocate({search_, cost_model_, sensitivity()}, budget));
  ++decisions_;
}

StepResult ProgressiveLearner::step(const Batch& batch, int64_t epoch, int64_t batch_index, double progress) {
  const StepResult result = NetworkLearner::step(batch, epoch, batch_index, progress);
  meter_.observe(search_, batch.x.shape()[0], kMemory, options_.sensitivity == SensitivityKind::kFromMost);
  if (progress * double(kDecisions) >= double(decisions_ + 1)) decide(target(progress));
  return result;
}

std::vector<std::pair<std::string, double>> ProgressiveLearner::report() const {
  return {{"relative_cost", cost_model_.cost(search_.assignment()) / most_}};
}

StateDict ProgressiveLearner::progress() const {
  StateDict out = NetworkLearner::progress();
  out.put("sensitivity.", meter_.state());
  out.put("decisions", std::vector<int64_t>{decisions_});
  for (size_t i = 0; i < search_.assignment().weight_bits.size(); ++i) {
    const std::vector<int>& bits = search_.assignment().weight_bits[i];
    out.put(str("weight_bits.", i), std::vector<int64_t>(bits.begin(), bits.end()));
  }
  const std::vector<int>& bits = search_.assignment().act_bits;
  out.put("act_bits", std::vector<int64_t>(bits.begin(), bits.end()));
  return out;
}

void ProgressiveLearner::load_progress(const StateDict& state) {
  NetworkLearner::load_progress(state);
  const std::string otherwise = "not a checkpoint of this search";
  meter_.load(state.part("sensitivity."));
  decisions_ = state.integers("decisions", 1, otherwise)[0];
  Assignment a = search_.assignment();
  const auto read = [&](const std::string& key, std::vector<int>& bits) {
    const std::vector<int64_t> stored = state.integers(key, int64_t(bits.size()), otherwise);
    std::transform(stored.begin(), stored.end(), bits.begin(), [](int64_t b) { return int(b); });
  };
  for (size_t i = 0; i < a.weight_bits.size(); ++i) read(str("weight_bits.", i), a.weight_bits[i]);
  read("act_bits", a.act_bits);
  search_.assign(a);
}

Assignment ProgressiveLearner::result() const {
  if (cost_model_.cost(search_.assignment()) <= options_.budget) return search_.assignment();
  return allocate({search_, cost_model_, sensitivity()}, options_.budget);
}

}  // namespace bitloom
