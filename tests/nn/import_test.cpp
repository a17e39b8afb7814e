// Trained reference networks of MLPerf Tiny: our forward pass against the values that other software computed from the same
// weights. Weights and values: models/ of the data folder (its README tells how they were made).
#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

#include "core/ops/elementwise.h"
#include "datasets/sources.h"
#include "nn/learner.h"
#include "nn/models/models.h"
#include "tests/support/files.h"
#include "tests/support/gradcheck.h"
#include "tests/support/tiny_task.h"

namespace bitloom {
namespace {

using testing::data_path;
using testing::error_of;
using testing::expect_near;
using testing::model_path;
using testing::to_double;

Network load_reference(const std::string& name) {
  const ModelEntry& entry = find_model(name);
  Network network(entry.make(entry.h, entry.w, entry.c, entry.classes), Rng(1));
  load_weights(network, model_path("mlperf_" + name));
  return network;
}

Tensor as_input(const Network& network, const Tensor& rows) {
  const LayerSpec& in = network.spec().layers[0];
  return rows.reshape(Shape{rows.shape()[0], in.h, in.w, in.c});
}

Tensor run(Network& network, const Tensor& x, LayerTransform* transform = nullptr) {
  Tape tape(Tape::kInference);
  return network.forward(tape, x, Pass::kInference, transform).value();
}

// Leaves the network as it is and keeps every layer's output before its ReLU.
class Probe : public LayerTransform {
 public:
  explicit Probe(const Network& network) : spec_(network.spec()), seen(network.spec().layers.size()) {}
  Variable input(const Tensor& x) override { return Variable(x); }
  Variable weight(Tape&, int, const Variable& w) override { return w; }
  Variable output(Tape& tape, int layer, const Variable& y) override {
    seen[size_t(layer)] = y.value();
    return activate(tape, spec_.layers[size_t(layer)].activation, y);
  }
  std::vector<Parameter> parameters() const override { return {}; }
  StateDict state() const override { return {}; }
  void load(const StateDict&) override {}

 private:
  const ModelSpec& spec_;

