// Memory planning: nothing alive is overwritten, and the block is as small as what lives at once.
#include "quant/integer/memory_plan.h"

#include <gtest/gtest.h>

#include "tests/support/files.h"
#include "tests/support/integer_graph.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::RandomGraph;

constexpr QuantScheme kByte{8, false, 1};

// A byte per code and some scratch for every layer but the input; `overwrite` for all inputs.
std::vector<LayerMemory> demands(const IntegerGraph& graph, bool overwrite, int64_t scratch) {
  std::vector<LayerMemory> layers(graph.layers.size());
  for (size_t i = 1; i < layers.size(); ++i) {
    const IntegerLayer& layer = graph.layers[i];
    layers[i] = {layer.h * layer.w * layer.c, scratch, std::vector<bool>(layer.inputs.size(), overwrite)};
  }
  return layers;
}

bool apart(int64_t a, int64_t a_bytes, int64_t b, int64_t b_bytes) { return a + a_bytes <= b || b + b_bytes <= a; }

// "" when every output stays intact until its last reader has run, else what overlaps.
std::string overlap(const IntegerGraph& graph, const std::vector<LayerMemory>& layers, const MemoryPlan& plan) {
  const auto read_after = [&](size_t i, size_t j) {  // somebody after layer j reads layer i
    for (size_t k = j + 1; k < layers.size(); ++k)
      for (int32_t input : graph.layers[k].inputs)
        if (size_t(input) == i) return true;
    return false;
  };
  for (size_t j = 1; j < layers.size(); ++j) {
    const MemoryPlan::Place& place = plan.layers[j];
    if (place.output + layers[j].output > plan.size || place.scratch + layers[j].scratch > plan.size)
      return str("layer ", j, " leaves the block");
    if (!apart(place.output, layers[j].output, place.scratch, layers[j].scratch))
      return str("layer ", j, " writes into its scratch memory");
    for (size_t i = 1; i < j; ++i) {
      const bool reads = read_after(i, j - 1) && !read_after(i, j), alive = read_after(i, j - 1);
      if (!alive) continue;
      if (!apart(plan.layers[i].output, layers[i].output, place.scratch, layers[j].scratch))
        return str("scratch of layer ", j, " over the output of ", i);
      const bool taken =
          reads && place.in_place && place.output == plan.layers[i].output && layers[j].output <= layers[i].output;
      if (!taken && !apart(plan.layers[i].output, layers[i].output, place.output, layers[j].output))
        return str("layer ", j, " over the output of ", i);
    }
  }
  return "";
}

TEST(MemoryPlan, KeepsEverythingThatIsStillRead) {
  int in_place = 0, tight = 0, plans = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const IntegerGraph graph = testing::random_integer_graph(Rng(seed));
    for (bool overwrite : {false, true}) {
      const std::vector<LayerMemory> layers = demands(graph, overwrite, int64_t(seed % 3) * 50);
      const int64_t alignment = int64_t(1) << seed % 4;
      const MemoryPlan plan = plan_memory(graph, layers, alignment);
      ASSERT_EQ(overlap(graph, layers, plan), "") << "seed " << seed << " overwrite " << overwrite;
      int64_t live = 0;
      for (const MemoryPlan::Place& place : plan.layers) {
        EXPECT_EQ(place.output % alignment + place.scratch % alignment, 0) << "seed " << seed;
        EXPECT_TRUE(overwrite || !place.in_place) << "seed " << seed;
        in_place += place.in_place;
        live = std::max(live, place.live);
      }
      EXPECT_GE(plan.size, live) << "seed " << seed;
      tight += plan.size == live;
      ++plans;
    }
  }
  EXPECT_GT(in_place, 300);
  EXPECT_GT(tight, plans * 95 / 100) << "of " << plans << " plans";
}

TEST(MemoryPlan, ReusesTheMemoryOfAChain) {
  // 100 -> 80 -> 60 -> 40 codes: two buffers that take turns, or one when every layer writes over its input.
  RandomGraph g(Rng(1), 1, 1, 100, kByte);
  for (int64_t c : {100, 80, 60, 40}) g.linear(int32_t(g.graph.layers.size()) - 1, c, kByte);
  EXPECT_EQ(plan_memory(g.graph, demands(g.graph, false, 0), 1).size, 180);
  EXPECT_EQ(plan_memory(g.graph, demands(g.graph, true, 0), 1).size, 100);
  EXPECT_EQ(plan_memory(g.graph, demands(g.graph, true, 30), 1).size, 130);
}

TEST(MemoryPlan, WritesOverNoSmallerInput) {
  // The block of 8 bytes would have to be 100 bytes long already while the layer before it runs.
  RandomGraph g(Rng(1), 1, 1, 100, kByte);
  for (int64_t c : {100, 8, 100}) g.linear(int32_t(g.graph.layers.size()) - 1, c, kByte);
  const MemoryPlan plan = plan_memory(g.graph, demands(g.graph, true, 0), 1);
  EXPECT_TRUE(plan.layers[2].in_place);
  EXPECT_FALSE(plan.layers[3].in_place);
}

TEST(MemoryPlan, WantsADemandForEveryLayer) {
  RandomGraph g(Rng(1), 1, 1, 4, kByte);
  EXPECT_EQ(error_of([&] { plan_memory(g.graph, {}, 1); }), "memory plan: expected the demands of 1 layers, got 0");
}

}  // namespace
}  // namespace bitloom
