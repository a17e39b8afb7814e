// The cost model against values worked out by hand, and against what is really deployed.
#include "nas/cost_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "mpic/compile/flash.h"
#include "nn/models/models.h"
#include "quant/lower.h"
#include "tests/support/files.h"
#include "tests/support/random_qat.h"
#include "tests/support/tiny_task.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::quant_options;
using testing::RandomQat;
using testing::tiny_spec;

// Layers of tiny_spec(): conv0 3->8 at 8x8, depthwise conv1 at 4x4, conv2 1x1 8->8 at 4x4 added to conv1, dense0 8->9.
enum { kInput, kConv0, kConv1, kConv2, kAdd1, kPool, kDense0 };

TEST(CostModelTest, UniformNetworksByHand) {
  const ModelSpec spec = tiny_spec();
  const CostModel size(spec, CostKind::kSize), cycles(spec, CostKind::kCycles), energy(spec, CostKind::kEnergy);
  const double words8 = 8 * 7 + 8 * 3 + 8 * 2 + 9 * 2,
               words2 = 8 * 2 + 8 * 1 + 8 * 1 + 9 * 1;  // of 27, 9, 8 and 8 codes a filter
  const double macs = 64 * 8 * 27 + 16 * 8 * 9 + 16 * 8 * 8 + 9 * 8;
  EXPECT_DOUBLE_EQ(size.cost(Assignment::uniform(spec, 8, 8)), words8 * 32);
  EXPECT_DOUBLE_EQ(size.cost(Assignment::uniform(spec, 2, 4)), words2 * 32);
  EXPECT_DOUBLE_EQ(cycles.cost(Assignment::uniform(spec, 8, 8)), macs / 2.1);
  EXPECT_DOUBLE_EQ(cycles.cost(Assignment::uniform(spec, 2, 8)), macs / 2.5);
  const double first = 64 * 8 * 27 / 2.3;  // the input has 8 bits whatever the other activations have
  EXPECT_DOUBLE_EQ(cycles.cost(Assignment::uniform(spec, 4, 2)), first + (macs - 64 * 8 * 27) / 4.0);
  EXPECT_DOUBLE_EQ(energy.cost(Assignment::uniform(spec, 8, 8)), macs / 2.1 * 21.53e-6);
}

// Channels of different precisions run one after the other: cycles add up, MACs per cycle do not.
TEST(CostModelTest, MixedChannelsByHand) {
  const ModelSpec spec = tiny_spec();
  Assignment a = Assignment::uniform(spec, 8, 8);
  a.weight_bits[kConv2] = {2, 2, 2, 4, 8, 8, 8, 8};
  a.act_bits[kConv1] = 4;
  EXPECT_DOUBLE_EQ(CostModel(spec, CostKind::kSize).layer_cost(a, kConv2), 32 * (3 * 1 + 1 + 4 * 2));
  EXPECT_NEAR(CostModel(spec, CostKind::kCycles).layer_cost(a, kConv2), 16 * 8 * (3 / 3.9 + 1 / 3.5 + 4 / 2.1), 1e-9);
  for (int i : {kInput, kAdd1, kPool}) EXPECT_EQ(CostModel(spec, CostKind::kCycles).layer_cost(a, i), 0);
}

TEST(CostModelTest, RemovedChannelsCostNothingAndShrinkTheirReaders) {
  const ModelSpec spec = tiny_spec();
  const CostModel size(spec, CostKind::kSize);
  Assignment a = Assignment::uniform(spec, 8, 8);
  a.weight_bits[kConv0][2] = a.weight_bits[kConv1][2] = 0;
  EXPECT_DOUBLE_EQ(size.layer_cost(a, kConv0), 7 * 7 * 32);
  EXPECT_DOUBLE_EQ(size.layer_cost(a, kConv1), 7 * 3 * 32);
  EXPECT_DOUBLE_EQ(size.layer_cost(a, kConv2), 8 * 2 * 32) << "conv2 writes channel 2 of the sum: the channel stays";
  a.weight_bits[kConv2][2] = 0;
  EXPECT_DOUBLE_EQ(size.layer_cost(a, kConv2), 7 * 2 * 32);
  EXPECT_DOUBLE_EQ(size.layer_cost(a, kDense0), 9 * 2 * 32) << "through the Add and the pooling";
}

