// The quantization-aware network: calibration, scales, assignment and storage.
#include "quant/qat_network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/support/files.h"
#include "tests/support/gradcheck.h"
#include "tests/support/random_qat.h"
#include "tests/support/tiny_task.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::quant_options;
using testing::same_bits;
using testing::tiny_data;
using testing::tiny_spec;

Batch first_images(const Dataset& data, int64_t n) {
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < n; ++i) indices.push_back(i);
  return gather(data, indices.data(), n, nullptr);
}

Tensor run(Network& network, LayerTransform* transform, const Tensor& x) {
  Tape tape(Tape::kInference);
  return network.forward(tape, x, Pass::kInference, transform).value();
}

struct Tiny {
  explicit Tiny(QuantOptions options) : qat(network, std::move(options), input_scheme(*data.train)) {
    qat.calibrate(*data.train);
  }
  TaskData data = tiny_data();
  Network network{tiny_spec(), Rng(1)};
  QatNetwork qat;
};

double relative_error(const Tensor& got, const Tensor& expected) {
  double difference = 0, norm = 0;
  for (int64_t i = 0; i < got.size(); ++i) {
    difference += std::pow(double(got[i] - expected[i]), 2);
    norm += std::pow(double(expected[i]), 2);
  }
  return std::sqrt(difference / norm);
}

TEST(QatNetworkTest, EightBitsAreCloseToTheFloatNetworkAndFewerAreFurtherOff) {
  double last = 0;
  for (int bits : {8, 4, 2}) {
    Tiny t(quant_options({bits}, {bits}));
    const Tensor x = first_images(*t.data.val, 45).x;
    const double error = relative_error(run(t.network, &t.qat, x), run(t.network, nullptr, x));
    EXPECT_GT(error, last) << bits;
    EXPECT_LT(error, bits == 8 ? 0.03 : 2);
    last = error;
  }
}

TEST(QatNetworkTest, ParametersAreClipsThatNoOptimizerDecays) {
  Tiny learned(quant_options({2, 8}, {4, 8}));
  size_t scales = 0, clips = 0;
  for (const Parameter& p : learned.qat.parameters()) {
    EXPECT_EQ(p.role, ParamRole::kClip) << p.name;
    scales += p.name.find(".log_scale") != std::string::npos;
    clips += p.name.find(".log_clip") != std::string::npos;
  }
  EXPECT_EQ(scales, 4u);
  EXPECT_EQ(clips, 5u);
  QuantOptions fixed = quant_options({2, 8}, {8});
  fixed.weight_scale = WeightScale::kMse;
  Tiny t(fixed);
  EXPECT_EQ(t.qat.parameters().size(), 5u) << "weight scales that follow from the weights are not trained";
}

TEST(QatNetworkTest, ComputedScalesFollowTheWeightsInTrainingOnly) {
  for (WeightScale scale : {WeightScale::kMse, WeightScale::kMaxAbs, WeightScale::kLearned}) {
    QuantOptions options = quant_options({8}, {8});
    options.weight_scale = scale;
    Tiny t(options);
    const float before = t.qat.log_scales(1)[0];
    Tensor w = t.network.weight(1).value();
    for (int64_t i = 0; i < w.size(); ++i) w[i] *= 2;
    const Batch batch = first_images(*t.data.train, 4);
    run(t.network, &t.qat, batch.x);
    EXPECT_EQ(t.qat.log_scales(1)[0], before);
    Tape tape;
    t.network.forward(tape, batch.x, Pass::kTraining, &t.qat);
    EXPECT_NEAR(t.qat.log_scales(1)[0], double(before) + (scale == WeightScale::kLearned ? 0 : std::log(2.0)), 1e-5);
  }
}

TEST(QatNetworkTest, AssignmentPicksThePrecision) {
  Tiny mixed(quant_options({0, 2, 4, 8}, {2, 4, 8})), single(quant_options({4}, {2}));
  mixed.qat.assign(Assignment::uniform(tiny_spec(), 4, 2));
  const Tensor x = first_images(*mixed.data.val, 8).x;
  EXPECT_TRUE(same_bits(run(mixed.network, &mixed.qat, x), run(single.network, &single.qat, x)));
  EXPECT_EQ(mixed.qat.output_scheme(1).bits, 2);
  EXPECT_EQ(mixed.qat.output_scheme(3).bits, 8) << "signed activations keep 8 bits";
  EXPECT_TRUE(mixed.qat.output_scheme(3).is_signed);
  EXPECT_EQ(mixed.qat.output_scheme(0).scale, double(1.0f / 255));
  EXPECT_EQ(error_of([&] { mixed.qat.output_scheme(6); }), "layer 'dense0' has no quantized output");

  EXPECT_EQ(error_of([&] { single.qat.assign(Assignment::uniform(tiny_spec(), 8, 2)); }),
            "layer 'conv0': 8 bits are not among the precisions offered");
  EXPECT_EQ(error_of([&] { mixed.qat.assign(Assignment::uniform(tiny_spec(), 0, 2)); }),
            "layer 'dense0': 0 bits are not among the precisions offered");
}

