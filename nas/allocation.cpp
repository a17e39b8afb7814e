// Allocation by prices.
#include "nas/allocation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <tuple>

#include "core/cancel.h"
#include "nas/budget.h"

namespace bitloom {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

size_t position(const std::vector<int>& options, int bits) {
  return size_t(std::find(options.begin(), options.end(), bits) - options.begin());
}

// Output channels that live and die together, and the weighted layers that write them.
struct Group {
  std::vector<size_t> writers;
  bool removable = false;   // no channel of the network's input or output, and all writers offer 0 bits
  bool only_joint = false;  // a depthwise layer among the writers: no writer goes without the others
};

// How single decisions are: one a layer, one a channel, or one a channel so that as many channels of a layer as possible lie in blocks of four of the
// same bits, which fewer kinds of code take.
enum class Choices { kLayers, kChannels, kBlocks };

class Allocator {
 public:
  Allocator(const AllocationProblem& problem, Choices choices)
      : problem_(problem),
        spec_(problem.network.network().spec()),
        by_channel_(choices != Choices::kLayers),
        in_blocks_(choices == Choices::kBlocks),
        ties_(channel_ties(spec_)),
        groups_(spec_.layers.size()) {
    for (size_t i = 1; i < spec_.layers.size(); ++i)
      if (has_weights(spec_.layers[i])) {
        Group& group = groups_[size_t(ties_[i])];
        group.removable =
            by_channel_ && ties_[i] != ties_[0] && (group.writers.empty() || group.removable) && weight_options(i)[0] == 0;
        group.only_joint = group.only_joint || is_channelwise(spec_.layers[i]);
        group.writers.push_back(i);
      }
  }

  // The best assignment within the budget that prices lead to; `fallback` if none is better.
  Assignment within(double budget, Assignment fallback) {
    if (cost(most()) <= budget) return most();
    Assignment best = std::move(fallback);
    const QuantOptions& offered = problem_.network.options();
    for (const int act : offered.act_bits)
      for (const int weight : offered.weight_bits) consider_uniform(weight, act, budget, best);
    follow_prices(most(), budget, best);
    for (size_t k = offered.act_bits.size() - 1; k-- > 0;)
      follow_prices(Assignment::uniform(spec_, at_least(offered.act_bits[k], offered.weight_bits), offered.act_bits[k]), budget,
                    best);
    fill(best, budget);
    return best;
  }

 private:
  static constexpr int kRounds = 6;
  static constexpr double kLowestPrice = 1e-18, kHighestPrice = 1e18;  // of a unit of cost, in loss

  void consider_uniform(int weight, int act, double budget, Assignment& best) const {
    if (weight == 0 || problem_.network.options().act_bits.size() == 1) return;
    Assignment uniform = Assignment::uniform(spec_, weight, act);
    if (cost(uniform) <= budget && total(uniform) < total(best)) best = std::move(uniform);
  }

  static int at_least(int bits, const std::vector<int>& options) {
    const auto it = std::lower_bound(options.begin(), options.end(), bits);
    return it == options.end() ? options.back() : *it;
  }

  // Rounds of choices by prices, the first of which are taken at `now`. A product takes the time of the wider of its two precisions: from w8a8, neither fewer
  // weight bits nor fewer activation bits save much, both together half. So one begins at every width.
  void follow_prices(Assignment now, double budget, Assignment& best) {
    for (int round = 0; round < kRounds; ++round) {
      take_prices(now);
      double low = kLowestPrice, high = kHighestPrice;
      Assignment next = choose(high);
      for (int step = 0; step < 60; ++step) {
        check_cancel();
        const double mu = std::sqrt(low * high);
        Assignment candidate = choose(mu);
        const bool met = cost(candidate) <= budget;
        (met ? high : low) = mu;
        if (met) next = std::move(candidate);
      }
      if (problem_.cost.kind() == CostKind::kFlash) look_around(high, budget, next);
      if (cost(next) <= budget) {
        fill(next, budget);
        if (total(next) < total(best)) best = next;
      }
      if (next.weight_bits == now.weight_bits && next.act_bits == now.act_bits) break;
      now = std::move(next);
    }
  }

  // Code comes in routines, so that less may cost more: other prices around the one that was found, and the best of what meets the budget.
  void look_around(double mu, double budget, Assignment& best) const {
    constexpr int kSteps = 24;
    for (int step = -kSteps; step <= kSteps; ++step) {
      check_cancel();
      Assignment candidate = choose(mu * std::pow(10.0, step * 2.0 / kSteps));
      if (cost(candidate) <= budget && (cost(best) > budget || total(candidate) < total(best))) best = std::move(candidate);
    }
  }

