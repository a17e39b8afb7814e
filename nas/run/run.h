// A run: float warm-up, search, fine-tuning, lowering and evaluation, each resumable.
#pragma once
#include "nas/run/result.h"
#include "nn/trainer.h"

namespace bitloom {

// Runs what `config` asks for and writes config.json, log.csv, result.json and, for a quantized run, assignment.json, network.npz,
// network.blig and, of a classification, predictions.npz, and of a model from a file model.json, into config.out. Stages that a former call finished are not repeated. `observer` hears of every batch of training, as
// train() has it; when it returns false, or after request_cancel(), what was done is saved and the run ends with Interrupted.
//
// Errors come before the first file is changed: a bad configuration, a budget out of reach, a folder in which another process works, or one
// that holds another run: other options, samples, labels or starting weights, another version of this program or one that rounds otherwise.
RunResult run(const RunConfig& config, const TaskData& data, const TrainObserver& observer = {});

// Error when no assignment of the precisions that `config` offers meets its budget. run() looks itself; who has many runs ahead looks at all of
// them before the first.
void check_budget(const RunConfig& config, const TaskData& data);

}  // namespace bitloom
