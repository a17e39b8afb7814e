// Writes an integer network as C.
#include "quant/export_c/export_c.h"

#include <algorithm>
#include <sstream>

#include "core/error.h"
#include "quant/export_c/front_end.h"
#include "quant/export_c/kernels.h"
#include "quant/export_c/text.h"
#include "quant/integer/anomaly_score.h"
#include "quant/integer/pack.h"
#include "quant/integer/run.h"

namespace bitloom {
namespace {

constexpr int64_t kScratchCode = sizeof(int16_t);

// How the codes of a layer are stored: the caller's input and output have one code a byte (or int32_t).
int stored_bits(const IntegerGraph& graph, size_t index) {
  const int bits = graph.layers[index].out.bits;
  return index == 0 || index + 1 == graph.layers.size() ? std::max(bits, 8) : bits;
}

int64_t stored_bytes(const IntegerGraph& graph, size_t index) {
  const IntegerLayer& layer = graph.layers[index];
  return layer.h * layer.w * ((layer.c * stored_bits(graph, index) + 7) / 8);
}

// Scratch codes of a kernel. A column is read to the end of its weights' last word, at most 16 codes of 2 bits.
int64_t scratch_codes(const IntegerGraph& graph, const IntegerLayer& layer) {
  const int64_t column = packed_words(codes_per_channel(graph, layer), 2) * 16;
  switch (layer.op) {
    case IntegerOp::kInput:
    case IntegerOp::kAdd:
    case IntegerOp::kAvgPool:
    case IntegerOp::kMaxPool: return 0;
    case IntegerOp::kLinear: return column;
    case IntegerOp::kConv2d: return column * kExportLanes;
    case IntegerOp::kDepthwise: break;
  }
  const int64_t h = (layer.h - 1) * layer.sh + layer.kh, w = (layer.w - 1) * layer.sw + layer.kw;
  return layer.kh * layer.kw + h * w + (kExportLanes - 1) * layer.sw;
}

// Whether the kernel of layer `index` has read every code of an input before it writes over it.
bool may_overwrite(const IntegerGraph& graph, size_t index, size_t input) {
  const IntegerLayer &layer = graph.layers[index], &in = graph.layers[input];
  const int from = stored_bits(graph, input), to = stored_bits(graph, index);
  switch (layer.op) {
    case IntegerOp::kInput: return false;
    case IntegerOp::kLinear: return true;           // the input is in the column by then
    case IntegerOp::kDepthwise: return to == from;  // channel by channel, each in the plane by then
    case IntegerOp::kAdd:                           // pixels in order, none of them wider than before
    case IntegerOp::kAvgPool: return to <= from;
    case IntegerOp::kMaxPool:  // windows that overlap, or begin before the image, read what is behind them too
      return to <= from && layer.sh >= layer.kh && layer.sw >= layer.kw && layer.pt + layer.pl == 0;
    case IntegerOp::kConv2d: return layer.kh == 1 && layer.kw == 1 && layer.c * to <= in.c * from;
  }
  return false;
}

const char* output_type(const IntegerGraph& graph) {
  const QuantScheme& out = graph.layers.back().out;
  return out.bits == 32 ? "int32_t" : out.is_signed ? "int8_t" : "uint8_t";
}

std::string extents(const IntegerLayer& layer) { return str(layer.h, "x", layer.w, "x", layer.c); }

class NetworkText {
 public:
  explicit NetworkText(const IntegerGraph& graph) : graph_(graph), plan_(plan_c_export(graph)) {}

