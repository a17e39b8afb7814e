// What an assignment costs: bits of weights, cycles and energy on MPIC; exact for one-hot shares, differentiable in between.
#pragma once
#include <string>
#include <tuple>
#include <vector>

#include "core/ops/support.h"
#include "quant/assignment.h"

namespace bitloom {

enum class CostKind { kSize, kCycles, kEnergy };
CostKind parse_cost(const std::string& name);  // "size", "cycles", "energy"

// Multiply-accumulates per cycle of MPIC for activations of `act_bits` (rows) and weights of `weight_bits`.
struct ThroughputTable {
  std::string name;
  double macs_per_cycle[3][3];  // [activation 2,4,8][weight 2,4,8]
  double picojoule_per_cycle;
  // Error for a width that is not 2, 4 or 8: nothing is ever priced at zero by accident.
  double at(int act_bits, int weight_bits) const;
};
// The figures of the authors' code (MPIC.md 4.1): 250 MHz, 5.3825 mW.
const ThroughputTable& published_throughput();

// Shares of the precisions of every layer: theta[i] (C,P) over weight_bits[i], act_theta[i] (P) over act_bits[i]. act_bits[0] is the input's {8}.
struct Shares {
  std::vector<std::vector<int>> weight_bits, act_bits;
  TensorsD weight, act;
};
Shares one_hot_shares(const ModelSpec& spec, const Assignment& assignment);

// R = sum over weighted layers of taps * C_in * sum_i sum_px sum_pw act[px] * weight[i][pw] * price(px, pw) (METHOD section 3), with
// price = pw bits (size), 1 / T(px, pw) times output pixels (cycles), that times the energy of a cycle (energy); C_in counts the input
// channels that are kept, 0 bits cost nothing. Units: bits, cycles, microjoule.
class CostModel {
 public:
  CostModel(const ModelSpec& spec, CostKind kind, const ThroughputTable& table = published_throughput());

  double cost(const Assignment& assignment) const;
  // Cost of one layer.
  double layer_cost(const Assignment& assignment, int layer) const;
  // The cost of a mixture and its gradients (same layout as the shares); `gradient` may be null.
  double cost(const Shares& shares, Shares* gradient) const;

  CostKind kind() const { return kind_; }

 private:
  double price(int layer, int act_bits, int weight_bits) const;
  double layer_term(const Shares& shares, int layer, Shares* gradient) const;

  ModelSpec spec_;
  CostKind kind_;
  const ThroughputTable& table_;
  std::vector<int> ties_;
};

// The cost relative to `reference` as an operation. Inputs: every layer's weight shares, then every layer's activation shares, undefined
// where a layer has none.
struct RelativeCost {
  const CostModel* model = nullptr;
  double reference_cost = 1;
  Shares shares;    // the precisions; forward fills in the tensors
  Shares gradient;  // saved for backward

  Tensor forward(const Tensors& in);
  Tensors backward(const Tensor& dy, const std::vector<bool>& needs);
  TensorD reference(const TensorsD& in, const TensorsD& base) const;
  static std::vector<GradCase<RelativeCost>> grad_cases();
};

}  // namespace bitloom
