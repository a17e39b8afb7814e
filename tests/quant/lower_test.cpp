// Lowering: the integer graph computes what the fake-quantized network computes, for every model and random mixtures of
// precisions.
#include "quant/lower.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <numeric>

#include "core/io.h"
#include "quant/integer/pack.h"
#include "quant/integer/run.h"
#include "tests/support/files.h"
#include "tests/support/gradcheck.h"
#include "tests/support/random_qat.h"
#include "tests/support/tiny_task.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::quant_options;
using testing::random_assignment;
using testing::RandomQat;

Batch whole(const Dataset& data) {
  std::vector<int64_t> all(size_t(data.size()));
  std::iota(all.begin(), all.end(), int64_t(0));
  return gather(data, all.data(), data.size(), nullptr);
}

Tensor fake_output(QatNetwork& qat, const Tensor& x) {
  Tape tape(Tape::kInference);
  return qat.network().forward(tape, x, Pass::kInference, &qat).value();
}

// Kept channels of each layer's output: most bits first over the layers that share them, else as they were.
std::vector<std::vector<int64_t>> channel_order(const ModelSpec& spec, const Assignment& assignment) {
  const std::vector<int> ties = channel_ties(spec);
  std::vector<std::vector<int64_t>> order;
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    std::map<int64_t, std::vector<int>> bits;  // by channel, of the layers in its group
    for (size_t j = 0; j < spec.layers.size(); ++j)
      for (size_t c = 0; ties[j] == ties[i] && c < assignment.weight_bits[j].size(); ++c)
        bits[int64_t(c)].push_back(assignment.weight_bits[j][c]);
    const bool fixed = ties[i] == 0 || ties[i] == ties.back();
    std::vector<int64_t> channels;
    for (int64_t c = 0; c < spec.layers[i].c; ++c)
      if (ties[i] == 0 || *std::max_element(bits[c].begin(), bits[c].end()) > 0) channels.push_back(c);
    if (!fixed) std::stable_sort(channels.begin(), channels.end(), [&](int64_t a, int64_t b) { return bits[a] > bits[b]; });
    order.push_back(channels);
  }
  return order;
}

// Runs the fake-quantized network, compares each layer with the integer graph, and continues from the integers: what one layer
// does is seen alone, however deep it lies.
class Comparison : public LayerTransform {
 public:
  Comparison(QatNetwork& qat, const IntegerGraph& graph, const Tensor& x)
      : qat_(qat), graph_(graph), order_(channel_order(qat.network().spec(), qat.assignment())) {
    const IntegerRunner runner(graph);
    const TensorT<int16_t> input = input_codes(graph, x);
    const int64_t images = x.shape()[0], sample = x.size() / images;
    for (int64_t n = 0; n < images; ++n) codes_.push_back(runner.run_layers(input.data() + n * sample));
  }
  Variable input(const Tensor& x) override { return compare(0, qat_.input(x)); }
  Variable weight(Tape& tape, int layer, const Variable& w) override { return qat_.weight(tape, layer, w); }
  Variable output(Tape& tape, int layer, const Variable& y) override { return compare(layer, qat_.output(tape, layer, y)); }
  std::vector<Parameter> parameters() const override { return {}; }
  StateDict state() const override { return {}; }
  void load(const StateDict&) override {}

  int64_t elements = 0, different = 0;

 private:
  Variable compare(int layer, const Variable& fake) {
    const IntegerLayer& integer = graph_.layers[size_t(layer)];
    const Tensor& y = fake.value();
    const std::vector<int64_t>& order = order_[size_t(layer)];
    const int64_t channels = y.shape().back(), pixels = y.size() / channels / int64_t(codes_.size());
    const double scale = integer.out.scale;
    EXPECT_EQ(integer.c, int64_t(order.size())) << integer.name;
    if (integer.c != int64_t(order.size())) return fake;
    Tensor exact(y.shape(), 0.0f);
    std::vector<bool> kept(static_cast<size_t>(channels));
    for (int64_t c : order) kept[size_t(c)] = true;
    double largest = 0;
    for (int64_t k = 0; k < y.size(); ++k) {
      largest = std::max(largest, std::fabs(double(y[k])));
      if (kept[size_t(k % channels)]) continue;
      EXPECT_EQ(y[k], 0) << integer.name << " removed channel " << k % channels;
    }
    for (size_t n = 0; n < codes_.size(); ++n)
      for (int64_t p = 0; p < pixels; ++p)
        for (size_t o = 0; o < order.size(); ++o) {
          const int64_t at = (int64_t(n) * pixels + p) * channels + order[o];
          const int32_t code = codes_[n][size_t(layer)][size_t(p) * order.size() + o];
          const double got = double(y[at]) / scale, off = std::fabs(got - code);
          exact[at] = float(code * scale);
          if (integer.out.bits == 32) {
            EXPECT_LE(off * scale, 1e-5 * largest) << integer.name << " logit " << o;
            continue;
          }
          EXPECT_NEAR(got, std::round(got), 1e-3) << integer.name << ": not a code";
          EXPECT_LE(off, 1.001) << integer.name << " channel " << order[o] << ": fake " << got << ", integer " << code;
          ++elements;
          different += off > 0.5;
        }
    return Variable(exact);
  }

