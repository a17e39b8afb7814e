// Networks as PyTorch and Keras (tf2onnx) write them: ONNX, to ModelSpec and weights.
#pragma once
#include <string>
#include <vector>

#include "nn/model_file.h"

namespace bitloom {

// The operators that are read, of any opset:
//   Conv (as a convolution, or depthwise with as many groups as channels), Gemm and MatMul (weights constant), Add (of two activations, or a bias),
//   BatchNormalization (of the layer before, else a depthwise 1x1), Relu, Clip and Min (to 6: ReLU6), AveragePool (stride as the window, no padding),
//   GlobalAveragePool, ReduceMean (over the image), MaxPool, GlobalMaxPool, Pad (zeros, before a Conv), Flatten, Reshape, Squeeze and Unsqueeze (between
//   images and vectors), Transpose (between NCHW and NHWC), Cast (to a float type), Dropout and Identity (left out), Softmax and LogSoftmax at the end (left out, the loss has
//   it), and what computes shapes from constants.
//
// Activations become NHWC and filters OHWI; a fully connected layer behind an image becomes a convolution over all of it. Layers are called conv0, dense0,
// add0, pool0 ... in the order of the file. The input is one tensor, (N,C,H,W), (N,H,W,C) if it is transposed first, or (N,F); the output is one.
// Error, naming the file, the node and its operator, for all else.
ModelFile read_onnx(const std::string& path);
ModelFile onnx_model(const std::string& bytes, const std::string& where);  // what is in such a file, called `where`

}  // namespace bitloom