TEST(CostModelTest, ReferenceFiguresOfResnet8) {
  const ModelSpec spec = resnet8(32, 32, 3, 10);
  const Assignment w8a8 = Assignment::uniform(spec, 8, 8);
  EXPECT_DOUBLE_EQ(CostModel(spec, CostKind::kSize).cost(w8a8), 77376 * 8);
  EXPECT_DOUBLE_EQ(CostModel(spec, CostKind::kCycles).cost(w8a8), 12501632 / 2.1);
  EXPECT_NEAR(CostModel(spec, CostKind::kEnergy).cost(w8a8), 128.17, 0.01);  // microjoule
}

// What is priced is what is deployed: packed words, and the products that are really computed.
TEST(CostModelTest, RandomAssignmentsCostWhatTheirIntegerGraphsHold) {
  for (const char* model : {"resnet8", "ds_cnn", "mobilenet_v1", "autoencoder", "pooled", "windowed"})
    for (uint64_t seed = 0; seed < 4; ++seed) {
      SCOPED_TRACE(str(model, ", seed ", seed));
      RandomQat net(model, quant_options({0, 2, 4, 8}, {2, 4, 8}), Rng(seed));
      const Assignment a = testing::random_assignment(net.qat, Rng(seed + 100));
      net.qat.assign(a);
      const ModelSpec& spec = net.network.spec();
      const IntegerGraph graph = lower(net.qat, "random");
      const CostModel size(spec, CostKind::kSize), cycles(spec, CostKind::kCycles);
      double total = 0;
      for (size_t i = 1; i < graph.layers.size(); ++i) {
        const IntegerLayer& layer = graph.layers[i];
        double time = 0;
        for (const ChannelGroup& group : layer.groups) {
          if (group.bits == 0) continue;
          const double codes = double(group.channels * codes_per_channel(graph, layer));
          const int act_bits = graph.layers[size_t(layer.inputs[0])].out.bits;
          time += codes * double(layer.h * layer.w) / published_costs().at(act_bits, group.bits);
        }
        const double bits = 32.0 * double(layer.weights.size());
        total += bits;
        EXPECT_EQ(size.layer_cost(a, int(i)), bits) << layer.name;
        EXPECT_NEAR(cycles.layer_cost(a, int(i)), time, 1e-9 * time) << layer.name;
      }
      EXPECT_DOUBLE_EQ(size.cost(a), total);
    }
}

// A budget of flash holds for the program: what is priced is never less than what is compiled.
TEST(CostModelTest, FlashBoundsThePrograms) {
  for (const char* model : {"resnet8", "ds_cnn", "mobilenet_v1", "autoencoder", "pooled", "windowed"})
    for (uint64_t seed = 0; seed < (std::getenv("BITLOOM_FAST") ? 1 : 3); ++seed) {
      SCOPED_TRACE(str(model, ", seed ", seed));
      RandomQat net(model, quant_options({0, 2, 4, 8}, {2, 4, 8}), Rng(seed));
      const ModelSpec& spec = net.network.spec();
      const Assignment a = testing::random_assignment(net.qat, Rng(seed + 100));
      net.qat.assign(a);
      const CostModel flash(spec, CostKind::kFlash, published_costs(), net.qat.input_quant().is_signed);
      const double priced = flash.cost(a), compiled = double(mpic::flash_bytes(lower(net.qat, "random")));
      EXPECT_GE(priced, compiled);
      EXPECT_LE(priced, 1.04 * compiled);
      EXPECT_NEAR(flash.cost(one_hot_shares(spec, a), nullptr), priced, 1e-6) << "a mixture that is none";
      double layers = 0;
      for (int i = 0; i <= spec.output(); ++i) layers += flash.layer_cost(a, i);
      EXPECT_LT(layers, priced);
      EXPECT_GT(layers + 256, priced) << "beginning and end of the program, and the anomaly score";
    }
}

