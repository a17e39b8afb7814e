// Writes an integer network as C.
#include "quant/export_c/export_c.h"

#include <algorithm>
#include <sstream>

#include "core/error.h"
#include "quant/export_c/front_end.h"
#include "quant/export_c/kernels.h"
#include "quant/export_c/names.h"
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
  return layer.kh * ((layer.kw + 3) / 4 * 4) + h * w + 3;  // taps in fours; one may begin at the plane's last code
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

std::string extents(const IntegerLayer& layer) { return str(layer.h, "x", layer.w, "x", layer.c); }

// The words of a layer's weights with their even codes in the low half and the odd ones in the high half, so that sign extension of bytes
// (Arm's SXTB16) gives codes that follow each other.
std::vector<uint32_t> paired(const IntegerGraph& graph, const IntegerLayer& layer) {
  std::vector<uint32_t> words = layer.weights;
  size_t at = 0;
  for (const ChannelGroup& group : layer.groups) {
    if (group.bits == 0) continue;
    const size_t count = size_t(group.channels * packed_words(codes_per_channel(graph, layer), group.bits));
    const uint32_t bits = uint32_t(group.bits), mask = 0xffffffffu >> (32 - bits);
    for (size_t i = at; i < at + count; ++i) {
      words[i] = 0;
      for (uint32_t code = 0; code < 32 / bits; ++code)
        words[i] |= (layer.weights[i] >> (code * bits) & mask) << (code / 2 * bits + code % 2 * 16);
    }
    at += count;
  }
  return words;
}

// What the public header says of the input or the output.
void put_format(std::ostream& text, const std::string& prefix, const IntegerLayer& layer) {
  const auto macro = [&](const char* name, const std::string& value) {
    text << "#define " << prefix << name << " " << (value[0] == '-' ? "(" + value + ")" : value) << "\n";
  };
  macro("HEIGHT", str(layer.h));
  macro("WIDTH", str(layer.w));
  macro("CHANNELS", str(layer.c));
  macro("SIZE", str(layer.h * layer.w * layer.c));
  macro("BITS", str(layer.out.bits));
  macro("MIN", c_literal(layer.out.lo()));
  macro("MAX", c_literal(layer.out.hi()));
  macro("SCALE", c_literal(float(layer.out.scale)));
  macro("ZERO_POINT", "0");
}

const char* const kDeclarations = R"c(
#ifdef __cplusplus
extern "C" {
#endif

extern const bitloom_description $name_network;

// `in` has $NAME_INPUT_SIZE codes in (row, column, channel) order, `out` receives $NAME_OUTPUT_SIZE.
// Returns 0, or 1 when a byte of `in` is no code between $NAME_INPUT_MIN and $NAME_INPUT_MAX.
int $name_infer(const $input* in, $output* out);  // not reentrant: activations are in static memory

// The same in memory of the caller's: $NAME_SCRATCH_BYTES from an even address on. What is in it does not matter, before or behind.
int $name_infer_with(const $input* in, $output* out, void* scratch);

// Runs the samples of $name_selftest.c; returns how many differ from what bitloom's integer interpreter computes.
int $name_selftest(void);
)c";

const char* const kScoreDeclaration = R"c(
// How far the output of $name_infer is from its input: the mean squared error of the values is this * $NAME_SCORE_UNIT.
uint32_t $name_anomaly_score(const $input* in, const $output* out);
)c";

// Rounded half up, as codes were in training. Inline, so that programs without floats have none of it.
const char* const kFloats = R"c(
#ifdef __cplusplus
}
#endif

// From values to values, in units of training: $name_infer with the codes next to those of `in`, in static memory.
static inline int $name_infer_float(const float* in, float* out) {
  static $input codes[$NAME_INPUT_SIZE];
  static $output results[$NAME_OUTPUT_SIZE];
  const float inverse = 1 / $NAME_INPUT_SCALE;
  for (int32_t i = 0; i < $NAME_INPUT_SIZE; ++i) {
    const volatile float scaled = in[i] * inverse;  // volatile: not to be fused with the sum
    const float above = scaled + 0.5f;
    int32_t code = $NAME_INPUT_MIN;
    if (above >= (float)$NAME_INPUT_MAX) {
      code = $NAME_INPUT_MAX;
    } else if (above > (float)$NAME_INPUT_MIN) {
      code = (int32_t)above;
      if ((float)code > above) --code;
    }
    codes[i] = ($input)(code + $NAME_INPUT_ZERO_POINT);
  }
  const int failed = $name_infer(codes, results);
  for (int32_t i = 0; i < $NAME_OUTPUT_SIZE; ++i) out[i] = (float)(results[i] - $NAME_OUTPUT_ZERO_POINT) * $NAME_OUTPUT_SCALE;
  return failed;
}