  QatNetwork& qat_;
  const IntegerGraph& graph_;
  std::vector<std::vector<int64_t>> order_;
  std::vector<std::vector<std::vector<int32_t>>> codes_;  // by image and layer
};

void expect_same_graph(const IntegerGraph& a, const IntegerGraph& b) {
  ASSERT_EQ(a.layers.size(), b.layers.size());
  for (size_t i = 0; i < a.layers.size(); ++i) {
    const IntegerLayer &x = a.layers[i], &y = b.layers[i];
    EXPECT_EQ(x.weights, y.weights) << x.name;
    EXPECT_EQ(x.multiplier, y.multiplier) << x.name;
    EXPECT_EQ(x.offset, y.offset) << x.name;
    EXPECT_EQ(x.shift, y.shift) << x.name;
    EXPECT_EQ(x.out.scale, y.out.scale) << x.name;
    EXPECT_EQ(x.c, y.c) << x.name;
  }
}

// Codes in the range of their group, channels really gone, one run a precision in layers that share channels with no other.
void check_structure(const QatNetwork& qat, const IntegerGraph& graph) {
  const ModelSpec& spec = qat.network().spec();
  const std::vector<int> ties = channel_ties(spec);
  const std::vector<std::vector<int64_t>> order = channel_order(spec, qat.assignment());
  for (size_t i = 0; i < graph.layers.size(); ++i) {
    const IntegerLayer& layer = graph.layers[i];
    EXPECT_EQ(layer.c, graph.layers[size_t(ties[i])].c) << layer.name << " and its tie";
    if (!layer.has_weights()) continue;
    const std::vector<int8_t> codes = unpack_weights(graph, layer);
    const int64_t per_channel = codes_per_channel(graph, layer);
    int64_t channel = 0;
    for (const ChannelGroup& group : layer.groups)
      for (int64_t o = 0; o < group.channels; ++o, ++channel) {
        ASSERT_EQ(group.bits, qat.assignment().weight_bits[i][size_t(order[i][size_t(channel)])]) << layer.name;
        if (group.bits == 0) continue;
        const auto [lo, hi] = weight_codes(group.bits, qat.options().code_range);
        for (int64_t k = channel * per_channel; k < (channel + 1) * per_channel; ++k) {
          EXPECT_GE(codes[size_t(k)], lo) << layer.name;
          EXPECT_LE(codes[size_t(k)], hi) << layer.name;
        }
      }
    const bool alone = std::count(ties.begin(), ties.end(), int(i)) == 1 && int(i) != spec.output();
    EXPECT_LE(layer.groups.size(), alone ? 3u : 64u) << layer.name;
  }
}

class LowerTest : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Models, LowerTest,
                         ::testing::Values("resnet8", "ds_cnn", "mobilenet_v1", "autoencoder", "pooled", "windowed"),
                         [](const auto& test) { return std::string(test.param); });

TEST_P(LowerTest, IntegersComputeTheFakeQuantizedNetwork) {
  int64_t elements = 0, different = 0;
  for (uint64_t seed = 0; seed < 6; ++seed) {
    SCOPED_TRACE(str("seed ", seed));
    QuantOptions options = quant_options({0, 2, 4, 8}, {2, 4, 8});
    if (seed % 2) options.code_range = CodeRange::kSymmetric;
    RandomQat net(GetParam(), options, Rng(seed));
    net.qat.assign(random_assignment(net.qat, Rng(seed).split("assignment")));
    const IntegerGraph graph = lower(net.qat, "random");
    check_structure(net.qat, graph);
    const Batch batch = whole(net.data);
    Comparison comparison(net.qat, graph, batch.x);
    Tape tape(Tape::kInference);
    net.network.forward(tape, batch.x, Pass::kInference, &comparison);
    elements += comparison.elements;
    different += comparison.different;
    expect_same_graph(graph, lower(net.qat, "random"));
  }
  std::printf("[ measured ] %s: %lld of %lld codes differ\n", GetParam(), static_cast<long long>(different),
              static_cast<long long>(elements));
  EXPECT_LE(double(different), 0.001 * double(elements));
}

