// A run: float warm-up, search, fine-tuning, lowering and evaluation, each resumable.
#pragma once
#include "nas/run/result.h"
#include "nn/trainer.h"

namespace bitloom {

// Runs what `config` asks for and writes config.json, log.csv, result.json and, for a quantized run, assignment.json, network.npz and
// network.blig into config.out. Stages that a former call finished are not repeated. `observer` is called after every batch of training;
// when it returns false, the run is saved and ends with Interrupted.
RunResult run(const RunConfig& config, const TaskData& data, const TrainObserver& observer = {});

}  // namespace bitloom
