// ONNX files as they are: operators that read and write named tensors (github.com/onnx/onnx, onnx/onnx.proto3; field numbers from there).
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"

namespace bitloom {

// TensorProto.DataType, those that are read; float16 only as what a Cast makes.
enum OnnxType : int64_t { kOnnxFloat = 1, kOnnxInt32 = 6, kOnnxInt64 = 7, kOnnxFloat16 = 10, kOnnxDouble = 11 };

// A constant: numbers, or, of int64 and int32, whole ones.
struct OnnxTensor {
  std::vector<int64_t> dims;
  std::vector<float> values;
  std::vector<int64_t> integers;
  bool whole = false;
  int64_t size() const;  // the product of dims
};

struct OnnxAttribute {
  std::optional<float> real;
  std::optional<int64_t> integer;
  std::optional<std::string> text;
  std::vector<int64_t> integers;
  std::optional<OnnxTensor> tensor;
};

struct OnnxNode {
  std::string name, op;                      // a node without a name has that of its output
  std::vector<std::string> inputs, outputs;  // "" where an optional one is left out
  std::map<std::string, OnnxAttribute> attributes;

  // Of an attribute, or what it is when there is none.
  int64_t integer(const std::string& key, int64_t otherwise) const;
  float real(const std::string& key, float otherwise) const;
  std::string text(const std::string& key, const std::string& otherwise) const;
  std::vector<int64_t> integers(const std::string& key) const;  // {} when there is none
  bool has_input(size_t i) const { return inputs.size() > i && !inputs[i].empty(); }
};

struct OnnxInput {
  std::string name;
  std::vector<int64_t> dims;  // 0 where it is open, as batches are
};

struct OnnxGraph {
  std::vector<OnnxNode> nodes;  // every one behind those that it reads
  std::map<std::string, OnnxTensor> constants;
  std::vector<OnnxInput> inputs;  // without those that are constants
  std::vector<std::string> outputs;
};

// Error, naming `where`, for anything that is no ONNX model, for a constant whose numbers are missing, stored in another file or of a type
// that is not float, double, int32 or int64, and for a tensor written twice.
OnnxGraph parse_onnx(const std::string& bytes, const std::string& where);

}  // namespace bitloom
