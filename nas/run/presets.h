// What the options of a run are unless they are given, by task and model, all of them here.
#pragma once
#include <functional>

#include "nas/run/config.h"

namespace bitloom {

struct Preset {
  Source task;
  const char* model;  // the first of a task's is its default
  StageConfig warmup, search, finetune;
  double weight_decay;
  Regularization regularization;
};
const std::vector<Preset>& all_presets();

// The model of the run's task, where it is not given, and the options of the preset for both, where they are not; without a preset, those of
// RunConfig stay. given("--epochs"): whether that option was.
void apply_preset(RunConfig& config, const std::function<bool(const char* option)>& given);

}  // namespace bitloom
