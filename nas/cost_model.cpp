// What an assignment costs.
#include "nas/cost_model.h"

#include <algorithm>

#include "nn/models/models.h"

namespace bitloom {

CostKind parse_cost(const std::string& name) {
  if (name == "size") return CostKind::kSize;
  if (name == "cycles") return CostKind::kCycles;
  if (name == "energy") return CostKind::kEnergy;
  throw Error("unknown cost '" + name + "'; known: size, cycles, energy");
}

double ThroughputTable::at(int act_bits, int weight_bits) const {
  const auto index = [](int bits) { return bits == 2 ? 0 : bits == 4 ? 1 : bits == 8 ? 2 : -1; };
  const int a = index(act_bits), w = index(weight_bits);
  BITLOOM_CHECK(a >= 0 && w >= 0, "throughput table '", name, "' has no entry for ", act_bits, "-bit activations and ",
                weight_bits, "-bit weights");
  return macs_per_cycle[a][w];
}

const ThroughputTable& published_throughput() {
  static const ThroughputTable table = {
      "published", {{6.5, 4.0, 2.2}, {3.9, 3.5, 2.1}, {2.5, 2.3, 2.1}}, 5.3825e-3 / 250e6 * 1e12};
  return table;
}

Shares one_hot_shares(const ModelSpec& spec, const Assignment& assignment) {
  static const std::vector<int> kBits = {0, 2, 4, 8};
  Shares s;
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const std::vector<int>& chosen = assignment.weight_bits[i];
    s.weight_bits.push_back(chosen.empty() ? std::vector<int>() : kBits);
    s.act_bits.push_back({assignment.act_bits[i] ? assignment.act_bits[i] : 8});
    s.act.emplace_back(Shape{1}, 1.0);
    s.weight.emplace_back();
    if (chosen.empty()) continue;
    s.weight.back() = TensorD(Shape{int64_t(chosen.size()), int64_t(kBits.size())}, 0.0);
    for (size_t c = 0; c < chosen.size(); ++c) {
      const auto p = std::find(kBits.begin(), kBits.end(), chosen[c]);
      BITLOOM_CHECK(p != kBits.end(), "cost of layer '", spec.layers[i].name, "': ", chosen[c], "-bit weights have no price");
      s.weight.back()[int64_t(c * kBits.size()) + (p - kBits.begin())] = 1;
    }
  }
  return s;
}

CostModel::CostModel(const ModelSpec& spec, CostKind kind, const ThroughputTable& table)
    : spec_(spec), kind_(kind), table_(table), ties_(channel_ties(spec)) {}

double CostModel::price(int layer, int act_bits, int weight_bits) const {
  if (weight_bits == 0) return 0;
  if (kind_ == CostKind::kSize) return weight_bits;
  const LayerSpec& l = spec_.layers[size_t(layer)];
  const double cycles = double(l.h * l.w) / table_.at(act_bits, weight_bits);
  return kind_ == CostKind::kCycles ? cycles : cycles * table_.picojoule_per_cycle * 1e-6;
}

double CostModel::layer_term(const Shares& shares, int i, Shares* gradient) const {
  const LayerSpec& layer = spec_.layers[size_t(i)];
  if (!has_weights(layer)) return 0;
  const size_t source = size_t(layer.inputs[0]), n = size_t(i);
  const TensorD &theta = shares.weight[n], &act = shares.act[source];
  const std::vector<int>&weight_bits = shares.weight_bits[n], &act_bits = shares.act_bits[source];
  const int64_t options = int64_t(weight_bits.size()), channels = theta.size() / options;
  const Shape filter = weight_shape(spec_, layer);
  const double taps = double(filter[1] * filter[2]);

  // gone[c]: the share in which input channel c is removed, the product over the layers that write it; 0 without 0-bit shares.
  const int64_t inputs = filter[3];
  std::vector<double> gone(size_t(inputs), 0.0);
  std::vector<size_t> writers;
  if (!std::holds_alternative<DepthwiseLayer>(layer.kind) && ties_[source] != ties_[0]) {
    for (size_t j = 1; j < spec_.layers.size(); ++j)
      if (ties_[j] == ties_[source] && shares.weight[j].defined()) writers.push_back(j);
    for (int64_t c = 0; c < inputs; ++c) {
      double product = 1;
      for (size_t j : writers)
        product *= shares.weight_bits[j][0] == 0 ? shares.weight[j][c * int64_t(shares.weight_bits[j].size())] : 0;
      gone[size_t(c)] = product;
    }
  }
  double kept = 0;
  for (double g : gone) kept += 1 - g;

  double sum = 0;  // over channels and precisions
  std::vector<double> weight_total(size_t(options), 0.0);
  for (int64_t k = 0; k < theta.size(); ++k) weight_total[size_t(k % options)] += theta[k];
  for (size_t a = 0; a < act_bits.size(); ++a) {
    double row = 0;
    for (size_t p = 0; p < weight_bits.size(); ++p) row += weight_total[p] * price(i, act_bits[a], weight_bits[p]);
    sum += act[int64_t(a)] * row;
    if (gradient) gradient->act[source][int64_t(a)] += taps * kept * row;
  }
  if (!gradient) return taps * kept * sum;
  for (size_t p = 0; p < weight_bits.size(); ++p) {
    double column = 0;
    for (size_t a = 0; a < act_bits.size(); ++a) column += act[int64_t(a)] * price(i, act_bits[a], weight_bits[p]);
    for (int64_t c = 0; c < channels; ++c) gradient->weight[n][c * options + int64_t(p)] += taps * kept * column;
  }
  for (size_t j : writers) {
    const int64_t stride = int64_t(shares.weight_bits[j].size());
    if (shares.weight_bits[j][0] != 0) continue;
    for (int64_t c = 0; c < inputs; ++c) {
      double others = 1;
      for (size_t k : writers)
        if (k != j) others *= shares.weight_bits[k][0] == 0 ? shares.weight[k][c * int64_t(shares.weight_bits[k].size())] : 0;
      gradient->weight[j][c * stride] -= taps * sum * others;
    }
  }
  return taps * kept * sum;
}

