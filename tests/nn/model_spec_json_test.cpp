// Networks as JSON: what is written is read again, and every mistake is one line that names layer and attribute.
#include "nn/model_spec_json.h"

#include <gtest/gtest.h>

#include "nn/models/models.h"
#include "tests/support/files.h"
#include "tests/support/random_qat.h"

namespace bitloom {
namespace {

using testing::error_of;

void expect_round_trip(const ModelSpec& spec) {
  const std::string text = to_json(spec);
  const ModelSpec read = model_from_json(text, "net.json");
  EXPECT_TRUE(read == spec) << text << "\n" << to_json(read);
  EXPECT_EQ(read.norm_eps, spec.norm_eps);
  EXPECT_EQ(read.kind, spec.kind);
}

TEST(ModelJson, EveryBuiltInModelComesBack) {
  for (const ModelEntry& entry : all_models()) {
    const ModelSpec spec = entry.make(entry.h, entry.w, entry.c, entry.classes);
    expect_round_trip(spec);
    expect_round_trip(with_width(spec, 0.5));
  }
  for (const bool pooled : {false, true}) expect_round_trip(testing::own_model(pooled));
}

// Layers of any kind on any that are not read yet or have the right shape; then one that reads all that is left.
ModelSpec random_spec(Rng rng) {
  ModelBuilder b("random", 4 + rng.below(9), 4 + rng.below(9), 1 + rng.below(5));
  const auto below = [&](int64_t n) { return rng.below(n); };
  int x = 0;
  for (int64_t i = 0, n = below(9); i < n; ++i) {
    const LayerSpec in = b.layer(x);
    LayerSpec layer;
    layer.name = str("l", i), layer.inputs = {x}, layer.c = 1 + below(9);
    layer.norm = below(2), layer.activation = Activation(below(3));
    const int64_t kh = 1 + below(std::min<int64_t>(in.h, 4)), kw = 1 + below(std::min<int64_t>(in.w, 4));
    const ConvGeometry g{1 + below(3), 1 + below(3), below(kh), below(kh), below(kw), below(kw)};
    switch (below(5)) {
      case 0: layer.kind = Conv2dLayer{kh, kw, g, below(2) == 1}; break;
      case 1: layer.kind = DepthwiseLayer{kh, kw, g, below(2) == 1}; break;
      case 2:
        layer.kind = AvgPoolLayer{kh, kw};
        layer.norm = false, layer.activation = Activation::kNone;
        break;
      case 3:
        layer.kind = MaxPoolLayer{kh, kw, g};
        layer.norm = false, layer.activation = Activation::kNone;
        break;
      case 4:
        layer.kind = AddLayer{};
        layer.inputs = {x, b.conv2d(str("branch", i), x, in.c, 3, 3, 1, 1, unsigned(below(16)))};
        layer.norm = false;
    }
    x = b.append(layer);
  }
  LayerSpec last;
  last.name = "last", last.inputs = {x}, last.c = 1 + below(12);
  last.kind = Conv2dLayer{b.layer(x).h, b.layer(x).w, {}, below(2) == 1};
  b.append(last);
  ModelSpec spec = b.finish();
  spec.norm_eps = float(rng.uniform(1e-6, 0.1));
  return spec;
}

TEST(ModelJson, RandomNetworksComeBack) {
  for (uint64_t seed = 0; seed < 300; ++seed) expect_round_trip(random_spec(Rng(seed)));
}

std::string message_of(const std::string& layers, const std::string& input = "[8, 8, 3]") {
  return error_of(
      [&] { model_from_json("{\"name\": \"net\", \"input\": " + input + ", \"layers\": [" + layers + "]}", "net.json"); });
}
const std::string kConv = R"({"name": "a", "kind": "conv2d", "channels": 4, "kernel": [3, 3]})",
                  kEnd = R"({"name": "z", "kind": "conv2d", "channels": 4, "kernel": [8, 8], "padding": "valid"})";

TEST(ModelJson, DefaultsAreWhatTheyAreSaidToBe) {
  const ModelSpec spec = model_from_json(
      R"({"name": "net", "input": [8, 8, 3], "layers": [)" + kConv + R"(, {"name": "p", "kind": "max_pool", "kernel": [2, 4]},
        {"name": "z", "kind": "conv2d", "channels": 4, "kernel": [4, 2], "padding": "valid"}]})",
      "net.json");
  const auto& conv = std::get<Conv2dLayer>(spec.layers[1].kind);
  EXPECT_EQ(conv.geometry.pt, 1);
  EXPECT_EQ(conv.geometry.sh, 1);
  EXPECT_FALSE(conv.bias || spec.layers[1].norm);
  const auto& pool = std::get<MaxPoolLayer>(spec.layers[2].kind);
  EXPECT_EQ(pool.geometry.sh, 2);
  EXPECT_EQ(pool.geometry.sw, 4);
  EXPECT_EQ(spec.layers[2].inputs, std::vector<int>{1});
  EXPECT_EQ(spec.kind, TaskKind::kClassification);
  EXPECT_EQ(spec.norm_eps, 1e-3f);
}

