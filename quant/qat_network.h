// Quantization-aware training: the layer transform that fake-quantizes a float network's weights and activations.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "nn/learner.h"
#include "quant/assignment.h"
#include "quant/fake_quant.h"

namespace bitloom {

// Where weight scales come from.
enum class WeightScale {
  kLearned,  // LSQ (arXiv 1902.08153), started at the MSE-optimal scale
  kMse,      // MSE-optimal, recomputed at every training step
  kMaxAbs,   // max|w| over the largest code, recomputed at every training step
};
template <>
struct NamesOf<WeightScale> {
  static constexpr const char* kWhat = "weight scale";
  static constexpr Named<WeightScale> kAll[] = {
      {WeightScale::kLearned, "learned"},
      {WeightScale::kMse, "mse"},
      {WeightScale::kMaxAbs, "maxabs"},
  };
};

struct QuantOptions {
  std::vector<int> weight_bits = {8};  // ascending subset of {0,2,4,8}
  std::vector<int> act_bits = {8};     // ascending subset of {2,4,8}
  WeightScale weight_scale = WeightScale::kLearned;
  CodeRange code_range = CodeRange::kFull;
};

// The 8-bit scheme of a dataset's samples: their own codes, or the range of the float values.
QuantScheme input_scheme(const Dataset& data);

// Every weighted layer holds one scale per channel and precision, every quantized activation one clip per precision. Which precision is used
// is a distribution over them: one-hot from an Assignment here, learned in the search (nas/search_network.h).
class QatNetwork : public LayerTransform {
 public:
  QatNetwork(Network& network, QuantOptions options, QuantScheme input);

  // Sets scales from the weights, and clips from the float network's activations on `samples` of `data`, spread evenly over it.
  void calibrate(const Dataset& data, int64_t samples = 256);
  // Fixes every precision. Error when one is not among the options.
  void assign(const Assignment& assignment);
  const Assignment& assignment() const { return assignment_; }

  // While probing, the shares of the precisions, though fixed, take part in backward passes: by how much the loss would change if a little of
  // another precision were mixed in. Off at first.
  void probe(bool on);
  // Takes what the last backward pass found: (C,P) and (P), undefined where there is one precision only.
  Tensor take_weight_share_grad(int layer);
  Tensor take_act_share_grad(int layer);
  // Sets the learned scales of the precisions that are not assigned, which no gradient reaches, to what suits the weights as they are now.
  void refresh_idle_scales();

  Variable input(const Tensor& x) override;
  Variable weight(Tape& tape, int layer, const Variable& w) override;
  Variable output(Tape& tape, int layer, const Variable& y) override;
  std::vector<Parameter> parameters() const override { return parameters_; }
  StateDict state() const override;
  void load(const StateDict& state) override;

  Network& network() const { return network_; }
  const QuantOptions& options() const { return options_; }
  const QuantScheme& input_quant() const { return input_; }
  ActKind act_kind(int layer) const { return bitloom::act_kind(network_.spec(), layer); }
  // Precisions of layer i's weights and of its output: the options, without 0 for the last layer; 8 for signed activations.
  const std::vector<int>& weight_bits(int layer) const { return sites_[size_t(layer)].weight_bits; }
  const std::vector<int>& act_bits(int layer) const { return sites_[size_t(layer)].act_bits; }
  // Values of the weight scales' logarithms, for lowering: (C,P).
  Tensor log_scales(int layer) const { return sites_[size_t(layer)].log_scale.value(); }
  // Scheme of the layer's output under the assignment. Error for logits.
  QuantScheme output_scheme(int layer) const;

  // While observing, the network runs in float and every quantized activation is handed to the observer instead of being quantized.
  void observe(std::function<void(int layer, const Tensor& y)> observer) { observer_ = std::move(observer); }

 protected:
  // Shares of the precisions: (C,P) and (P).
  virtual Variable weight_theta(int layer) const { return sites_[size_t(layer)].weight_theta; }
  virtual Variable act_theta(int layer) const { return sites_[size_t(layer)].act_theta; }

 private:
  struct Site {  // one a layer
    std::vector<int> weight_bits, act_bits;
    Variable log_scale, log_clip;      // undefined where there is nothing to quantize
    Variable weight_theta, act_theta;  // one-hot, constant
  };
  // A learned clip is what a ReLU6's ceiling becomes, and stays at it or below: above, the quantized network would compute what the float one does
  // not. Descent is projected (a step beyond is taken back to 6), so that the gradient, PACT's, is as of any clip.
  void bound_clips(int layer) const;
  // Of every precision, or of those a channel does not use.
  void refresh_scales(int layer, bool idle_only = false);
  template <class Self, class F>
  static void each_tensor(Self& self, F f);

  Network& network_;
  QuantOptions options_;
  QuantScheme input_;
  Assignment assignment_;
  std::vector<Site> sites_;
  std::vector<Parameter> parameters_;
  bool probing_ = false;
  std::function<void(int, const Tensor&)> observer_;
};

}  // namespace bitloom