#endif
)c";

class NetworkText {
 public:
  NetworkText(const IntegerGraph& graph, const CNames& names, const std::vector<std::string>& classes)
      : graph_(graph), names_(names), plan_(plan_c_export(graph)), classes_(classes) {
    const int64_t outputs = graph.layers.back().h * graph.layers.back().w * graph.layers.back().c;
    if (classes_.empty() && !reconstructs(graph))
      for (int64_t i = 0; i < outputs; ++i) classes_.push_back(std::to_string(i));
    BITLOOM_CHECK(classes_.empty() || int64_t(classes_.size()) == outputs, "C export: the network '", graph.model, "' has ",
                  outputs, " outputs, ", classes_.size(), " names of classes are given");
  }

  std::string header() const {
    std::ostringstream text;
    text << "// " << title() << "\n#ifndef $name_NETWORK_H\n#define $name_NETWORK_H\n\n#include \"bitloom_kernels.h\"\n\n"
         << "// value = (code - zero point) * scale\n";
    put_format(text, "$NAME_INPUT_", graph_.layers.front());
    text << "\n";
    put_format(text, "$NAME_OUTPUT_", graph_.layers.back());
    if (!classes_.empty()) text << "#define $NAME_CLASS_NAMES {" << class_list() << "}\n";
    if (reconstructs(graph_)) text << "#define $NAME_SCORE_UNIT " << c_literal(float(anomaly_rule(graph_).unit)) << "\n";
    text << "\n// Bytes of constants, and of memory while it runs.\n#define $NAME_WEIGHT_BYTES " << weight_bytes(graph_)
         << "\n#define $NAME_TABLE_BYTES " << table_bytes(graph_) << "\n#define $NAME_SCRATCH_BYTES " << plan_.size << "\n"
         << kDeclarations << (reconstructs(graph_) ? kScoreDeclaration : "") << kFloats;
    return names_.fill(text.str());
  }

  std::string source() {
    text_ << "// " << title() << "\n#include \"$network.h\"\n\n";
    put_tensors();
    for (size_t i = 1; i < graph_.layers.size(); ++i) put_layer(i);
    put_infer();
    if (reconstructs(graph_)) put_score();
    put_description();
    return names_.fill(text_.str());
  }

 private:
  std::string title() const {
    return str("The network ", graph_.model, " for ", graph_.task, " in integers, exported by bitloom.");
  }

  std::string class_list() const {
    std::string list;
    for (const std::string& name : classes_) list += (list.empty() ? "" : ", ") + c_string(name);
    return list;
  }