// Everything at one precision: no channel moves, and the whole network run from its own codes ends with the same classes.
TEST_P(LowerTest, UniformPrecisionsAgreeEndToEnd) {
  for (const auto& [weight_bits, act_bits] : std::vector<std::pair<int, int>>{{8, 8}, {4, 8}, {2, 8}, {8, 4}, {4, 4}}) {
    SCOPED_TRACE(str("w", weight_bits, "a", act_bits));
    RandomQat net(GetParam(), quant_options({weight_bits}, {act_bits}), Rng(uint64_t(10 * weight_bits + act_bits)));
    const Tensor x = whole(net.data).x, before = fake_output(net.qat, x);
    const IntegerGraph graph = lower(net.qat, "random");
    for (size_t i = 0; i < graph.layers.size(); ++i) EXPECT_EQ(graph.layers[i].c, net.network.spec().layers[i].c);
    const Tensor after = fake_output(net.qat, x);
    const TensorT<int32_t> integer = IntegerRunner(graph).run(input_codes(graph, x));
    double norm = 0, settled = 0, deployed = 0;
    for (int64_t k = 0; k < after.size(); ++k) {
      norm += std::pow(double(before[k]), 2);
      settled += std::pow(double(after[k] - before[k]), 2);
      deployed += std::pow(double(after[k]) - integer[k] * graph.layers.back().out.scale, 2);
    }
    EXPECT_LE(std::sqrt(settled / norm), 0.05) << "multipliers of about 8 bits, where many inputs are summed";
    EXPECT_LE(std::sqrt(deployed / norm), 0.02);
  }
}

TEST_P(LowerTest, RemovedChannelsAreGone) {
  RandomQat net(GetParam(), quant_options({0, 8}, {8}), Rng(5));
  const ModelSpec& spec = net.network.spec();
  const std::vector<int> ties = channel_ties(spec);
  Assignment a = Assignment::uniform(spec, 8, 8);
  for (size_t i = 1; i < a.weight_bits.size(); ++i)
    for (size_t c = 0; ties[i] != ties.back() && c < a.weight_bits[i].size(); c += 2) a.weight_bits[i][c] = 0;
  net.qat.assign(a);
  const IntegerGraph graph = lower(net.qat, "random");
  for (size_t i = 1; i < graph.layers.size(); ++i) {
    const IntegerLayer& layer = graph.layers[i];
    const bool fixed = ties[i] == ties.back() || ties[i] == ties.front();
    EXPECT_EQ(layer.c, spec.layers[i].c / (fixed ? 1 : 2)) << layer.name;
    for (const ChannelGroup& group : layer.groups) EXPECT_EQ(group.bits, 8) << layer.name;
  }
}

// Channels that only one side of an Add removes stay, as zeros of that side.
TEST(LowerTest, ChannelRemovedOnOneSideOfAnAddIsAZero) {
  RandomQat net("resnet8", quant_options({0, 8}, {8}), Rng(6));
  Assignment a = Assignment::uniform(net.network.spec(), 8, 8);
  a.weight_bits[1][3] = 0;  // conv0 and conv2 meet at add1
  a.weight_bits[3][5] = 0;
  a.weight_bits[1][7] = a.weight_bits[3][7] = 0;
  net.qat.assign(a);
  const IntegerGraph graph = lower(net.qat, "random");
  for (size_t i : {1, 3, 4}) EXPECT_EQ(graph.layers[i].c, 15) << graph.layers[i].name;
  int64_t zeros = 0;
  for (const ChannelGroup& group : graph.layers[1].groups) zeros += group.bits == 0 ? group.channels : 0;
  EXPECT_EQ(zeros, 1);
  Comparison comparison(net.qat, graph, whole(net.data).x);
  Tape tape(Tape::kInference);
  net.network.forward(tape, whole(net.data).x, Pass::kInference, &comparison);
}

// Recalibrated statistics of a removed channel are 0; without an eps its normalization would divide by them.
TEST(LowerTest, RemovedChannelsStayFinite) {
  RandomQat net("ds_cnn", quant_options({0, 8}, {8}), Rng(10));
  Assignment a = net.qat.assignment();
  a.weight_bits[1][2] = a.weight_bits[2][2] = 0;
  net.qat.assign(a);
  for (int i : {1, 2}) net.network.norm(i)->mean[2] = net.network.norm(i)->var[2] = 0;
  lower(net.qat, "random");
  const Tensor y = fake_output(net.qat, whole(net.data).x);
  for (int64_t k = 0; k < y.size(); ++k) ASSERT_TRUE(std::isfinite(y[k])) << k;
}

