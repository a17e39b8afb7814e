// The four models against MLPerf Tiny's: counts, shapes, channel ties, and what sizes they refuse.
#include "nn/models/models.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/integer_math.h"
#include "nn/network.h"
#include "tests/support/files.h"
#include "tests/support/gradcheck.h"

namespace bitloom {
namespace {

using testing::error_of;

ModelSpec reference_model(const std::string& name) {
  const ModelEntry& entry = find_model(name);
  return entry.make(entry.h, entry.w, entry.c, entry.classes);
}

// Keras' "Total params": the learned ones and two running statistics a normalized channel.
int64_t keras_parameters(const ModelSpec& spec) {
  int64_t total = parameters(spec);
  for (const LayerSpec& layer : spec.layers) total += layer.norm ? 2 * layer.c : 0;
  return total;
}

std::vector<std::string> layer_table(const ModelSpec& spec) {
  std::vector<std::string> rows;
  for (const LayerSpec& layer : spec.layers) rows.push_back(str(layer.name, " ", layer.h, "x", layer.w, "x", layer.c));
  return rows;
}

// Totals from the summaries of the Keras models (mlcommons/tiny, benchmark/training); MACs multiplied out by hand from their
// layers.
TEST(ModelsTest, ParametersAndMacsAreThoseOfTheReferences) {
  struct Expected {
    const char* name;
    int64_t parameters, macs;
  };
  for (const Expected& expected : {Expected{"resnet8", 78666, 12501632}, Expected{"ds_cnn", 24908, 2656768},
                                   Expected{"mobilenet_v1", 221794, 7489664}, Expected{"autoencoder", 269992, 264192}}) {
    const ModelSpec spec = reference_model(expected.name);
    EXPECT_EQ(keras_parameters(spec), expected.parameters) << expected.name;
    EXPECT_EQ(macs(spec), expected.macs) << expected.name;
    EXPECT_EQ(spec.name, expected.name);
  }
  EXPECT_EQ(all_models().size(), 4u) << "a new model belongs into this test";
}

// Hidden layers of half and three quarters of the channels; parameters multiplied out by hand for ResNet-8.
TEST(ModelsTest, WidthsScaleHiddenChannels) {
  for (const ModelEntry& entry : all_models())
    for (const double width : {0.5, 0.75, 2.0}) {
      const ModelSpec whole = reference_model(entry.name), scaled = with_width(whole, width);
      EXPECT_EQ(scaled.name, str(entry.name, " x", width));
      ASSERT_EQ(scaled.layers.size(), whole.layers.size());
      const std::vector<int> ties = channel_ties(scaled);
      EXPECT_EQ(ties, channel_ties(whole));
      for (size_t i = 0; i < ties.size(); ++i) {
        const bool outside = ties[i] == ties.front() || ties[i] == ties.back();
        EXPECT_EQ(double(scaled.layers[i].c), double(whole.layers[i].c) * (outside ? 1 : width)) << whole.layers[i].name;
      }
      Network network(scaled, Rng(1));
      const Tensor x = random_tensor({2, entry.h, entry.w, entry.c}, 1);
      Tape tape(Tape::kInference);
      EXPECT_EQ(network.forward(tape, x, Pass::kInference).shape().back(), whole.layers.back().c);
    }
  const auto weights = [](int64_t a, int64_t b, int64_t c) {
    return 27 * a + 18 * a * a + 9 * a * b + 9 * b * b + a * b + 9 * b * c + 9 * c * c + b * c + 10 * c;
  };
  int64_t counted = 0;
  const ModelSpec half = with_width(reference_model("resnet8"), 0.5);
  for (const LayerSpec& layer : half.layers) counted += has_weights(layer) ? weight_shape(half, layer).size() : 0;
  EXPECT_EQ(counted, weights(8, 16, 32));
  EXPECT_EQ(with_width(reference_model("ds_cnn"), 1).name, "ds_cnn");
  EXPECT_EQ(error_of([] { with_width(reference_model("autoencoder"), 0.05); }),
            "model autoencoder: layer 'dense4' has 8 channels; at --width 0.05 it would have 0, expected 1 to 4096");
}

TEST(ModelsTest, Resnet8HasTheLayersOfTheReference) {
  const std::vector<std::string> expected = {"input 32x32x3", "conv0 32x32x16", "conv1 32x32x16", "conv2 32x32x16",
                                             "add1 32x32x16", "conv3 16x16x32", "conv4 16x16x32", "conv5 16x16x32",
                                             "add2 16x16x32", "conv6 8x8x64",   "conv7 8x8x64",   "conv8 8x8x64",
                                             "add3 8x8x64",   "pool 1x1x64",    "dense0 1x1x10"};
  const ModelSpec spec = reference_model("resnet8");
  EXPECT_EQ(layer_table(spec), expected);
  const ConvGeometry& strided =
      std::get<Conv2dLayer>(spec.layers[5].kind).geometry;  // Keras pads an even image at its end only
  EXPECT_EQ(strided.pt, 0);
  EXPECT_EQ(strided.pb, 1);
  EXPECT_EQ(strided.pl, 0);
  EXPECT_EQ(strided.pr, 1);
  EXPECT_FALSE(spec.layers[7].norm) << "the shortcut convolutions have no normalization";
  EXPECT_EQ(spec.layers[3].activation, Activation::kNone) << "the ReLU comes after the sum";
  EXPECT_EQ(spec.layers[4].activation, Activation::kRelu);
}

TEST(ModelsTest, DsCnnHasTheLayersOfTheReference) {
  const ModelSpec spec = reference_model("ds_cnn");
  std::vector<std::string> expected = {"input 49x10x1"};
  for (int i = 0; i < 9; ++i) expected.push_back(str("conv", i, " 25x5x64"));
  expected.push_back("pool 1x1x64");
  expected.push_back("dense0 1x1x12");
  EXPECT_EQ(layer_table(spec), expected);
  const ConvGeometry& first = std::get<Conv2dLayer>(spec.layers[1].kind).geometry;
  EXPECT_EQ((std::vector<int64_t>{first.pt, first.pb, first.pl, first.pr}), (std::vector<int64_t>{4, 5, 1, 1}));
}

TEST(ModelsTest, MobilenetHasTheLayersOfTheReference) {
  const std::vector<std::string> rows = layer_table(reference_model("mobilenet_v1"));
  ASSERT_EQ(rows.size(), 30u);
  EXPECT_EQ(rows[1], "conv0 48x48x8");
  EXPECT_EQ(rows[2], "conv1 48x48x8");
  EXPECT_EQ(rows[3], "conv2 48x48x16");
  EXPECT_EQ(rows[27], "conv26 3x3x256");
  EXPECT_EQ(rows[28], "pool 1x1x256");
  EXPECT_EQ(rows[29], "dense0 1x1x2");
}

TEST(ModelsTest, AutoencoderHasTheLayersOfTheReference) {
  const ModelSpec spec = reference_model("autoencoder");
  std::vector<std::string> expected = {"input 1x1x640"};
  for (int i = 0; i < 10; ++i) expected.push_back(str("dense", i, " 1x1x", i == 4 ? 8 : i == 9 ? 640 : 128));
  EXPECT_EQ(layer_table(spec), expected);
  EXPECT_TRUE(!spec.layers[10].norm && spec.layers[10].activation == Activation::kNone);
}

TEST(ModelsTest, ChannelsTiedByAddsDepthwiseAndPoolingShareAGroup) {
  EXPECT_EQ(channel_ties(reference_model("resnet8")), (std::vector<int>{0, 1, 2, 1, 1, 5, 6, 6, 6, 9, 10, 10, 10, 10, 14}));
  EXPECT_EQ(channel_ties(reference_model("ds_cnn")), (std::vector<int>{0, 1, 1, 3, 3, 5, 5, 7, 7, 9, 9, 11}));
  EXPECT_EQ(channel_ties(reference_model("autoencoder")), (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));

  // Two chains that meet late: everything before the meeting joins in hindsight.
  ModelBuilder b("net", 4, 4, 3);
  const int left = b.depthwise("left", b.conv2d("a", 0, 8, 1, 1, 1, 1, {}), 3, 3, 1, 1, {});
  const int right = b.depthwise("right", b.conv2d("b", 0, 8, 1, 1, 1, 1, {}), 3, 3, 1, 1, {});
  b.avg_pool("pool", b.add("sum", right, left, ModelBuilder::kRelu), 4, 4);
  EXPECT_EQ(channel_ties(b.finish()), (std::vector<int>{0, 1, 1, 1, 1, 1, 1}));

  // A depthwise layer on the input keeps the input's channels.
  ModelBuilder direct("net", 4, 4, 3);
  direct.depthwise("only", 0, 3, 3, 1, 1, {});
  EXPECT_EQ(channel_ties(direct.finish()), (std::vector<int>{0, 0}));
}

// same_padding against the definition: outputs = ceil(extent / stride), total padding just enough, the odd zero at the end.
TEST(ModelsTest, SamePaddingIsKeras) {
  for (int64_t extent = 1; extent <= 12; ++extent)
    for (int64_t kernel = 1; kernel <= 10; ++kernel)
      for (int64_t stride = 1; stride <= 4; ++stride) {
        const auto [before, after] = same_padding(extent, kernel, stride);
        const int64_t outputs = (extent + stride - 1) / stride, reach = (outputs - 1) * stride + kernel;
        EXPECT_EQ(before + after, std::max<int64_t>(0, reach - extent)) << extent << " " << kernel << " " << stride;
        EXPECT_TRUE(after == before || after == before + 1) << extent << " " << kernel << " " << stride;
      }
}

TEST(ModelsTest, SizesThatDoNotFitAreRefused) {
  EXPECT_EQ(error_of([] { resnet8(30, 32, 3, 10); }), "resnet8: height and width must be multiples of 4, got 30x32");
  EXPECT_EQ(error_of([] { resnet8(0, 0, 3, 10); }), "resnet8: height and width must be multiples of 4, got 0x0");
  EXPECT_EQ(error_of([] { ds_cnn(49, 0, 1, 12); }), "model ds_cnn: input extents must be positive, got 49x0x1");
  EXPECT_EQ(error_of([] { autoencoder(1, 2, 640, 0); }),
            "model autoencoder: fully connected layer 'dense0' wants a 1x1 input, got 1x2");
  EXPECT_EQ(error_of([] { resnet8(8, 8, 3, 0); }),
            "model resnet8: layer 'dense0' has an empty output (1x1x0); its input is too small");
  EXPECT_EQ(error_of([] { find_model("vgg"); }), "unknown model 'vgg'; known: resnet8, ds_cnn, mobilenet_v1, autoencoder");
}

// Weight files name layers and normalizations: no name is given twice, those of the references are kept.
TEST(ModelsTest, NamesOfNormalizationsAreUnique) {
  ModelBuilder b("net", 4, 4, 3);
  constexpr unsigned kNorm = ModelBuilder::kNorm | ModelBuilder::kRelu;
  int x = b.conv2d("stem", 0, 8, 3, 3, 1, 1, kNorm);
  x = b.depthwise("dw1", x, 3, 3, 1, 1, kNorm);
  x = b.conv2d("pw1", x, 8, 1, 1, 1, 1, kNorm);
  x = b.conv2d("conv1", x, 8, 1, 1, 1, 1, kNorm);
  x = b.conv2d("conv1b", x, 8, 1, 1, 1, 1, kNorm);
  x = b.avg_pool("pool", x, 4, 4);
  x = b.linear("dense1", x, 8, kNorm);
  b.linear("dense2", x, 5, kNorm);
  const ModelSpec spec = b.finish();
  std::vector<std::string> names;
  for (const LayerSpec& layer : spec.layers)
    if (layer.norm) names.push_back(layer.norm_name);
  EXPECT_EQ(names, (std::vector<std::string>{"stem_bn", "dw1_bn", "pw1_bn", "bn1", "conv1b_bn", "dense1_bn", "bn2"}));

  Network a(spec, Rng(1)), other(spec, Rng(2));
  for (Parameter& p : a.parameters()) p.value.value() = random_tensor(p.value.shape(), 7);
  EXPECT_EQ(a.state().arrays().size(), 7u * 6);  // weight, gamma, beta, mean, var, eps
  other.load(a.state());
  for (size_t i = 0; i < a.parameters().size(); ++i)
    EXPECT_TRUE(testing::same_bits(a.parameters()[i].value.value(), other.parameters()[i].value.value()));
}

TEST(ModelsTest, NamesGivenTwiceAreRefused) {
  ModelBuilder b("net", 4, 4, 3);
  const auto message = [&](const char* name) { return error_of([&] { b.conv2d(name, 0, 8, 3, 3, 1, 1, {}); }); };
  b.conv2d("conv1", 0, 8, 3, 3, 2, 2, ModelBuilder::kNorm | ModelBuilder::kRelu);
  EXPECT_EQ(message("conv1"), "model net: layer 1 and layer 2 are both named 'conv1'");
  EXPECT_EQ(message("bn1"), "model net: the normalization of layer 1 ('conv1') and layer 2 are both named 'bn1'");
  EXPECT_EQ(message("input"), "model net: layer 0 and layer 2 are both named 'input'");
  EXPECT_EQ(message("a.b"), "model net: layer name 'a.b' is empty or has a dot");
  EXPECT_EQ(message(""), "model net: layer name '' is empty or has a dot");
}

TEST(ModelsTest, BuilderRefusesWhatCannotBeBuilt) {
  ModelBuilder b("net", 4, 4, 3);
  EXPECT_EQ(error_of([&] { b.avg_pool("pool", 0, 5, 5); }),
            "model net: layer 'pool' has an empty output (0x0x3); its input is too small");
  b.conv2d("conv", 0, 8, 3, 3, 2, 2, {});
  EXPECT_EQ(error_of([&] { b.add("sum", 0, 1, {}); }), "model net: 'sum' adds 'input' and 'conv' of different shapes");
  EXPECT_EQ(error_of([&] { b.add("sum", 0, 0, ModelBuilder::kNorm); }),
            "model net: 'sum' can have a ReLU, but neither a bias nor a normalization");
  EXPECT_EQ(error_of([] { ModelBuilder("net", 4, 4, 3).finish(); }), "model net: no layers");
}

}  // namespace
}  // namespace bitloom
