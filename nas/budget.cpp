// Budgets.
#include "nas/budget.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <map>

#include "core/cancel.h"

namespace bitloom {
namespace {

struct Unit {
  CostKind kind;
  const char* suffix;
  double factor;
};
// The first of a kind is the one that amounts are printed in.
constexpr Unit kUnits[] = {{CostKind::kSize, "kB", 8e3},  {CostKind::kSize, "MB", 8e6},  {CostKind::kSize, "B", 8},
                           {CostKind::kFlash, "kB", 1e3}, {CostKind::kFlash, "MB", 1e6}, {CostKind::kFlash, "B", 1},
                           {CostKind::kCycles, "M", 1e6}, {CostKind::kCycles, "k", 1e3}, {CostKind::kEnergy, "uJ", 1.0},
                           {CostKind::kEnergy, "mJ", 1e3}};

// Which channels of which layers are removed together (a depthwise channel and the one it reads), and which layers write to one tie group.
class Removal {
 public:
  explicit Removal(const ModelSpec& spec) : ties_(channel_ties(spec)), root_(spec.layers.size()) {
    for (size_t i = 0; i < spec.layers.size(); ++i) {
      const LayerSpec& layer = spec.layers[i];
      const size_t read = layer.inputs.empty() ? i : size_t(codes_of(spec, layer.inputs[0]));
      const bool follows = is_channelwise(layer) && has_weights(spec.layers[read]);
      root_[i] = follows ? root_[read] : i;
      if (has_weights(layer)) {
        chains_[root_[i]].push_back(i);
        if (!follows && ties_[i] != ties_[0]) writers_[ties_[i]].push_back(i);
      }
    }
  }
  // Layers whose channels are removed with those of layer i, itself included.
  const std::vector<size_t>& chain(size_t i) const { return chains_.at(root_[i]); }
  // By tie group, the layers one of which must keep a channel.
  const std::map<int, std::vector<size_t>>& writers() const { return writers_; }
  bool keeps_every_group(const Assignment& a) const {
    return std::all_of(writers_.begin(), writers_.end(), [&](const auto& group) { return keeps(a, group.second); });
  }
  static bool keeps(const Assignment& a, const std::vector<size_t>& writers) {
    return std::any_of(writers.begin(), writers.end(), [&](size_t i) {
      return std::any_of(a.weight_bits[i].begin(), a.weight_bits[i].end(), [](int bits) { return bits > 0; });
    });
  }

 private:
  const std::vector<int> ties_;
  std::vector<size_t> root_;
  std::map<size_t, std::vector<size_t>> chains_;
  std::map<int, std::vector<size_t>> writers_;
};

// Descends over whole layers.
class Cheapest {
 public:
  // `channel` is the one a layer keeps if it keeps only one.
  Cheapest(const SearchNetwork& network, const CostModel& model, std::function<size_t(size_t layer)> channel)
      : network_(network),
        model_(model),
        channel_(std::move(channel)),
        removal_(network.network().spec()),
        a_(network.assignment()) {}

  // Descends from the smallest weights, with every precision for all activations.
  Assignment find() {
    Assignment best;
    double least = INFINITY;
    const std::vector<int>& weights = network_.options().weight_bits;
    for (const int act_bits : network_.options().act_bits) {
      start(weights.front() ? weights.front() : weights.at(1), act_bits);
      while (descend()) check_cancel();
      if (cost_ < least) least = cost_, best = a_;
    }
    return best;
  }

 private:
  void start(int weight_bits, int act_bits) {
    a_ = network_.assignment();
    for (size_t i = 1; i < a_.weight_bits.size(); ++i) {
      const std::vector<int>& bits = network_.weight_bits(int(i));
      if (!bits.empty()) std::fill(a_.weight_bits[i].begin(), a_.weight_bits[i].end(), bits.front() ? weight_bits : 0);
      if (a_.act_bits[i]) a_.act_bits[i] = act_bits;
    }
    for (const auto& [group, writers] : removal_.writers())
      if (!Removal::keeps(a_, writers)) keep_one_channel(writers, weight_bits);
    cost_ = model_.cost(a_);
  }

  void keep_one_channel(const std::vector<size_t>& writers, int bits) {
    Assignment best;
    double least = INFINITY;
    const Assignment without = a_;
    for (const size_t writer : writers) {
      a_ = without;
      const size_t channel = channel_(writer);
      for (const size_t i : removal_.chain(writer)) a_.weight_bits[i][channel] = bits;
      const double cost = model_.cost(a_);
      if (cost < least) least = cost, best = a_;
    }
    a_ = best;
  }