// Of channels in blocks of four the slopes are what four of them cost, code being the same.
TEST(CostModelTest, FlashOfAChannelIsItsWeightsAndItsRule) {
  const ModelSpec spec = resnet8(32, 32, 3, 10);
  const CostModel flash(spec, CostKind::kFlash);
  Assignment a = Assignment::uniform(spec, 8, 8);
  constexpr size_t kConv = 3;  // conv2: 3 x 3 of 16 channels
  ASSERT_EQ(spec.layers[kConv].name, "conv2");
  for (size_t c = 0; c < 8; ++c) a.weight_bits[kConv][c] = 4;
  Assignment more = a;
  for (size_t c = 8; c < 12; ++c) more.weight_bits[kConv][c] = 4;
  EXPECT_DOUBLE_EQ(flash.cost(a) - flash.cost(more), 4 * (144 - 72));
  Shares slope;
  flash.cost(one_hot_shares(spec, a), &slope);
  const TensorD& own = slope.weight[kConv];  // by 0, 2, 4, 8 bits
  EXPECT_DOUBLE_EQ(own[8 * 4 + 3] - own[8 * 4 + 2], 144 - 72);
  EXPECT_DOUBLE_EQ(own[8 * 4 + 3], 144 + 12) << "multiplier, offset and shift";
}

// The relaxation agrees where all input channels are there; removed ones it takes from the words bit by bit.
TEST(CostModelTest, MixturesOfWholeFiltersAreAsLongAsTheirWords) {
  for (const char* name : {"resnet8", "ds_cnn", "mobilenet_v1"}) {
    const ModelSpec spec = testing::small_model(name);
    const CostModel size(spec, CostKind::kSize);
    Assignment a = Assignment::uniform(spec, 8, 8);
    Rng rng(1);
    for (std::vector<int>& layer : a.weight_bits)
      for (int& bits : layer) bits = 2 << rng.below(3);
    EXPECT_NEAR(size.cost(one_hot_shares(spec, a), nullptr), size.cost(a), 1e-9 * size.cost(a)) << name;
  }
}

// A pitfall of published cost models: what they do not know is free.
TEST(CostModelTest, UnknownWidthsAreErrors) {
  const ModelSpec spec = tiny_spec();
  const Assignment good = Assignment::uniform(spec, 8, 8);
  for (CostKind kind : {CostKind::kSize, CostKind::kCycles, CostKind::kEnergy, CostKind::kFlash}) {
    Assignment a = good;
    a.weight_bits[kConv2][1] = 3;
    EXPECT_EQ(error_of([&] { CostModel(spec, kind).cost(a); }), "cost of layer 'conv2': 3-bit weights have no price");
    if (kind == CostKind::kSize) continue;
    a = good;
    a.act_bits[kConv1] = 16;
    if (kind == CostKind::kFlash) {
      EXPECT_EQ(error_of([&] { CostModel(spec, kind).cost(a); }), "cost of layer 'conv1': 16-bit activations have no price");
      continue;
    }
    EXPECT_EQ(
        error_of([&] { CostModel(spec, kind).cost(a); }).find("cost table 'published' has no entry for 16-bit activations"),
        0u);
  }
  EXPECT_EQ(error_of([] { published_costs().at(8, 0); }),
            "cost table 'published' has no entry for 8-bit activations and 0-bit weights");
}

TEST(CostModelTest, AnotherTableReplacesThePublishedOne) {
  const ModelSpec spec = tiny_spec();
  const CostTable unit = {"unit", {{1, 1, 1}, {1, 1, 1}, {1, 1, 2}}, 1e6, {}};
  const Assignment a = Assignment::uniform(spec, 8, 4);
  EXPECT_DOUBLE_EQ(CostModel(spec, CostKind::kCycles, unit).cost(a), double(macs(spec)) - 64 * 8 * 27 / 2.0);
  EXPECT_DOUBLE_EQ(CostModel(spec, CostKind::kEnergy, unit).cost(a), CostModel(spec, CostKind::kCycles, unit).cost(a));
}

