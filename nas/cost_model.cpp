// What an assignment costs.
#include "nas/cost_model.h"

#include <algorithm>

#include "core/scalar_tape.h"
#include "mpic/compile/plan/channel_runs.h"
#include "nn/models/models.h"
#include "quant/integer/pack.h"
#include "quant/lowered_shape.h"

namespace bitloom {

namespace {

const std::vector<int> kBits = {0, 2, 4, 8};

void check_priced(const ModelSpec& spec, size_t layer, int bits, const char* of = "weights") {
  BITLOOM_CHECK(std::find(kBits.begin(), kBits.end(), bits) != kBits.end(), "cost of layer '", spec.layers[layer].name,
                "': ", bits, "-bit ", of, " have no price");
}

}  // namespace

Shares one_hot_shares(const ModelSpec& spec, const Assignment& assignment) {
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
      check_priced(spec, i, chosen[c]);
      const auto p = std::find(kBits.begin(), kBits.end(), chosen[c]);
      s.weight.back()[int64_t(c * kBits.size()) + (p - kBits.begin())] = 1;
    }
  }
  return s;
}

CostModel::CostModel(const ModelSpec& spec, CostKind kind, const CostTable& table, bool signed_input)
    : spec_(spec),
      kind_(kind),
      table_(table),
      ties_(channel_ties(spec)),
      signed_input_(signed_input),
      counter_(std::make_shared<mpic::FlashCounter>()) {
  for (const LayerSpec& layer : spec_.layers) {
    mpic::LayerGeometry g{integer_shape(layer)};
    if (!layer.inputs.empty()) {
      const LayerSpec& in = spec_.input_of(layer);
      g.in_h = in.h, g.in_w = in.w, g.in_c = in.c;
    }
    geometry_.push_back(std::move(g));
  }
}

double CostModel::price(int layer, int act_bits, int weight_bits) const {
  if (weight_bits == 0) return 0;
  const LayerSpec& l = spec_.layers[size_t(layer)];
  const double codes = double(weight_shape(spec_, l).size() / l.c);
  if (kind_ == CostKind::kSize) return 32.0 * double(packed_words(int64_t(codes), weight_bits)) / codes;
  if (kind_ == CostKind::kFlash)
    return double(mpic::channel_bytes(geometry_[size_t(layer)], act_bits, 8, weight_bits).weights) / codes;
  const double cycles = double(l.h * l.w) / table_.at(act_bits, weight_bits);
  return kind_ == CostKind::kCycles ? cycles : cycles * table_.picojoule_per_cycle * 1e-6;
}

double CostModel::channel_price(int layer, int act_bits, int weight_bits) const {
  if (kind_ != CostKind::kFlash || weight_bits == 0) return 0;
  const int out_bits = act_kind(spec_, layer) == ActKind::kNone ? 32 : 8;
  return double(mpic::channel_bytes(geometry_[size_t(layer)], act_bits, out_bits, weight_bits).rule);
}

template <class T>
std::vector<T> CostModel::gone(const Numbers<T>& n, int layer) const {
  std::vector<T> gone(size_t(spec_.layers[size_t(layer)].c), T(0.0));
  if (ties_[size_t(layer)] == ties_[0]) return gone;
  bool first = true;
  for (size_t j = 1; j < spec_.layers.size(); ++j) {
    if (ties_[j] != ties_[size_t(layer)] || n.weight[j].empty()) continue;
    const std::vector<int>& bits = n.shares.weight_bits[j];
    for (size_t c = 0; c < gone.size(); ++c) {
      const T removed = bits[0] == 0 ? n.weight[j][c * bits.size()] : T(0.0);
      gone[c] = first ? removed : gone[c] * removed;
    }
    first = false;
  }
  return gone;
}

template <class T>
T CostModel::kept(const Numbers<T>& n, int layer) const {
  T sum = 0.0;
  for (const T& g : gone(n, layer)) sum += 1.0 - g;
  return sum;
}

