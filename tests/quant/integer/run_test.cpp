// The interpreter against the formulas of graph.h.
#include "quant/integer/run.h"

#include <gtest/gtest.h>
#include <omp.h>

#include "quant/integer/requantize.h"
#include "tests/support/files.h"
#include "tests/support/integer_graph.h"

namespace bitloom {
namespace {

using testing::Codes;
using testing::RandomGraph;

constexpr QuantScheme kByte{8, false, 1};

// Empty when the interpreter and the reference agree on every layer, else where they differ.
std::string difference(const IntegerGraph& graph, uint64_t seed) {
  constexpr int64_t kImages = 3;
  const IntegerRunner runner(graph);
  const TensorT<int16_t> input = testing::random_input(graph, kImages, Rng(seed).split("input"));
  const TensorT<int32_t> output = runner.run(input);
  const int64_t in_size = input.size() / kImages, out_size = output.size() / kImages;
  for (int64_t n = 0; n < kImages; ++n) {
    const int16_t* image = input.data() + n * in_size;
    const std::vector<Codes> expected = testing::reference_run(graph, Codes(image, image + in_size));
    const std::vector<Codes> actual = runner.run_layers(image);
    if (actual.size() != expected.size()) return str("run_layers returned ", actual.size(), " layers");
    for (size_t i = 0; i < expected.size(); ++i) {
      const IntegerLayer& layer = graph.layers[i];
      if (actual[i].size() != expected[i].size()) return str("layer ", i, " has ", actual[i].size(), " codes");
      for (size_t j = 0; j < expected[i].size(); ++j) {
        if (actual[i][j] == expected[i][j]) continue;
        return str("seed ", seed, " image ", n, " layer ", i, " ", to_string(layer.op), " ", layer.h, "x", layer.w, "x",
                   layer.c, " window ", layer.kh, "x", layer.kw, " stride ", layer.sh, "x", layer.sw, " code ", j,
                   ": expected ", expected[i][j], ", got ", actual[i][j]);
      }
    }
    if (!std::equal(expected.back().begin(), expected.back().end(), output.data() + n * out_size))
      return str("seed ", seed, ": run differs");
  }
  return "";
}

TEST(IntegerRunner, MatchesTheReferenceOnRandomGraphs) {
  std::vector<int64_t> ops(testing::all_integer_ops().size(), 0), precisions(9 * 9, 0);
  int64_t saturated = 0, codes = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    const IntegerGraph graph = testing::random_integer_graph(Rng(seed));
    ASSERT_EQ(difference(graph, seed), "");
    for (const IntegerLayer& layer : graph.layers) {
      ++ops[size_t(layer.op)];
      for (const ChannelGroup& group : layer.groups)
        ++precisions[size_t(graph.layers[size_t(layer.inputs[0])].out.bits * 9 + group.bits)];
    }
    const TensorT<int16_t> image = testing::random_input(graph, 1, Rng(seed));
    for (const Codes& layer : IntegerRunner(graph).run_layers(image.data())) {
      const auto [low, high] = std::minmax_element(layer.begin(), layer.end());
      for (int32_t code : layer) saturated += code == *low || code == *high;
      codes += int64_t(layer.size());
    }
  }
  for (size_t op = 0; op < ops.size(); ++op) EXPECT_GT(ops[op], 0) << to_string(IntegerOp(op)) << " was not run";
  for (int act : {2, 4, 8}) {
    for (int weight : {0, 2, 4, 8})
      EXPECT_GT(precisions[size_t(act * 9 + weight)], 0) << "a" << act << "w" << weight << " was not run";
  }
  EXPECT_LT(saturated, codes * 8 / 10) << "the random graphs say little: most codes are at the ends of their range";
}

TEST(IntegerRunner, ConvolvesEveryChannelCount) {
  for (int64_t c = 1; c <= 35; ++c) {
    RandomGraph g(Rng(uint64_t(c)), 5, 6, c, kByte);
    const int32_t conv = g.window(IntegerOp::kConv2d, 0, 36 - c, {3, 3}, {1, 2}, {1, 1, 0, 1}, kByte, {2, 4, 8});
    const int32_t depthwise = g.window(IntegerOp::kDepthwise, conv, 36 - c, {3, 3}, {2, 1}, {0, 1, 1, 1}, kByte, {8});
    g.linear(depthwise, c, {32, true, 1});
    ASSERT_EQ(difference(g.graph, uint64_t(c)), "") << c << " channels";
  }
}

TEST(IntegerRunner, FillsVectorsOfEveryWidth) {
  // Channels below, at and above what a vector and a strip hold; rows of positions that do and do not fill one.
  for (const int64_t c : {1, 2, 4, 8, 16, 32, 48, 63, 64, 65, 80, 130}) {
    for (const int64_t stride : {1, 2, 3}) {
      RandomGraph g(Rng(uint64_t(c * 4 + stride)), 9, 19, 3, kByte);
      const QuantScheme nibble{4, true, 1}, byte{8, true, 1};
      const int32_t conv = g.window(IntegerOp::kConv2d, 0, c, {3, 2}, {1, 1}, {1, 1, 0, 1}, byte);
      const int32_t depthwise = g.window(IntegerOp::kDepthwise, conv, c, {3, 3}, {stride, stride}, {1, 1, 1, 1}, nibble, {8});
      const int32_t branch = g.window(IntegerOp::kConv2d, conv, c, {1, 1}, {stride, stride}, {0, 0, 0, 0}, kByte);
      const int32_t pool = g.window(IntegerOp::kAvgPool, g.add(depthwise, branch, byte), c, {2, 3}, {2, 3}, {0, 0, 0, 0}, byte);
      g.linear(pool, 131 - c, kByte);
      ASSERT_EQ(difference(g.graph, uint64_t(c)), "") << c << " channels, stride " << stride;
    }
  }
}

TEST(IntegerRunner, AnyOpMayComeLast) {
  for (const QuantScheme& out : {QuantScheme{32, true, 1}, QuantScheme{4, true, 1}}) {
    for (const int64_t c : {5, 16, 70}) {
      for (int op = 1; op < 6; ++op) {
        RandomGraph g(Rng(uint64_t(c)), 4, 6, 3, kByte);
        const int32_t conv = g.window(IntegerOp::kConv2d, 0, c, {1, 1}, {1, 1}, {0, 0, 0, 0}, {8, true, 1}, {4});
        const IntegerOp last = IntegerOp(op);
        if (last == IntegerOp::kAdd) g.add(conv, conv, out);
        if (last == IntegerOp::kLinear) g.linear(conv, c, out);
        if (last == IntegerOp::kConv2d || last == IntegerOp::kDepthwise)
          g.window(last, conv, c, {2, 2}, {1, 1}, {0, 1, 1, 0}, out);
        if (last == IntegerOp::kAvgPool) g.window(last, conv, c, {2, 2}, {2, 2}, {0, 0, 0, 0}, out);
        ASSERT_EQ(difference(g.graph, uint64_t(c)), "") << to_string(last) << " of " << c << " channels";
      }
    }
  }
}

TEST(IntegerRunner, HoldsTheLargestSums) {
  // 255 * -128 in every product: the pairs and the total are as large as they can be.
  RandomGraph g(Rng(1), 3, 3, 64, kByte);
  g.window(IntegerOp::kConv2d, 0, 16, {3, 3}, {1, 1}, {0, 0, 0, 0}, {32, true, 1}, {8});
  IntegerLayer& layer = g.graph.layers[1];
  std::fill(layer.weights.begin(), layer.weights.end(), 0x80808080u);
  std::fill(layer.multiplier.begin(), layer.multiplier.end(), 1);
  std::fill(layer.offset.begin(), layer.offset.end(), 0);
  std::fill(layer.shift.begin(), layer.shift.end(), uint8_t(0));
  const TensorT<int32_t> output = IntegerRunner(g.graph).run(TensorT<int16_t>(Shape{1, 3, 3, 64}, int16_t(255)));
  for (int64_t o = 0; o < 16; ++o) EXPECT_EQ(output[o], -255 * 128 * 576);
}

TEST(IntegerRunner, RoundsAsRequantizeDoes) {
  // A 1x1 layer with weight 1 feeds the accumulator with the code itself.
  Rng rng(7);
  for (int trial = 0; trial < 200; ++trial) {
    const QuantScheme out{int(int64_t(2) << rng.below(3)), rng.below(2) == 0, 1};
    RandomGraph g(Rng(uint64_t(trial)), 1, 256, 1, kByte);
    g.window(IntegerOp::kConv2d, 0, 33, {1, 1}, {1, 1}, {0, 0, 0, 0}, out, {2});
    IntegerLayer& layer = g.graph.layers[1];
    TensorT<int16_t> input(Shape{1, 1, 256, 1});
    for (int64_t i = 0; i < 256; ++i) input[i] = int16_t(i);
    for (size_t o = 0; o < 33; ++o) {
      layer.weights[o] = 1;
      layer.shift[o] = uint8_t(rng.below(32));
      layer.multiplier[o] = int32_t(rng.below(8000000)) - 4000000;
      layer.offset[o] = int32_t(rng.below(2000000000)) - 1000000000;
    }
    const TensorT<int32_t> output = IntegerRunner(g.graph).run(input);
    for (int32_t x = 0; x < 256; ++x) {
      for (size_t o = 0; o < 33; ++o) {
        ASSERT_EQ(output[x * 33 + int64_t(o)],
                  requantize(x, layer.multiplier[o], layer.offset[o], layer.shift[o], out.lo(), out.hi()))
            << "acc " << x << " multiplier " << layer.multiplier[o] << " offset " << layer.offset[o] << " shift "
            << int(layer.shift[o]);
      }
    }
  }
}

TEST(IntegerRunner, DoesNotDependOnTheNumberOfThreads) {
  const IntegerGraph graph = testing::random_integer_graph(Rng(11));
  const IntegerRunner runner(graph);
  const TensorT<int16_t> input = testing::random_input(graph, 53, Rng(3));
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const TensorT<int32_t> one = runner.run(input);
  for (int64_t n = 0, size = one.size() / 53; n < 53; ++n) {
    const Codes alone = runner.run_layers(input.data() + n * (input.size() / 53)).back();
    ASSERT_TRUE(std::equal(alone.begin(), alone.end(), one.data() + n * size)) << "image " << n << " in a block of images";
  }
  omp_set_num_threads(5);
  const TensorT<int32_t> five = runner.run(input);
  omp_set_num_threads(threads);
  EXPECT_TRUE(std::equal(one.data(), one.data() + one.size(), five.data()));
}

TEST(IntegerRunner, RunsAnEmptyBatchAndAGraphOfOnlyAnInput) {
  RandomGraph g(Rng(1), 2, 3, 4, kByte);
  const IntegerRunner runner(g.graph);
  EXPECT_EQ(runner.run(TensorT<int16_t>(Shape{0, 2, 3, 4})).size(), 0);
  const TensorT<int16_t> input = testing::random_input(g.graph, 2, Rng(5));
  const TensorT<int32_t> output = runner.run(input);
  EXPECT_TRUE(std::equal(input.data(), input.data() + input.size(), output.data()));
}

TEST(IntegerRunner, KeepsItsOwnCopyOfTheGraph) {
  IntegerGraph graph = testing::random_integer_graph(Rng(2));
  const TensorT<int16_t> input = testing::random_input(graph, 1, Rng(2));
  const IntegerRunner runner(graph);
  const auto before = runner.run_layers(input.data());
  graph = {};
  EXPECT_EQ(runner.run_layers(input.data()), before);
}

TEST(IntegerRunner, RefusesWhatTheProofDoesNotCover) {
  RandomGraph g(Rng(1), 2, 2, 3, QuantScheme{4, false, 1});
  g.linear(0, 2, {32, true, 1});
  const IntegerRunner runner(g.graph);
  TensorT<int16_t> input(Shape{2, 2, 2, 3}, int16_t(15));
  EXPECT_NO_THROW(runner.run(input));
  input[14] = 16;
  EXPECT_EQ(testing::error_of([&] { runner.run(input); }),
            "integer network: code 16 at position 2 of image 1 is outside 0..15");
  input[14] = -1;
  EXPECT_THROW(runner.run(input), Error);
  EXPECT_THROW(runner.run(TensorT<int16_t>(Shape{2, 2, 3, 2}, int16_t(0))), Error);
  EXPECT_THROW(runner.run(TensorT<int16_t>(Shape{12}, int16_t(0))), Error);
  EXPECT_THROW(runner.run(TensorT<int16_t>()), Error);
  g.graph.layers[1].shift[0] = 32;
  EXPECT_THROW(IntegerRunner{g.graph}, Error);
}

}  // namespace
}  // namespace bitloom