  void put_tensors() {
    text_ << "static const BITLOOM_FLASH bitloom_tensor tensors[" << graph_.layers.size() << "] = {\n";
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
      put_c_array(text_, "BITLOOM_FLASH uint32_t", name("weights"),
                  layer.weights.empty()               ? std::vector<uint32_t>{0}
                  : layer.op == IntegerOp::kDepthwise ? layer.weights
                                                      : paired(graph_, layer));
    }
    const bool rules = traits(layer.op).requantizes;
    if (rules) {
      put_c_array(text_, "BITLOOM_FLASH int32_t", name("multiplier"), layer.multiplier);
      put_c_array(text_, "BITLOOM_FLASH int32_t", name("offset"), layer.offset);
      put_c_array(text_, "BITLOOM_FLASH uint8_t", name("shift"), layer.shift);
    }
    const auto tensor = [](size_t index) { return str("&tensors[", index, "]"); };
    const auto [kh, kw] = window_of(graph_, layer);
    text_ << "static const BITLOOM_FLASH bitloom_layer " << name("layer") << " = {" << tensor(size_t(layer.inputs[0])) << ", "
          << (layer.inputs.size() > 1 ? tensor(size_t(layer.inputs[1])) : "0") << ", " << tensor(i) << ", " << kh << ", " << kw
          << ", " << layer.sh << ", " << layer.sw << ", " << layer.pt << ", " << layer.pl << ",\n    "
          << (layer.has_weights() ? str(name("groups"), ", ", layer.groups.size(), ", ", name("weights")) : "0, 0, 0") << ", "
          << (rules ? str(name("multiplier"), ", ", name("offset"), ", ", name("shift")) : "0, 0, 0") << "};\n";
  }

  void put_groups(const std::string& name, const std::vector<ChannelGroup>& groups) {
    text_ << "static const BITLOOM_FLASH bitloom_group " << name << "[" << groups.size() << "] = {";
    const char* separator = "";
    for (const ChannelGroup& group : groups) {
      text_ << separator << "{" << group.bits << ", " << group.channels << "}";
      separator = ", ";
    }
    text_ << "};\n";
  }

  // Where the codes of a layer are in the C text.
  std::string codes(size_t i) const {
    if (i == 0) return graph_.layers[0].out.is_signed ? "(const uint8_t*)in" : "in";
    return i + 1 == graph_.layers.size() ? "out" : str("bytes + ", plan_.layers[i].output);
  }

  void put_infer() {
    text_ << "\n#ifdef BITLOOM_TRACE\n#define TRACE(layer, codes) bitloom_trace(layer, &tensors[layer], codes)\n"
          << "#else\n#define TRACE(layer, codes) ((void)0)\n#endif\n\n"
          << "int $name_infer_with(const $input* in, $output* out, void* scratch) {\n";
    if (plan_.size > 0)
      text_ << "  uint8_t* const bytes = (uint8_t*)scratch;  // C allows to look at any memory as bytes\n";
    else
      text_ << "  (void)scratch;\n";
    if (graph_.layers[0].out.bits < 8) text_ << "  if (!bitloom_in_range(&tensors[0], " << codes(0) << ")) return 1;\n";
    for (size_t i = 1; i < graph_.layers.size(); ++i) {
      const IntegerLayer& layer = graph_.layers[i];
      text_ << "  bitloom_" << to_string(layer.op) << "(&layer_" << i;
      for (int32_t input : layer.inputs) text_ << ", " << codes(size_t(input));
      text_ << ", " << codes(i);
      if (layer.has_weights()) text_ << ", (int16_t*)(void*)(bytes + " << plan_.layers[i].scratch << ")";
      text_ << ");\n  TRACE(" << i << ", " << codes(i) << ");\n";
    }
    text_ << "  return 0;\n}\n\nint $name_infer(const $input* in, $output* out) {\n  static int16_t scratch["
          << std::max<int64_t>(1, plan_.size / kScratchCode) << "];  // as kernels use it\n"
          << "  return $name_infer_with(in, out, scratch);\n}\n";
  }

  void put_description() {
    const auto tensor = [](const IntegerLayer& layer) {
      return str("{", layer.h, ", ", layer.w, ", ", layer.c, ", ", std::max(layer.out.bits, 8), ", ", c_literal(layer.out.lo()),
                 ", ", c_literal(layer.out.hi()), "}");
    };
    if (!classes_.empty()) text_ << "\nstatic const char* const class_names[$NAME_OUTPUT_SIZE] = $NAME_CLASS_NAMES;\n";
    text_ << "\nstatic int infer_codes(const void* in, void* out, void* scratch) {\n"
          << "  return $name_infer_with((const $input*)in, ($output*)out, scratch);\n}\n\n"
          << "const bitloom_description $name_network = {\"$name\", " << tensor(graph_.layers.front()) << ", "
          << tensor(graph_.layers.back()) << ",\n    $NAME_INPUT_SCALE, $NAME_OUTPUT_SCALE, $NAME_INPUT_ZERO_POINT, "
          << "$NAME_OUTPUT_ZERO_POINT, $NAME_SCRATCH_BYTES, " << (classes_.empty() ? "0" : "class_names")
          << ", infer_codes};\n";
  }

  // The formula of quant/integer/anomaly_score.h.
  void put_score() {
    const AnomalyRule rule = anomaly_rule(graph_);
    text_ << "\nuint32_t $name_anomaly_score(const $input* in, const $output* out) {\n"
          << "  uint32_t score = 0;\n  for (int32_t i = 0; i < $NAME_INPUT_SIZE; ++i) {\n"
          << "    const int32_t x = in[i], y = out[i];\n"
          << "    const int32_t e = (x * " << rule.in_multiplier << " - y * " << rule.out_multiplier << " + " << rule.offset
          << ") >> " << rule.shift << ";\n    score += (uint32_t)e * (uint32_t)e;\n  }\n  return score;\n}\n";
  }

  const IntegerGraph& graph_;
  const CNames& names_;
  const MemoryPlan plan_;
  std::vector<std::string> classes_;
  std::ostringstream text_;
};