double CostModel::cost(const Shares& shares, Shares* gradient) const {
  if (gradient) {
    *gradient = shares;
    for (TensorsD* part : {&gradient->weight, &gradient->act})
      for (TensorD& t : *part)
        if (t.defined()) t = TensorD(t.shape(), 0.0);
  }
  double total = 0;
  for (int i = 1; i <= spec_.output(); ++i) total += layer_term(shares, i, gradient);
  return total;
}

double CostModel::cost(const Assignment& assignment) const { return cost(one_hot_shares(spec_, assignment), nullptr); }

double CostModel::layer_cost(const Assignment& assignment, int layer) const {
  return layer_term(one_hot_shares(spec_, assignment), layer, nullptr);
}

namespace {

TensorD widened(const Tensor& t) {
  TensorD d;
  if (t.defined()) d = TensorD(t.shape());
  for (int64_t i = 0; i < t.size(); ++i) d[i] = double(t[i]);
  return d;
}

Shares with_values(const Shares& precisions, const TensorsD& in) {
  Shares s = precisions;
  const auto middle = in.begin() + int64_t(in.size() / 2);
  s.weight.assign(in.begin(), middle);
  s.act.assign(middle, in.end());
  return s;
}

}  // namespace

Tensor RelativeCost::forward(const Tensors& in) {
  TensorsD values;
  for (const Tensor& t : in) values.push_back(widened(t));
  shares = with_values(shares, values);
  return scalar(model->cost(shares, &gradient) / reference_cost);
}

Tensors RelativeCost::backward(const Tensor& dy, const std::vector<bool>& needs) {
  TensorsD all = gradient.weight;
  all.insert(all.end(), gradient.act.begin(), gradient.act.end());
  Tensors grads(all.size());
  for (size_t k = 0; k < all.size(); ++k) {
    if (!needs[k]) continue;
    grads[k] = Tensor(all[k].shape());
    for (int64_t i = 0; i < all[k].size(); ++i) grads[k][i] = float(all[k][i] * double(dy[0]) / reference_cost);
  }
  return grads;
}

// The formula in double, which the gradient cases differentiate; its value is checked against hand-computed costs in the tests.
TensorD RelativeCost::reference(const TensorsD& in, const TensorsD&) const {
  return TensorD(Shape{1}, model->cost(with_values(shares, in), nullptr) / reference_cost);
}

std::vector<GradCase<RelativeCost>> RelativeCost::grad_cases() {
  static const ModelSpec spec = resnet8(8, 8, 3, 4);
  static const CostModel size(spec, CostKind::kSize), cycles(spec, CostKind::kCycles);
  const auto make = [](const char* label, const CostModel& model, const std::vector<int>& bits) {
    RelativeCost op;
    op.model = &model;
    op.reference_cost = model.cost(Assignment::uniform(spec, 8, 8, true));
    Tensors weight, act;
    for (size_t i = 0; i < spec.layers.size(); ++i) {
      const LayerSpec& layer = spec.layers[i];
      op.shares.weight_bits.push_back(has_weights(layer) ? bits : std::vector<int>());
      op.shares.act_bits.push_back(i ? std::vector<int>{2, 4, 8} : std::vector<int>{8});
      weight.push_back(has_weights(layer) ? random_tensor({layer.c, int64_t(bits.size())}, i, 0.1, 0.4) : Tensor());
      act.push_back(random_tensor({int64_t(op.shares.act_bits.back().size())}, 50 + i, 0.1, 0.5));
    }
    GradCase<RelativeCost> result{label, op, weight, {}};
    result.inputs.insert(result.inputs.end(), act.begin(), act.end());
    for (const Tensor& t : result.inputs) result.differentiable.push_back(t.defined());
    return result;
  };
  return {make("size, 0/2/4/8 bits", size, {0, 2, 4, 8}), make("cycles, 2/4/8 bits", cycles, {2, 4, 8})};
}

}  // namespace bitloom