 public:
  std::vector<Tensor> seen;
};

class ImportTest : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Mlperf, ImportTest, ::testing::Values("resnet8", "ds_cnn", "mobilenet_v1", "autoencoder"),
                         [](const auto& test) { return std::string(test.param); });

TEST_P(ImportTest, OutputsMatchTheGoldenOnes) {
  const std::string name = GetParam();
  BITLOOM_NEEDS(model_path("golden_mlperf_" + name));
  Network network = load_reference(name);
  Npz golden = read_npz(model_path("golden_mlperf_" + name));
  const Tensor expected = golden.at(name == "autoencoder" ? "output" : "logits").to_float("golden");
  const Tensor got = run(network, as_input(network, golden.at("input").to_float("input")));
  expect_near(got.reshape(expected.shape()), to_double(expected), 1e-4, 0, name);
}

// As long as training goes on with a transform that changes nothing, it is the float network.
TEST_P(ImportTest, TransparentTransformChangesNothing) {
  const std::string name = GetParam();
  BITLOOM_NEEDS(model_path("golden_mlperf_" + name));
  Network network = load_reference(name);
  const Tensor x = as_input(network, read_npz(model_path("golden_mlperf_" + name)).at("input").to_float("input"));
  Probe probe(network);
  expect_near(run(network, x, &probe), to_double(run(network, x)), 1e-6, 0, name);
}

TEST(ReferenceTest, EveryLayerOfResnet8MatchesTheGoldenOnes) {
  BITLOOM_NEEDS(model_path("golden_mlperf_resnet8"));
  Network network = load_reference("resnet8");
  const Npz golden = read_npz(model_path("golden_mlperf_resnet8"));
  Probe probe(network);
  const Tensor x = as_input(network, golden.at("input").to_float("input"));
  run(network, x, &probe);
  Tape tape(Tape::kInference);
  std::vector<Variable> outputs;
  network.forward(tape, x, Pass::kInference, nullptr, &outputs);
  int compared = 0;
  for (size_t i = 1; i < probe.seen.size(); ++i) {
    const LayerSpec& layer = network.spec().layers[i];
    const bool sum = std::holds_alternative<AddLayer>(layer.kind);  // golden after the ReLU, convolutions before
    const std::string key = (sum ? "block" + layer.name.substr(3) : layer.name) + ".out";
    if (!golden.count(key)) continue;
    const Tensor expected = golden.at(key).to_float(key);
    expect_near((sum ? outputs[i].value() : probe.seen[i]).reshape(expected.shape()), to_double(expected), 1e-4, 0, key);
    ++compared;
  }
  EXPECT_EQ(compared, 9 + 3 + 1);
}

// The whole clip: 196 windows of 5 frames, each with its own error.
TEST(ReferenceTest, AutoencoderScoresTheClip) {
  BITLOOM_NEEDS(model_path("golden_mlperf_autoencoder"));
  Network network = load_reference("autoencoder");
  const Npz golden = read_npz(model_path("golden_mlperf_autoencoder"));
  const Tensor frames = golden.at("log_mel").to_float("log_mel");
  const int64_t bands = frames.shape()[1], features = 5 * bands, vectors = frames.shape()[0] - 4;
  Tensor x(Shape{vectors, 1, 1, features});
  for (int64_t i = 0; i < x.size(); ++i) x[i] = frames[i / features * bands + i % features];
  const Tensor y = run(network, x);
  std::vector<double> error(static_cast<size_t>(vectors));
  double score = 0;
  for (int64_t i = 0; i < x.size(); ++i) error[size_t(i / features)] += std::pow(double(x[i] - y[i]), 2) / double(features);
  for (double e : error) score += e / double(vectors);
  EXPECT_NEAR(score, double(golden.at("clip_score").to_float("clip_score")[0]), 1e-3);
  const std::vector<int64_t> at = golden.at("frame").to_int64("frame");
  const Tensor expected = golden.at("vector_mse").to_float("vector_mse");
  for (size_t i = 0; i < at.size(); ++i)
    EXPECT_NEAR(error[size_t(at[i])], double(expected[int64_t(i)]), 1e-3 * double(expected[int64_t(i)])) << "frame " << at[i];
}

TEST(ReferenceTest, Resnet8ReachesItsAccuracyOnCifar10) {
  if (std::getenv("BITLOOM_FAST")) GTEST_SKIP() << "BITLOOM_FAST is set";
  const std::string folder = data_path("cifar-10-batches-bin");
  BITLOOM_NEEDS(folder);
  BITLOOM_NEEDS(model_path("mlperf_resnet8"));
  Network network = load_reference("resnet8");
  const TaskData data = load_cifar10(folder);
  Samples test = testing::samples_of(data.test);
  test.scale = 1;  // this network was trained on pixels 0..255
  test.labels = data.test->labels();
  EXPECT_NEAR(score_network(network, nullptr, accuracy(), ArrayDataset(std::move(test))), 0.8719, 0.0005);
}

TEST(ReferenceTest, DsCnnReachesItsAccuracyOnKws01) {
  const std::string path = data_path("kws01.npz");
  BITLOOM_NEEDS(path);
  BITLOOM_NEEDS(model_path("mlperf_ds_cnn"));
  Network network = load_reference("ds_cnn");
  const TaskData data = load_npz_task(path, 0);
  EXPECT_TRUE(data.task.test_only);
  EXPECT_EQ(data.task.label_name(10), "Silence");
  EXPECT_NEAR(score_network(network, nullptr, accuracy(), *data.test), 0.913, 0.0005);
}

// From the recordings, through our own MFCC.
TEST(ReferenceTest, DsCnnReachesItsAccuracyOnTheTwelveClassTestSet) {
  if (std::getenv("BITLOOM_FAST")) GTEST_SKIP() << "BITLOOM_FAST is set";
  const std::string folder = data_path("speech_commands_test_set_v0.02");
  BITLOOM_NEEDS(folder);
  BITLOOM_NEEDS(model_path("mlperf_ds_cnn"));
  Network network = load_reference("ds_cnn");
  EXPECT_NEAR(score_network(network, nullptr, accuracy(), *load_keywords(folder).test), 0.9217, 0.0005);
}

// From the files, through our own decoder.
TEST(ReferenceTest, MobilenetReachesItsAccuracyOnCoco128) {
  const std::string folder = data_path("coco128_96");
  BITLOOM_NEEDS(folder);
  BITLOOM_NEEDS(model_path("mlperf_mobilenet_v1"));
  Network network = load_reference("mobilenet_v1");
  const TaskData data = whole(load_pictures(folder));
  EXPECT_EQ(data.test->size(), 245);
  const std::vector<double> found = evaluate_network(network, nullptr, *data.test).found;
  EXPECT_NEAR(accuracy().score(found, *data.test), 0.8449, 0.0005);
  const auto recalls = balanced_accuracy().parts(found, *data.test, data.task);
  ASSERT_EQ(recalls.size(), 2u);
  EXPECT_NEAR(recalls[0].second, 0.967, 0.0005) << recalls[0].first;
  EXPECT_NEAR(recalls[1].second, 0.724, 0.0005) << recalls[1].first;
}

TEST(NetworkTest, SavedNetworkIsLoadedBitForBit) {
  Network a(resnet8(8, 8, 3, 4), Rng(1)), b(resnet8(8, 8, 3, 4), Rng(2));
  a.norm(1)->mean[3] = 7;
  a.norm(1)->eps = 0.25f;
  const Npz stored = a.state().arrays();
  b.load(a.state());
  const Npz again = b.state().arrays();
  ASSERT_EQ(stored.size(), again.size());
  for (const auto& [key, array] : stored) EXPECT_EQ(again.at(key).bytes, array.bytes) << key;
  const Tensor x = random_tensor({2, 8, 8, 3}, 5);
  EXPECT_TRUE(testing::same_bits(run(a, x), run(b, x)));
}

TEST(NetworkTest, WrongWeightsAreRefusedByName) {
  Network network(resnet8(8, 8, 3, 4), Rng(1));
  const Npz stored = network.state().arrays();
  Npz broken = stored;
  const auto load = [&] { network.load(StateDict(broken, "w.npz")); };
  broken.erase("bn3.var");
  EXPECT_EQ(error_of(load), "w.npz: these weights are not for model resnet8: array 'bn3.var' is missing");
  broken = stored;
  broken["conv1.weight"] = NpyArray::from(Tensor(Shape{16, 3, 3, 8}, 0.0f));
  EXPECT_EQ(error_of(load),
            "w.npz: these weights are not for model resnet8: array 'conv1.weight' has shape (16,3,3,8), expected (16,3,3,16)");
  broken = stored;
  broken["dense0.bias"] = NpyArray::from(Tensor(Shape{4}, std::nanf("")));
  EXPECT_EQ(error_of(load), "w.npz: array 'dense0.bias': element 0 is not a finite number");
  broken = stored;
  broken["bn0.eps"] = NpyArray::from(Tensor(Shape{1}, -1.0f));
  EXPECT_EQ(error_of(load), "these weights are not for model resnet8: array 'bn0.eps' is -1, expected 0 or more");
  EXPECT_EQ(error_of([&] {
              run(network, Tensor(Shape{1, 8, 8, 4}, 0.0f));
            }),
            "model resnet8: expected input (N,8,8,3), got (1,8,8,4)");
}

TEST(NetworkTest, ErrorsOfWeightFilesNameTheFile) {
  testing::TempFolder folder;
  Network network(resnet8(8, 8, 3, 4), Rng(1));
  write_npz(folder / "w.npz", {});
  EXPECT_EQ(error_of([&] { load_weights(network, folder / "w.npz"); }),
            folder / "w.npz" + ": these weights are not for model resnet8: array 'conv0.weight' is missing");
}

TEST(NetworkTest, InitialWeightsAreHeNormalAndKeyedByName) {
  Network a(resnet8(8, 8, 3, 4), Rng(1)), b(resnet8(8, 8, 3, 4), Rng(1)), c(resnet8(8, 8, 3, 4), Rng(2));
  EXPECT_TRUE(testing::same_bits(a.weight(2).value(), b.weight(2).value()));
  EXPECT_FALSE(testing::same_bits(a.weight(2).value(), c.weight(2).value()));
  const Tensor w = a.weight(10).value();  // (64,3,3,64)
  double mean = 0, square = 0;
  for (int64_t i = 0; i < w.size(); ++i)
    mean += double(w[i]) / double(w.size()), square += std::pow(double(w[i]), 2) / double(w.size());
  EXPECT_NEAR(mean, 0, 0.002);
  EXPECT_NEAR(square * 9 * 64 / 2, 1, 0.02);
}

}  // namespace
}  // namespace bitloom