  double cost(const Assignment& a) const { return problem_.cost.cost(a); }
  double total(const Assignment& a) const { return total_sensitivity(problem_, a); }
  const std::vector<int>& weight_options(size_t i) const { return problem_.network.weight_bits(int(i)); }
  const std::vector<int>& act_options(size_t i) const { return problem_.network.act_bits(int(i)); }
  bool act_choice(size_t i) const { return problem_.sensitivity.act[i].defined(); }
  double weight_sensitivity(size_t i, size_t channel, size_t option) const {
    const TensorD& s = problem_.sensitivity.weight[i];
    return s.defined() ? s[int64_t(channel * weight_options(i).size() + option)] : 0;
  }

  Assignment most() const {
    const QuantOptions& offered = problem_.network.options();
    return Assignment::uniform(spec_, offered.weight_bits.back(), offered.act_bits.back());
  }

  // Slopes of the cost at an assignment, by the shares of the precisions offered.
  Shares slopes(const Assignment& a) const {
    Shares s;
    for (size_t i = 0; i < spec_.layers.size(); ++i) {
      const std::vector<int>&weight = weight_options(i), &act = problem_.sensitivity.act_bits[i];
      s.weight_bits.push_back(weight);
      s.act_bits.push_back(act);
      s.weight.push_back(weight.empty() ? TensorD() : TensorD(Shape{spec_.layers[i].c, int64_t(weight.size())}, 0.0));
      for (size_t c = 0; c < a.weight_bits[i].size(); ++c)
        s.weight[i][int64_t(c * weight.size() + position(weight, a.weight_bits[i][c]))] = 1;
      s.act.emplace_back(Shape{int64_t(act.size())}, 0.0);
      s.act[i][a.act_bits[i] ? int64_t(position(act, a.act_bits[i])) : 0] = 1;
    }
    Shares gradient;
    problem_.cost.cost(s, &gradient);
    return gradient;
  }

  // What one channel costs more at an option than at the most bits, in the network around `now`; for all channels of a layer, the price is that
  // of one that all writers keep.
  void take_prices(const Assignment& now) {
    const Shares slope = slopes(now);
    weight_price_.assign(spec_.layers.size(), {});
    act_price_.assign(spec_.layers.size(), {});
    removal_price_.assign(spec_.layers.size(), kNever);
    for (size_t i = 1; i < spec_.layers.size(); ++i) {
      for (size_t p = 0; p < act_options(i).size(); ++p) act_price_[i].push_back(slope.act[i][int64_t(p)]);
      const size_t n = weight_options(i).size();
      for (size_t p = 0; p < n; ++p) weight_price_[i].push_back(slope.weight[i][int64_t(typical_channel(now, i) * n + p)]);
      for (std::vector<double>* prices : {&weight_price_[i], &act_price_[i]}) {
        const double most_bits = prices->empty() ? 0 : prices->back();
        for (double& price : *prices) price -= most_bits;
      }
    }
    for (size_t g = 0; g < groups_.size(); ++g)
      if (groups_[g].removable && channels_left(now, groups_[g]) > 1) removal_price_[g] = removal_price(now, groups_[g]);
  }

  // Of a channel that nobody writes, less that of one which all writers keep at their most bits: seen from where it is gone, its first writer
  // brings back what the readers spend.
  double removal_price(Assignment now, const Group& group) const {
    const size_t first = group.writers[0], c = typical_channel(now, first), n = weight_options(first).size();
    for (const size_t i : group.writers) now.weight_bits[i][c] = 0;
    const TensorD slope = slopes(now).weight[first];
    double price = slope[int64_t(c * n)] - slope[int64_t(c * n + n - 1)];
    for (const size_t i : group.writers)
      if (i != first) price += weight_price_[i][0];
    return price;
  }

  // The first channel that all writers of the layer's group keep, else that this one keeps, else the first.
  size_t typical_channel(const Assignment& a, size_t i) const {
    const std::vector<size_t>& writers = groups_[size_t(ties_[i])].writers;
    const size_t channels = a.weight_bits[i].size();
    for (size_t c = 0; c < channels; ++c)
      if (std::all_of(writers.begin(), writers.end(), [&](size_t j) { return a.weight_bits[j][c] > 0; })) return c;
    for (size_t c = 0; c < channels; ++c)
      if (a.weight_bits[i][c] > 0) return c;
    return 0;
  }

  int64_t channels_left(const Assignment& a, const Group& group) const {
    const std::vector<bool> kept = kept_channels(spec_, a)[group.writers[0]];
    return std::count(kept.begin(), kept.end(), true);
  }

