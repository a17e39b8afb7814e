// ONNX files, and what PyTorch computes of them (tests/data/onnx/make.py).
#include "nn/onnx.h"

#include <gtest/gtest.h>

#include <sstream>

#include "core/io.h"
#include "core/protobuf.h"
#include "nn/network.h"
#include "nn/onnx_graph.h"
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

// A graph written field by field (onnx.proto3), for what no exporter writes.
std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 128; value >>= 7) bytes += char(value | 128);
  return bytes + char(value);
}
std::string field(uint64_t number, const std::string& bytes) { return varint(number << 3 | 2) + varint(bytes.size()) + bytes; }
std::string field(uint64_t number, int64_t value) { return varint(number << 3) + varint(uint64_t(value)); }

using Numbers = std::vector<int64_t>;
std::string attribute(const std::string& name, int64_t value) { return field(5, field(1, name) + field(3, value)); }
std::string attribute(const std::string& name, const Numbers& values) {
  std::string own = field(1, name);
  for (const int64_t value : values) own += field(8, value);
  return field(5, own);
}
// "Gemm x w > y"; `attributes` as above.
std::string node(const std::string& text, const std::string& attributes = "") {
  std::istringstream words(text);
  std::string op, word, own;
  words >> op;
  uint64_t number = 1;  // NodeProto.input, then output
  while (words >> word) {
    if (word == ">")
      number = 2;
    else
      own += field(number, word);
  }
  return field(1, own + field(4, op) + attributes);
}
std::string whole(const std::string& name, const Numbers& values) {
  std::string own = field(1, int64_t(values.size())) + field(2, int64_t(kOnnxInt64)) + field(8, name);
  for (const int64_t value : values) own += field(7, value);
  return field(5, own);
}
std::string ones(const std::string& name, const Numbers& dims) {
  std::string own = field(2, int64_t(kOnnxFloat)) + field(8, name), packed;
  int64_t size = 1;
  for (const int64_t d : dims) own += field(1, d), size *= d;
  const float one = 1;
  for (int64_t i = 0; i < size; ++i) packed.append(reinterpret_cast<const char*>(&one), sizeof one);
  return field(5, own + field(4, packed));
}
// From x, of these extents behind the batch, to y.
std::string model(const std::string& graph, const Numbers& extents) {
  std::string shape = field(1, std::string());
  for (const int64_t d : extents) shape += field(1, field(1, d));
  const std::string type = field(2, field(1, field(2, shape)));
  return field(7, graph + field(11, field(1, std::string("x")) + type) + field(12, field(1, std::string("y"))));
}

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

// Cut before the end of the graph, a file is refused in one line; behind it, that or read.
TEST(OnnxErrors, EveryTruncationIsRefused) {
  for (const char* name : {"residual", "keras"}) {
    const std::string bytes = read_text(kFolder + name + ".onnx");
    size_t end = 0;  // of ModelProto.graph
    for (ProtoReader r(bytes, name); r.next();)
      if (r.field() == 7) end = size_t(r.bytes().data() + r.bytes().size() - bytes.data());
    ASSERT_GT(end, bytes.size() / 2);
    std::vector<size_t> sizes = {end - 1};
    for (size_t size = 0; size < bytes.size(); size += 7) sizes.push_back(size);
    for (const size_t size : sizes) {
      const std::string message = message_of(bytes.substr(0, size));
      EXPECT_TRUE(message.rfind("net.onnx: ", 0) == 0 || (message.empty() && size >= end)) << name << " " << size << message;
    }
    EXPECT_EQ(message_of(bytes.substr(0, end)), "");
  }
}

TEST(OnnxErrors, CastsOfActivationsAreToFloats) {
  const auto cast_to = [](int64_t type) {
    return message_of(model(node("Gemm x w > g") + node("Cast g > y", attribute("to", type)) + ones("w", {4, 2}), {4}));
  };
  for (const int64_t type : {1, 10, 11}) EXPECT_EQ(cast_to(type), "") << type;
  EXPECT_EQ(cast_to(7),
            "net.onnx: node 'y' (Cast): makes ONNX's type 7 of activations, expected float, float16 or double (1, 10, 11)");
  for (const int64_t type : {0, 2, 6, 9}) EXPECT_NE(cast_to(type), "") << type;
}

TEST(OnnxErrors, WhatIsNotComputedIsRefused) {
  EXPECT_EQ(message_of(model(node("Conv x w > c") + node("Pad c > y", attribute("pads", Numbers{0, 0, 1, 1, 0, 0, 1, 1})) +
                                 ones("w", {2, 3, 4, 4}),
                             {3, 4, 4})),
            "net.onnx: output 'y' is what a Pad pads; only a Conv, or a MaxPool behind a ReLU, can read that");
  const auto norm = [](int64_t training) {
    return message_of(model(node("Gemm x w > g") +
                                node("BatchNormalization g n n n n > y", attribute("training_mode", training)) +
                                ones("w", {4, 2}) + ones("n", {2}),
                            {4}));
  };
  EXPECT_EQ(norm(0), "");
  EXPECT_NE(norm(1).find("(BatchNormalization): normalizes by what it sees"), std::string::npos) << norm(1);
}

TEST(OnnxErrors, HostileSizesAreRefused) {
  const int64_t huge = int64_t(1) << 62;
  for (const char* op : {"AveragePool", "MaxPool"})
    for (const int64_t k : {huge, int64_t(0), -huge}) {
      const std::string pool =
          node(str(op, " x > y"), attribute("kernel_shape", Numbers{k, 2}) + attribute("ceil_mode", int64_t(1)));
      EXPECT_EQ(message_of(model(pool, {3, 4, 4})),
                str("net.onnx: node 'y' (", op, "): has a window of ", k, "x2, expected 1 to 1048576"));
    }
  // Of no elements, so that their extents may be any.
  EXPECT_NE(message_of(model(node("Conv x w > y", attribute("group", int64_t(2))) + ones("w", {0, huge, 1, 1}), {2, 1, 1}))
                .find("do not fit 2 channels in 2 groups"),
            std::string::npos);
}

TEST(OnnxShapes, HaveTheExtentsFromStartToEnd) {
  const auto span = [](int64_t start, int64_t end) { return attribute("start", start) + attribute("end", end); };
  for (const std::string& range : {span(0, 1), span(-9, -3)})  // the batch
    EXPECT_EQ(message_of(model(node("Shape x > n", range) + node("Concat n rest > s") + node("Reshape x s > f") +
                                   node("Gemm f w > y") + whole("rest", {-1}) + ones("w", {8, 2}),
                               {2, 2, 2})),
              "");
  EXPECT_EQ(message_of(model(node("Shape w > n", attribute("start", int64_t(1))) + node("Concat rest n > s") +
                                 node("Reshape w s > v") + node("Gemm x v > y") + whole("rest", {-1}) + ones("w", {4, 3}),
                             {4})),
            "");
}

TEST(OnnxShapes, ConstantsAreReshapedOnlyToAsManyElements) {
  const auto reshaped = [](int64_t features, const Numbers& dims) {
    return message_of(model(node("Reshape w s > v") + node("Gemm x v > y") + whole("s", dims) + ones("w", {2, 3}), {features}));
  };
  EXPECT_EQ(reshaped(3, {3, -1}), "");
  EXPECT_NE(reshaped(4, {4, -1}), "");   // 6 elements
  EXPECT_NE(reshaped(6, {-1, -1}), "");  // of what extents?
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
