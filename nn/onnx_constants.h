// What an ONNX graph computes from constants alone: the shapes of Reshapes, transposed weights.
#pragma once
#include <functional>
#include <optional>

#include "nn/onnx_graph.h"

namespace bitloom {

// The output of a node all of whose inputs are constants: Add, Cast, Concat, Constant, ConstantOfShape, Gather, Identity, Mul, Reshape, Shape, Slice, Squeeze,
// Sub, Transpose and Unsqueeze, as far as exporters use them on constants (PyTorch computes the lengths of a Pad); none for other nodes. `at(i)` is input i, null where it is left out.
std::optional<OnnxTensor> constant_output(const OnnxNode& node, const std::function<const OnnxTensor*(size_t)>& at);

// The output of the Shape `node` of a tensor of these extents: those from its start to before its end.
OnnxTensor shape_of(const OnnxNode& node, const std::vector<int64_t>& dims);

}  // namespace bitloom
