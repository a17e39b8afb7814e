// Allocation: budgets, ties, and optimality where the optimum is known.
#include "nas/allocation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "mpic/compile/flash.h"
#include "nas/budget.h"
#include "nn/models/models.h"
#include "quant/lower.h"
#include "tests/support/files.h"
#include "tests/support/random_qat.h"
#include "tests/support/tiny_task.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::quant_options;
using testing::tiny_spec;

struct Problem {
  Problem(const ModelSpec& spec, const QuantOptions& options, Granularity granularity, CostKind kind = CostKind::kSize,
          const CostTable& table = published_costs(), const QuantScheme& input = {8, false, 1.0 / 255})
      : network(spec, Rng(1)), search(network, options, input, granularity), cost(spec, kind, table, input.is_signed) {}

  // Falling with the bits, channels up to a factor of 1000 apart.
  void randomize(uint64_t seed) {
    Rng rng(seed);
    const auto fill = [&](TensorD& table, const Shape& shape) {
      table = TensorD(shape, 0.0);
      const int64_t options = shape.back();
      for (int64_t row = 0; row < table.size() / options; ++row) {
        double own = std::pow(10, rng.uniform(-3, 0));
        for (int64_t p = 0; p + 1 < options; ++p, own *= rng.uniform(0.02, 0.5)) table[row * options + p] = own;
      }
    };
    const ModelSpec& spec = network.spec();
    sensitivity = {};
    for (int i = 0; i < int(spec.layers.size()); ++i) {
      const std::vector<int>&weight = search.weight_bits(i), &act = search.act_bits(i);
      sensitivity.weight_bits.push_back(weight);
      sensitivity.act_bits.push_back(act.empty() ? std::vector<int>{8} : act);
      sensitivity.weight.emplace_back();
      sensitivity.act.emplace_back();
      if (weight.size() > 1) fill(sensitivity.weight.back(), {spec.layers[size_t(i)].c, int64_t(weight.size())});
      if (act.size() > 1) fill(sensitivity.act.back(), {int64_t(act.size())});
    }
  }
  AllocationProblem problem() const { return {search, cost, sensitivity}; }
  double whole() const { return cost.cost(Assignment::uniform(network.spec(), 8, 8)); }

  Network network;
  SearchNetwork search;
  CostModel cost;
  Shares sensitivity;
};

TEST(AllocationTest, BudgetsAreMetAndTiesRespected) {
  for (const ModelSpec& spec : {tiny_spec(), resnet8(8, 8, 3, 4), mobilenet_v1(32, 32, 3, 2)})
    for (const CostKind kind : {CostKind::kSize, CostKind::kCycles, CostKind::kEnergy, CostKind::kFlash})
      for (const std::vector<int>& bits : {std::vector<int>{0, 2, 4, 8}, std::vector<int>{2, 4, 8}}) {
        if (spec.layers.size() > 20 && (kind == CostKind::kCycles || std::getenv("BITLOOM_FAST"))) continue;
        if (spec.layers.size() > 10 && kind == CostKind::kFlash && std::getenv("BITLOOM_FAST")) continue;
        Problem p(spec, quant_options(bits, {2, 4, 8}), Granularity::kChannel, kind,
                  kind == CostKind::kEnergy ? measured_costs() : published_costs());
        p.randomize(3);
        const double least = p.cost.cost(cheapest_assignment(p.search, p.cost));
        for (const double share : {0.0, 0.1, 0.4, 0.8}) {
          if ((kind == CostKind::kFlash || std::getenv("BITLOOM_FAST")) && share != 0.0 && share != 0.4) continue;
          const double budget = least + share * (p.whole() - least);
          const Assignment a = allocate(p.problem(), budget);
          EXPECT_LE(p.cost.cost(a), budget) << spec.name << share;
          Assignment tied = a;
          honour_ties(spec, tied, 2);
          EXPECT_EQ(tied.weight_bits, a.weight_bits) << spec.name;
          p.search.assign(a);  // an error unless every precision is offered
        }
      }
}

// The budget counts what lower() packs: removed input channels leave words that are not full.
TEST(AllocationTest, PackedWeightsAreWithinTheBudget) {
  for (const char* name : {"resnet8", "ds_cnn", "mobilenet_v1", "pooled", "windowed"})
    for (const double share : {0.06, 0.15, 0.3}) {
      if (std::getenv("BITLOOM_FAST") && share != 0.15) continue;
      testing::RandomQat made(name, quant_options({0, 2, 4, 8}, {8}), Rng(5));
      Problem p(made.network.spec(), quant_options({0, 2, 4, 8}, {8}), Granularity::kChannel);
      p.randomize(6);
      const double least = p.cost.cost(cheapest_assignment(p.search, p.cost)), budget = least + share * (p.whole() - least);
      made.qat.assign(allocate(p.problem(), budget));
      const int64_t bytes = weight_bytes(lower(made.qat, "random"));
      EXPECT_LE(8 * bytes, budget) << name;
      EXPECT_GT(8 * bytes + 32, 0.98 * budget) << name << ": what the budget leaves is spent, to a word";
    }
}

