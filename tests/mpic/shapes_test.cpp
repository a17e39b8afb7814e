// Every graph that IntegerGraph::validate admits becomes a program that computes what the interpreter computes, or an error that names the layer
// and what is too much.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "tests/support/compiled.h"
#include "tests/support/files.h"
#include "tests/support/integer_graph.h"

namespace bitloom::mpic {
namespace {

using testing::error_of;
using testing::RandomGraph;

constexpr int64_t kWork = 150000;  // multiply-accumulates and codes of a layer: more would only take longer

CodegenOptions options_with(uint64_t memory, bool sub_byte = true) {
  CodegenOptions options;
  options.memory = memory;
  options.sub_byte = sub_byte;
  return options;
}

void expect_equal(const std::string& name, const IntegerGraph& graph) {
  const testing::ExportCase test{name, graph, testing::random_input(graph, 1, Rng(3))};
  for (const bool sub_byte : {true, false}) {
    try {
      EXPECT_EQ(testing::difference_on_core(test, options_with(16 << 20, sub_byte)), "") << "sub-byte formats: " << sub_byte;
    } catch (const Error& error) {
      ADD_FAILURE() << name << ", sub-byte formats: " << sub_byte << ": " << error.what();
    }
  }
}

std::string describe(const IntegerGraph& graph) {
  const IntegerLayer &in = graph.layers[0], &l = graph.layers.back();
  return str(to_string(l.op), " ", in.h, "x", in.w, "x", in.c, " a", in.out.bits, in.out.is_signed ? "s" : "u", " -> ", l.h,
             "x", l.w, "x", l.c, " of ", l.out.bits, " bits, window ", l.kh, "x", l.kw, " stride ", l.sh, "x", l.sw, " pads ",
             l.pt, ",", l.pb, ",", l.pl, ",", l.pr);
}

// Sizes are as often between 1 and 10 as between 100 and 1000.
class RandomShape {
 public:
  explicit RandomShape(Rng rng) : rng_(rng) {}

  IntegerGraph graph() {
    while (true) {
      const int64_t h = size(700), w = size(3000), c = size(5000);
      if (h * w * c > kWork) continue;
      RandomGraph g(rng_.split("weights", ++tries_), h, w, c, scheme(false));
      switch (rng_.below(6)) {
        case 0: add_window(g, IntegerOp::kConv2d, size(3000)); break;
        case 1: add_window(g, IntegerOp::kDepthwise, c); break;
        case 2:
          if (const int64_t outputs = size(3000); h * w * c * outputs <= kWork) g.linear(0, outputs, scheme(true));
          break;
        case 3: {
          const int64_t kh = std::min(size(40), h), kw = std::min(size(200), w);
          g.window(IntegerOp::kAvgPool, 0, c, {kh, kw}, {kh, kw}, {0, 0, 0, 0}, scheme(true));
        } break;
        case 5: add_window(g, IntegerOp::kMaxPool, c); break;
        case 4: {
          g.window(IntegerOp::kAvgPool, 0, c, {1, 1}, {1, 1}, {0, 0, 0, 0}, scheme(false));
          g.add(0, 1, scheme(true));
        }
      }
      if (g.graph.layers.size() > 1) return g.graph;
    }
  }

 private:
  int64_t size(int64_t most) { return int64_t(std::exp(rng_.uniform(0, std::log(double(most + 1))))); }
  QuantScheme scheme(bool last) {
    const int64_t width = rng_.below(last ? 4 : 3);
    return {width == 3 ? 32 : int(2 << width), width == 3 || rng_.below(3) == 0, 1};
  }
  void add_window(RandomGraph& g, IntegerOp op, int64_t c) {
    const IntegerLayer& in = g.at(0);
    const int64_t kh = size(60), kw = size(60), sh = size(kh > 3 ? 50 : 3), sw = size(rng_.below(9) ? 3 : 3000);
    const auto pads = [&](int64_t k) { return rng_.below(3) ? 0 : rng_.below(k); };
    const std::vector<int64_t> pad = {pads(kh), pads(kh), pads(kw), pads(kw)};
    const int64_t room_h = in.h + pad[0] + pad[1] - kh, room_w = in.w + pad[2] + pad[3] - kw;
    if (room_h < 0 || room_w < 0) return;
    const int64_t outputs = (room_h / sh + 1) * (room_w / sw + 1) * c, taps = kh * kw * (op == IntegerOp::kConv2d ? in.c : 1);
    if (outputs * taps > kWork || c * taps > kWork) return;
    g.window(op, 0, c, {kh, kw}, {sh, sw}, pad, scheme(true));
  }

