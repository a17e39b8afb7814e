// Budgets: the least that can be asked for, and that everything above it is met.
#include "nas/budget.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "nn/models/models.h"
#include "tests/support/files.h"
#include "tests/support/tiny_task.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::quant_options;
using testing::tiny_spec;

struct Searched {
  Searched(const ModelSpec& spec, const QuantOptions& options, Granularity granularity)
      : network(spec, Rng(1)), search(network, options, {8, false, 1.0 / 255}, granularity) {}
  void randomize(uint64_t seed) {
    for (Parameter& p : search.architecture()) {
      const Tensor values = random_tensor(p.value.value().shape(), seed++, -2, 2);
      for (int64_t k = 0; k < values.size(); ++k) p.value.value()[k] = values[k];
    }
  }
  Assignment random_assignment(Rng& rng, bool by_layer) const {
    Assignment a = search.assignment();
    const auto pick = [&](const std::vector<int>& options) { return options[size_t(rng.below(int64_t(options.size())))]; };
    for (size_t i = 1; i < a.weight_bits.size(); ++i) {
      const int bits = a.weight_bits[i].empty() ? 0 : pick(search.weight_bits(int(i)));
      for (int& own : a.weight_bits[i]) own = by_layer ? bits : pick(search.weight_bits(int(i)));
      if (a.act_bits[i]) a.act_bits[i] = pick(search.act_bits(int(i)));
    }
    honour_ties(network.spec(), a, 2);
    return a;
  }
  Network network;
  SearchNetwork search;
};

// Every precision is among those offered, channels are removed together, and every group keeps one.
void expect_valid(const SearchNetwork& network, const Assignment& a) {
  Assignment tied = a;
  honour_ties(network.network().spec(), tied, 2);
  EXPECT_EQ(tied.weight_bits, a.weight_bits);
  for (size_t i = 0; i < a.weight_bits.size(); ++i) {
    const auto offered = [](const std::vector<int>& bits, int b) {
      return std::find(bits.begin(), bits.end(), b) != bits.end();
    };
    for (int bits : a.weight_bits[i]) EXPECT_TRUE(offered(network.weight_bits(int(i)), bits)) << i << ": " << bits;
    EXPECT_TRUE(!a.act_bits[i] || offered(network.act_bits(int(i)), a.act_bits[i])) << i << ": " << a.act_bits[i];
  }
}

struct Price {
  CostKind kind;
  CostTableKind table;
};
const Price kPrices[] = {{CostKind::kSize, CostTableKind::kPublished},
                         {CostKind::kCycles, CostTableKind::kPublished},
                         {CostKind::kEnergy, CostTableKind::kMeasured},
                         {CostKind::kFlash, CostTableKind::kPublished}};

// Whatever the search prefers: any budget from the cheapest assignment's cost on is met, and is there to be used.
TEST(Budget, EveryBudgetAboveTheLeastIsMet) {
  const ModelSpec specs[] = {tiny_spec(), resnet8(8, 8, 3, 4), mobilenet_v1(32, 32, 3, 2)};
  Rng rng(7);
  for (const ModelSpec& spec : specs)
    for (const Price& price : kPrices) {
      const CostModel model(spec, price.kind, cost_table(price.table));
      const bool large = spec.layers.size() > 20,
                 dear = (price.table == CostTableKind::kMeasured || price.kind == CostKind::kFlash) && spec.name != "tiny";
      for (const std::vector<int>& weight_bits : {std::vector<int>{2, 4, 8}, {0, 2, 4, 8}, {0, 4}, {8}})
        for (const Granularity granularity : {Granularity::kChannel, Granularity::kLayer}) {
          if ((large || dear) && granularity == Granularity::kChannel) continue;  // minutes
          if (large && (dear || std::getenv("BITLOOM_FAST"))) continue;
          Searched s(spec, quant_options(weight_bits, {2, 4, 8}), granularity);
          const double least = model.cost(cheapest_assignment(s.search, model));
          const int rounds = large || std::getenv("BITLOOM_FAST") ? 2 : 4;
          for (int round = 0; round < rounds; ++round) {
            s.randomize(rng.next_u64() % 1000);
            const double preferred = model.cost(s.search.discretize());
            const double budget = round == 0 ? least : least + rng.uniform() * std::max(0.0, 1.1 * preferred - least);
            SCOPED_TRACE(str(spec.name, " ", name_of(price.kind), " ", name_of(granularity), " ", weight_bits.size(),
                             " widths, ", budget, " of ", least, " .. ", preferred));
            const Assignment a = meet_budget(s.search, model, budget);
            EXPECT_LE(model.cost(a), budget);
            expect_valid(s.search, a);
            EXPECT_TRUE(preferred > budget || model.cost(a) == preferred);
          }
        }
    }
}