// The same of flash: the whole program, code included.
TEST(AllocationTest, ProgramsAreWithinTheirFlash) {
  for (const char* name : {"resnet8", "ds_cnn", "pooled", "autoencoder"})
    for (const double share : {0.1, 0.3}) {
      if (std::getenv("BITLOOM_FAST") && (share != 0.1 || name == std::string("ds_cnn") || name == std::string("resnet8")))
        continue;
      const QuantOptions options = quant_options({0, 2, 4, 8}, {8});
      testing::RandomQat made(name, options, Rng(5));
      Problem p(made.network.spec(), options, Granularity::kChannel, CostKind::kFlash, published_costs(),
                made.qat.input_quant());
      p.randomize(6);
      const double least = p.cost.cost(cheapest_assignment(p.search, p.cost)), budget = least + share * (p.whole() - least);
      const Assignment a = allocate(p.problem(), budget);
      made.qat.assign(a);
      EXPECT_LE(double(mpic::flash_bytes(lower(made.qat, "random"))), budget) << name;
      EXPECT_LE(total_sensitivity(p.problem(), a), total_sensitivity(p.problem(), cheapest_assignment(p.search, p.cost)))
          << name;
    }
}

// A product takes the time of its wider operand: weights and activations have to go down together, though neither alone pays.
TEST(AllocationTest, NoUniformPrecisionIsBetter) {
  for (const Granularity granularity : {Granularity::kChannel, Granularity::kLayer})
    for (const CostKind kind : {CostKind::kSize, CostKind::kCycles, CostKind::kEnergy}) {
      Problem p(resnet8(8, 8, 3, 4), quant_options({2, 4, 8}, {2, 4, 8}), granularity, kind, measured_costs());
      p.randomize(7);
      for (const int weight : {2, 4, 8})
        for (const int act : {2, 4, 8}) {
          const Assignment uniform = Assignment::uniform(p.network.spec(), weight, act);
          const Assignment a = allocate(p.problem(), p.cost.cost(uniform));
          EXPECT_LE(total_sensitivity(p.problem(), a), total_sensitivity(p.problem(), uniform)) << 'w' << weight << 'a' << act;
          p.search.assign(a);  // an error unless every precision is offered
          p.search.assign(uniform);
        }
    }
}

// A little below w4a4, where removal costs most, a few channels of fewer bits do: from the prices at w8a8 alone, what was chosen had 3.5 times w4a4's sensitivity.
TEST(AllocationTest, WidthsFallTogetherBeforeChannelsGo) {
  Problem p(resnet8(8, 8, 3, 4), quant_options({0, 2, 4, 8}, {2, 4, 8}), Granularity::kChannel, CostKind::kEnergy,
            measured_costs());
  p.randomize(7);
  const auto set = [](TensorD& table, std::initializer_list<double> row) {
    for (int64_t i = 0; i < table.size(); ++i) table[i] = row.begin()[i % int64_t(row.size())];
  };
  for (TensorD& table : p.sensitivity.weight)
    if (table.defined()) set(table, {1, 0.1, 0.01, 0});
  for (TensorD& table : p.sensitivity.act)
    if (table.defined()) set(table, {1, 0.1, 0});
  const Assignment w4a4 = Assignment::uniform(p.network.spec(), 4, 4);
  const Assignment a = allocate(p.problem(), 0.92 * p.cost.cost(w4a4));
  EXPECT_LT(total_sensitivity(p.problem(), a), 2 * total_sensitivity(p.problem(), w4a4));
}

TEST(AllocationTest, ABudgetForEverythingTakesNothing) {
  Problem p(tiny_spec(), quant_options({0, 2, 4, 8}, {2, 4, 8}), Granularity::kChannel);
  p.randomize(1);
  const Assignment a = allocate(p.problem(), p.whole()), most = Assignment::uniform(tiny_spec(), 8, 8);
  EXPECT_EQ(a.weight_bits, most.weight_bits);
  EXPECT_EQ(a.act_bits, most.act_bits);
}

TEST(AllocationTest, BelowTheLeastIsAnError) {
  Problem p(tiny_spec(), quant_options({2, 4, 8}, {8}), Granularity::kLayer);
  p.randomize(1);
  EXPECT_EQ(error_of([&] { allocate(p.problem(), 100); }),
            "--budget: no assignment of the precisions offered costs less than " +
                budget_text(p.cost.cost(Assignment::uniform(tiny_spec(), 2, 8)), CostKind::kSize));
}