const char* const kSelftest = R"c(
int $name_selftest(void) {
  int wrong = $sound;
  for (int32_t i = 0; i < SAMPLES; ++i) {
    static $output out[$NAME_OUTPUT_SIZE];
    const $input* in = inputs + i * $NAME_INPUT_SIZE;
    int differs = $name_infer(in, out);
    for (int32_t k = 0; k < $NAME_OUTPUT_SIZE; ++k) differs |= out[k] != outputs[i * $NAME_OUTPUT_SIZE + k];
$score    wrong += differs;
  }
  return wrong;
}

#if !defined BITLOOM_NO_MAIN && !defined ARDUINO && !defined __ZEPHYR__
#ifndef BITLOOM_QUIET
#include <stdio.h>
#endif

int main(void) {
  const int wrong = $name_selftest();
#ifndef BITLOOM_QUIET
  printf("$name self-test: %d of %d samples differ\n", wrong, (int)SAMPLES$more);
#endif
  return wrong != 0;
}
#endif
)c";

std::string selftest(const IntegerGraph& graph, const CNames& names, const TensorT<int16_t>& samples,
                     const FrontEnd* front_end) {
  const TensorT<int32_t> outputs = IntegerRunner(graph).run(samples);
  const bool scored = reconstructs(graph);
  std::ostringstream text;
  text << "// Runs " << (front_end ? "a sound and " : "") << samples.shape()[0]
       << " inputs and compares every output with bitloom's integer interpreter; main() returns 0 if all agree.\n"
       << "// BITLOOM_QUIET leaves out the line that it prints, and with it <stdio.h>; BITLOOM_NO_MAIN leaves out main().\n"
       << "#include \"" << (front_end ? "$name_front_end" : "$network") << ".h\"\n\n"
       << "enum { SAMPLES = " << samples.shape()[0] << " };\n\n";
  put_c_array(text, names.input.c_str(), "inputs", std::vector<int16_t>(samples.data(), samples.data() + samples.size()));
  put_c_array(text, names.output.c_str(), "outputs", std::vector<int32_t>(outputs.data(), outputs.data() + outputs.size()));
  if (scored) {
    std::vector<uint32_t> scores;
    const int64_t size = samples.size() / samples.shape()[0];
    for (int64_t i = 0; i < samples.size(); i += size)
      scores.push_back(anomaly_score(anomaly_rule(graph), samples.data() + i, outputs.data() + i, size));
    put_c_array(text, "uint32_t", "scores", scores);
  }
  if (front_end) text << sound_test_c(*front_end, graph, names);
  std::string code = kSelftest;
  const auto put = [&](const std::string& hole, const std::string& with) { code.replace(code.find(hole), hole.size(), with); };
  put("$sound", front_end ? "sound_differs()" : "0");
  put("$score", scored ? "    differs |= $name_anomaly_score(in, out) != scores[i];\n" : "");
  put("$more", front_end ? " + 1" : "");
  return names.fill(text.str() + code);
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

std::vector<TextFile> export_c(const IntegerGraph& graph, const TensorT<int16_t>& samples, const ExportOptions& options) {
  BITLOOM_CHECK(graph.layers.size() > 1, "C export: network '", graph.model, "' has no layer after its input");
  const IntegerLayer& in = graph.layers.front();
  const Shape wanted{samples.shape()[0], in.h, in.w, in.c};
  BITLOOM_CHECK(samples.shape() == wanted && wanted[0] > 0, "C export: expected samples of shape ", wanted, ", got ",
                samples.shape());
  const CNames names(graph, options.name);
  NetworkText network(graph, names, options.classes);
  std::vector<TextFile> files = {{names.network + ".h", network.header()},
                                 {names.network + ".c", network.source()},
                                 {"bitloom_kernels.h", kKernelsHeader},
                                 {"bitloom_kernels.c", kernels_source()},
                                 {names.name + "_selftest.c", selftest(graph, names, samples, options.front_end)}};
  if (options.front_end) {
    const auto text = [&](const auto& f) { return front_end_c(f, names); };
    for (TextFile& file : std::visit(text, *options.front_end)) files.push_back(std::move(file));
  }
  return files;
}

}  // namespace bitloom
