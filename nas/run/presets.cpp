// What the options of a run are unless they are given.
#include "nas/run/presets.h"

#include <algorithm>

namespace bitloom {

const std::vector<Preset>& all_presets() {
  static const std::vector<Preset> presets = {
      // task, model, {epochs, learning rate} of warm-up, search and fine-tuning, weight decay, {label smoothing, mixup, average}
      // Of five settings of augmentation and length, on one seed; the regularization: results/kws/front/README.md.
      {Source::kKeywords, "ds_cnn", {120, 5e-3}, {20, 1e-3}, {30, 1e-3}, 0.01, {0.1, 0.5, 0.99}},
      // Chosen to end within two hours on 2 cores, not by comparison.
      {Source::kPictures, "mobilenet_v1", {30, 5e-3}, {8, 1e-3}, {6, 1e-3}, 0.01, {}},
      // The float network's length: of 40 and 100 epochs, on one seed (fan vibration). The rest is not measured yet.
      {Source::kMachineSounds, "autoencoder", {100, 5e-3}, {8, 1e-3}, {12, 1e-3}, 0.01, {}},
      {Source::kSyntheticKeywords, "ds_cnn", {25, 5e-3}, {8, 1e-3}, {12, 1e-3}, 0.01, {}},
      {Source::kSyntheticMachines, "autoencoder", {25, 5e-3}, {6, 1e-3}, {8, 1e-3}, 0.01, {}},
      {Source::kSyntheticFigures, "mobilenet_v1", {25, 5e-3}, {6, 1e-3}, {8, 1e-3}, 0.01, {}},
  };
  return presets;
}

void apply_preset(RunConfig& c, const std::function<bool(const char* option)>& given) {
  const bool any_model = !given("--model");
  const auto fits = [&](const Preset& p) { return p.task == c.task && (any_model || c.model == p.model); };
  const auto preset = std::find_if(all_presets().begin(), all_presets().end(), fits);
  if (preset == all_presets().end()) return;
  if (any_model) c.model = preset->model;
  const auto take = [&](const char* epochs, const char* lr, StageConfig& own, const StageConfig& standard) {
    if (!given(epochs)) own.epochs = standard.epochs;
    if (!given(lr)) own.lr = standard.lr;
  };
  take("--epochs", "--lr", c.warmup, preset->warmup);
  take("--search-epochs", "--search-lr", c.search, preset->search);
  take("--finetune-epochs", "--finetune-lr", c.finetune, preset->finetune);
  if (!given("--weight-decay")) c.weight_decay = preset->weight_decay;
  const Regularization& standard = preset->regularization;
  if (!given("--label-smoothing")) c.regularization.label_smoothing = standard.label_smoothing;
  if (!given("--mixup")) c.regularization.mixup = standard.mixup;
  if (!given("--average")) c.regularization.average = standard.average;
}

}  // namespace bitloom