// The pieces of the code: Adds and pools take time too, depthwise layers take it whatever the bits of their weights.
TEST(CostModelTest, MeasuredTablePricesEveryLayer) {
  const ModelSpec spec = tiny_spec();
  const CostModel cycles(spec, CostKind::kCycles, measured_costs()), energy(spec, CostKind::kEnergy, measured_costs());
  const Assignment w8 = Assignment::uniform(spec, 8, 8), w2 = Assignment::uniform(spec, 2, 8);
  double sum = 0;
  for (int i = 1; i <= spec.output(); ++i) {
    EXPECT_GT(cycles.layer_cost(w8, i), 0) << i;
    sum += cycles.layer_cost(w8, i);
  }
  EXPECT_NEAR(cycles.cost(w8), sum, 1e-9 * sum);
  EXPECT_NEAR(energy.cost(w8), sum * 21.53e-6, 1e-9 * sum);
  EXPECT_EQ(cycles.layer_cost(w2, kConv1), cycles.layer_cost(w8, kConv1));
  Assignment half = w8;  // a block of the kernels has four channels: three cost more than they
  for (int layer : {kConv0, kConv1, kConv2}) std::fill_n(half.weight_bits[layer].begin(), 4, 0);
  for (int i = 1; i <= spec.output(); ++i) EXPECT_LT(cycles.layer_cost(half, i), cycles.layer_cost(w8, i)) << i;
  const ModelSpec resnet = resnet8(32, 32, 3, 10);
  const CostModel deep(resnet, CostKind::kCycles, measured_costs());
  EXPECT_LT(deep.cost(Assignment::uniform(resnet, 2, 8)), deep.cost(Assignment::uniform(resnet, 8, 8)));
  EXPECT_LT(deep.cost(Assignment::uniform(resnet, 2, 2)), deep.cost(Assignment::uniform(resnet, 2, 8)));
  Assignment unknown = w8;
  unknown.act_bits[kConv1] = 16;
  EXPECT_EQ(error_of([&] { cycles.cost(unknown); }), "cost table 'measured' has no entry for 16 bits");
}

TEST(CostModelTest, TablesHaveNames) {
  EXPECT_EQ(&cost_table(CostTableKind::kPublished), &published_costs());
  EXPECT_EQ(&cost_table(CostTableKind::kMeasured), &measured_costs());
  EXPECT_EQ(error_of([] { named<CostTableKind>("guessed"); }), "unknown cost table 'guessed'; known: published, measured");
}

// Between two assignments that differ in one layer, the cost is linear in that layer's shares.
TEST(CostModelTest, MixturesInterpolate) {
  const ModelSpec spec = tiny_spec();
  const CostModel cycles(spec, CostKind::kCycles);
  Assignment low = Assignment::uniform(spec, 8, 8), high = low;
  low.weight_bits[kConv1].assign(8, 2);
  Shares mixed = one_hot_shares(spec, low);
  const Shares other = one_hot_shares(spec, high);
  TensorD& theta = mixed.weight[kConv1];
  for (int64_t k = 0; k < theta.size(); ++k) theta[k] = 0.25 * theta[k] + 0.75 * other.weight[kConv1][k];
  EXPECT_NEAR(cycles.cost(mixed, nullptr), 0.25 * cycles.cost(low) + 0.75 * cycles.cost(high), 1e-9);
}

TEST(CostModelTest, NamesAreParsed) {
  EXPECT_EQ(named<CostKind>("size"), CostKind::kSize);
  EXPECT_EQ(named<CostKind>("cycles"), CostKind::kCycles);
  EXPECT_EQ(named<CostKind>("energy"), CostKind::kEnergy);
  EXPECT_EQ(named<CostKind>("flash"), CostKind::kFlash);
  EXPECT_EQ(error_of([] { named<CostKind>("latency"); }), "unknown cost 'latency'; known: size, cycles, energy, flash");
}

}  // namespace
}  // namespace bitloom
