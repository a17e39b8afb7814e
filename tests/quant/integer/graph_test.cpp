// Sizes and validation of integer graphs.
#include "quant/integer/graph.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "quant/integer/run.h"
#include "tests/support/files.h"
#include "tests/support/integer_graph.h"

namespace bitloom {
namespace {

using testing::RandomGraph;

constexpr int32_t kIntMax = std::numeric_limits<int32_t>::max();
constexpr int32_t kIntMin = std::numeric_limits<int32_t>::min();

// input -> conv (two groups) -> depthwise -> add(conv, depthwise) -> pool -> linear: one layer of every op.
IntegerGraph every_op() {
  const QuantScheme byte{8, false, 0.5};
  RandomGraph g(Rng(1), 6, 6, 3, byte);
  const int32_t conv = g.window(IntegerOp::kConv2d, 0, 5, {3, 3}, {1, 1}, {1, 1, 1, 1}, byte, {4});
  const int32_t depthwise = g.window(IntegerOp::kDepthwise, conv, 5, {3, 3}, {1, 1}, {1, 1, 1, 1}, byte, {4});
  const int32_t sum = g.add(conv, depthwise, byte);
  const int32_t pool = g.window(IntegerOp::kAvgPool, sum, 5, {3, 3}, {3, 3}, {0, 0, 0, 0}, byte);
  g.linear(pool, 7, {32, true, 1});
  return g.graph;
}

// The error of the graph after `change`, "" if it is valid.
std::string error_after(const std::function<void(IntegerGraph&)>& change, IntegerGraph graph = every_op()) {
  change(graph);
  return testing::error_of([&] { graph.validate(); });
}

void expect_error(const std::string& part, const std::function<void(IntegerGraph&)>& change) {
  const std::string error = error_after(change);
  EXPECT_NE(error.find(part), std::string::npos) << "expected an error with \"" << part << "\", got \"" << error << "\"";
}

// A linear layer with one channel on `inputs` byte inputs, all weights `code`.
IntegerGraph one_channel(int64_t inputs, int code, int32_t multiplier, int32_t offset, int shift = 0) {
  RandomGraph g(Rng(1), 1, 1, inputs, {8, false, 1});
  g.window(IntegerOp::kLinear, 0, 1, {1, 1}, {1, 1}, {0, 0, 0, 0}, {32, true, 1}, {8});
  IntegerLayer& layer = g.graph.layers[1];
  for (uint32_t& word : layer.weights) word = uint32_t(code & 0xff) * 0x01010101u;
  layer.multiplier = {multiplier};
  layer.offset = {offset};
  layer.shift = {uint8_t(shift)};
  return g.graph;
}

TEST(QuantScheme, HasTheRangeOfItsBits) {
  const auto range = [](int bits, bool is_signed) {
    const QuantScheme scheme{bits, is_signed, 1};
    return std::pair(scheme.lo(), scheme.hi());
  };
  EXPECT_EQ(range(2, true), std::pair(-2, 1));
  EXPECT_EQ(range(4, true), std::pair(-8, 7));
  EXPECT_EQ(range(8, true), std::pair(-128, 127));
  EXPECT_EQ(range(2, false), std::pair(0, 3));
  EXPECT_EQ(range(4, false), std::pair(0, 15));
  EXPECT_EQ(range(8, false), std::pair(0, 255));
  EXPECT_EQ(range(32, true), std::pair(kIntMin, kIntMax));
  EXPECT_EQ(range(32, false), std::pair(kIntMin, kIntMax));
}

TEST(IntegerGraph, MaxPoolGivesCodesOfItsInput) {
  RandomGraph g(Rng(1), 6, 6, 3, {4, false, 0.5});
  g.window(IntegerOp::kMaxPool, 0, 3, {3, 3}, {2, 2}, {1, 1, 1, 1}, {});
  EXPECT_EQ(error_after([](IntegerGraph&) {}, g.graph), "");
  const std::string scheme =
      "integer graph: layer 1 (max_pool layer1): gives codes of its input, so that its scheme must be its input's";
  EXPECT_EQ(error_after([](IntegerGraph& x) { x.layers[1].out.bits = 8; }, g.graph), scheme);
  EXPECT_EQ(error_after([](IntegerGraph& x) { x.layers[1].out.is_signed = true; }, g.graph), scheme);
  EXPECT_EQ(error_after([](IntegerGraph& x) { x.layers[1].out.scale = 1; }, g.graph), scheme);
  EXPECT_EQ(error_after([](IntegerGraph& x) { x.layers[1].multiplier = {1}; }, g.graph),
            "integer graph: layer 1 (max_pool layer1): expected 0 multipliers, 0 offsets and 0 shifts, got 1, 0 and 0");
}

TEST(IntegerGraph, CountsWorkAndMemory) {
  IntegerGraph graph = every_op();
  graph.layers[5].groups = {{8, 7}};
  graph.layers[5].weights.assign(7 * 5, 0);
  std::vector<int64_t> counts;
  for (const IntegerLayer& layer : graph.layers) counts.push_back(macs(graph, layer));
  EXPECT_EQ(counts, (std::vector<int64_t>{0, 36 * 5 * 27, 36 * 5 * 9, 0, 0, 7 * 20}));
  const int64_t channels = 5 + 5 + 7;
  EXPECT_EQ(table_bytes(graph), (channels + 1 + 1) * 9 + 4);
  graph.layers[1].groups = {{4, 2}, {0, 3}};
  graph.layers[1].weights.resize(2 * 4);
  EXPECT_EQ(macs(graph, graph.layers[1]), 36 * 2 * 27);
  EXPECT_EQ(weight_bytes(graph), 4 * (2 * 4 + 5 * 2 + 7 * 5));
  EXPECT_NO_THROW(graph.validate());
}

TEST(IntegerGraph, AcceptsRandomGraphs) {
  for (uint64_t seed = 0; seed < 100; ++seed)
    EXPECT_NO_THROW(testing::random_integer_graph(Rng(seed)).validate()) << "seed " << seed;
}

TEST(IntegerGraph, RefusesBadStructure) {
  expect_error("no layers", [](IntegerGraph& g) { g.layers.clear(); });
  expect_error("names may hold", [](IntegerGraph& g) { g.model = "a\nb"; });
  expect_error("layer 1 (conv2d): the name", [](IntegerGraph& g) { g.layers[1].name = "*/ evil /*"; });
  const size_t ops = testing::all_integer_ops().size();
  expect_error(str("op ", ops, " does not exist"), [&](IntegerGraph& g) { g.layers[2].op = IntegerOp(ops); });
  expect_error("must be layer 0", [](IntegerGraph& g) { g.layers[0].op = IntegerOp::kAdd; });
  expect_error("layer 3 (input layer3): the input", [](IntegerGraph& g) { g.layers[3].op = IntegerOp::kInput; });
  expect_error("input 2 is not an earlier layer", [](IntegerGraph& g) { g.layers[2].inputs[0] = 2; });
  expect_error("input -1 is not", [](IntegerGraph& g) { g.layers[2].inputs[0] = -1; });
  expect_error("input 5 is not", [](IntegerGraph& g) { g.layers[3].inputs[1] = 5; });
  expect_error("expected 2 inputs, got 1", [](IntegerGraph& g) { g.layers[3].inputs.pop_back(); });
  expect_error("expected 1 inputs, got 0", [](IntegerGraph& g) { g.layers[1].inputs.clear(); });
  expect_error("expected 0 inputs, got 1", [](IntegerGraph& g) { g.layers[0].inputs = {0}; });
}

TEST(IntegerGraph, RefusesBadSchemes) {
  for (int bits : {-8, 0, 1, 3, 16, 31, 33}) {
    expect_error(str("got ", bits), [&](IntegerGraph& g) { g.layers[1].out.bits = bits; });
  }
  expect_error("got 32", [](IntegerGraph& g) { g.layers[1].out.bits = 32; });
  expect_error("got 32", [](IntegerGraph& g) { g.layers.resize(1), g.layers[0].out.bits = 32; });
  for (double scale : {0.0, -1.0, double(NAN), double(INFINITY)}) {
    expect_error("scale must be positive", [&](IntegerGraph& g) { g.layers[4].out.scale = scale; });
  }
  for (int bits : {-1, 1, 3, 32}) {
    expect_error(str("weight bits must be 0, 2, 4 or 8, got ", bits),
                 [&](IntegerGraph& g) { g.layers[1].groups[0].bits = bits; });
  }
}

TEST(IntegerGraph, RefusesBadShapes) {
  const int64_t huge = int64_t(1) << 62;
  for (int64_t size : {int64_t(0), int64_t(-1), huge, std::numeric_limits<int64_t>::min()}) {
    expect_error("sizes must be", [&](IntegerGraph& g) { g.layers[0].h = size; });
    expect_error("sizes must be", [&](IntegerGraph& g) { g.layers[1].c = size; });
    expect_error("sizes must be", [&](IntegerGraph& g) { g.layers[1].kw = size; });
    expect_error("sizes must be", [&](IntegerGraph& g) { g.layers[1].sh = size; });
  }
  expect_error("more than", [](IntegerGraph& g) { g.layers[0].h = g.layers[0].w = g.layers[0].c = 1 << 20; });
  expect_error("padding", [](IntegerGraph& g) { g.layers[1].pt = -1; });
  expect_error("padding", [](IntegerGraph& g) { g.layers[1].pr = 3; });
  expect_error("padding", [&](IntegerGraph& g) { g.layers[1].pb = huge; });
  expect_error("expected output 6x6x5, got 6x5x5", [](IntegerGraph& g) { g.layers[1].w = 5; });
  expect_error("expected output 6x6x5", [](IntegerGraph& g) { g.layers[2].c = 4; });
  expect_error("expected output 6x6x5", [](IntegerGraph& g) { g.layers[3].h = 7; });
  expect_error("expected output 6x6x3, got 6x6x5", [](IntegerGraph& g) { g.layers[3].inputs[1] = 0; });
  expect_error("expected output 1x1x7", [](IntegerGraph& g) { g.layers[5].h = 2; });
  expect_error("larger than the padded input", [](IntegerGraph& g) { g.layers[1].kh = 9; });
  expect_error("has no window", [](IntegerGraph& g) { g.layers[5].kh = 2; });
  expect_error("has no window", [](IntegerGraph& g) { g.layers[3].sw = 2; });
  expect_error("has no window", [](IntegerGraph& g) { g.layers[0].kw = 2; });
  expect_error("stride must equal the window", [](IntegerGraph& g) { g.layers[4].sw = 2; });
  expect_error("padding must be 0", [](IntegerGraph& g) { g.layers[4].pt = 1; });
}

TEST(IntegerGraph, BoundsTheMemoryOfAllLayersTogether) {
  IntegerGraph graph = RandomGraph(Rng(1), 256, 256, 64, {8, false, 1}).graph;
  IntegerLayer layer = graph.layers[0];
  layer.op = IntegerOp::kAdd, layer.inputs = {0, 0}, layer.multiplier = {1, 1}, layer.offset = {0}, layer.shift = {0};
  for (int i = 1; i < 4; ++i) graph.layers.push_back(layer);
  EXPECT_NO_THROW(graph.validate());
  graph.layers.push_back(layer);
  EXPECT_THROW(graph.validate(), Error);
}

TEST(IntegerGraph, RefusesBadWeightsAndTables) {
  expect_error("takes no channel groups", [](IntegerGraph& g) { g.layers[3].groups = {{8, 5}}; });
  expect_error("takes no channel groups", [](IntegerGraph& g) { g.layers[4].weights = {0}; });
  expect_error("groups cover 4 of 5", [](IntegerGraph& g) { g.layers[1].groups = {{4, 4}}; });
  expect_error("does not fit 5 channels", [](IntegerGraph& g) { g.layers[1].groups = {{4, 4}, {4, 2}}; });
  expect_error("does not fit 5 channels", [](IntegerGraph& g) { g.layers[1].groups = {{4, 5}, {4, 0}}; });
  expect_error("does not fit 5 channels",
               [](IntegerGraph& g) { g.layers[1].groups[0].channels = std::numeric_limits<int64_t>::min(); });
  expect_error("expected 20 weight words, got 21", [](IntegerGraph& g) { g.layers[1].weights.push_back(0); });
  expect_error("expected 20 weight words, got 19", [](IntegerGraph& g) { g.layers[1].weights.pop_back(); });
  expect_error("codes after a channel's last weight", [](IntegerGraph& g) { g.layers[1].weights[7] |= 1u << 31; });
  expect_error("expected 5 multipliers", [](IntegerGraph& g) { g.layers[1].multiplier.pop_back(); });
  expect_error("5 offsets", [](IntegerGraph& g) { g.layers[1].offset.push_back(0); });
  expect_error("5 shifts", [](IntegerGraph& g) { g.layers[2].shift.clear(); });
  expect_error("expected 2 multipliers, 1 offsets", [](IntegerGraph& g) { g.layers[3].multiplier.pop_back(); });
  expect_error("expected 0 multipliers", [](IntegerGraph& g) { g.layers[0].multiplier.push_back(1); });
  expect_error("shift must be in 0..31, got 32", [](IntegerGraph& g) { g.layers[1].shift[4] = 32; });
  expect_error("channels of", [](IntegerGraph& g) {
    g.layers[1].c = 1 << 20;
    g.layers[1].h = g.layers[1].w = 2, g.layers[1].kh = g.layers[1].kw = 7;
  });
}

TEST(IntegerGraph, ProvesTheAccumulatorFromTheCodes) {
  const auto ok = [](const IntegerGraph& graph) { return error_after([](IntegerGraph&) {}, graph).empty(); };
  // 2^31 / (255 * 127) is 66310.5 inputs, 2^31 / (255 * 128) is 65793.0; four codes a word.
  EXPECT_TRUE(ok(one_channel(66308, 127, 1, 0)));
  EXPECT_FALSE(ok(one_channel(66312, 127, 1, 0)));
  EXPECT_TRUE(ok(one_channel(65792, -128, 1, 0)));
  EXPECT_FALSE(ok(one_channel(65796, -128, 1, 0)));
  // The largest accumulator is 4 * 255 = 1020, the smallest 0.
  EXPECT_TRUE(ok(one_channel(4, 1, kIntMax / 1020, kIntMax % 1020)));
  EXPECT_FALSE(ok(one_channel(4, 1, kIntMax / 1020, kIntMax % 1020 + 1)));
  EXPECT_FALSE(ok(one_channel(4, 1, kIntMax / 1020 + 1, kIntMin)));
  EXPECT_TRUE(ok(one_channel(4, 1, -(kIntMax / 1020), kIntMax)));
  EXPECT_TRUE(ok(one_channel(4, -1, kIntMax / 1020, -(kIntMax % 1020) - 1)));
  EXPECT_FALSE(ok(one_channel(4, -1, kIntMax / 1020, -(kIntMax % 1020) - 2)));
  EXPECT_TRUE(ok(one_channel(4, 0, kIntMin, kIntMin)));
}

TEST(IntegerGraph, ProvesAddAndPoolFromTheRanges) {
  const auto set = [](size_t i, std::vector<int32_t> multiplier, int32_t offset) {
    return [=](IntegerGraph& g) {
      g.layers[i].multiplier = multiplier;
      g.layers[i].offset = {offset};
    };
  };
  const int32_t half = kIntMax / 255 / 2;
  EXPECT_EQ(error_after(set(3, {half, half}, 0)), "");
  EXPECT_NE(error_after(set(3, {2 * half, half}, 0)), "");
  EXPECT_NE(error_after(set(3, {half, 3 * half}, 0)), "");
  EXPECT_NE(error_after(set(3, {1, 1}, kIntMax - 500)), "");
  EXPECT_EQ(error_after(set(3, {1, 1}, kIntMax - 510)), "");
  EXPECT_EQ(error_after(set(3, {2 * half, -2 * half}, 0)), "");
  EXPECT_NE(error_after(set(3, {0, -1}, kIntMin)), "");
  EXPECT_EQ(error_after(set(4, {kIntMax / (9 * 255)}, 0)), "");
  EXPECT_NE(error_after(set(4, {kIntMax / (9 * 255) + 1}, 0)), "");
  EXPECT_NE(error_after(set(4, {1}, kIntMax)), "");
}

// The proof is an upper bound: no input leaves the range that it finds, borders included.
TEST(IntegerGraph, TheProvenRangeHoldsAtTheBorder) {
  // Weights +1 and -1: the full window sums to at most 255, a window over the border that misses the -1 too. The largest offset that
  // is accepted must therefore leave room for +255 although the interior alternates.
  RandomGraph g(Rng(1), 1, 4, 1, {8, false, 1});
  g.window(IntegerOp::kConv2d, 0, 1, {1, 2}, {1, 1}, {0, 0, 1, 0}, {32, true, 1}, {2});
  IntegerLayer& layer = g.graph.layers[1];
  layer.weights = {0x7};  // codes -1, 1
  layer.multiplier = {1}, layer.shift = {0};
  layer.offset = {kIntMax - 255};
  EXPECT_NO_THROW(g.graph.validate());
  EXPECT_EQ(IntegerRunner(g.graph).run(TensorT<int16_t>(Shape{1, 1, 4, 1}, int16_t(255)))[0], kIntMax);
  layer.offset = {kIntMax - 254};
  EXPECT_THROW(g.graph.validate(), Error);
}

}  // namespace
}  // namespace bitloom