TEST(Budget, NothingIsCheaperThanTheCheapest) {
  const ModelSpec spec = tiny_spec();
  Rng rng(3);
  for (const Price& price : kPrices) {
    const CostModel model(spec, price.kind, cost_table(price.table));
    for (const std::vector<int>& weight_bits : {std::vector<int>{2, 4, 8}, {0, 2, 8}}) {
      const Searched s(spec, quant_options(weight_bits, {2, 4, 8}), Granularity::kChannel);
      const Assignment cheapest = cheapest_assignment(s.search, model);
      expect_valid(s.search, cheapest);
      for (int i = 0; i < 500; ++i)
        EXPECT_GE(model.cost(s.random_assignment(rng, i % 2 == 0)), model.cost(cheapest)) << name_of(price.kind);
    }
  }
}

// Without 0 bits and with the published table, which is monotonous, the least is known.
TEST(Budget, TheLeastOfTheSmallestBitsIsTheirs) {
  const ModelSpec spec = tiny_spec();
  const Searched s(spec, quant_options({4, 8}, {2, 8}), Granularity::kChannel);
  for (const CostKind kind : {CostKind::kSize, CostKind::kCycles}) {
    const CostModel model(spec, kind);
    EXPECT_EQ(model.cost(cheapest_assignment(s.search, model)), model.cost(Assignment::uniform(spec, 4, 2)));
  }
  const CostModel size(spec, CostKind::kSize);
  EXPECT_EQ(error_of([&] { meet_budget(s.search, size, 100); }),
            "--budget: no assignment of the precisions offered costs less than 0.26kB");
}

// Of a group whose layers offer 0 bits one channel stays, where it is cheapest: here in the pointwise conv2, not in conv0 and conv1.
TEST(Budget, AGroupKeepsItsCheapestChannel) {
  const ModelSpec spec = tiny_spec();
  const Searched s(spec, quant_options({0, 2, 4, 8}, {8}), Granularity::kChannel);
  const Assignment a = cheapest_assignment(s.search, CostModel(spec, CostKind::kSize));
  EXPECT_EQ(a.weight_bits[1], std::vector<int>(8, 0));
  EXPECT_EQ(a.weight_bits[2], std::vector<int>(8, 0));
  EXPECT_EQ(a.weight_bits[3], (std::vector<int>{2, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(Budget, ActivationsMoveWhereTheyHaveAPrice) {
  const ModelSpec spec = resnet8(8, 8, 3, 4);
  Searched s(spec, quant_options({2, 4, 8}, {2, 4, 8}), Granularity::kChannel);
  s.randomize(5);
  const CostModel size(spec, CostKind::kSize), energy(spec, CostKind::kEnergy);
  const double w2a8 = energy.cost(Assignment::uniform(spec, 2, 8)), w2a2 = energy.cost(Assignment::uniform(spec, 2, 2));
  EXPECT_LE(energy.cost(meet_budget(s.search, energy, 0.1 * w2a8 + 0.9 * w2a2)), 0.1 * w2a8 + 0.9 * w2a2);
  EXPECT_EQ(meet_budget(s.search, size, size.cost(Assignment::uniform(spec, 2, 8))).act_bits, s.search.discretize().act_bits);
}

TEST(Budget, BudgetsAreParsedInTheUnitOfTheirCost) {
  EXPECT_DOUBLE_EQ(parse_budget("30kB", CostKind::kSize), 30 * 8000);
  EXPECT_DOUBLE_EQ(parse_budget("1.5MB", CostKind::kSize), 12e6);
  EXPECT_DOUBLE_EQ(parse_budget("100B", CostKind::kSize), 800);
  EXPECT_DOUBLE_EQ(parse_budget("30kB", CostKind::kFlash), 30e3);
  EXPECT_DOUBLE_EQ(parse_budget("100B", CostKind::kFlash), 100);
  EXPECT_DOUBLE_EQ(parse_budget("2M", CostKind::kCycles), 2e6);
  EXPECT_DOUBLE_EQ(parse_budget("500k", CostKind::kCycles), 5e5);
  EXPECT_DOUBLE_EQ(parse_budget("80uJ", CostKind::kEnergy), 80);
  EXPECT_DOUBLE_EQ(parse_budget("0.1mJ", CostKind::kEnergy), 100);
  EXPECT_DOUBLE_EQ(parse_budget("30%", CostKind::kEnergy, 50), 15);
  for (const char* text : {"30", "30kB ", "", "kB", "-1kB", "0kB", "nankB", "infkB", "2M", "80uJ"})
    EXPECT_EQ(error_of([&] { parse_budget(text, CostKind::kSize); }),
              str("--budget: '", text,
                  "' is not an amount for this cost; size and flash: 30kB, cycles: 2M or 500k, energy: 80uJ, any: 30%"));
}

TEST(Budget, AnAmountAsTextIsMetByIt) {
  Rng rng(1);
  for (const CostKind kind : {CostKind::kSize, CostKind::kCycles, CostKind::kEnergy, CostKind::kFlash})
    for (int i = 0; i < 100; ++i) {
      const double amount = std::pow(10.0, 1 + 6 * rng.uniform());
      const double parsed = parse_budget(budget_text(amount, kind), kind);
      EXPECT_GE(parsed, amount * (1 - 1e-12));
      EXPECT_NEAR(parsed / amount, 1, 1e-4);
    }
  EXPECT_EQ(budget_text(8 * 19337, CostKind::kSize), "19.337kB");
}

}  // namespace
}  // namespace bitloom
