// Networks that come from files.
#include "nn/model_file.h"

#include "core/ends_with.h"
#include "core/io.h"
#include "core/json.h"
#include "nn/model_spec_json.h"
#include "nn/onnx.h"

namespace bitloom {

bool has_own_weights(const std::string& model) { return ends_with(model, ".onnx"); }
bool is_model_file(const std::string& model) { return ends_with(model, ".json") || has_own_weights(model); }

std::string model_file_stem(const std::string& path) {
  const std::string file = path.substr(path.rfind('/') + 1);
  return file.substr(0, file.rfind('.'));
}

ModelFile read_model_file(const std::string& path) {
  if (has_own_weights(path)) return read_onnx(path);
  return {model_from_json(read_text(path, JsonValue::kMaxBytes), path), {}};
}

}  // namespace bitloom