  // The option of least sensitivity + mu * price, of equals the one with the most bits, and that minimum.
  template <class F>
  static std::pair<size_t, double> cheapest(const std::vector<double>& price, double mu, F sensitivity) {
    std::pair<size_t, double> best{price.size() - 1, kNever};
    for (size_t k = price.size(); k-- > 0;) {
      const double value = sensitivity(k) + mu * price[k];
      if (value < best.second) best = {k, value};
    }
    return best;
  }

  Assignment choose(double mu) const {
    Assignment a = most();
    for (size_t i = 1; i < spec_.layers.size(); ++i)
      if (act_choice(i)) {
        const TensorD& s = problem_.sensitivity.act[i];
        a.act_bits[i] = act_options(i)[cheapest(act_price_[i], mu, [&](size_t k) { return s[int64_t(k)]; }).first];
      }
    for (size_t g = 0; g < groups_.size(); ++g)
      if (!groups_[g].writers.empty()) by_channel_ ? choose_channels(g, mu, a) : choose_layers(g, mu, a);
    for (size_t g = 0; in_blocks_ && g < groups_.size(); ++g) {
      std::vector<size_t> all(groups_[g].writers.empty() ? 0 : a.weight_bits[groups_[g].writers[0]].size());
      std::iota(all.begin(), all.end(), size_t(0));
      make_blocks(g, 0, all, mu, a);
    }
    return a;
  }

  // Of `channels`, on which the writers before this one agree: those of every precision, from the most bits on, become a multiple of four by going down
  // to the next, or by some of those coming up, whichever is cheaper. What is left over has the least bits. Lowering sorts channels in this order.
  void make_blocks(size_t g, size_t writer, const std::vector<size_t>& channels, double mu, Assignment& a) const {
    if (writer == groups_[g].writers.size() || channels.empty()) return;
    const size_t i = groups_[g].writers[writer];
    const std::vector<int>& options = weight_options(i);
    std::map<size_t, std::vector<size_t>> by_option;
    for (const size_t c : channels) by_option[position(options, a.weight_bits[i][c])].push_back(c);
    const size_t least = options[0] == 0;
    for (size_t p = options.size(); p-- > least;) {
      if (p > least) round_to_blocks(i, p, mu, by_option[p], by_option[p - 1]);
      for (const size_t c : by_option[p]) a.weight_bits[i][c] = options[p];
    }
    for (const auto& [option, own] : by_option) make_blocks(g, writer + 1, own, mu, a);
  }

  void round_to_blocks(size_t i, size_t p, double mu, std::vector<size_t>& above, std::vector<size_t>& below) const {
    constexpr size_t kBlock = 4;
    const auto value = [&](size_t c) {  // of having less bits; what is lost
      return weight_sensitivity(i, c, p - 1) - weight_sensitivity(i, c, p) +
             mu * (weight_price_[i][p - 1] - weight_price_[i][p]);
    };
    const auto less = [&](size_t x, size_t y) { return std::make_pair(value(x), x) < std::make_pair(value(y), y); };
    const size_t down = above.size() % kBlock, up = kBlock - down;
    if (down == 0) return;
    std::sort(above.begin(), above.end(), less);
    std::sort(below.begin(), below.end(), less);
    double lost = 0, gained = 0;
    for (size_t k = 0; k < down; ++k) lost += value(above[k]);
    for (size_t k = 0; k < up && k < below.size(); ++k) gained += value(below[below.size() - 1 - k]);
    if (below.size() >= up && lost > -gained) {
      above.insert(above.end(), below.end() - int64_t(up), below.end());
      below.resize(below.size() - up);
    } else {
      below.insert(below.end(), above.begin(), above.begin() + int64_t(down));
      above.erase(above.begin(), above.begin() + int64_t(down));
    }
  }

  void choose_layers(size_t g, double mu, Assignment& a) const {
    for (const size_t i : groups_[g].writers) {
      const size_t channels = a.weight_bits[i].size();
      const auto whole_layer = [&](size_t option) {
        double sum = weight_options(i)[option] == 0 ? kNever : 0;
        for (size_t c = 0; c < channels; ++c) sum += weight_sensitivity(i, c, option);
        return sum;
      };
      const size_t option = cheapest(weight_price_[i], mu * double(channels), whole_layer).first;
      std::fill(a.weight_bits[i].begin(), a.weight_bits[i].end(), weight_options(i)[option]);
    }
  }

