// Generated MPIC programs compute what the integer interpreter computes, at every layer.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/support/compiled.h"
#include "tests/support/export_cases.h"

namespace bitloom::mpic {
namespace {

using testing::ExportCase;
using testing::RandomGraph;

// With MPIC's formats, and by XpulpV2 alone; in memory that ends where the program says, so that what is read beyond is an error.
void expect_equal(const std::vector<ExportCase>& cases) {
  for (const ExportCase& test : cases)
    for (const bool sub_byte : {true, false}) {
      CodegenOptions options;
      options.memory = 4 << 20;
      options.sub_byte = sub_byte, options.stop_after_layers = true;
      options.memory = compile(test.graph, options).total_bytes;
      EXPECT_EQ(testing::difference_on_core(test, options), "") << "sub-byte formats: " << sub_byte;
    }
}

TEST(Codegen, RandomGraphs) { expect_equal(testing::random_graph_cases(60)); }
TEST(Codegen, AwkwardShapes) { expect_equal(testing::awkward_cases()); }
// Every pair of precisions, 1 to 9 channels and pixels around the blocks of 4 x 4, columns of all lengths around words: in place and copied.
TEST(Codegen, EveryRemainder) {
  uint64_t seed = 0;
  for (const int in_bits : {2, 4, 8})
    for (const int weight_bits : {2, 4, 8})
      for (int64_t channels = 1; channels <= 9; ++channels)
        for (int64_t pixels = 1; pixels <= 9; ++pixels, ++seed) {
          if (std::getenv("BITLOOM_FAST") && seed % 4 != 0) continue;
          const QuantScheme in{in_bits, seed % 3 == 0, 1}, out{int(2 << seed % 5 % 3), seed % 2 == 0, 1};
          RandomGraph g(Rng(seed), 1, pixels, 1 + int64_t(seed * 7 % 41), in);
          g.window(IntegerOp::kConv2d, 0, channels, {1, 1}, {1, 1}, {0, 0, 0, 0}, out, {weight_bits});
          g.window(IntegerOp::kConv2d, 0, channels, {1, 2}, {1, 1}, {0, 0, 1, 0}, {32, true, 1}, {weight_bits, 2});
          const std::string name = str("a", in_bits, " w", weight_bits, ", ", channels, " channels, ", pixels, " pixels");
          expect_equal({{name, g.graph, testing::random_input(g.graph, 1, Rng(seed))}});
        }
}
TEST(Codegen, Models) { expect_equal(testing::model_cases(std::getenv("BITLOOM_FAST") ? 1 : 3)); }

// Of layers of the same kind and formats only the first one has routines; the others call them: two instructions for an address and a jump.
TEST(Codegen, LayersShareRoutines) {
  const CompiledNetwork uniform = compile(load_graph("results/cifar10/w8a8/network.blig"));
  EXPECT_LT(uniform.code_bytes, 6200u);
  for (const CompiledLayer& layer : uniform.layers) {
    if (layer.name != "conv7" && layer.name != "add3") continue;
    EXPECT_EQ(layer.code_bytes, 12u) << layer.name;
  }
  EXPECT_LT(compile(load_graph("results/cifar10/channel-1/network.blig")).code_bytes, 16500u);
}

// Layers that end with stops take the cycles of the whole.
TEST(Codegen, CyclesOfLayersAddUp) {
  for (const ExportCase& test : testing::model_cases(1)) {
    CodegenOptions options;
    options.memory = 4 << 20, options.anomaly_score = false;
    const CompiledNetwork network = compile(test.graph, options);
    Core core(options.base, options.memory);
    network.image.load(core.writable_memory());
    core.reset(network.image.entry);
    ASSERT_EQ(core.run().reason, StopReason::kExit);
    uint64_t sum = 0;
    for (const Counters& layer : simulate_layers(test.graph, options)) sum += layer.cycles;
    EXPECT_NEAR(double(sum), double(core.counters().cycles), 20) << test.name;
  }
}

}  // namespace
}  // namespace bitloom::mpic
