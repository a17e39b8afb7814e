// Networks as JSON: what `--model mynet.json` reads and `bitloom info --write-spec` prints.
//
//   {"name": "mynet", "task": "classification", "input": [32, 32, 3], "norm_eps": 0.001, "layers": [
//     {"name": "conv0", "kind": "conv2d", "inputs": ["input"], "channels": 16, "kernel": [3, 3], "norm": true, "activation": "relu"},
//     {"name": "pool", "kind": "avg_pool", "kernel": [32, 32]},
//     {"name": "dense0", "kind": "linear", "channels": 10, "bias": true}]}
//
// Kinds and their attributes are those of nn/model_spec.h:
//   conv2d     channels, kernel, stride, padding, bias, norm, activation
//   depthwise  kernel, stride, padding, bias, norm, activation
//   linear     channels, bias, norm, activation        of one pixel; of more a conv2d with a kernel as large
//   add        activation                              of two inputs of one shape
//   avg_pool   kernel                                  stride as the kernel, no padding
//   max_pool   kernel, stride, padding
// `inputs` names earlier layers, the first of which is called "input"; without it a layer reads the one before. `stride` is [1, 1], of a max_pool the
// kernel. `padding` is "same" (as TensorFlow has it), "valid" or [top, bottom, left, right]; unless given "same", of a max_pool "valid". `activation`
// is none, relu or relu6. `task` is classification or reconstruction.
#pragma once
#include <string>

#include "nn/model_spec.h"

namespace bitloom {

// All of it, a layer a line; model_from_json() makes an equal spec of it.
std::string to_json(const ModelSpec& spec);
// Error, in one line that names `where`, layer and attribute: anything missing, unknown or of a wrong type or size; a layer named twice, or reading
// one that is not before it; and what check_usable() refuses.
ModelSpec model_from_json(const std::string& text, const std::string& where);

// Whether two networks are the same in everything.
bool operator==(const ModelSpec& a, const ModelSpec& b);

}  // namespace bitloom
