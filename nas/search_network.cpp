// The network a search trains.
#include "nas/search_network.h"

#include <algorithm>
#include <cmath>

namespace bitloom {

SearchNetwork::SearchNetwork(Network& net, QuantOptions options, QuantScheme input, Granularity granularity)
    : QatNetwork(net, std::move(options), input), granularity_(granularity), choices_(net.spec().layers.size()) {
  for (int i = 1; i <= net.spec().output(); ++i) {
    const LayerSpec& layer = net.spec().layers[size_t(i)];
    Choice& choice = choices_[size_t(i)];
    const auto add = [&](const char* suffix, const Shape& shape) {
      Variable v(Tensor(shape, 0.0f), true);
      architecture_.push_back({layer.name + suffix, ParamRole::kArch, v});
      return v;
    };
    const int64_t rows = granularity == Granularity::kChannel ? layer.c : 1;
    if (weight_bits(i).size() > 1) choice.gamma = add(".gamma", Shape{rows, int64_t(weight_bits(i).size())});
    if (act_bits(i).size() > 1) choice.delta = add(".delta", Shape{1, int64_t(act_bits(i).size())});
  }
}

void SearchNetwork::sample(Tape& tape, const Sampling& sampling, Rng noise) {
  const bool gumbel = sampling.sampler == Sampler::kGumbel || sampling.sampler == Sampler::kGumbelHard;
  for (size_t i = 1; i < choices_.size(); ++i) {
    Choice& choice = choices_[i];
    const auto draw = [&](const Variable& parameters, int64_t channels, const char* stream) {
      const Tensor drawn = gumbel ? gumbel_noise(parameters.shape(), noise.split(stream, i)) : Tensor();
      return tape.apply(SampleTheta(sampling, channels, drawn), {parameters});
    };
    if (choice.gamma.defined()) choice.weight_theta = draw(choice.gamma, network().spec().layers[i].c, "gamma");
    if (choice.delta.defined()) choice.act_theta = draw(choice.delta, 0, "delta");
  }
  sampled_ = true;
}

void SearchNetwork::forget() {
  sampled_ = false;
  for (Choice& choice : choices_) choice.weight_theta = choice.act_theta = Variable();
}

Variable SearchNetwork::weight_theta(int layer) const {
  const Choice& choice = choices_[size_t(layer)];
  return sampled_ && choice.weight_theta.defined() ? choice.weight_theta : QatNetwork::weight_theta(layer);
}

Variable SearchNetwork::act_theta(int layer) const {
  const Choice& choice = choices_[size_t(layer)];
  return sampled_ && choice.act_theta.defined() ? choice.act_theta : QatNetwork::act_theta(layer);
}

Variable SearchNetwork::cost(Tape& tape, const CostModel& model, double reference_cost) const {
  BITLOOM_CHECK(sampled_, "search: the cost is of drawn shares; call sample() first");
  Shares precisions;
  std::vector<Variable> weight, act;
  const Tensor certain(Shape{1}, 1.0f);
  for (int i = 0; i < int(choices_.size()); ++i) {
    precisions.weight_bits.push_back(weight_bits(i));
    precisions.act_bits.push_back(act_bits(i).empty() ? std::vector<int>{8} : act_bits(i));
    weight.push_back(weight_bits(i).empty() ? Variable() : weight_theta(i));
    act.push_back(act_bits(i).empty() ? Variable(certain) : act_theta(i));
  }
  weight.insert(weight.end(), act.begin(), act.end());
  return tape.apply(RelativeCost(model, reference_cost, precisions), weight);
}

Assignment SearchNetwork::discretize() const {
  Assignment a = assignment();
  int fallback = 8;
  for (int bits : options().weight_bits) fallback = bits > 0 ? std::min(fallback, bits) : fallback;
  for (int i = 1; i < int(choices_.size()); ++i) {
    const Choice& choice = choices_[size_t(i)];
    const auto best = [](const Variable& v, int64_t row, const std::vector<int>& bits) {
      const int64_t options = int64_t(bits.size());
      return bits[size_t(likeliest(v.value().data() + row * options, options))];
    };
    std::vector<int>& chosen = a.weight_bits[size_t(i)];
    for (size_t c = 0; choice.gamma.defined() && c < chosen.size(); ++c)
      chosen[c] = best(choice.gamma, choice.gamma.shape()[0] == 1 ? 0 : int64_t(c), weight_bits(i));
    if (choice.delta.defined()) a.act_bits[size_t(i)] = best(choice.delta, 0, act_bits(i));
  }
  honour_ties(network().spec(), a, fallback);
  return a;
}

Tensor SearchNetwork::gamma(int layer) const {
  const Variable& v = choices_[size_t(layer)].gamma;
  return v.defined() ? v.value() : Tensor();
}

Tensor SearchNetwork::delta(int layer) const {
  const Variable& v = choices_[size_t(layer)].delta;
  return v.defined() ? v.value() : Tensor();
}

StateDict SearchNetwork::state() const {
  StateDict out = QatNetwork::state();
  for (const Parameter& p : architecture_) out.put("arch." + p.name, p.value.value());
  return out;
}

void SearchNetwork::load(const StateDict& state) {
  QatNetwork::load(state);
  for (Parameter& p : architecture_)
    p.value.value() = state.finite_tensor("arch." + p.name, p.value.shape(), "not a checkpoint of this search");
}

}  // namespace bitloom