  // Tries other precisions of one layer's kept channels together with those of its input; true if something got cheaper.
  bool descend() {
    bool cheaper = false;
    const std::vector<int> none = {0};
    for (size_t i = 1; i < a_.weight_bits.size(); ++i) {
      const ModelSpec& spec = network_.network().spec();
      const size_t in = size_t(codes_of(spec, spec.layers[i].inputs[0]));
      for (const int act : a_.act_bits[in] ? network_.act_bits(int(in)) : none)
        for (const int bits : a_.weight_bits[i].empty() ? none : network_.weight_bits(int(i)))
          cheaper |= try_change([&] {
            a_.act_bits[in] = act;
            for (int& own : a_.weight_bits[i]) own = own && bits ? bits : own;
          });
    }
    return cheaper;
  }

  template <class F>
  bool try_change(F change) {
    const Assignment before = a_;
    change();
    const double cost = model_.cost(a_);
    if (cost < cost_) {
      cost_ = cost;
      return true;
    }
    a_ = before;
    return false;
  }

  const SearchNetwork& network_;
  const CostModel& model_;
  const std::function<size_t(size_t)> channel_;
  const Removal removal_;
  Assignment a_;
  double cost_ = 0;
};

// Walks from one assignment to another, cheaper one.
class Descent {
 public:
  Descent(const SearchNetwork& network, Assignment from)
      : network_(network), removal_(network.network().spec()), a_(std::move(from)) {
    for (size_t i = 1; i < a_.weight_bits.size(); ++i) {
      const Tensor gamma = network.gamma(int(i)), delta = network.delta(int(i));
      const size_t channels = a_.weight_bits[i].size();
      for (int64_t r = 0; gamma.defined() && r < gamma.shape()[0]; ++r)
        sites_.push_back({i, gamma.shape()[0] == 1 ? 0 : size_t(r), gamma.shape()[0] == 1 ? channels : size_t(r) + 1, false});
      if (delta.defined()) sites_.push_back({i, 0, 0, true});
    }
  }

  const Assignment& now() const { return a_; }

  // One step; false at the end.
  bool step_towards(const Assignment& target, bool activations) {
    check_cancel();
    std::vector<Move> moves;
    for (const Site& site : sites_)
      if ((activations || !site.activation) && !arrived(site, target)) moves.push_back(move(site, target));
    std::stable_sort(moves.begin(), moves.end(), [](const Move& x, const Move& y) { return x.regret < y.regret; });
    for (const Move& m : moves) {
      const Assignment before = a_;
      apply(m, target);
      if (!m.arrives || removal_.keeps_every_group(a_)) return true;
      a_ = before;
    }
    return false;
  }

 private:
  struct Site {  // what has a precision of its own: channels [begin, end) of a layer, or its activation
    size_t layer, begin, end;
    bool activation;
  };
  struct Move {
    const Site* site;
    int bits;
    bool arrives;  // at the bits of the goal, where a layer may keep single channels
    double regret;
  };

  const std::vector<int>& options(const Site& s) const {
    return s.activation ? network_.act_bits(int(s.layer)) : network_.weight_bits(int(s.layer));
  }
  // A site whose layer kept single channels counts as these.
  static int bits_of(const Site& s, const Assignment& a) {
    return s.activation ? a.act_bits[s.layer]
                        : *std::max_element(a.weight_bits[s.layer].begin() + int64_t(s.begin),
                                            a.weight_bits[s.layer].begin() + int64_t(s.end));
  }
  bool arrived(const Site& s, const Assignment& target) const {
    if (s.activation) return a_.act_bits[s.layer] == target.act_bits[s.layer];
    return std::equal(a_.weight_bits[s.layer].begin() + int64_t(s.begin), a_.weight_bits[s.layer].begin() + int64_t(s.end),
                      target.weight_bits[s.layer].begin() + int64_t(s.begin));
  }
  // How much more the network prefers one precision to another.
  double preference(size_t layer, size_t channel, bool activation, int to, int from) const {
    const Tensor values = activation ? network_.delta(int(layer)) : network_.gamma(int(layer));
    if (!values.defined()) return 0;
    const std::vector<int>& bits = activation ? network_.act_bits(int(layer)) : network_.weight_bits(int(layer));
    const int64_t row = values.shape()[0] == 1 ? 0 : int64_t(channel);
    const auto at = [&](int b) {
      return values[row * int64_t(bits.size()) + (std::find(bits.begin(), bits.end(), b) - bits.begin())];
    };
    return double(at(to) - at(from));
  }

