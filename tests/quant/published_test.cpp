// The authors' checkpoints under their own quantizers, against what their code computes (models/ of the data folder, its README tells how).
#include "quant/published.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "datasets/sources.h"
#include "nn/learner.h"
#include "nn/models/models.h"
#include "tests/support/files.h"
#include "tests/support/gradcheck.h"

namespace bitloom {
namespace {

using testing::data_path;
using testing::error_of;
using testing::expect_near;
using testing::model_path;
using testing::to_double;

struct Published {
  explicit Published(const std::string& name)
      : weights(read_npz(model_path("authors_" + name + "_w8a8"))),
        network(published_form(spec_of(name), weights), Rng(1)),
        quantizers((network.load(weights), network), weights) {}
  static ModelSpec spec_of(const std::string& name) {
    const ModelEntry& entry = find_model(name);
    return entry.make(entry.h, entry.w, entry.c, entry.classes);
  }
  double accuracy_on(const Dataset& data) { return score_network(network, &quantizers, accuracy(), data); }

  StateDict weights;
  Network network;
  PublishedQuantizers quantizers;
};

class PublishedTest : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Authors, PublishedTest, ::testing::Values("resnet8", "ds_cnn"),
                         [](const auto& test) { return std::string(test.param); });

// Rounding down flips where sums are added in another order: by the folder's README logits by up to 0.07 of 12, and 0.05 of 16, in double.
TEST_P(PublishedTest, OutputsMatchTheGoldenOnes) {
  const std::string name = GetParam();
  BITLOOM_NEEDS(model_path("golden_authors_" + name + "_w8a8"));
  Published model(name);
  EXPECT_TRUE(is_published(model.weights));
  const Npz golden = read_npz(model_path("golden_authors_" + name + "_w8a8"));
  const LayerSpec& in = model.network.spec().layers[0];
  const Tensor x = golden.at("input").to_float("input");
  Tape tape(Tape::kInference);
  std::vector<Variable> layers;
  const Tensor logits =
      model.network
          .forward(tape, x.reshape(Shape{x.shape()[0], in.h, in.w, in.c}), Pass::kInference, &model.quantizers, &layers)
          .value();
  const Tensor expected = golden.at("logits").to_float("logits");
  expect_near(logits.reshape(expected.shape()), to_double(expected), 0.02, 0, name);
  const int64_t rows = expected.shape()[0], classes = expected.size() / rows;
  EXPECT_EQ(argmax_rows(logits.data(), rows, classes), argmax_rows(expected.data(), rows, classes));
  if (!golden.count("conv0.out")) return;
  const Tensor first = golden.at("conv0.out").to_float("conv0.out");  // whose input is exact
  expect_near(layers[1].value().reshape(first.shape()), to_double(first), 1e-5, 0, name + " conv0");
}

TEST(Published, Resnet8ReachesItsAccuracyOnCifar10) {
  if (std::getenv("BITLOOM_FAST")) GTEST_SKIP() << "BITLOOM_FAST is set";
  const std::string folder = data_path("cifar-10-batches-bin");
  BITLOOM_NEEDS(folder);
  BITLOOM_NEEDS(model_path("authors_resnet8_w8a8"));
  EXPECT_NEAR(Published("resnet8").accuracy_on(*load_cifar10(folder).test), 0.8394, 0.001);
}

TEST(Published, DsCnnReachesItsAccuracies) {
  const std::string inputs = data_path("kws01.npz"), clips = data_path("speech_commands_test_set_v0.02");
  BITLOOM_NEEDS(inputs);
  BITLOOM_NEEDS(model_path("authors_ds_cnn_w8a8"));
  Published model("ds_cnn");
  EXPECT_NEAR(model.accuracy_on(*load_npz_task(inputs, 0).test), 0.921, 0.0015);
  if (std::getenv("BITLOOM_FAST")) return;
  BITLOOM_NEEDS(clips);
  EXPECT_NEAR(model.accuracy_on(*load_keywords(clips).test), 0.9315, 0.001);
}

// conv0 of one input channel, 1x1, and a layer behind it, as a file would hold them.
Npz tiny_weights() {
  const auto geometry = NpyArray::from(std::vector<int64_t>{1, 1, 0, 0, 0, 0, 1});
  Npz w;
  w["conv0.weight"] = NpyArray::from(Tensor(Shape{2, 1, 1, 2}, {-1, 2, 0.5f, 0.1f}));
  w["conv1.weight"] = NpyArray::from(Tensor(Shape{1, 1, 1, 2}, {0.25f, 0.25f}));
  w["conv1.bias"] = NpyArray::from(Tensor(Shape{1}, 0.125f));
  w["conv1.input_clip"] = NpyArray::from(Tensor(Shape{1}, 2.0f));
  w["conv0.geometry"] = w["conv1.geometry"] = geometry;
  return w;
}

ModelSpec tiny_model() {
  ModelBuilder b("tiny", 1, 2, 2);
  const int x = b.conv2d("conv0", 0, 2, 1, 1, 1, 1, ModelBuilder::kNorm | ModelBuilder::kRelu);
  b.conv2d("conv1", x, 1, 1, 1, 1, 1, 0);
  return b.finish();
}

TEST(Published, RoundsAsTheDefinitionsSay) {
  const StateDict weights(tiny_weights());
  const ModelSpec spec = published_form(tiny_model(), weights);
  EXPECT_FALSE(spec.layers[1].activation != Activation::kNone || spec.layers[1].norm) << "the file has none";
  EXPECT_TRUE(has_bias(spec.layers[2]));
  Network network(spec, Rng(1));
  network.load(weights);
  PublishedQuantizers quantizers(network, weights);
  Tape tape(Tape::kInference);
  const Tensor filters = quantizers.weight(tape, 1, network.weight(1)).value();
  const double first = 3.0 / 255, second = 0.4 / 255;  // of the channels' filters
  expect_near(filters.reshape(Shape{4}), TensorD(Shape{4}, {-85 * first, 170 * first, 319 * second, 64 * second}), 1e-6, 0, "");
  const Variable y(Tensor(Shape{1, 1, 2, 2}, {-1, 0.5f, 1.9f, 3}));
  expect_near(quantizers.read(tape, 2, y).value().reshape(Shape{4}), TensorD(Shape{4}, {0, 63 / 127.5, 242 / 127.5, 2}), 1e-6,
              0, "rounded down, clipped");
  expect_near(quantizers.read(tape, 1, y).value().reshape(Shape{4}),
              TensorD(Shape{4}, {-64 * 4 / 255.0, 32 * 4 / 255.0, 121 * 4 / 255.0, 191 * 4 / 255.0}), 1e-6, 0,
              "no clip: by the sample's range");
}

TEST(Published, WrongFilesAreNamed) {
  Npz broken = tiny_weights();
  broken["conv1.input_clip"] = NpyArray::from(Tensor(Shape{1}, -2.0f));
  Network network(published_form(tiny_model(), StateDict(broken)), Rng(1));
  EXPECT_EQ(error_of([&] { PublishedQuantizers(network, StateDict(broken)); }),
            "array 'conv1.input_clip' is -2, expected a positive number");
  broken = tiny_weights();
  broken["conv0.geometry"] = NpyArray::from(std::vector<int64_t>{1, 1, 1, 0, 0, 0, 1});
  EXPECT_EQ(error_of([&] { published_form(tiny_model(), StateDict(broken)); }),
            "array 'conv0.geometry': layer 'conv0' would give 2x2, but the model's gives 1x2");
  broken["conv0.geometry"] = NpyArray::from(std::vector<int64_t>{0, 1, 0, 0, 0, 0, 1});
  EXPECT_EQ(error_of([&] { published_form(tiny_model(), StateDict(broken)); }),
            "array 'conv0.geometry': element 0 is 0, expected a stride from 1 or a padding from 0, to 64");
}

}  // namespace
}  // namespace bitloom