  std::string header() const {
    const IntegerLayer &in = graph_.layers.front(), &out = graph_.layers.back();
    std::ostringstream text;
    text << "// " << title() << "\n"
         << "#ifndef BITLOOM_NETWORK_H\n#define BITLOOM_NETWORK_H\n\n#include \"bitloom_kernels.h\"\n\n"
         << "enum { BITLOOM_INPUT_SIZE = " << in.h * in.w * in.c << ", BITLOOM_OUTPUT_SIZE = " << out.h * out.w * out.c
         << " };\n\n"
         << "// `in` has one code of " << describe(in.out) << " a byte, in (row, column, channel) order of " << extents(in)
         << (in.out.is_signed ? ", two's complement" : "") << ": value = code * " << in.out.scale << ".\n"
         << "// `out` receives " << extents(out) << " codes of " << describe(out.out) << ": value = code * " << out.out.scale
         << ".\n"
         << "// Returns 0" << (in.out.bits < 8 ? ", or 1 when a byte of `in` is no code of the input" : "")
         << ". Not reentrant: the activations are in static memory.\n"
         << "#ifdef __cplusplus\nextern \"C\"\n#endif\n"
         << "int bitloom_infer(const uint8_t* in, " << output_type(graph_) << "* out);\n\n";
    if (reconstructs(graph_)) {
      text << "// How far the output of bitloom_infer is from its input: the mean squared error of the values is this * "
           << anomaly_rule(graph_).unit << ".\n"
           << "#ifdef __cplusplus\nextern \"C\"\n#endif\n"
           << "uint32_t bitloom_anomaly_score(const uint8_t* in, const " << output_type(graph_) << "* out);\n\n";
    }
    text << "#ifdef BITLOOM_TRACE\n"
         << "// With BITLOOM_TRACE defined, bitloom_infer calls this function of yours after every layer with its number,\n"
         << "// from 1 on, and its codes; bitloom_code reads them.\n"
         << "#ifdef __cplusplus\nextern \"C\"\n#endif\n"
         << "void bitloom_trace(int layer, const bitloom_tensor* tensor, const void* codes);\n#endif\n\n#endif\n";
    return text.str();
  }

  std::string source() {
    text_ << "// " << title() << "\n#include \"bitloom_network.h\"\n\n";
    put_tensors();
    for (size_t i = 1; i < graph_.layers.size(); ++i) put_layer(i);
    put_infer();
    if (reconstructs(graph_)) put_score();
    return text_.str();
  }

 private:
  std::string title() const {
    return str("The network ", graph_.model, " for ", graph_.task, " in integers, exported by bitloom.");
  }

  static std::string describe(const QuantScheme& scheme) {
    return str(scheme.bits, scheme.is_signed || scheme.bits == 32 ? " signed bits" : " unsigned bits");
  }

  void put_tensors() {
    text_ << "static const bitloom_tensor tensors[" << graph_.layers.size() << "] = {\n";
    for (size_t i = 0; i < graph_.layers.size(); ++i) {
      const IntegerLayer& layer = graph_.layers[i];
      text_ << "    {" << layer.h << ", " << layer.w << ", " << layer.c << ", " << stored_bits(graph_, i) << ", "
            << c_literal(layer.out.lo()) << ", " << c_literal(layer.out.hi()) << "},  // " << i << " " << layer.name << "\n";
    }
    text_ << "};\n";
  }

  void put_layer(size_t i) {
    const IntegerLayer& layer = graph_.layers[i];
    const auto name = [&](const char* what) { return str(what, "_", i); };
    text_ << "\n// " << i << " " << layer.name << ": " << to_string(layer.op) << " to " << extents(layer) << "\n";
    if (layer.has_weights()) {
      put_groups(name("groups"), layer.groups);
      // C has no empty arrays, and pointers into nothing must not be moved, not even by 0.
      put_c_array(text_, "uint32_t", name("weights"), layer.weights.empty() ? std::vector<uint32_t>{0} : layer.weights);
    }
    const bool rules = traits(layer.op).requantizes;
    if (rules) {
      put_c_array(text_, "int32_t", name("multiplier"), layer.multiplier);
      put_c_array(text_, "int32_t", name("offset"), layer.offset);
      put_c_array(text_, "uint8_t", name("shift"), layer.shift);
    }
    const auto tensor = [](size_t index) { return str("&tensors[", index, "]"); };
    const auto [kh, kw] = window_of(graph_, layer);
    text_ << "static const bitloom_layer " << name("layer") << " = {" << tensor(size_t(layer.inputs[0])) << ", "
          << (layer.inputs.size() > 1 ? tensor(size_t(layer.inputs[1])) : "0") << ", " << tensor(i) << ", " << kh << ", " << kw
          << ", " << layer.sh << ", " << layer.sw << ", " << layer.pt << ", " << layer.pl << ",\n    "
          << (layer.has_weights() ? str(name("groups"), ", ", layer.groups.size(), ", ", name("weights")) : "0, 0, 0") << ", "
          << (rules ? str(name("multiplier"), ", ", name("offset"), ", ", name("shift")) : "0, 0, 0") << "};\n";
  }