TEST(LowerTest, LoweringDoesNotDependOnTheRemovedValues) {
  const auto lowered = [](float garbage) {
    RandomQat net("ds_cnn", quant_options({0, 8}, {8}), Rng(7));
    Assignment a = Assignment::uniform(net.network.spec(), 8, 8);
    a.weight_bits[1][2] = a.weight_bits[2][2] = 0;
    Tensor w = net.network.weight(3).value();  // reads channel 2
    for (int64_t o = 0; o < 64; ++o) w[o * 64 + 2] = garbage;
    net.qat.assign(a);
    return lower(net.qat, "random");
  };
  const IntegerGraph a = lowered(0), b = lowered(0.1f);
  for (size_t i = 0; i < a.layers.size(); ++i) EXPECT_EQ(a.layers[i].weights, b.layers[i].weights) << a.layers[i].name;
}

// A trained network: classes of the fake-quantized network and of the integers.
TEST(LowerTest, TrainedNetworkKeepsItsClasses) {
  const TaskData data = testing::tiny_data(512);
  Network network(testing::tiny_spec(), Rng(1));
  QatNetwork qat(network, quant_options({4}, {4}), input_scheme(*data.train));
  qat.calibrate(*data.train);
  OptimizerOptions optimizer;
  optimizer.lr = 0.02;
  NetworkLearner learner(network, &qat, optimizer, {});
  const Batch batch = whole(*data.train);
  for (int step = 0; step < 25; ++step) learner.step(batch, 0, step, step / 25.0);
  recalibrate_norms(network, &qat, data);  // 25 steps are few for moving averages
  EXPECT_GT(score_network(network, &qat, accuracy(), *data.train), 0.5) << "it has learned something";
  const IntegerGraph graph = lower(qat, "tiny");
  const Tensor x = batch.x;
  const TensorT<int32_t> integer = IntegerRunner(graph).run(input_codes(graph, x));
  const std::vector<double> expected = evaluate_network(network, &qat, *data.train).found;
  int64_t same = 0;
  for (int64_t n = 0; n < x.shape()[0]; ++n) {
    const int32_t* row = integer.data() + n * 9;
    same += found_in(TaskKind::kClassification, row, 9, 1, nullptr) == expected[size_t(n)];
  }
  EXPECT_GE(double(same), 0.999 * double(x.shape()[0])) << same << " of " << x.shape()[0];
}

TEST(LowerTest, ScalesThatNoIntegersCanExpressAreRefused) {
  const auto message = [](const char* parameter, int64_t element, float value) {
    RandomQat net("resnet8", quant_options({8}, {8}), Rng(8));
    for (Parameter& p : net.qat.parameters())
      if (p.name == parameter) p.value.value()[element] = value;
    return error_of([&] { lower(net.qat, "random"); });
  };
  EXPECT_EQ(message("conv1.log_scale", 3, 200), "lower: layer 'conv1' channel 3 has a weight scale of inf");
  EXPECT_EQ(message("conv1.log_scale", 3, -200), "lower: layer 'conv1' channel 3 has a weight scale of 0");
  EXPECT_NE(message("conv1.log_clip", 0, -60).find("lower: layer 'conv1' channel 0: no 32-bit multiplier for factor "),
            std::string::npos);
  EXPECT_NE(message("add1.log_clip", 0, -60).find("lower: layer 'add1': no 32-bit multiplier"), std::string::npos);
  EXPECT_NE(message("pool.log_clip", 0, -60).find("lower: layer 'pool': no 32-bit multiplier"), std::string::npos);
}

TEST(LowerTest, InputCodesAreThoseOfTheDataset) {
  RandomQat net("resnet8", quant_options({8}, {8}), Rng(9));
  const IntegerGraph graph = lower(net.qat, "random");
  const std::vector<uint8_t>& stored = net.data.samples().codes;
  const TensorT<int16_t> codes = input_codes(graph, whole(net.data).x),
                         direct = input_codes(graph, net.data, 0, net.data.size());
  ASSERT_EQ(codes.size(), int64_t(stored.size()));
  ASSERT_EQ(direct.shape(), codes.shape());
  for (int64_t i = 0; i < codes.size(); ++i) {
    ASSERT_EQ(codes[i], stored[size_t(i)]) << i;
    ASSERT_EQ(direct[i], stored[size_t(i)]) << i;
  }
  const TensorT<int16_t> tail = input_codes(graph, net.data, 3, 2);
  EXPECT_EQ(tail[0], stored[size_t(3 * net.data.format().size())]);
  // Samples of another scale are not the network's codes: they are rounded to them.
  Samples doubled = net.data.samples();
  doubled.scale *= 2;
  EXPECT_EQ(input_codes(graph, ArrayDataset(std::move(doubled)), 0, 1)[0], std::min(255, 2 * stored[0]));
}

}  // namespace
}  // namespace bitloom
