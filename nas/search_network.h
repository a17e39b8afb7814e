// The network a search trains: every weight channel and activation tensor a learned mixture of precisions.
#pragma once
#include <string>
#include <vector>

#include "nas/cost_model.h"
#include "nas/theta.h"
#include "quant/qat_network.h"

namespace bitloom {

// What has precisions of its own: every channel or every layer, searched; the whole network; or what an assignment says.
enum class Granularity { kChannel, kLayer, kFixed, kGiven };
template <>
struct NamesOf<Granularity> {
  static constexpr const char* kWhat = "granularity";
  static constexpr Named<Granularity> kAll[] = {
      {Granularity::kChannel, "channel"},
      {Granularity::kLayer, "layer"},
      {Granularity::kFixed, "fixed"},
      {Granularity::kGiven, "given"},
  };
};

class SearchNetwork : public QatNetwork {
 public:
  SearchNetwork(Network& network, QuantOptions options, QuantScheme input, Granularity granularity);
  Granularity granularity() const { return granularity_; }

  // Draws the shares that forward() and cost() use until the tape ends or forget() is called. `noise` keys the Gumbel noise.
  void sample(Tape& tape, const Sampling& sampling, Rng noise);
  // Back to the assigned precisions.
  void forget();
  // Cost of the drawn shares relative to `reference_cost`.
  Variable cost(Tape& tape, const CostModel& model, double reference_cost) const;

  // The most likely precision everywhere, ties honoured.
  Assignment discretize() const;
  // gamma of the layer, (C,P) or (1,P); undefined where nothing is chosen.
  Tensor gamma(int layer) const;
  // delta of its output, (1,P); likewise.
  Tensor delta(int layer) const;

  // gamma and delta: trained by an optimizer of their own.
  std::vector<Parameter> architecture() const { return architecture_; }
  StateDict state() const override;
  void load(const StateDict& state) override;

 protected:
  Variable weight_theta(int layer) const override;
  Variable act_theta(int layer) const override;

 private:
  struct Choice {                      // one a layer
    Variable gamma, delta;             // undefined where there is only one precision
    Variable weight_theta, act_theta;  // drawn
  };
  const Granularity granularity_;
  std::vector<Choice> choices_;
  std::vector<Parameter> architecture_;
  bool sampled_ = false;
};

}  // namespace bitloom
