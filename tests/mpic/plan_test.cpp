// The plan of a layer decides what the emitter writes and what the cost model counts: both follow when it changes.
#include "mpic/compile/plan/plan.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "core/scalar_tape.h"
#include "mpic/compile/calibration.h"
#include "mpic/compile/plan/channel_runs.h"
#include "nas/cost_table.h"
#include "tests/support/compiled.h"
#include "tests/support/integer_graph.h"

namespace bitloom::mpic {
namespace {

using testing::RandomGraph;

double priced(const PieceCounts<double>& counts) {
  double cycles = 0;
  for (const auto& [piece, times] : counts) cycles += times * measured_costs().pieces[size_t(piece)];
  return cycles;
}

CodegenOptions options_with(const KernelLimits& limits) {
  CodegenOptions options;
  options.memory = 8 << 20;
  options.limits = limits;
  return options;
}

double simulated(const IntegerGraph& graph, const KernelLimits& limits) {
  return double(simulate_layers(graph, options_with(limits)).back().cycles);
}

double times(const PieceCounts<double>& counts, int index) {
  double sum = 0;
  for (const auto& [piece, n] : counts) sum += piece == index ? n : 0;
  return sum;
}

IntegerGraph convolution(int64_t side, int64_t in_c, int64_t c, int64_t k, int in_bits, int weight_bits) {
  RandomGraph g(Rng(uint64_t(in_c)), side, side, in_c, {in_bits, false, 1});
  g.window(IntegerOp::kConv2d, 0, c, {k, k}, {1, 1}, {k / 2, k / 2, k / 2, k / 2}, {8, false, 1}, {weight_bits});
  return g.graph;
}

// Smaller limits give another program, whose codes are the same and whose cycles are those of the pieces counted under the same limits.
TEST(Plan, EmitterAndCountsFollowItsLimits) {
  KernelLimits short_reach, nothing_held;
  short_reach.reach = 400;
  nothing_held.held_words = 0;
  const struct {
    const char* name;
    IntegerGraph graph;
    KernelLimits limits;
  } cases[] = {{"a column beyond the reach", convolution(6, 64, 16, 3, 8, 4), short_reach},
               {"a column within it", convolution(6, 64, 16, 3, 4, 4), short_reach},
               {"outputs beyond it", convolution(6, 64, 200, 1, 8, 8), short_reach},
               {"a column of four words", convolution(6, 16, 32, 1, 8, 8), nothing_held}};
  for (const auto& test : cases) {
    const IntegerLayer& layer = test.graph.layers.back();
    const testing::ExportCase network{test.name, test.graph, testing::random_input(test.graph, 1, Rng(5))};
    EXPECT_EQ(testing::difference_on_core(network, options_with(test.limits)), "");
    const PieceCounts<double> before = count_pieces(test.graph, layer), after = count_pieces(test.graph, layer, test.limits);
    const double old_cycles = simulated(test.graph, {}), cycles = simulated(test.graph, test.limits);
    EXPECT_NEAR(priced(before) / old_cycles, 1, 0.06) << test.name;
    EXPECT_NEAR(priced(after) / cycles, 1, 0.06) << test.name;
    if (std::string(test.name) == "a column within it") {
      EXPECT_EQ(cycles, old_cycles);
      EXPECT_EQ(after, before);
    } else {
      EXPECT_GT(cycles, 1.04 * old_cycles) << test.name;
    }
  }
}

// 3 x 3 x 256 codes: 2304 bytes with 8 bits, which tiles of four do not reach, 1152 and 576 with fewer.
TEST(Plan, ColumnsHaveTheBytesOfTheirBits) {
  for (const int in_bits : {2, 4, 8}) {
    const IntegerGraph graph = convolution(5, 256, 24, 3, in_bits, 4);
    const PieceCounts<double> counts = count_pieces(graph, graph.layers.back());
    EXPECT_EQ(times(counts, piece_index(kTile)), in_bits == 8 ? 0 : 6) << in_bits;
    EXPECT_EQ(times(counts, piece_index(kTile, true)), in_bits == 8 ? 25 : 1) << in_bits;
    EXPECT_NEAR(priced(counts) / simulated(graph, {}), 1, 0.06) << in_bits;
  }
}

LayerMix<double> mix_of(double four_bits, int64_t in_c, int64_t c) {
  LayerMix<double> mix;
  mix.in = {0, four_bits, 1 - four_bits};
  mix.out = {0, 0, 1};
  mix.kept_in = double(in_c), mix.kept_out = double(c);
  mix.runs[2] = sorted_run(double(c), c);
  return mix;
}

// The same layer in shares: tiles of four as far as activations have 4 bits, with the slope that says so.
TEST(Plan, SharesAreCutAsTheirParts) {
  const IntegerGraph graph = convolution(5, 256, 24, 3, 8, 4);
  const LayerGeometry geometry = geometry_of(graph, graph.layers.back());
  const double narrow = priced(count_pieces(geometry, mix_of(1, 256, 24))),
               wide = priced(count_pieces(geometry, mix_of(0, 256, 24)));
  EXPECT_LT(narrow, 0.8 * wide);
  for (const double share : {0.25, 0.5}) {
    const PieceCounts<double> counts = count_pieces(geometry, mix_of(share, 256, 24));
    EXPECT_NEAR(times(counts, piece_index(kTile)), 6 * share, 1e-9);
    EXPECT_NEAR(times(counts, piece_index(kTile, true)), 25 - 24 * share, 1e-9);
    EXPECT_NEAR(priced(counts), share * narrow + (1 - share) * wide, 0.01 * wide);
  }
  ScalarTape tape;
  const Real share(0.5, tape);
  LayerMix<Real> mix;
  mix.in = {0.0, share, 1.0 - share};
  mix.out = {0.0, 0.0, 1.0};
  mix.kept_in = 256.0, mix.kept_out = 24.0;
  mix.runs[2] = sorted_run(Real(24.0), 24);
  Real cycles = 0.0;
  for (const auto& [piece, n] : count_pieces(geometry, mix)) cycles += n * measured_costs().pieces[size_t(piece)];
  EXPECT_NEAR(tape.gradient(cycles.node())[0], narrow - wide, 0.02 * wide);
}

// Of certain shares, the average runs are the runs.
TEST(Plan, AverageRunsOfCertainChannelsAreTheirRuns) {
  Rng rng(7);
  for (int n = 0; n < 200; ++n) {
    std::vector<ChannelGroup> groups;
    std::vector<int> bits;
    for (int64_t left = 1 + rng.below(40); left > 0; left -= groups.back().channels) {
      int next = 1 << (1 + rng.below(3));
      if (!bits.empty() && bits.back() == next) next = next == 8 ? 4 : 8;
      groups.push_back({next, 1 + rng.below(left)});
      bits.insert(bits.end(), size_t(groups.back().channels), next);
    }
    std::map<int, ChannelRuns<double>> exact, average;
    for (const ChannelRun& run : split_channels(groups, 8)) {
      ChannelRuns<double>& runs = exact[run.bits];
      runs.channels += double(run.channels);
      (run.blocks ? runs.block_runs : runs.single_runs) += 1;
      if (!run.blocks) runs.single += double(run.channels);
    }
    for (const auto& [precision, runs] : exact) {
      ChannelRuns<double> own;
      add_runs_in_order(
          int64_t(bits.size()), [&, b = precision](int64_t c) { return bits[size_t(c)] == b ? 1.0 : 0.0; }, own);
      EXPECT_DOUBLE_EQ(own.channels, runs.channels);
      EXPECT_DOUBLE_EQ(own.single, runs.single);
      EXPECT_DOUBLE_EQ(own.block_runs, runs.block_runs);
      EXPECT_DOUBLE_EQ(own.single_runs, runs.single_runs);
    }
  }
}

// Blocks begin where their codes begin a byte, and every channel is in one run.
TEST(Plan, RunsCoverTheChannels) {
  const std::vector<ChannelGroup> groups = {{8, 3}, {4, 9}, {0, 5}, {2, 8}, {8, 1}};
  for (const int out_bits : {2, 4, 8, 32}) {
    int64_t at = 0;
    for (const ChannelRun& run : split_channels(groups, out_bits)) {
      EXPECT_EQ(run.first, at);
      at += run.channels;
      EXPECT_TRUE(!run.blocks || run.first % block_alignment(out_bits) == 0);
      EXPECT_TRUE(!run.blocks || run.channels % kBlockChannels == 0);
      EXPECT_TRUE(run.blocks || run.bits == 0 || run.channels < kBlockChannels);
    }
    EXPECT_EQ(at, 26);
  }
}

}  // namespace
}  // namespace bitloom::mpic
