// ONNX files as they are.
#include "nn/onnx_graph.h"

#include <cmath>
#include <cstring>
#include <set>

#include "core/protobuf.h"

namespace bitloom {
namespace {

constexpr int64_t kMaxElements = int64_t(1) << 26;

template <class T>
std::vector<T> values_in(std::string_view raw) {
  std::vector<T> values(raw.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), raw.data(), values.size() * sizeof(T));
  return values;
}

OnnxTensor read_tensor(ProtoReader r, const std::string& where, std::string* name = nullptr) {
  OnnxTensor t;
  int64_t type = 0, size = 1;
  std::string own_name;
  std::string_view raw;
  std::vector<int64_t> int32s, int64s;
  std::vector<float> floats;
  bool elsewhere = false;
  while (r.next()) switch (r.field()) {
      case 1: r.append_to(t.dims); break;
      case 2: type = r.integer(); break;
      case 4: r.append_to(floats); break;
      case 5: r.append_to(int32s); break;
      case 7: r.append_to(int64s); break;
      case 8: own_name = r.text(); break;
      case 9: raw = r.bytes(); break;
      case 13: elsewhere = true; break;
      case 14: elsewhere = r.integer() != 0; break;
      default: break;
    }
  const std::string who = str(where, ": tensor ", quote(own_name), " ");
  if (name) *name = own_name;
  BITLOOM_CHECK(!elsewhere, who, "is stored in another file; save the model with its weights in one");
  for (const int64_t d : t.dims) {
    BITLOOM_CHECK(d >= 0 && (d == 0 || size <= kMaxElements / d), who, "has more than ", kMaxElements, " elements");
    size *= d;
  }
  t.whole = type == kOnnxInt32 || type == kOnnxInt64;
  BITLOOM_CHECK(t.whole || type == kOnnxFloat || type == kOnnxDouble, who, "is of ONNX's type ", type,
                ", expected float, double, int32 or int64 (1, 11, 6, 7); export in float32");
  const int64_t width = type == kOnnxInt64 || type == kOnnxDouble ? 8 : 4;
  if (!raw.empty()) {
    BITLOOM_CHECK(int64_t(raw.size()) == size * width, who, "has ", raw.size(), " bytes, expected ", size * width);
    if (type == kOnnxFloat) t.values = values_in<float>(raw);
    if (type == kOnnxDouble)
      for (const double v : values_in<double>(raw)) t.values.push_back(float(v));
    if (type == kOnnxInt64) t.integers = values_in<int64_t>(raw);
    if (type == kOnnxInt32)
      for (const int32_t v : values_in<int32_t>(raw)) t.integers.push_back(v);
  } else {
    t.values = std::move(floats);
    t.integers = type == kOnnxInt32 ? std::move(int32s) : std::move(int64s);
  }
  const size_t found = t.whole ? t.integers.size() : t.values.size();
  BITLOOM_CHECK(int64_t(found) == size, who, "has ", found, " numbers, expected ", size);
  for (const float v : t.values) BITLOOM_CHECK(std::isfinite(v), who, "has an element that is not finite");
  return t;
}

OnnxAttribute read_attribute(ProtoReader r, const std::string& where, std::string& name) {
  OnnxAttribute a;
  while (r.next()) switch (r.field()) {
      case 1: name = r.text(); break;
      case 2: a.real = r.real(); break;
      case 3: a.integer = r.integer(); break;
      case 4: a.text = r.text(); break;
      case 5: a.tensor = read_tensor(r.message(), where); break;
      case 8: r.append_to(a.integers); break;
      default: break;
    }
  return a;
}

OnnxNode read_node(ProtoReader r, const std::string& where) {
  OnnxNode node;
  while (r.next()) switch (r.field()) {
      case 1: node.inputs.push_back(r.text()); break;
      case 2: node.outputs.push_back(r.text()); break;
      case 3: node.name = r.text(); break;
      case 4: node.op = r.text(); break;
      case 5: {
        std::string name;
        const OnnxAttribute attribute = read_attribute(r.message(), where, name);
        node.attributes[name] = attribute;
      } break;
      default: break;
    }
  BITLOOM_CHECK(!node.outputs.empty() && !node.outputs[0].empty(), where, ": node ", quote(node.name), " (",
                printable(node.op, 80), ") has no output");
  if (node.name.empty()) node.name = node.outputs[0];
  return node;
}

// ValueInfoProto.type.tensor_type.shape.dim
OnnxInput read_input(ProtoReader r) {
  OnnxInput input;
  while (r.next()) {
    if (r.field() == 1) input.name = r.text();
    if (r.field() != 2) continue;
    for (ProtoReader type = r.message(); type.next();) {
      if (type.field() != 1) continue;
      for (ProtoReader tensor = type.message(); tensor.next();) {
        if (tensor.field() != 2) continue;
        for (ProtoReader shape = tensor.message(); shape.next();) {
          if (shape.field() != 1) continue;
          int64_t size = 0;
          for (ProtoReader dim = shape.message(); dim.next();)
            if (dim.field() == 1) size = dim.integer();
          input.dims.push_back(size);
        }
      }
    }
  }
  return input;
}

OnnxGraph read_graph(ProtoReader r, const std::string& where) {
  OnnxGraph graph;
  std::vector<OnnxInput> inputs;
  while (r.next()) switch (r.field()) {
      case 1: graph.nodes.push_back(read_node(r.message(), where)); break;
      case 5: {
        std::string name;
        OnnxTensor t = read_tensor(r.message(), where, &name);
        BITLOOM_CHECK(graph.constants.emplace(name, std::move(t)).second, where, ": tensor ", quote(name), " is there twice");
      } break;
      case 11: inputs.push_back(read_input(r.message())); break;
      case 12: graph.outputs.push_back(read_input(r.message()).name); break;
      default: break;
    }
  for (OnnxInput& input : inputs)
    if (!graph.constants.count(input.name)) graph.inputs.push_back(std::move(input));
  return graph;
}

// Every tensor is written once, before it is read.
void check_order(const OnnxGraph& graph, const std::string& where) {
  std::set<std::string> written;
  for (const auto& [name, tensor] : graph.constants) written.insert(name);
  for (const OnnxInput& input : graph.inputs) written.insert(input.name);
  for (const OnnxNode& node : graph.nodes) {
    const std::string who = str(where, ": node ", quote(node.name), " (", printable(node.op, 80), ") ");
    for (const std::string& name : node.inputs)
      BITLOOM_CHECK(name.empty() || written.count(name), who, "reads ", quote(name), ", which is not written before it");
    for (const std::string& name : node.outputs)
      BITLOOM_CHECK(name.empty() || written.insert(name).second, who, "writes ", quote(name), ", which is there already");
  }
}

}  // namespace

