// The four MLPerf Tiny models (v1, github.com/mlcommons/tiny, benchmark/training), for any input size their shape allows.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "nn/model_spec.h"

namespace bitloom {

// Image classification: three residual stacks of 16, 32, 64 channels. H and W must be multiples of 4. Layers are named as in
// the reference weights: conv0, conv1, ... with a stack's shortcut convolution after its two others; batch norms follow their convolution.
ModelSpec resnet8(int64_t h, int64_t w, int64_t c, int64_t classes);
// Keyword spotting: a 10x4 convolution and four depthwise-separable blocks of 64 channels.
ModelSpec ds_cnn(int64_t h, int64_t w, int64_t c, int64_t classes);
// Visual wake words: MobileNetV1 with a quarter of the channels.
ModelSpec mobilenet_v1(int64_t h, int64_t w, int64_t c, int64_t classes);
// Anomaly detection: c - 128x4 - 8 - 128x4 - c fully connected; the output reconstructs the input. h = w = 1.
ModelSpec autoencoder(int64_t h, int64_t w, int64_t c, int64_t classes);

struct ModelEntry {
  const char* name;
  const char* summary;
  ModelSpec (*make)(int64_t h, int64_t w, int64_t c, int64_t classes);
  TaskKind kind;
  int64_t h, w, c, classes;  // MLPerf's own
};
const std::vector<ModelEntry>& all_models();
// Error lists the known names.
const ModelEntry& find_model(const std::string& name);

}  // namespace bitloom
