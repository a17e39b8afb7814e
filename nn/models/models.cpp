// The list of models.
#include "nn/models/models.h"

namespace bitloom {

const std::vector<ModelEntry>& all_models() {
  static const std::vector<ModelEntry> models = {
      {"resnet8", "image classification, 32x32x3, 10 classes", resnet8, TaskKind::kClassification, 32, 32, 3, 10},
      {"ds_cnn", "keyword spotting, 49x10x1 MFCC, 12 classes", ds_cnn, TaskKind::kClassification, 49, 10, 1, 12},
      {"mobilenet_v1", "visual wake words, 96x96x3, 2 classes", mobilenet_v1, TaskKind::kClassification, 96, 96, 3, 2},
      {"autoencoder", "anomaly detection, 640 features", autoencoder, TaskKind::kReconstruction, 1, 1, 640, 0},
  };
  return models;
}

const ModelEntry& find_model(const std::string& name) {
  std::string known;
  for (const ModelEntry& entry : all_models()) {
    if (name == entry.name) return entry;
    known += std::string(known.empty() ? "" : ", ") + entry.name;
  }
  throw Error("unknown model '" + name + "'; known: " + known);
}

}  // namespace bitloom