TEST(ModelJsonErrors, NameLayerAndAttribute) {
  const auto with = [&](const std::string& more) { return kConv.substr(0, kConv.size() - 1) + ", " + more + "}, " + kEnd; };
  EXPECT_EQ(
      message_of(with(R"("strid": [1, 1])")),
      "net.json: key layers[0].strid is unknown: layer 'a', of kind conv2d, has name, kind, inputs, channels, kernel, stride, "
      "padding, bias, norm, activation");
  EXPECT_EQ(message_of(with(R"("stride": [0, 1])")),
            "net.json: key layers[0].stride[0] is 0, expected an integer from 1 to 1048576");
  EXPECT_EQ(message_of(with(R"("stride": 2)")), "net.json: key layers[0].stride is a number, expected an array");
  EXPECT_EQ(message_of(with(R"("padding": "some")")),
            "net.json: key layers[0].padding is 'some', expected \"same\", \"valid\" or [top, bottom, left, right]");
  EXPECT_EQ(message_of(with(R"("padding": [3, 0, 0, 0])")),
            "net.json: model net: layer 'a' has padding of 3 and 0, expected 0 or more and less than its window of 3");
  EXPECT_EQ(message_of(with(R"("activation": "gelu")")),
            "net.json: key layers[0].activation has an unknown activation 'gelu'; known: none, relu, relu6");
  EXPECT_EQ(message_of(with(R"("inputs": ["z"])")),
            "net.json: key layers[0].inputs[0] is 'z': layer 'a' can read \"input\" and the layers before it");
  EXPECT_EQ(message_of(with(R"("inputs": ["a"])")),
            "net.json: key layers[0].inputs[0] is 'a': layer 'a' can read \"input\" and the layers before it");
  EXPECT_EQ(message_of(with(R"("inputs": [])")),
            "net.json: model net: layer 'a' has 0 inputs, but a layer of kind conv2d reads 1");
  EXPECT_EQ(message_of(kConv + ", " + kConv), "net.json: model net: layer 1 and layer 2 are both named 'a'");
  EXPECT_EQ(
      message_of(R"({"name": "a", "kind": "sigmoid"})"),
      "net.json: key layers[0].kind is 'sigmoid': layer 'a' can be a conv2d, depthwise, linear, add, avg_pool or max_pool");
  EXPECT_EQ(message_of(R"({"name": "a", "kind": "conv2d", "kernel": [1, 1]})"), "net.json: key layers[0].channels is missing");
  EXPECT_EQ(message_of(R"({"name": "a b", "kind": "add"})"),
            "net.json: key layers[0].name may hold letters, digits, _ and - only, at most 64");
  EXPECT_EQ(message_of(kConv), "net.json: model net: layer 'a' is the last and gives 8x8 pixels, expected one");
  EXPECT_EQ(message_of(kConv + R"(, {"name": "b", "kind": "linear", "channels": 2})"),
            "net.json: model net: fully connected layer 'b' wants a 1x1 input, got 8x8");
  EXPECT_EQ(
      message_of(
          kConv +
          R"(, {"name": "z", "kind": "conv2d", "inputs": ["input"], "channels": 4, "kernel": [8, 8], "padding": "valid"})"),
      "net.json: model net: layer 'a' is read by no other");
  EXPECT_EQ(message_of(kConv + R"(, {"name": "p", "kind": "avg_pool", "kernel": [9, 1]})"),
            "net.json: model net: layer 'p' has an empty output (0x8x4); its input is too small");
  EXPECT_EQ(message_of(kConv + R"(, {"name": "p", "kind": "max_pool", "kernel": [9, 1]})"),
            "net.json: model net: layer 'p' has a window of 9, larger than its padded input of 8");
}

TEST(ModelJsonErrors, AbsurdSizesAreRefused) {
  EXPECT_EQ(message_of(kConv, "[1048576, 1048576, 1048576]"),
            "net.json: model net: layer 'input' has an output of 1048576x1048576x1048576, more than 16777216 values");
  EXPECT_EQ(message_of(kConv, "[1, 1, 9223372036854775807]"),
            "net.json: key input[2] is 9223372036854775807, expected an integer from 1 to 1048576");
  EXPECT_EQ(message_of(R"({"name": "a", "kind": "conv2d", "channels": 1048576, "kernel": [8, 8]})"),
            "net.json: model net: layer 'a' has an output of 8x8x1048576, more than 16777216 values");
  EXPECT_EQ(
      message_of(
          R"({"name": "a", "kind": "conv2d", "channels": 262144, "kernel": [1048576, 1], "padding": [1048575, 0, 0, 0]})"),
      "net.json: model net: layer 'a' has 262144 filters of 1048576x1x3, more than 16777216 weights");
  EXPECT_EQ(error_of([] { model_from_json(std::string(200, '[') + std::string(200, ']'), "net.json"); }),
            "net.json: not JSON that bitloom reads: nested more than 64 levels deep");
  EXPECT_EQ(error_of([] { model_from_json("{\"name\": 3}", "net.json"); }),
            "net.json: key name is a number, expected a string");
  EXPECT_EQ(error_of([] { model_from_json("[]", "net.json"); }), "net.json: is an array, expected an object");
  EXPECT_EQ(error_of([] { model_from_json(R"({"name": "n", "task": "re\u001bgression"})", "net.json"); }),
            "net.json: key task has an unknown kind of task 're\\x1bgression'; known: classification, reconstruction");
  std::string many = "{\"name\": \"n\", \"input\": [1, 1, 1], \"layers\": [{}";
  for (int i = 0; i < 2000; ++i) many += ", {}";
  EXPECT_EQ(error_of([&] { model_from_json(many + "]}", "net.json"); }),
            "net.json: key layers has 2001 layers, more than 1000");
}

}  // namespace
}  // namespace bitloom
