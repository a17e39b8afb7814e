// What an assignment costs: bits of packed weights, bytes of flash, cycles and energy on MPIC; and, differentiable, what a mixture of precisions does.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/names.h"
#include "core/ops/support.h"
#include "mpic/compile/flash.h"
#include "nas/cost_table.h"
#include "quant/assignment.h"

namespace bitloom {

enum class CostKind { kSize, kCycles, kEnergy, kFlash };
template <>
struct NamesOf<CostKind> {
  static constexpr const char* kWhat = "cost";
  static constexpr Named<CostKind> kAll[] = {
      {CostKind::kSize, "size"},
      {CostKind::kCycles, "cycles"},
      {CostKind::kEnergy, "energy"},
      {CostKind::kFlash, "flash"},
  };
};

// Shares of the precisions of every layer: theta[i] (C,P) over weight_bits[i], act_theta[i] (P) over act_bits[i]. act_bits[0] is the input's {8}.
struct Shares {
  std::vector<std::vector<int>> weight_bits, act_bits;
  TensorsD weight, act;
};
Shares one_hot_shares(const ModelSpec& spec, const Assignment& assignment);

// The published table prices multiply-accumulates (arXiv 2206.08852, the cost regularizers; cost_table.h): R = sum over weighted layers of taps * C_in * sum_i sum_px sum_pw
// act[px] * weight[i][pw] * price(px, pw), with price = pw bits, as long as they are in the packed words of a whole filter (size), 1 / T(px, pw) times output pixels (cycles), that times the energy of a
// cycle (energy); C_in counts the input channels that are kept, 0 bits cost nothing. The measured table prices the pieces of the code of every
// layer (mpic/compile/plan/pieces.h), Adds and pools included. Flash is all that a program for MPIC has but activations: code, weights, tables and records,
// counted without making it (mpic/compile/flash.h), a bound that lowered networks do not exceed; of a mixture, weights and tables have slopes, and the
// rest is that of the rounded one. Units: bits, cycles, microjoule, bytes.
class CostModel {
 public:
  // `signed_input`: of the network's input codes (input_scheme()), on which flash depends.
  CostModel(const ModelSpec& spec, CostKind kind, const CostTable& table = published_costs(), bool signed_input = false);

  // Of an assignment; Error, naming the layer, for precisions without a price. Its size is what lower() will store, words that filters do not fill included (packed_weight_bytes).
  double cost(const Assignment& assignment) const;
  // Cost of one layer; of flash, with the routines that no layer before uses, and without the program's beginning and end.
  double layer_cost(const Assignment& assignment, int layer) const;
  // The cost of a mixture and its gradients (same layout as the shares); `gradient` may be null. That of one-hot shares is the assignment's, but
  // for the words that filters fill less after input channels are removed.
  double cost(const Shares& shares, Shares* gradient) const;

  CostKind kind() const { return kind_; }

 private:
  // Shares as plain or recorded numbers, in the layout of Shares.
  template <class T>
  struct Numbers {
    const Shares& shares;
    std::vector<std::vector<T>> weight, act;
  };
  static Numbers<double> plain_numbers(const Shares& shares);
  template <class T>
  T layer_term(const Numbers<T>& numbers, int layer) const;
  template <class T>
  T macs_term(const Numbers<T>& numbers, int layer) const;
  template <class T>
  T pieces_term(const Numbers<T>& numbers, int layer) const;
  // By channel of layer i's output, the share in which it is removed: the product over the layers that write it.
  template <class T>
  std::vector<T> gone(const Numbers<T>& numbers, int layer) const;
  // Channels of layer i's output that are kept, in shares.
  template <class T>
  T kept(const Numbers<T>& numbers, int layer) const;
  template <class T>
  void add_sorted_runs(const Numbers<T>& numbers, int layer, size_t writer, const std::vector<T>& share, bool has_bits,
                       mpic::LayerMix<T>& mix) const;
  template <class T>
  void add_output_runs(const Numbers<T>& numbers, int layer, mpic::LayerMix<T>& mix) const;
  template <class T>
  std::array<T, 3> act_mix(const Numbers<T>& numbers, int layer) const;
  mpic::FlashBytes flash(const Assignment& assignment) const;
  double not_additive(const Shares& shares) const;
  double price(int layer, int act_bits, int weight_bits) const;          // of a weight, or a product
  double channel_price(int layer, int act_bits, int weight_bits) const;  // of what a channel has besides
  std::vector<int64_t> packed(const Assignment& assignment) const;       // bytes by layer
  size_t run_index(int bits) const;                                      // in LayerMix::runs
  std::string where() const;

  ModelSpec spec_;
  CostKind kind_;
  const CostTable& table_;
  std::vector<int> ties_;
  std::vector<mpic::LayerGeometry> geometry_;
  bool signed_input_;
  std::shared_ptr<mpic::FlashCounter> counter_;  // remembers, and is no part of what the model is
};

// The cost relative to `reference` as an operation. Inputs: every layer's weight shares, then every layer's activation shares, undefined
// where a layer has none.
class RelativeCost {
 public:
  // `precisions`: Shares without their tensors.
  RelativeCost(const CostModel& model, double reference_cost, Shares precisions)
      : model_(&model), reference_cost_(reference_cost), precisions_(std::move(precisions)) {}

  Tensor forward(const Tensors& in);
  Tensors backward(const Tensor& dy, const std::vector<bool>& needs);
  TensorD reference(const TensorsD& in, const TensorsD& base) const;
  static std::vector<GradCase<RelativeCost>> grad_cases();

 private:
  const CostModel* model_;
  double reference_cost_;
  Shares precisions_, gradient_;
};

}  // namespace bitloom