  Rng rng_;
  uint64_t tries_ = 0;
};

TEST(Shapes, WhateverIsAdmittedRuns) {
  const uint64_t count = std::getenv("BITLOOM_SLOW") ? 5000 : std::getenv("BITLOOM_FAST") ? 150 : 500;
  for (uint64_t seed = 0; seed < count; ++seed) {
    const IntegerGraph graph = RandomShape(Rng(seed).split("shape")).graph();
    graph.validate();
    expect_equal(str("shape ", seed, ": ", describe(graph)), graph);
  }
}

// Larger than the offsets of loads and stores, the registers of a kernel or the distance of a branch.
TEST(Shapes, BeyondEveryLimit) {
  if (std::getenv("BITLOOM_FAST")) GTEST_SKIP() << "BITLOOM_FAST is set";
  const QuantScheme codes{8, false, 1}, nibbles{4, false, 1}, logits{32, true, 1};
  const auto one = [&](int64_t h, int64_t w, int64_t in_c, QuantScheme in, const std::function<void(RandomGraph&)>& add) {
    RandomGraph g(Rng(uint64_t(in_c)), h, w, in_c, in);
    add(g);
    expect_equal(describe(g.graph), g.graph);
  };
  for (const int64_t c : {511, 512, 513, 682, 683, 1024, 2047, 2048, 4100})  // MobileNetV1 x1.0 has 512 and 1024
    one(3, 3, c, codes, [&](RandomGraph& g) { g.window(IntegerOp::kDepthwise, 0, c, {3, 3}, {1, 1}, {1, 1, 1, 1}, codes); });
  for (const int64_t c : {169, 170, 171, 511, 512})
    one(2, 3, 8, codes, [&](RandomGraph& g) { g.window(IntegerOp::kConv2d, 0, c, {1, 1}, {1, 1}, {0, 0, 0, 0}, logits); });
  for (const int64_t c : {682, 683, 2047, 2048, 5000}) {
    one(2, 2, 4, codes, [&](RandomGraph& g) { g.window(IntegerOp::kConv2d, 0, c, {1, 1}, {1, 1}, {0, 0, 0, 0}, codes); });
    one(2, 2, c, codes, [&](RandomGraph& g) { g.window(IntegerOp::kConv2d, 0, 5, {1, 1}, {1, 1}, {0, 0, 0, 0}, codes); });
    one(2, 2, c, nibbles, [&](RandomGraph& g) { g.window(IntegerOp::kAvgPool, 0, c, {2, 2}, {2, 2}, {0, 0, 0, 0}, logits); });
    one(3, 1, c, nibbles, [&](RandomGraph& g) {
      g.window(IntegerOp::kAvgPool, 0, c, {1, 1}, {1, 1}, {0, 0, 0, 0}, codes);
      g.add(0, 1, {2, true, 1});
    });
  }
  for (const int64_t k : {5, 9, 23, 24, 25, 60}) {
    const int64_t pad = k / 2;
    one(k, 7, 3, codes, [&](RandomGraph& g) { g.window(IntegerOp::kConv2d, 0, 5, {k, 3}, {1, 1}, {pad, pad, 1, 1}, codes); });
    one(9, k, 6, nibbles, [&](RandomGraph& g) {
      g.window(IntegerOp::kDepthwise, 0, 6, {5, k}, {2, 1}, {2, 2, pad, pad}, codes);
    });
    one(k, 6, 6, codes, [&](RandomGraph& g) {
      g.window(IntegerOp::kDepthwise, 0, 6, {k, 2}, {1, 3}, {pad, 0, 1, 1}, nibbles);
    });
  }
  one(3, 3000, 3, codes, [&](RandomGraph& g) { g.window(IntegerOp::kDepthwise, 0, 3, {3, 3}, {1, 1}, {1, 1, 1, 1}, codes); });
  one(2, 5000, 2, codes, [&](RandomGraph& g) {
    g.window(IntegerOp::kDepthwise, 0, 2, {2, 2}, {1, 2500}, {0, 0, 0, 0}, codes);
  });
  one(2, 5000, 2, codes, [&](RandomGraph& g) { g.window(IntegerOp::kConv2d, 0, 9, {2, 2}, {1, 2500}, {0, 0, 0, 0}, codes); });
  one(1, 3, 1, codes, [&](RandomGraph& g) {
    g.window(IntegerOp::kConv2d, 0, 4, {2200, 1}, {1, 1}, {2199, 2199, 0, 0}, codes);
  });
}

TEST(Shapes, ErrorsNameTheLayer) {
  RandomGraph large(Rng(1), 40, 40, 64, {8, false, 1});
  large.window(IntegerOp::kConv2d, 0, 8, {1, 1}, {1, 1}, {0, 0, 0, 0}, {8, false, 1});
  large.window(IntegerOp::kConv2d, 1, 80, {1, 1}, {1, 1}, {0, 0, 0, 0}, {8, false, 1});
  const std::string memory = error_of([&] { compile(large.graph, options_with(100000)); });
  EXPECT_NE(memory.find("; layer 'layer2' alone "), std::string::npos) << memory;
  EXPECT_NE(memory.find("the memory has 100000; give more with --mem"), std::string::npos) << memory;
}

// However often precisions change from channel to channel, the code is that of one run.
TEST(Shapes, RunsOfChannelsShareTheirCode) {
  constexpr int64_t kChannels = 2000;
  RandomGraph many(Rng(2), 1, 1, 1, {8, false, 1});
  many.window(IntegerOp::kConv2d, 0, kChannels, {1, 1}, {1, 1}, {0, 0, 0, 0}, {8, false, 1}, {8});
  many.graph.layers[1].groups.assign(kChannels, {8, 1});
  EXPECT_LT(compile(many.graph, options_with(64 << 20)).code_bytes, 1000u);
}

}  // namespace
}  // namespace bitloom::mpic