// Products of the layer, at the price of a multiply-accumulate, or its weights, at theirs; and its channels.
template <class T>
T CostModel::macs_term(const Numbers<T>& n, int i) const {
  const LayerSpec& layer = spec_.layers[size_t(i)];
  if (!has_weights(layer)) return 0.0;
  const size_t source = size_t(layer.inputs[0]), own = size_t(i), act = size_t(codes_of(spec_, int(source)));
  const std::vector<int>&weight_bits = n.shares.weight_bits[own], &act_bits = n.shares.act_bits[act];
  const Shape filter = weight_shape(spec_, layer);
  std::vector<T> channels(weight_bits.size(), T(0.0));
  for (size_t k = 0; k < n.weight[own].size(); ++k) channels[k % weight_bits.size()] += n.weight[own][k];
  T sum = 0.0, besides = 0.0;
  for (size_t a = 0; a < act_bits.size(); ++a) {
    T row = 0.0, rest = 0.0;
    for (size_t p = 0; p < weight_bits.size(); ++p) {
      row += channels[p] * price(i, act_bits[a], weight_bits[p]);
      rest += channels[p] * channel_price(i, act_bits[a], weight_bits[p]);
    }
    sum += n.act[act][a] * row;
    besides += n.act[act][a] * rest;
  }
  return sum * (is_channelwise(layer) ? T(1.0) : kept(n, int(source))) * double(filter[1] * filter[2]) + besides;
}

std::string CostModel::where() const { return "cost table '" + table_.name + "'"; }

size_t CostModel::run_index(int bits) const { return bits == 0 ? 0 : size_t(mpic::bits_index(bits, where())) + 1; }

template <class T>
std::array<T, 3> CostModel::act_mix(const Numbers<T>& n, int layer) const {
  std::array<T, 3> mix{};
  const size_t source = size_t(codes_of(spec_, layer));
  const std::vector<int>& bits = n.shares.act_bits[source];
  for (size_t a = 0; a < bits.size(); ++a) mix[size_t(mpic::bits_index(bits[a], where()))] += n.act[source][a];
  return mix;
}

// Lowering leaves the output's channels in their order.
template <class T>
void CostModel::add_output_runs(const Numbers<T>& n, int layer, mpic::LayerMix<T>& mix) const {
  const std::vector<int>& bits = n.shares.weight_bits[size_t(layer)];
  for (size_t p = 0; p < bits.size(); ++p)
    mpic::add_runs_in_order(
        spec_.layers[size_t(layer)].c, [&](int64_t c) { return n.weight[size_t(layer)][size_t(c) * bits.size() + p]; },
        mix.runs[run_index(bits[p])]);
}

// Others it sorts by their bits, first by those of the first layer that writes them: the runs of a later one are what all agree on. `share`
// holds, by channel, the share in which the writers before `writer` agree.
template <class T>
void CostModel::add_sorted_runs(const Numbers<T>& n, int layer, size_t writer, const std::vector<T>& share, bool has_bits,
                                mpic::LayerMix<T>& mix) const {
  while (ties_[writer] != ties_[size_t(layer)] || n.weight[writer].empty()) ++writer;
  const std::vector<int>& bits = n.shares.weight_bits[writer];
  for (size_t p = 0; p < bits.size(); ++p) {
    std::vector<T> agree;
    for (size_t c = 0; c < share.size(); ++c) agree.push_back(share[c] * n.weight[writer][c * bits.size() + p]);
    if (int(writer) < layer) {
      add_sorted_runs(n, layer, writer + 1, agree, has_bits || bits[p] > 0, mix);
      continue;
    }
    T channels = 0.0;
    for (const T& a : agree) channels += a;
    if (!has_bits && bits[p] == 0)
      for (const T& g : gone(n, layer)) channels += g * -1.0;
    mpic::ChannelRuns<T>& runs = mix.runs[run_index(bits[p])];
    const mpic::ChannelRuns<T> own = mpic::sorted_run(channels, spec_.layers[size_t(layer)].c);
    runs.channels += own.channels;
    runs.single += own.single;
    runs.block_runs += own.block_runs;
    runs.single_runs += own.single_runs;
  }
}