  Move move(const Site& s, const Assignment& target) const {
    const std::vector<int>& bits = options(s);
    const int now = bits_of(s, a_), goal = bits_of(s, target);
    const auto at = std::find(bits.begin(), bits.end(), now);
    // At the goal's bits, a layer of which single channels stay goes there by removing the others.
    const int next = now == goal ? bits.front() : goal > now ? at[1] : at[-1];
    Move m{&s, next, now == 0 || next == 0 || now == goal, preference(s.layer, s.begin, s.activation, now, next)};
    if (!s.activation && next == 0)
      for (const size_t other : removal_.chain(s.layer))
        if (other != s.layer) m.regret += preference(other, s.begin, false, a_.weight_bits[other][s.begin], 0);
    return m;
  }

  void apply(const Move& m, const Assignment& target) {
    const Site& s = *m.site;
    if (s.activation) {
      a_.act_bits[s.layer] = m.bits;
      return;
    }
    for (size_t c = s.begin; c < s.end; ++c) {
      int& own = a_.weight_bits[s.layer][c];
      const bool was_kept = own > 0;
      own = m.arrives ? target.weight_bits[s.layer][c] : m.bits;
      if (was_kept == (own > 0)) continue;
      for (const size_t other : removal_.chain(s.layer))
        if (other != s.layer) a_.weight_bits[other][c] = target.weight_bits[other][c];
    }
  }

  const SearchNetwork& network_;
  const Removal removal_;
  Assignment a_;
  std::vector<Site> sites_;
};

}  // namespace

double parse_budget(const std::string& text, CostKind cost, double whole) {
  size_t used = 0;
  double value = 0;
  try {
    value = std::stod(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  if (used > 0 && value > 0 && text.substr(used) == "%") return value / 100 * whole;
  for (const Unit& unit : kUnits)
    if (used > 0 && value > 0 && std::isfinite(value) && unit.kind == cost && text.substr(used) == unit.suffix)
      return value * unit.factor;
  throw Error("--budget: '" + text +
              "' is not an amount for this cost; size and flash: 30kB, cycles: 2M or 500k, energy: 80uJ, any: 30%");
}

std::string budget_text(double amount, CostKind cost) {
  const Unit& unit = *std::find_if(std::begin(kUnits), std::end(kUnits), [&](const Unit& u) { return u.kind == cost; });
  const double value = amount / unit.factor, last_digit = std::pow(10.0, std::floor(std::log10(value)) - 4);
  for (double digits = std::floor(value / last_digit);; ++digits) {
    char text[64];
    std::snprintf(text, sizeof text, "%.5g%s", digits * last_digit, unit.suffix);
    if (parse_budget(text, cost) >= amount) return text;
  }
}

Assignment cheapest_assignment(const SearchNetwork& network, const CostModel& model) {
  return Cheapest(network, model, [](size_t) { return size_t(0); }).find();
}

Assignment meet_budget(const SearchNetwork& network, const CostModel& model, double budget) {
  const Assignment preferred = network.discretize();
  if (model.cost(preferred) <= budget) return preferred;
  // Of a layer that is left with one channel, the one whose bits are valued most, among those that are kept now.
  const Assignment target =
      Cheapest(network, model, [&](size_t layer) {
        const Tensor gamma = network.gamma(int(layer));
        const std::vector<int>& now = preferred.weight_bits[layer];
        if (!gamma.defined() || gamma.shape()[0] == 1)
          return size_t(std::find_if(now.begin(), now.end(), [](int b) { return b > 0; }) - now.begin()) % now.size();
        const int64_t options = gamma.shape()[1];
        const auto value = [&](size_t c) {
          const float* row = gamma.data() + int64_t(c) * options;
          return std::make_pair(now[c] > 0, *std::max_element(row + 1, row + options) - row[0]);
        };
        size_t best = 0;
        for (size_t c = 1; c < now.size(); ++c)
          if (value(c) > value(best)) best = c;
        return best;
      }).find();
  BITLOOM_CHECK(model.cost(target) <= budget, "--budget: no assignment of the precisions offered costs less than ",
                budget_text(model.cost(target), model.kind()));
  Descent descent(network, preferred);
  // Activations have no part in weights' size, and little in flash: there they move last.
  const auto move = [&](bool activations) {
    while (model.cost(descent.now()) > budget && descent.step_towards(target, activations)) {
    }
  };
  if (model.kind() == CostKind::kSize || model.kind() == CostKind::kFlash) move(false);
  if (model.kind() != CostKind::kSize) move(true);
  return descent.now();
}

}  // namespace bitloom