  void choose_channels(size_t g, double mu, Assignment& a) const {
    const Group& group = groups_[g];
    const bool single =
        group.writers.size() > 1 && group.removable && !group.only_joint;  // one writer may go without the others
    std::vector<std::pair<double, size_t>> removed;                        // what removal is better by, and the channel
    const size_t channels = a.weight_bits[group.writers[0]].size();
    for (size_t c = 0; c < channels; ++c) {
      double keep = 0, remove = group.removable ? mu * removal_price_[g] : kNever;
      bool written = false;
      for (const size_t i : group.writers) {
        const auto own = [&](size_t p) { return weight_options(i)[p] == 0 && !single ? kNever : weight_sensitivity(i, c, p); };
        const auto [option, value] = cheapest(weight_price_[i], mu, own);
        a.weight_bits[i][c] = weight_options(i)[option];
        written = written || a.weight_bits[i][c] > 0;
        keep += value;
        remove += weight_sensitivity(i, c, 0);
      }
      if (remove < keep || !written) removed.emplace_back(std::min(remove, keep) - keep, c);
    }
    std::sort(removed.begin(), removed.end());
    for (size_t k = 0; k < removed.size(); ++k)
      for (const size_t i : group.writers) {
        int& bits = a.weight_bits[i][removed[k].second];
        bits = k + 1 < channels ? 0 : std::max(bits, weight_options(i)[weight_options(i)[0] == 0]);  // one channel stays
      }
  }

  // Spends what the budget leaves: single decisions that lower the sensitivity, the greatest gain first.
  void fill(Assignment& a, double budget) const {
    for (bool changed = true; changed;) {
      changed = false;
      std::vector<std::tuple<double, size_t, size_t, int>> moves;  // change of sensitivity, layer, channel (or all), bits
      for (size_t i = 1; i < spec_.layers.size(); ++i) {
        const size_t channels = a.weight_bits[i].size();
        for (size_t c = 0; c < (by_channel_ ? channels : std::min<size_t>(1, channels)); ++c)
          for (const int bits : weight_options(i))
            if (a.weight_bits[i][c] > 0 && bits > a.weight_bits[i][c]) moves.emplace_back(gain(a, i, c, bits), i, c, bits);
      }
      std::sort(moves.begin(), moves.end());
      for (const auto& [gain, i, c, bits] : moves) {
        if (gain >= 0) break;
        if (bits <= a.weight_bits[i][c]) continue;
        check_cancel();
        const std::vector<int> before = a.weight_bits[i];
        set(a, i, c, bits);
        if (cost(a) <= budget)
          changed = true;
        else
          a.weight_bits[i] = before;
      }
    }
  }
  // By layer, of the channels that are kept: the cheapest assignment, from which it may start, has single ones.
  void set(Assignment& a, size_t i, size_t channel, int bits) const {
    for (size_t c = 0; c < a.weight_bits[i].size(); ++c)
      if (by_channel_ ? c == channel : a.weight_bits[i][c] > 0) a.weight_bits[i][c] = bits;
  }
  double gain(const Assignment& a, size_t i, size_t channel, int bits) const {
    double sum = 0;
    for (size_t c = 0; c < a.weight_bits[i].size(); ++c)
      if (by_channel_ ? c == channel : a.weight_bits[i][c] > 0)
        sum += weight_sensitivity(i, c, position(weight_options(i), bits)) -
               weight_sensitivity(i, c, position(weight_options(i), a.weight_bits[i][c]));
    return sum;
  }

  const AllocationProblem& problem_;
  const ModelSpec& spec_;
  const bool by_channel_, in_blocks_;
  const std::vector<int> ties_;
  std::vector<Group> groups_;  // by tie
  std::vector<std::vector<double>> weight_price_, act_price_;
  std::vector<double> removal_price_;  // by tie
};

}  // namespace

Assignment allocate(const AllocationProblem& problem, double budget) {
  Assignment best = cheapest_assignment(problem.network, problem.cost);
  BITLOOM_CHECK(problem.cost.cost(best) <= budget, "--budget: no assignment of the precisions offered costs less than ",
                budget_text(problem.cost.cost(best), problem.cost.kind()));
  best = Allocator(problem, Choices::kLayers).within(budget, best);
  if (problem.network.granularity() == Granularity::kLayer) return best;
  if (problem.cost.kind() == CostKind::kFlash) best = Allocator(problem, Choices::kBlocks).within(budget, best);
  return Allocator(problem, Choices::kChannels).within(budget, best);
}

double total_sensitivity(const AllocationProblem& problem, const Assignment& assignment) {
  const Shares& s = problem.sensitivity;
  double sum = 0;
  for (size_t i = 1; i < s.weight.size(); ++i) {
    const std::vector<int>& chosen = assignment.weight_bits[i];
    for (size_t c = 0; s.weight[i].defined() && c < chosen.size(); ++c)
      sum += s.weight[i][int64_t(c * s.weight_bits[i].size() + position(s.weight_bits[i], chosen[c]))];
    if (s.act[i].defined()) sum += s.act[i][int64_t(position(s.act_bits[i], assignment.act_bits[i]))];
  }
  return sum;
}

}  // namespace bitloom
