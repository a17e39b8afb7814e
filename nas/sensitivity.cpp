// Sensitivities, from gradients of shares and one by one.
#include "nas/sensitivity.h"

#include <algorithm>

#include "core/cancel.h"
#include "datasets/loader.h"
#include "nn/learner.h"

namespace bitloom {
namespace {

// The layout of a network's shares; its tensors are undefined.
Shares layout_of(const SearchNetwork& network) {
  Shares s;
  const size_t layers = network.network().spec().layers.size();
  for (int i = 0; i < int(layers); ++i) {
    s.weight_bits.push_back(network.weight_bits(i));
    s.act_bits.push_back(network.act_bits(i).empty() ? std::vector<int>{8} : network.act_bits(i));
  }
  s.weight.resize(layers);
  s.act.resize(layers);
  return s;
}

// The shape of layer i's sensitivities; of size 0 where it has no choice.
Shape weight_table(const SearchNetwork& network, size_t i) {
  const int64_t options = int64_t(network.weight_bits(int(i)).size());
  return options > 1 ? Shape{network.network().spec().layers[i].c, options} : Shape{0};
}
Shape act_table(const SearchNetwork& network, size_t i) {
  const int64_t options = int64_t(network.act_bits(int(i)).size());
  return options > 1 ? Shape{options} : Shape{0};
}

void set_trainable(SearchNetwork& network, bool on) {
  for (Parameter& p : network.network().parameters()) p.value.set_requires_grad(on);
  for (Parameter& p : network.parameters()) p.value.set_requires_grad(on);
}

// Training samples, spread over the split and mixed, augmented.
Loader samples_of(const TaskData& data, int64_t samples, int64_t batch, const Rng& rng) {
  return ordered_batches(*data.train, mixed_indices(data.train->size(), samples), batch, &rng);
}

}  // namespace

SensitivityMeter::SensitivityMeter(const SearchNetwork& network) : layout_(layout_of(network)) {
  for (size_t i = 0; i < layout_.weight.size(); ++i) {
    names_.push_back(network.network().spec().layers[i].name);
    weight_.emplace_back(weight_table(network, i), 0.0f);
    act_.emplace_back(act_table(network, i), 0.0f);
  }
}

void SensitivityMeter::observe(SearchNetwork& network, int64_t samples, double keep, bool from_most) {
  observations_ = observations_ * keep + 1;
  const Assignment& now = network.assignment();
  const auto add_row = [&](Tensor& sum, const Tensor& grad, const std::vector<int>& bits, int64_t row, int assigned) {
    const int q = from_most ? bits.back() : assigned;
    const int64_t options = int64_t(bits.size()), from = std::find(bits.begin(), bits.end(), q) - bits.begin();
    for (int64_t p = 0; p < options; ++p) {
      float& own = sum[row * options + p];
      const double change = grad.defined() ? double(grad[row * options + p]) - double(grad[row * options + from]) : 0;
      own = float(keep * double(own) + double(samples) / 2 * change * change);
    }
  };
  for (size_t i = 1; i < weight_.size(); ++i) {
    const Tensor weight_grad = network.take_weight_share_grad(int(i)), act_grad = network.take_act_share_grad(int(i));
    for (size_t c = 0; weight_[i].size() > 0 && c < now.weight_bits[i].size(); ++c)
      add_row(weight_[i], weight_grad, layout_.weight_bits[i], int64_t(c), now.weight_bits[i][c]);
    if (act_[i].size() > 0) add_row(act_[i], act_grad, layout_.act_bits[i], 0, now.act_bits[i]);
  }
}

Shares SensitivityMeter::value() const {
  Shares mean = layout_;
  const auto divided = [&](const Tensor& sum) {
    if (sum.size() == 0) return TensorD();
    TensorD t(sum.shape(), 0.0);
    for (int64_t k = 0; k < t.size() && observations_ > 0; ++k) t[k] = double(sum[k]) / observations_;
    return t;
  };
  for (size_t i = 1; i < weight_.size(); ++i) {
    mean.weight[i] = divided(weight_[i]);
    mean.act[i] = divided(act_[i]);
  }
  return mean;
}

// Calls f(key, tensor) for every tensor that is not empty.
template <class Self, class F>
void SensitivityMeter::each_tensor(Self& self, F f) {
  for (size_t i = 1; i < self.weight_.size(); ++i) {
    if (self.weight_[i].size() > 0) f(self.names_[i] + ".weight", self.weight_[i]);
    if (self.act_[i].size() > 0) f(self.names_[i] + ".act", self.act_[i]);
  }
}

StateDict SensitivityMeter::state() const {
  StateDict out;
  out.put("observations", observations_);
  each_tensor(*this, [&](const std::string& key, const Tensor& t) { out.put(key, t); });
  return out;
}

void SensitivityMeter::load(const StateDict& state) {
  const std::string otherwise = "not sensitivities of this network";
  observations_ = state.number("observations", otherwise);
  each_tensor(*this, [&](const std::string& key, Tensor& t) { t = state.finite_tensor(key, t.shape(), otherwise); });
}

Shares fisher_sensitivity(SearchNetwork& network, const TaskData& data, int64_t samples) {
  constexpr int64_t kBatch = 16;
  SensitivityMeter meter(network);
  const Rng rng = Rng(0).split("sensitivity");
  samples = std::min(samples, data.train->size());
  Loader loader = samples_of(data, samples, kBatch, rng);
  set_trainable(network, false);
  network.probe(true);
  for (int64_t i = 0; i * kBatch < samples; ++i) {
    check_cancel();
    const Batch batch = loader.get(i);
    Tape tape;
    const Variable output = network.network().forward(tape, batch.x, Pass::kInference, &network);
    tape.backward(task_loss(tape, network.network().spec().kind, output, batch, nullptr));
    meter.observe(network, batch.x.shape()[0]);
  }
  network.probe(false);
  set_trainable(network, true);
  return meter.value();
}

Shares exact_sensitivity(SearchNetwork& network, const TaskData& data, int64_t samples) {
  const Rng rng = Rng(0).split("sensitivity");
  samples = std::min(samples, data.train->size());
  const Batch batch = samples_of(data, samples, samples, rng).get(0);
  const Assignment from = network.assignment();
  const auto loss_at = [&](const Assignment& a) {
    check_cancel();
    network.assign(a);
    Tape tape(Tape::kInference);
    const Variable output = network.network().forward(tape, batch.x, Pass::kInference, &network);
    return double(task_loss(tape, network.network().spec().kind, output, batch, nullptr).value()[0]);
  };
  const double before = loss_at(from);
  Shares found = layout_of(network);
  // Fills one row: f(a) is what changes.
  const auto fill = [&](TensorD& table, const std::vector<int>& bits, int64_t row, auto changed) {
    for (size_t p = 0; p < bits.size(); ++p) {
      Assignment a = from;
      int& own = changed(a);
      const bool same = own == bits[p];
      own = bits[p];
      table[row * int64_t(bits.size()) + int64_t(p)] = same ? 0 : loss_at(a) - before;
    }
  };
  for (size_t i = 1; i < found.weight.size(); ++i) {
    const Shape weights = weight_table(network, i), act = act_table(network, i);
    if (weights.size() > 0) found.weight[i] = TensorD(weights, 0.0);
    for (int64_t c = 0; c < found.weight[i].size() / std::max<int64_t>(1, weights.back()); ++c)
      fill(found.weight[i], found.weight_bits[i], c, [&](Assignment& a) -> int& { return a.weight_bits[i][size_t(c)]; });
    if (act.size() == 0) continue;
    found.act[i] = TensorD(act, 0.0);
    fill(found.act[i], found.act_bits[i], 0, [&](Assignment& a) -> int& { return a.act_bits[i]; });
  }
  network.assign(from);
  return found;
}

}  // namespace bitloom