// Layer by layer, all 81 assignments can be tried: on the hull of (cost, sensitivity), allocation finds the best of them.
TEST(AllocationTest, LayersAreAllocatedOptimallyOnTheHull) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    Problem p(tiny_spec(), quant_options({2, 4, 8}, {8}), Granularity::kLayer);
    p.randomize(seed);
    std::vector<Assignment> all;
    for (int code = 0; code < 81; ++code) {
      Assignment a = Assignment::uniform(tiny_spec(), 8, 8);
      int rest = code;
      for (size_t i : {1, 2, 3, 6}) {
        std::fill(a.weight_bits[i].begin(), a.weight_bits[i].end(), 2 << rest % 3);
        rest /= 3;
      }
      all.push_back(a);
    }
    for (const double mu : {1e-6, 1e-5, 1e-4, 1e-3, 1e-2}) {
      const auto objective = [&](const Assignment& a) { return total_sensitivity(p.problem(), a) + mu * p.cost.cost(a); };
      const Assignment best =
          *std::min_element(all.begin(), all.end(), [&](const auto& x, const auto& y) { return objective(x) < objective(y); });
      const Assignment found = allocate(p.problem(), p.cost.cost(best));
      EXPECT_LE(total_sensitivity(p.problem(), found), total_sensitivity(p.problem(), best) * (1 + 1e-12)) << seed << " " << mu;
    }
  }
}

TEST(AllocationTest, ChannelsAreNeverWorseThanLayers) {
  for (const ModelSpec& spec : {tiny_spec(), resnet8(8, 8, 3, 4)})
    for (const std::vector<int>& bits : {std::vector<int>{2, 4, 8}, std::vector<int>{0, 2, 4, 8}})
      for (uint64_t seed = 0; seed < 5; ++seed) {
        Problem channel(spec, quant_options(bits, {8}), Granularity::kChannel),
            layer(spec, quant_options(bits, {8}), Granularity::kLayer);
        channel.randomize(seed);
        layer.randomize(seed);
        for (const double share : {0.36, 0.4, 0.5, 0.9}) {
          const double budget = share * channel.whole();
          const Assignment by_layer = allocate(layer.problem(), budget);
          for (const std::vector<int>& own : by_layer.weight_bits)
            EXPECT_TRUE(std::all_of(own.begin(), own.end(), [&](int b) { return b == own[0] && b > 0; }));
          EXPECT_LE(total_sensitivity(channel.problem(), allocate(channel.problem(), budget)),
                    total_sensitivity(layer.problem(), by_layer));
        }
      }
}

// What costs no loss to remove goes first, with all its writers; what is read by nobody else is then free of its readers' weights too.
TEST(AllocationTest, ChannelsNobodyNeedsAreRemoved) {
  Problem p(tiny_spec(), quant_options({0, 2, 4, 8}, {8}), Granularity::kChannel);
  p.randomize(2);
  for (size_t i : {1, 2, 3})
    for (int64_t k = 3 * 4; k < 4 * 4; ++k) p.sensitivity.weight[i][k] = 0;
  const Assignment a = allocate(p.problem(), 0.95 * p.whole());
  for (size_t i : {1, 2, 3}) EXPECT_EQ(a.weight_bits[i][3], 0) << i;
  for (int bits : a.weight_bits[6]) EXPECT_GT(bits, 0) << "a class stays";
}

// An autoencoder's bottleneck has eight channels, and each is a large part of what its neighbours cost: though their removal costs no loss and the
// budget asks for all that can go, one stays, in every layer.
TEST(AllocationTest, ABottleneckIsNeverClosed) {
  const ModelSpec spec = autoencoder(1, 1, 24, 0);
  const size_t bottleneck = 5;
  ASSERT_EQ(spec.layers[bottleneck].c, 8);
  Problem p(spec, quant_options({0, 2, 4, 8}, {8}), Granularity::kChannel);
  p.randomize(7);
  for (int64_t k = 0; k < p.sensitivity.weight[bottleneck].size(); ++k)
    if (k % 4 == 0) p.sensitivity.weight[bottleneck][k] = 0;
  const double least = p.cost.cost(cheapest_assignment(p.search, p.cost));
  for (const double budget : {least, 1.5 * least, 0.3 * p.whole()}) {
    const Assignment a = allocate(p.problem(), budget);
    EXPECT_LE(p.cost.cost(a), budget);
    for (size_t i = 1; i < spec.layers.size(); ++i)
      EXPECT_GT(*std::max_element(a.weight_bits[i].begin(), a.weight_bits[i].end()), 0) << spec.layers[i].name << " " << budget;
  }
  const Assignment a = allocate(p.problem(), 1.5 * least);
  EXPECT_LT(std::count_if(a.weight_bits[bottleneck].begin(), a.weight_bits[bottleneck].end(), [](int b) { return b > 0; }), 8);
}

// One channel of ten times the others' sensitivity keeps more bits.
TEST(AllocationTest, SensitiveChannelsKeepBits) {
  Problem p(tiny_spec(), quant_options({2, 4, 8}, {8}), Granularity::kChannel);
  p.randomize(4);
  for (int64_t k = 0; k < p.sensitivity.weight[3].size(); ++k)
    p.sensitivity.weight[3][k] = (k / 3 == 5 ? 10 : 1) * (k % 3 == 2 ? 0 : k % 3 == 1 ? 0.01 : 0.1);
  for (const double share : {0.4, 0.5, 0.6, 0.7}) {
    const std::vector<int> bits = allocate(p.problem(), share * p.whole()).weight_bits[3];
    EXPECT_EQ(bits[5], *std::max_element(bits.begin(), bits.end())) << share;
  }
}

}  // namespace
}  // namespace bitloom
