// Networks that come from files: JSON, or ONNX with its weights.
#pragma once
#include <string>

#include "core/state_dict.h"
#include "nn/model_spec.h"

namespace bitloom {

struct ModelFile {
  ModelSpec spec;
  StateDict weights;  // as Network::load() takes them; empty where the file has none
};

// Whether `model` names a file, by its ending .json or .onnx, and not a model that is built in.
bool is_model_file(const std::string& model);
// Whether that file holds weights, too.
bool has_own_weights(const std::string& model);
// The file's name without folders and ending.
std::string model_file_stem(const std::string& path);
// Error, naming the file, for what model_from_json() or read_onnx() refuses.
ModelFile read_model_file(const std::string& path);

}  // namespace bitloom