  void put_groups(const std::string& name, const std::vector<ChannelGroup>& groups) {
    text_ << "static const bitloom_group " << name << "[" << groups.size() << "] = {";
    const char* separator = "";
    for (const ChannelGroup& group : groups) {
      text_ << separator << "{" << group.bits << ", " << group.channels << "}";
      separator = ", ";
    }
    text_ << "};\n";
  }

  // Where the codes of a layer are in the C text.
  std::string codes(size_t i) const {
    if (i == 0) return "in";
    return i + 1 == graph_.layers.size() ? "out" : str("BYTES(", plan_.layers[i].output, ")");
  }

  void put_infer() {
    text_ << "\n#ifdef BITLOOM_TRACE\n#define TRACE(layer, codes) bitloom_trace(layer, &tensors[layer], codes)\n"
          << "#else\n#define TRACE(layer, codes) ((void)0)\n#endif\n\n";
    if (plan_.size > 0) {
      text_ << "// Scratch codes are int16_t; everything else are bytes, which C allows to look at any memory.\n"
            << "static int16_t memory[" << plan_.size / kScratchCode << "];\n"
            << "#define BYTES(offset) ((uint8_t*)memory + (offset))\n\n";
    }
    text_ << "int bitloom_infer(const uint8_t* in, " << output_type(graph_) << "* out) {\n";
    if (graph_.layers[0].out.bits < 8) text_ << "  if (!bitloom_in_range(&tensors[0], in)) return 1;\n";
    for (size_t i = 1; i < graph_.layers.size(); ++i) {
      const IntegerLayer& layer = graph_.layers[i];
      text_ << "  bitloom_" << to_string(layer.op) << "(&layer_" << i;
      for (int32_t input : layer.inputs) text_ << ", " << codes(size_t(input));
      text_ << ", " << codes(i);
      if (layer.has_weights()) text_ << ", memory + " << plan_.layers[i].scratch / kScratchCode;
      text_ << ");\n  TRACE(" << i << ", " << codes(i) << ");\n";
    }
    text_ << "  return 0;\n}\n";
  }

  // The formula of quant/integer/anomaly_score.h.
  void put_score() {
    const AnomalyRule rule = anomaly_rule(graph_);
    text_ << "\nuint32_t bitloom_anomaly_score(const uint8_t* in, const " << output_type(graph_) << "* out) {\n"
          << "  uint32_t score = 0;\n  for (int32_t i = 0; i < BITLOOM_INPUT_SIZE; ++i) {\n"
          << "    const int32_t x = " << (graph_.layers[0].out.is_signed ? "(int8_t)" : "") << "in[i], y = out[i];\n"
          << "    const int32_t e = (x * " << rule.in_multiplier << " - y * " << rule.out_multiplier << " + " << rule.offset
          << ") >> " << rule.shift << ";\n    score += (uint32_t)e * (uint32_t)e;\n  }\n  return score;\n}\n";
  }

