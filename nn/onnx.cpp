// ONNX to ModelSpec and weights: the graph's tensors, and what becomes part of the layer before it.
#include "nn/onnx.h"

#include <algorithm>
#include <cmath>

#include "core/io.h"
#include "nn/onnx_constants.h"
#include "nn/onnx_import.h"

namespace bitloom {

OnnxImport::OnnxImport(const OnnxGraph& graph, std::string name, std::string where) : graph_(graph), where_(std::move(where)) {
  for (const OnnxNode& node : graph_.nodes)
    for (const std::string& in : node.inputs) readers_[in].push_back(&node);
  for (const std::string& out : graph_.outputs) readers_[out].push_back(nullptr);
  constants_ = graph_.constants;
  for (const OnnxNode& node : graph_.nodes) is_constant(node);  // layers look at what follows them
  take_input(std::move(name));
}

ModelFile OnnxImport::run() {
  for (const OnnxNode& node : graph_.nodes) {
    try {
      visit(node);
    } catch (const Error& e) {
      const std::string message = e.what();
      throw Error(message.rfind(where_, 0) == 0 ? message : who(node) + message);
    }
  }
  const std::string& out = graph_.outputs[0];
  const auto last = values_.find(out);
  BITLOOM_CHECK(last != values_.end(), where_, ": output ", quote(out), " does not depend on the input");
  try {
    ModelFile file{builder_->finish(), StateDict(weights_.arrays(), where_)};
    BITLOOM_CHECK(last->second.layer == file.spec.output(), "output ", quote(out), " is that of layer '",
                  file.spec.layers[size_t(last->second.layer)].name, "', behind which there are others");
    BITLOOM_CHECK(!last->second.padded(), "output ", quote(out),
                  " is what a Pad pads; only a Conv, or a MaxPool behind a ReLU, can read that");
    file.spec.norm_eps = norm_eps_;
    check_usable(file.spec);
    return file;
  } catch (const Error& e) {
    throw Error(where_ + ": " + e.what());
  }
}

const std::vector<std::pair<const char*, OnnxImport::Method>>& OnnxImport::methods() {
  static const std::vector<std::pair<const char*, Method>> all = {{"Conv", &OnnxImport::conv},
                                                                  {"Gemm", &OnnxImport::gemm},
                                                                  {"MatMul", &OnnxImport::mat_mul},
                                                                  {"Add", &OnnxImport::add},
                                                                  {"BatchNormalization", &OnnxImport::batch_norm},
                                                                  {"Relu", &OnnxImport::relu},
                                                                  {"Clip", &OnnxImport::relu},
                                                                  {"Min", &OnnxImport::relu},
                                                                  {"AveragePool", &OnnxImport::average_pool},
                                                                  {"GlobalAveragePool", &OnnxImport::global_pool},
                                                                  {"ReduceMean", &OnnxImport::reduce_mean},
                                                                  {"MaxPool", &OnnxImport::max_pool},
                                                                  {"GlobalMaxPool", &OnnxImport::global_pool},
                                                                  {"Pad", &OnnxImport::pad},
                                                                  {"Flatten", &OnnxImport::reshape},
                                                                  {"Reshape", &OnnxImport::reshape},
                                                                  {"Squeeze", &OnnxImport::reshape},
                                                                  {"Unsqueeze", &OnnxImport::reshape},
                                                                  {"Transpose", &OnnxImport::transpose},
                                                                  {"Cast", &OnnxImport::cast},
                                                                  {"Dropout", &OnnxImport::identity},
                                                                  {"Identity", &OnnxImport::identity},
                                                                  {"Softmax", &OnnxImport::softmax},
                                                                  {"LogSoftmax", &OnnxImport::softmax},
                                                                  {"Shape", &OnnxImport::shape}};
  return all;
}

std::string OnnxImport::who(const OnnxNode& node) const {
  return str(where_, ": node ", quote(node.name), " (", printable(node.op, 80), "): ");
}

void OnnxImport::take_input(std::string name) {
  BITLOOM_CHECK(graph_.inputs.size() == 1 && graph_.outputs.size() == 1, where_, ": has ", graph_.inputs.size(), " inputs and ",
                graph_.outputs.size(), " outputs, expected one each");
  const OnnxInput& in = graph_.inputs[0];
  const Numbers& d = in.dims;
  bool fixed = d.size() == 2 || d.size() == 4;
  for (size_t i = 1; i < d.size(); ++i) fixed = fixed && d[i] > 0;
  BITLOOM_CHECK(fixed, where_, ": input ", quote(in.name),
                " must be (N,C,H,W), (N,H,W,C) or (N,F), all but N fixed numbers; it has ", d.size(), " extents");
  batch_ = d[0];
  Value value;
  if (d.size() == 2) {
    value.layout = Layout::kFlatNchw;
    builder_.emplace(std::move(name), 1, 1, d[1]);
  } else if (is_transposed_first(in)) {
    value.layout = Layout::kNhwc;
    builder_.emplace(std::move(name), d[1], d[2], d[3]);
  } else {
    builder_.emplace(std::move(name), d[2], d[3], d[1]);
  }
  values_[in.name] = value;
}

bool OnnxImport::is_transposed_first(const OnnxInput& in) const {
  const auto readers = readers_.find(in.name);
  if (readers == readers_.end()) return false;
  return std::all_of(readers->second.begin(), readers->second.end(), [&](const OnnxNode* node) {
    if (!node) return false;
    if (node->op == "Transpose") return node->integers("perm") == kToNchw;
    const OnnxTensor* target = node->op == "Reshape" ? constant(*node, 1) : nullptr;
    return target && in.dims[3] == 1 && target->integers.size() == 4 && target->integers[1] == 1 &&
           target->integers[2] == in.dims[1];
  });
}

const OnnxTensor* OnnxImport::constant(const OnnxNode& node, size_t i) const {
  const auto found = node.has_input(i) ? constants_.find(node.inputs[i]) : constants_.end();
  return found == constants_.end() ? nullptr : &found->second;
}

const Value& OnnxImport::value(const OnnxNode& node, size_t i, bool may_be_padded) const {
  const auto found = node.has_input(i) ? values_.find(node.inputs[i]) : values_.end();
  check(found != values_.end(), node, "input ", i, " is no activation that the network computes from its input");
  check(may_be_padded || !found->second.padded(), node, "reads what a Pad pads; only a Conv, or a MaxPool behind a ReLU, can");
  return found->second;
}

Numbers OnnxImport::dims_of(const Value& v, Layout layout) const {
  const LayerSpec& l = layer(v);
  if (layout == Layout::kNchw) return {0, l.c, l.h, l.w};
  if (layout == Layout::kNhwc) return {0, l.h, l.w, l.c};
  return {0, l.h * l.w * l.c};
}

const LayerSpec& OnnxImport::image(const OnnxNode& node, const Value& v) const {
  check(v.layout == Layout::kNchw, node, "expected an image as (N,C,H,W), which a Transpose makes of others");
  return layer(v);
}

const OnnxNode* OnnxImport::only_reader(const std::string& name) const {
  const auto found = readers_.find(name);
  return found != readers_.end() && found->second.size() == 1 ? found->second[0] : nullptr;
}

bool OnnxImport::commutes(const std::string& op) {
  static const std::set<std::string> ops = {"MaxPool", "GlobalMaxPool", "Flatten",  "Reshape",
                                            "Squeeze", "Unsqueeze",     "Transpose"};
  return passes_on(op) || ops.count(op) > 0;
}

Tail OnnxImport::tail(std::string name, int64_t c, Layout layout, bool biased, bool bare) {
  Tail tail;
  const OnnxNode* next;
  while (!bare && (next = only_reader(name))) {
    if (next->op == "Transpose") {
      layout = transposed(*next, layout);
    } else if (next->op == "Add" && !biased && !tail.norm) {
      tail.bias = bias_of(*next, c, layout);
      if (!tail.bias) break;
      biased = true;
      folded_.insert(next);
    } else if (next->op == "BatchNormalization" && !tail.norm && layout != Layout::kNhwc) {
      tail.norm = next;
      folded_.insert(next);
    } else if (!passes_on(next->op)) {
      break;
    }
    name = next->outputs[0];
  }
  float low = -HUGE_VALF, high = HUGE_VALF;
  while ((next = only_reader(name))) {
    if (const auto range = range_of(*next)) {
      low = std::max(low, range->first), high = std::min(high, range->second);
      folded_.insert(next);
    } else if (!commutes(next->op)) {
      break;
    }
    name = next->outputs[0];
  }
  if (low == 0 && high == HUGE_VALF) tail.activation = Activation::kRelu;
  if (low == 0 && high == 6) tail.activation = Activation::kRelu6;
  BITLOOM_CHECK(tail.activation != Activation::kNone || (low == -HUGE_VALF && high == HUGE_VALF), "is followed by a clip to ",
                low, "..", high, "; bitloom has ReLU, from 0, and ReLU6, from 0 to 6");
  return tail;
}

const OnnxTensor* OnnxImport::bias_of(const OnnxNode& node, int64_t c, Layout layout) const {
  const OnnxTensor *first = constant(node, 0), *second = constant(node, 1), *t = first ? first : second;
  if (!t || t->whole || t->size() != c) return nullptr;
  const size_t axis = layout == Layout::kNchw ? 3 : 1;  // from the end
  for (size_t i = 1; i <= t->dims.size(); ++i)
    if (t->dims[t->dims.size() - i] != (i == axis ? c : 1)) return nullptr;
  return t->dims.size() >= axis ? t : nullptr;
}

std::optional<std::pair<float, float>> OnnxImport::range_of(const OnnxNode& node) const {
  const auto bound = [&](const char* name, size_t i, float otherwise) {
    if (!node.has_input(i)) return node.real(name, otherwise);
    const OnnxTensor* t = constant(node, i);
    check(t && t->values.size() == 1, node, "its ", name, " is no constant number");
    return t->values[0];
  };
  if (node.op == "Relu") return {{0.0f, HUGE_VALF}};
  if (node.op == "Clip") return {{bound("min", 1, -HUGE_VALF), bound("max", 2, HUGE_VALF)}};
  if (node.op == "Min" && node.inputs.size() == 2 && constant(node, 1)) return {{-HUGE_VALF, bound("max", 1, 0)}};
  return {};
}

bool OnnxImport::is_constant(const OnnxNode& node) {
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (node.has_input(i) && !constant(node, i)) return false;
  const auto out = constant_output(node, [&](size_t i) { return constant(node, i); });
  if (out) constants_[node.outputs[0]] = *out;
  return out.has_value();
}

void OnnxImport::visit(const OnnxNode& node) {
  if (folded_.count(&node)) {
    const size_t activation = values_.count(node.inputs[0]) ? 0 : 1;
    values_[node.outputs[0]] = value(node, activation);
    return;
  }
  if (constants_.count(node.outputs[0]) || is_constant(node)) return;
  for (const auto& [op, method] : methods())
    if (node.op == op) return (this->*method)(node);
  std::string known;
  for (const auto& [op, method] : methods()) known += (known.empty() ? "" : ", ") + std::string(op);
  check(false, node, "is not among the operators that bitloom reads: ", known);
}

namespace {

constexpr size_t kMaxFileBytes = size_t(512) << 20;

// What a model's name may hold of a file's.
std::string plain(std::string name) {
  for (char& c : name) {
    const bool fine =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    if (!fine) c = '_';
  }
  return name.empty() ? "network" : name.substr(0, 64);
}

}  // namespace

ModelFile onnx_model(const std::string& bytes, const std::string& where) {
  const OnnxGraph graph = parse_onnx(bytes, where);
  return OnnxImport(graph, plain(model_file_stem(where)), where).run();
}

ModelFile read_onnx(const std::string& path) { return onnx_model(read_text(path, kMaxFileBytes), path); }

}  // namespace bitloom