// Probing adds the shares' gradients and leaves everything else as it was.
TEST(QatNetworkTest, ProbedSharesHaveGradientsAndNothingElseChanges) {
  Tiny probed(quant_options({0, 2, 4, 8}, {2, 4, 8})), plain(quant_options({0, 2, 4, 8}, {2, 4, 8}));
  for (Tiny* t : {&probed, &plain}) {
    t->qat.probe(t == &probed);
    t->qat.assign(Assignment::uniform(tiny_spec(), 4, 4));
    const Batch batch = first_images(*t->data.train, 8);
    Tape tape;
    tape.backward(task_loss(tape, TaskKind::kClassification, t->network.forward(tape, batch.x, Pass::kTraining, &t->qat), batch,
                            nullptr));
  }
  for (size_t i = 0; i < plain.network.parameters().size(); ++i)
    EXPECT_TRUE(same_bits(plain.network.parameters()[i].value.grad(), probed.network.parameters()[i].value.grad()));
  EXPECT_EQ(probed.qat.take_weight_share_grad(1).shape(), (Shape{8, 4}));
  EXPECT_EQ(probed.qat.take_act_share_grad(1).shape(), (Shape{3}));
  EXPECT_FALSE(probed.qat.take_weight_share_grad(1).defined()) << "it was taken";
  EXPECT_FALSE(probed.qat.take_act_share_grad(3).defined()) << "8 bits are no choice";
  EXPECT_FALSE(probed.qat.take_weight_share_grad(4).defined()) << "an Add has no weights";
  EXPECT_FALSE(plain.qat.take_weight_share_grad(1).defined());
}

TEST(QatNetworkTest, IdleScalesFollowTheWeights) {
  Tiny t(quant_options({0, 2, 8}, {8}));
  Tensor w = t.network.weight(1).value();
  const Tensor before = t.qat.log_scales(1).clone();
  for (int64_t i = 0; i < w.size(); ++i) w[i] *= 2;
  t.qat.refresh_idle_scales();
  for (int64_t c = 0; c < 8; ++c) {
    EXPECT_NEAR(t.qat.log_scales(1)[3 * c + 1], double(before[3 * c + 1]) + std::log(2.0), 1e-5);
    EXPECT_EQ(t.qat.log_scales(1)[3 * c + 2], before[3 * c + 2]) << "the assigned precision learns its own";
  }
}

// A removed channel is silent even where its normalization would add a constant.
TEST(QatNetworkTest, RemovedChannelsAreZero) {
  Tiny t(quant_options({0, 8}, {8}));
  t.network.beta(3).value().fill(0.7f);
  Assignment a = t.qat.assignment();
  a.weight_bits[3][5] = 0;
  t.qat.assign(a);
  Tape tape(Tape::kInference);
  std::vector<Variable> layers;
  t.network.forward(tape, first_images(*t.data.val, 3).x, Pass::kInference, &t.qat, &layers);
  const Tensor y = layers[3].value();
  for (int64_t i = 0; i < y.size(); ++i) EXPECT_TRUE(i % 8 != 5 || y[i] == 0) << i;
  EXPECT_NE(y[4], 0);
}

TEST(QatNetworkTest, StoredScalesAreLoadedAndOthersRefused) {
  Tiny a(quant_options({2, 8}, {8})), b(quant_options({2, 8}, {8})), other(quant_options({8}, {8}));
  for (Parameter& p : a.qat.parameters()) p.value.value()[0] += 0.25f;
  b.qat.load(a.qat.state());
  for (size_t i = 0; i < a.qat.parameters().size(); ++i)
    EXPECT_TRUE(same_bits(a.qat.parameters()[i].value.value(), b.qat.parameters()[i].value.value()));
  const std::string array = "these weights are not quantized as this network is: array 'quant.conv0.log_scale' ";
  EXPECT_EQ(error_of([&] { other.qat.load(a.qat.state()); }), array + "has shape (8,2), expected (8,1)");
  EXPECT_EQ(error_of([&] { a.qat.load(StateDict()); }), array + "is missing");
  Npz broken = a.qat.state().arrays();
  broken["quant.add1.log_clip"] = NpyArray::from(Tensor(Shape{1}, float(INFINITY)));
  EXPECT_EQ(error_of([&] { a.qat.load(StateDict(broken)); }), "array 'quant.add1.log_clip': element 0 is not a finite number");
}

