// ONNX files, and what PyTorch computes of them (tests/data/onnx/make.py).
#include "nn/onnx.h"

#include <gtest/gtest.h>

#include "core/io.h"
#include "nn/network.h"
#include "tests/support/files.h"

namespace bitloom {
namespace {

using testing::error_of;

const std::string kFolder = "tests/data/onnx/";

Tensor outputs_of(const ModelFile& file, const Tensor& x) {
  Network network(file.spec, Rng(0));
  network.load(file.weights);
  Tape tape(Tape::kInference);
  return network.forward(tape, x, Pass::kInference).value();
}

// Kinds of layers, with what they have: "conv2d+norm+relu max_pool linear+bias".
std::string outline(const ModelSpec& spec) {
  std::string text;
  for (const LayerSpec& layer : spec.layers) {
    text += (text.empty() ? "" : " ") + std::string(kind_name(layer.kind)) + (has_bias(layer) ? "+bias" : "") +
            (layer.norm ? "+norm" : "");
    if (layer.activation != Activation::kNone) text += std::string("+") + name_of(layer.activation);
  }
  return text;
}

class Onnx : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(Onnx, ComputesWhatPyTorchDoes) {
  const auto& [name, layers] = GetParam();
  const ModelFile file = read_onnx(kFolder + name + ".onnx");
  const Npz stored = read_npz(kFolder + name + ".npz");
  const Tensor x = stored.at("x").to_float("x"), expected = stored.at("y").to_float("y"), y = outputs_of(file, x);
  EXPECT_EQ(outline(file.spec), layers);
  ASSERT_EQ(y.size(), expected.size());
  float largest = 0;
  for (int64_t i = 0; i < y.size(); ++i) largest = std::max(largest, std::fabs(expected[i]));
  for (int64_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], expected[i], 1e-5 * largest) << name << " output " << i;
}

INSTANTIATE_TEST_SUITE_P(
    Files, Onnx,
    ::testing::Values(
        std::pair("residual",
                  "input conv2d+norm+relu conv2d+bias+norm add+relu max_pool conv2d+bias+relu6 avg_pool linear+bias"),
        std::pair("mobile",
                  "input conv2d+bias+relu6 depthwise+bias+relu6 conv2d+bias+relu6 depthwise+bias+relu avg_pool linear+bias"),
        std::pair("lenet", "input conv2d+bias+relu max_pool conv2d+bias+relu max_pool conv2d+bias+relu linear+bias"),
        std::pair("mlp", "input linear+bias+norm+relu linear+bias"),
        std::pair("preactivation", "input depthwise+bias conv2d+bias depthwise+bias+relu conv2d+bias add avg_pool conv2d+bias"),
        std::pair("keras", "input conv2d+bias+relu depthwise+bias+relu6 conv2d+bias+relu max_pool conv2d+bias")),
    [](const auto& test) { return std::string(test.param.first); });

// The bytes of a file with one text replaced by another of the same length.
std::string altered(const char* name, const std::string& from, const std::string& to) {
  std::string bytes = read_text(kFolder + name + ".onnx");
  EXPECT_EQ(from.size(), to.size());
  size_t at = bytes.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  for (; at != std::string::npos; at = bytes.find(from, at + 1)) bytes.replace(at, from.size(), to);
  return bytes;
}

std::string message_of(const std::string& bytes) {
  return error_of([&] { onnx_model(bytes, "net.onnx"); });
}

TEST(OnnxErrors, NameNodeAndOperator) {
  const auto starts = [](const std::string& message, const std::string& start) {
    EXPECT_EQ(message.substr(0, start.size()), start) << message;
  };
  starts(message_of(altered("mobile", "Clip", "Tanh")), "net.onnx: node '");
  EXPECT_NE(
      message_of(altered("mobile", "Clip", "Tanh")).find("(Tanh): is not among the operators that bitloom reads: Conv, Gemm, "),
      std::string::npos);
  starts(message_of(altered("keras", "SAME_UPPER", "SAME_OTHER")),
         "net.onnx: node 'model/c1' (Conv): auto_pad is 'SAME_OTHER'");
  starts(message_of(""), "net.onnx: not an ONNX model: it has no graph");
  starts(message_of("hello, world"), "net.onnx: not an ONNX model: field 13 ");
  EXPECT_NE(error_of([] { read_onnx("nowhere.onnx"); }).find("nowhere.onnx"), std::string::npos);
}

// Cut anywhere, a file is refused in one line or, where all of the graph is there, read.
TEST(OnnxErrors, EveryTruncationIsRefused) {
  for (const char* name : {"residual", "keras"}) {
    const std::string bytes = read_text(kFolder + name + ".onnx");
    for (size_t size = 0; size < bytes.size(); size += 7) {
      try {
        onnx_model(bytes.substr(0, size), "net.onnx");
      } catch (const Error& e) {
        EXPECT_EQ(std::string(e.what()).rfind("net.onnx: ", 0), 0u) << e.what();
      }
    }
  }
}

// Any byte changed: one line, or a network that runs.
TEST(OnnxErrors, EveryDamageIsRefusedOrRuns) {
  const std::string bytes = read_text(kFolder + "residual.onnx");
  Rng rng(1);
  for (int n = 0; n < 2000; ++n) {
    std::string damaged = bytes;
    for (int64_t k = 1 + rng.below(3); k > 0; --k) damaged[size_t(rng.below(int64_t(bytes.size())))] = char(rng.below(256));
    try {
      const ModelFile file = onnx_model(damaged, "net.onnx");
      Network(file.spec, Rng(0)).load(file.weights);
    } catch (const Error& e) {
      EXPECT_EQ(std::string(e.what()).rfind("net.onnx: ", 0), 0u) << e.what();
    }
  }
}

}  // namespace
}  // namespace bitloom
