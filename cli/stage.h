// One training stage on the command line: progress, interruption, and the trainer's checkpoint in the run's folder.
#pragma once
#include "cli/run_config.h"
#include "nn/learner.h"
#include "nn/trainer.h"

namespace bitloom {

// Optimizer and schedule of the weights as the run asks for them.
OptimizerOptions weight_optimizer(const RunConfig& config, double lr);
Schedule weight_schedule(const RunConfig& config);

// Trains `learner` for `epochs`, checkpointing to <out>/<stage>.ckpt.npz. Ctrl-C saves and throws Interrupted.
TrainResult run_stage(Learner& learner, const TaskData& data, const RunConfig& config, const std::string& stage, int64_t epochs,
                      bool keep_best);

}  // namespace bitloom