TEST(QatNetworkTest, InputSchemeCoversTheData) {
  const TaskData tiny = tiny_data();
  const QuantScheme codes = input_scheme(*tiny.train);
  EXPECT_EQ(codes.bits, 8);
  EXPECT_FALSE(codes.is_signed);
  EXPECT_EQ(codes.scale, double(tiny.train->format().scale));
  const auto of_values = [](std::vector<float> values) {
    Samples samples;
    samples.h = samples.w = samples.c = 1;
    samples.values = std::move(values);
    return input_scheme(ArrayDataset(std::move(samples)));
  };
  EXPECT_TRUE(of_values({-0.5f, 2.54f}).is_signed);
  EXPECT_FLOAT_EQ(float(of_values({-0.5f, 2.54f}).scale), 0.02f);
  EXPECT_FALSE(of_values({0, 5.1f}).is_signed);
  EXPECT_FLOAT_EQ(float(of_values({0, 5.1f}).scale), 0.02f);
  EXPECT_GT(of_values({0, 0}).scale, 0);
}

// Files are often sorted by class: a clip that only the last class needs must be seen.
TEST(QatNetworkTest, CalibrationSeesAllClassesOfSortedData) {
  Samples dark = testing::tiny_split("sorted", 600);
  std::fill(dark.codes.begin(), dark.codes.begin() + 400 * dark.sample_size(), uint8_t(3));
  const ArrayDataset sorted(dark);
  // The same samples in an order in which each part is like the whole.
  Samples shuffled = dark;
  for (int64_t i = 0; i < 600; ++i)
    std::copy_n(dark.codes.begin() + i * 211 % 600 * dark.sample_size(), dark.sample_size(),
                shuffled.codes.begin() + i * dark.sample_size());
  const auto clips = [](const Dataset& data) {
    Network network(tiny_spec(), Rng(1));
    QatNetwork qat(network, quant_options({8}, {8}), input_scheme(data));
    qat.calibrate(data);
    std::vector<double> logs;
    for (int i = 1; i < network.spec().output(); ++i)
      if (qat.act_kind(i) == ActKind::kUnsigned) logs.push_back(std::log(qat.output_scheme(i).scale));
    return logs;
  };
  const std::vector<double> by_class = clips(sorted), mixed = clips(ArrayDataset(std::move(shuffled)));
  ASSERT_FALSE(mixed.empty());
  for (size_t i = 0; i < mixed.size(); ++i) EXPECT_NEAR(by_class[i], mixed[i], 0.15) << i;
}

// However far a step took them, the clips of ReLU6 are 6 at most when they are used; those of a ReLU are not bounded. A max pool has its input's scheme.
TEST(QatNetworkTest, ClipsOfRelu6StayBelowItsCeiling) {
  const ModelSpec spec = testing::own_model(true);
  Network network(spec, Rng(1));
  testing::randomize(network, Rng(2));
  const ArrayDataset data = testing::random_data(spec.layers[0], 8, true, Rng(3));
  QatNetwork qat(network, quant_options({8}, {4, 8}), input_scheme(data));
  qat.calibrate(data);
  for (Parameter& p : qat.parameters())
    if (p.name.find(".log_clip") != std::string::npos) p.value.value().fill(std::log(9.0f));
  const Tensor x = first_images(data, 8).x, once = run(network, &qat, x);
  int bounded = 0, pools = 0;
  for (int i = 1; i <= spec.output(); ++i) {
    if (codes_of(spec, i) != i) {
      ++pools;
      const QuantScheme own = qat.output_scheme(i), source = qat.output_scheme(codes_of(spec, i));
      EXPECT_TRUE(own.bits == source.bits && own.is_signed == source.is_signed && own.scale == source.scale) << i;
    } else if (qat.act_kind(i) != ActKind::kNone) {
      const QuantScheme scheme = qat.output_scheme(i);
      const bool relu6 = spec.layers[size_t(i)].activation == Activation::kRelu6;
      EXPECT_NEAR(scheme.scale * scheme.hi(), relu6 ? 6 : 9, 1e-5) << spec.layers[size_t(i)].name;
      bounded += relu6;
    }
  }
  EXPECT_EQ(bounded, 3);
  EXPECT_EQ(pools, 4);
  EXPECT_TRUE(same_bits(once, run(network, &qat, x)));
}

TEST(QatNetworkTest, NamesOfWeightScalesAreParsed) {
  EXPECT_EQ(named<WeightScale>("learned"), WeightScale::kLearned);
  EXPECT_EQ(named<WeightScale>("mse"), WeightScale::kMse);
  EXPECT_EQ(named<WeightScale>("maxabs"), WeightScale::kMaxAbs);
  EXPECT_EQ(error_of([] { named<WeightScale>("max"); }), "unknown weight scale 'max'; known: learned, mse, maxabs");
}

}  // namespace
}  // namespace bitloom