// The code of the layer, piece by piece.
template <class T>
T CostModel::pieces_term(const Numbers<T>& n, int i) const {
  const LayerSpec& layer = spec_.layers[size_t(i)];
  mpic::LayerMix<T> mix;
  mix.in = act_mix(n, layer.inputs.front());
  mix.in2 = act_mix(n, layer.inputs.back());
  mix.out = act_mix(n, i);
  mix.kept_in = kept(n, layer.inputs.front());
  mix.kept_out = kept(n, i);
  if (mpic::kernel_of(geometry_[size_t(i)].layer.op) == mpic::Kernel::kProduct) {
    if (ties_[size_t(i)] == ties_.back())
      add_output_runs(n, i, mix);
    else
      add_sorted_runs(n, i, 1, std::vector<T>(size_t(layer.c), T(1.0)), false, mix);
    mpic::align_runs(mix);
  }
  T cycles = 0.0;
  for (const auto& [piece, times] : mpic::count_pieces(geometry_[size_t(i)], mix))
    cycles += times * table_.pieces[size_t(piece)];
  return kind_ == CostKind::kCycles ? cycles : cycles * (table_.picojoule_per_cycle * 1e-6);
}

template <class T>
T CostModel::layer_term(const Numbers<T>& n, int i) const {
  const bool by_weights = kind_ == CostKind::kSize || kind_ == CostKind::kFlash;
  return by_weights || table_.pieces.empty() ? macs_term(n, i) : pieces_term(n, i);
}

CostModel::Numbers<double> CostModel::plain_numbers(const Shares& shares) {
  Numbers<double> numbers{shares, {}, {}};
  for (const TensorD& t : shares.weight) numbers.weight.emplace_back(t.data(), t.data() + t.size());
  for (const TensorD& t : shares.act) numbers.act.emplace_back(t.data(), t.data() + t.size());
  return numbers;
}

double CostModel::cost(const Shares& shares, Shares* gradient) const {
  if (!gradient) {
    const Numbers<double> numbers = plain_numbers(shares);
    double total = 0;
    for (int i = 1; i <= spec_.output(); ++i) total += layer_term(numbers, i);
    return total + not_additive(shares);
  }
  ScalarTape tape;
  const auto recorded = [&](const TensorsD& tensors) {
    std::vector<std::vector<Real>> all(tensors.size());
    for (size_t i = 0; i < tensors.size(); ++i)
      for (int64_t k = 0; k < tensors[i].size(); ++k) all[i].emplace_back(tensors[i][k], tape);
    return all;
  };
  const Numbers<Real> numbers{shares, recorded(shares.weight), recorded(shares.act)};
  Real total = 0.0;
  for (int i = 1; i <= spec_.output(); ++i) total += layer_term(numbers, i);
  const std::vector<double> slopes = tape.gradient(total.node());
  const auto slopes_of = [&](const std::vector<std::vector<Real>>& all, TensorsD& out) {
    for (size_t i = 0; i < all.size(); ++i) {
      if (out[i].defined()) out[i] = TensorD(out[i].shape());
      for (size_t k = 0; k < all[i].size(); ++k) out[i][int64_t(k)] = slopes[size_t(all[i][k].node())];
    }
  };
  *gradient = shares;
  slopes_of(numbers.weight, gradient->weight);
  slopes_of(numbers.act, gradient->act);
  return total.value() + not_additive(shares);
}

mpic::FlashBytes CostModel::flash(const Assignment& assignment) const {
  for (size_t i = 0; i < spec_.layers.size(); ++i) {
    for (const int bits : assignment.weight_bits[i]) check_priced(spec_, i, bits);
    if (assignment.act_bits[i]) check_priced(spec_, i, assignment.act_bits[i], "activations");
  }
  return counter_->count(lowered_shape(spec_, assignment, signed_input_));
}

// What the largest shares cost more than their weights and rules: code and records, which layers share.
double CostModel::not_additive(const Shares& shares) const {
  if (kind_ != CostKind::kFlash) return 0;
  const auto largest = [](const TensorD& share, int64_t row, const std::vector<int>& bits) {
    size_t best = 0;
    for (size_t p = 1; p < bits.size(); ++p)
      if (share[row * int64_t(bits.size()) + int64_t(p)] >= share[row * int64_t(bits.size()) + int64_t(best)]) best = p;
    return bits[best];
  };
  Assignment a = Assignment::uniform(spec_, 8, 8);
  for (size_t i = 1; i < spec_.layers.size(); ++i) {
    for (size_t c = 0; c < a.weight_bits[i].size(); ++c)
      a.weight_bits[i][c] = largest(shares.weight[i], int64_t(c), shares.weight_bits[i]);
    if (a.act_bits[i] && shares.act[i].defined()) a.act_bits[i] = largest(shares.act[i], 0, shares.act_bits[i]);
  }
  honour_ties(spec_, a, 2);
  double additive = 0;
  const Shares rounded = one_hot_shares(spec_, a);
  const Numbers<double> numbers = plain_numbers(rounded);
  for (int i = 1; i <= spec_.output(); ++i) additive += layer_term(numbers, i);
  return double(flash(a).total()) - additive;
}