  const IntegerGraph& graph_;
  const MemoryPlan plan_;
  std::ostringstream text_;
};

std::string selftest(const IntegerGraph& graph, const TensorT<int16_t>& samples, const FrontEnd* front_end) {
  const TensorT<int32_t> outputs = IntegerRunner(graph).run(samples);
  std::vector<int32_t> in, out(outputs.data(), outputs.data() + outputs.size());
  for (int64_t i = 0; i < samples.size(); ++i) in.push_back(uint8_t(samples[i]));
  const bool scored = reconstructs(graph);
  std::ostringstream text;
  text << "// Runs " << (front_end ? "a sound and " : "") << samples.shape()[0]
       << " inputs and compares every output with bitloom's integer interpreter; returns 0 if all agree.\n"
       << "// BITLOOM_QUIET leaves out the line that it prints, and with it <stdio.h>.\n"
       << "#include \"bitloom_" << (front_end ? "front_end" : "network")
       << ".h\"\n\n#ifndef BITLOOM_QUIET\n#include <stdio.h>\n#endif\n\n"
       << "enum { SAMPLES = " << samples.shape()[0] << " };\n\n";
  put_c_array(text, "uint8_t", "inputs", in);
  put_c_array(text, output_type(graph), "outputs", out);
  if (scored) {
    std::vector<uint32_t> scores;
    const int64_t size = samples.size() / samples.shape()[0];
    for (int64_t i = 0; i < samples.size(); i += size)
      scores.push_back(anomaly_score(anomaly_rule(graph), samples.data() + i, outputs.data() + i, size));
    put_c_array(text, "uint32_t", "scores", scores);
  }
  if (front_end) text << sound_test_c(*front_end, graph, output_type(graph));
  text << "\nint main(void) {\n  int wrong = " << (front_end ? "sound_differs()" : "0") << R"c(;
  for (int32_t i = 0; i < SAMPLES; ++i) {
    static )c"
       << output_type(graph) << R"c( out[BITLOOM_OUTPUT_SIZE];
    int differs = bitloom_infer(inputs + i * BITLOOM_INPUT_SIZE, out);
    for (int32_t k = 0; k < BITLOOM_OUTPUT_SIZE; ++k) differs |= out[k] != outputs[i * BITLOOM_OUTPUT_SIZE + k];
)c" << (scored ? "    differs |= bitloom_anomaly_score(inputs + i * BITLOOM_INPUT_SIZE, out) != scores[i];\n" : "")
       << R"c(    wrong += differs;
  }
#ifndef BITLOOM_QUIET
  printf("bitloom self-test: %d of %d samples differ\n", wrong, (int)SAMPLES)c"
       << (front_end ? " + 1" : "") << R"c();
#endif
  return wrong != 0;
}
)c";
  return text.str();
}

}  // namespace

MemoryPlan plan_c_export(const IntegerGraph& graph) {
  std::vector<LayerMemory> layers(graph.layers.size());
  for (size_t i = 1; i < layers.size(); ++i) {
    layers[i].scratch = scratch_codes(graph, graph.layers[i]) * kScratchCode;
    if (i + 1 == layers.size()) continue;
    layers[i].output = stored_bytes(graph, i);
    for (int32_t input : graph.layers[i].inputs) layers[i].overwrite.push_back(may_overwrite(graph, i, size_t(input)));
  }
  return plan_memory(graph, layers, kScratchCode);
}

std::vector<TextFile> export_c(const IntegerGraph& graph, const TensorT<int16_t>& samples, const FrontEnd* front_end) {
  BITLOOM_CHECK(graph.layers.size() > 1, "C export: network '", graph.model, "' has no layer after its input");
  const IntegerLayer& in = graph.layers.front();
  const Shape wanted{samples.shape()[0], in.h, in.w, in.c};
  BITLOOM_CHECK(samples.shape() == wanted && wanted[0] > 0, "C export: expected samples of shape ", wanted, ", got ",
                samples.shape());
  NetworkText network(graph);
  std::vector<TextFile> files = {{"bitloom_network.h", network.header()},
                                 {"bitloom_network.c", network.source()},
                                 {"bitloom_kernels.h", kKernelsHeader},
                                 {"bitloom_kernels.c", kKernelsSource},
                                 {"bitloom_selftest.c", selftest(graph, samples, front_end)}};
  if (front_end) {
    const auto text = [&](const auto& f) { return front_end_c(f, output_type(graph)); };
    for (TextFile& file : std::visit(text, *front_end)) files.push_back(std::move(file));
  }
  return files;
}

}  // namespace bitloom
