// Sensitivity: how much the loss is expected to grow when one channel, or one activation tensor, takes another precision.
#pragma once
#include "core/state_dict.h"
#include "datasets/task.h"
#include "nas/search_network.h"

namespace bitloom {

// Sensitivities have the layout of shares: weight[i] (C,P) over the precisions of layer i's weights, act[i] (P) over those of its output;
// undefined where there is one precision only.
//
// The empirical Fisher proxy, from the gradients of the loss by the shares of the precisions (QatNetwork::probe). Let d[p] be the derivative by
// the share of precision p: of weights <dL/dW_eff, Q_p(W)>, of 0 bits less the derivative by the channel's gate. Then d[p] - d[q] is, to first
// order, what the loss of a batch gains by moving from q to p, and
//   S[p] = B/2 * mean over batches of (d[p] - d[q])^2        for mean losses of B samples, q the precision that is assigned,
// estimates its second order at a minimum, 1/2 (W_p - W_q)^T F (W_p - W_q) with F the Fisher information (Theis et al., arXiv 1801.05787,
// equation 7; of gates: Molchanov et al., arXiv 1906.10771).
class SensitivityMeter {
 public:
  explicit SensitivityMeter(const SearchNetwork& network);

  // Takes the gradients that the backward pass of a mean loss over `samples` left in the shares. What was seen before counts `keep` times as
  // much as before. `from_most`: q is the most bits instead.
  void observe(SearchNetwork& network, int64_t samples, double keep = 1, bool from_most = false);
  // The weighted mean of what was seen.
  Shares value() const;

  StateDict state() const;
  // Error when it is not the state of a meter of this network.
  void load(const StateDict& state);

 private:
  template <class Self, class F>
  static void each_tensor(Self& self, F f);

  Shares layout_;                   // without tensors
  Tensors weight_, act_;            // weighted sums; float, as a checkpoint keeps them
  double observations_ = 0;         // their weight
  std::vector<std::string> names_;  // of the layers
};

// By that proxy: `samples` training samples, spread over the split and augmented as in training, in micro-batches of 16, in the network as it
// is assigned (most bits everywhere, for the expected increase from there). Errors of an interruption: Interrupted.
Shares fisher_sensitivity(SearchNetwork& network, const TaskData& data, int64_t samples = 4096);
// What the loss of `samples` such samples grows by when a single channel (activation) moves from where it is assigned, one evaluation of the
// network each.
Shares exact_sensitivity(SearchNetwork& network, const TaskData& data, int64_t samples = 256);

}  // namespace bitloom