int64_t OnnxTensor::size() const {
  int64_t size = 1;
  for (const int64_t d : dims) size *= d;
  return size;
}

int64_t OnnxNode::integer(const std::string& key, int64_t otherwise) const {
  const auto found = attributes.find(key);
  return found == attributes.end() ? otherwise : found->second.integer.value_or(otherwise);
}

float OnnxNode::real(const std::string& key, float otherwise) const {
  const auto found = attributes.find(key);
  return found == attributes.end() ? otherwise : found->second.real.value_or(otherwise);
}

std::string OnnxNode::text(const std::string& key, const std::string& otherwise) const {
  const auto found = attributes.find(key);
  return found == attributes.end() ? otherwise : found->second.text.value_or(otherwise);
}

std::vector<int64_t> OnnxNode::integers(const std::string& key) const {
  const auto found = attributes.find(key);
  return found == attributes.end() ? std::vector<int64_t>() : found->second.integers;
}

OnnxGraph parse_onnx(const std::string& bytes, const std::string& where) {
  std::optional<OnnxGraph> graph;
  for (ProtoReader r(bytes, where + ": not an ONNX model"); r.next();)
    if (r.field() == 7) graph = read_graph(r.message(), where);
  BITLOOM_CHECK(graph, where, ": not an ONNX model: it has no graph");
  BITLOOM_CHECK(!graph->nodes.empty(), where, ": the graph has no nodes");
  check_order(*graph, where);
  return *graph;
}

}  // namespace bitloom