std::vector<int64_t> CostModel::packed(const Assignment& assignment) const {
  for (size_t i = 0; i < spec_.layers.size(); ++i)
    for (const int bits : assignment.weight_bits[i]) check_priced(spec_, i, bits);
  return packed_weight_bytes(spec_, assignment);
}

double CostModel::cost(const Assignment& assignment) const {
  if (kind_ == CostKind::kFlash) return double(flash(assignment).total());
  if (kind_ != CostKind::kSize) return cost(one_hot_shares(spec_, assignment), nullptr);
  double bits = 0;
  for (const int64_t bytes : packed(assignment)) bits += 8.0 * double(bytes);
  return bits;
}

double CostModel::layer_cost(const Assignment& assignment, int layer) const {
  if (kind_ == CostKind::kSize) return 8.0 * double(packed(assignment)[size_t(layer)]);
  if (kind_ == CostKind::kFlash) return double(flash(assignment).layers[size_t(layer)]);
  const Shares shares = one_hot_shares(spec_, assignment);
  return layer == 0 ? 0 : layer_term(plain_numbers(shares), layer);
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
  return scalar(model_->cost(with_values(precisions_, values), &gradient_) / reference_cost_);
}

Tensors RelativeCost::backward(const Tensor& dy, const std::vector<bool>& needs) {
  TensorsD all = gradient_.weight;
  all.insert(all.end(), gradient_.act.begin(), gradient_.act.end());
  Tensors grads(all.size());
  for (size_t k = 0; k < all.size(); ++k) {
    if (!needs[k]) continue;
    grads[k] = Tensor(all[k].shape());
    for (int64_t i = 0; i < all[k].size(); ++i) grads[k][i] = float(all[k][i] * double(dy[0]) / reference_cost_);
  }
  return grads;
}

// The formula in double, which the gradient cases differentiate; its value is checked against hand-computed costs in the tests.
TensorD RelativeCost::reference(const TensorsD& in, const TensorsD&) const {
  return TensorD(Shape{1}, model_->cost(with_values(precisions_, in), nullptr) / reference_cost_);
}

std::vector<GradCase<RelativeCost>> RelativeCost::grad_cases() {
  static const ModelSpec spec = resnet8(8, 8, 3, 4);
  static const CostModel size(spec, CostKind::kSize), cycles(spec, CostKind::kCycles), flash(spec, CostKind::kFlash),
      measured(spec, CostKind::kCycles, measured_costs());
  const auto make = [](const char* label, const CostModel& model, const std::vector<int>& bits) {
    Shares precisions;
    Tensors weight, act;
    for (size_t i = 0; i < spec.layers.size(); ++i) {
      const LayerSpec& layer = spec.layers[i];
      precisions.weight_bits.push_back(has_weights(layer) ? bits : std::vector<int>());
      precisions.act_bits.push_back(i ? std::vector<int>{2, 4, 8} : std::vector<int>{8});
      weight.push_back(has_weights(layer) ? random_tensor({layer.c, int64_t(bits.size())}, i, 0.1, 0.4) : Tensor());
      act.push_back(random_tensor({int64_t(precisions.act_bits.back().size())}, 50 + i, 0.1, 0.5));
    }
    const double reference = model.cost(Assignment::uniform(spec, 8, 8));
    GradCase<RelativeCost> result{label, RelativeCost(model, reference, precisions), weight, {}};
    result.inputs.insert(result.inputs.end(), act.begin(), act.end());
    for (const Tensor& t : result.inputs) result.differentiable.push_back(t.defined());
    return result;
  };
  return {make("size, 0/2/4/8 bits", size, {0, 2, 4, 8}), make("cycles, 2/4/8 bits", cycles, {2, 4, 8}),
          make("measured cycles, 0/2/4/8 bits", measured, {0, 2, 4, 8}), make("flash, 0/2/4/8 bits", flash, {0, 2, 4, 8})};
}

}  // namespace bitloom
