// The count of a program's flash: never less than what is compiled, and little more.
#include "mpic/compile/flash.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "mpic/compile/codegen.h"
#include "quant/lower.h"
#include "quant/lowered_shape.h"
#include "tests/support/files.h"
#include "tests/support/random_qat.h"
#include "tests/support/tiny_task.h"

namespace bitloom::mpic {
namespace {

using testing::error_of;
using testing::quant_options;
using testing::RandomQat;

// What compile() may save where channels happen to share a shift, in percent: it compiles both and takes the smaller.
constexpr int kSaved = 4;

TEST(Flash, TheCountBoundsWhatIsCompiled) {
  FlashCounter counter;  // one for all: what it remembers of one network is right for others
  for (const char* model : {"resnet8", "ds_cnn", "mobilenet_v1", "autoencoder", "pooled", "windowed"})
    for (uint64_t seed = 0; seed < 6; seed += std::getenv("BITLOOM_FAST") ? 3 : 1) {
      SCOPED_TRACE(str(model, ", seed ", seed));
      RandomQat net(model, quant_options({0, 2, 4, 8}, {2, 4, 8}), Rng(seed));
      const bool uniform = seed < 2;
      net.qat.assign(uniform ? Assignment::uniform(net.network.spec(), seed ? 4 : 8, 8)
                             : testing::random_assignment(net.qat, Rng(seed + 100)));
      const int64_t compiled = flash_bytes(lower(net.qat, "random"));
      const int64_t counted =
          counter.count(lowered_shape(net.network.spec(), net.qat.assignment(), net.qat.input_quant().is_signed)).total();
      EXPECT_GE(counted, compiled);
      EXPECT_LE(100 * counted, (100 + kSaved) * compiled);
    }
}

// Networks as they are deployed: every byte that depends on a layer's channels, blocks and remainders alike.
TEST(Flash, CommittedNetworks) {
  for (const char* run : {"cifar10/w8a8", "cifar10/w4a8", "cifar10/channel-1", "cifar10/channel-15kB-24-epochs",
                          "cifar10/energy-2", "ad/front/channel-w0248-80kB-s1", "ad/front/w8a8-s1"}) {
    const IntegerGraph graph = load_graph(str("results/", run, "/network.blig"));
    const int64_t compiled = flash_bytes(graph), counted = FlashCounter().count(graph).total();
    EXPECT_GE(counted, compiled) << run;
    EXPECT_LE(1000 * counted, 1015 * compiled) << run;
  }
}

// Layers are counted one by one as compile() reports them; what several use, by the first.
TEST(Flash, LayersAreThoseOfTheProgram) {
  const IntegerGraph graph = load_graph("results/cifar10/w4a8/network.blig");
  CodegenOptions options;
  const CompiledNetwork network = compile(graph, options);
  const FlashBytes bytes = FlashCounter().count(graph);
  for (size_t i = 1; i + 2 < graph.layers.size(); ++i)  // the pool's constants are its own
    EXPECT_EQ(bytes.layers[i], network.layers[i].code_bytes + network.layers[i].data_bytes) << graph.layers[i].name;
}

// What was begun is not remembered.
TEST(Flash, WhatCannotBeEmittedIsAnErrorEveryTime) {
  IntegerGraph graph;
  graph.layers.resize(2);
  IntegerLayer &in = graph.layers[0], &pool = graph.layers[1];
  in.h = in.w = 1, in.c = 4;
  pool.name = "pool", pool.op = IntegerOp::kAvgPool, pool.inputs = {0};
  pool.h = pool.w = 1, pool.c = 4, pool.out.bits = 40;  // no instruction clips to so many
  FlashCounter counter;
  const std::string first = error_of([&] { counter.count(graph); });
  EXPECT_EQ(first.rfind("flash: layer 'pool' (avg_pool): ", 0), 0u) << first;
  EXPECT_EQ(error_of([&] { counter.count(graph); }), first);
}

}  // namespace
}  // namespace bitloom::mpic
