// The training loop: epochs over shuffled batches, validation, best epoch, early stop, and checkpoints from which a run that was
// killed at any instant continues with the same bits.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "core/cancel.h"
#include "nn/learner.h"

namespace bitloom {

struct TrainerOptions {
  std::string stage;  // names the run in logs and keys its random streams
  int64_t epochs = 1;
  int64_t batch_size = 128;
  uint64_t seed = 0;
  bool keep_best = true;   // end with the epoch of the best validation score (the first of equals), else with the last one
  int64_t patience = 0;    // stop after this many epochs without a better score; 0: never
  std::string checkpoint;  // file to write and resume from; empty: none
  double checkpoint_seconds = 20;  // at most this much work is lost
  // What else determines the bits, by name ("data" and a digest): a checkpoint of another value is refused.
  std::vector<std::pair<std::string, std::string>> identity;
};

struct TrainState {
  const TrainerOptions* options;
  int64_t epoch, epochs, batch, batches;  // done so far
  double loss, accuracy;                  // of this epoch, training
  double best_score;
  double seconds;  // training time including earlier, interrupted runs
};

// Called when training begins or is resumed, and after every batch; returning false saves a checkpoint and ends the run with Interrupted, as
// request_cancel() does.
using TrainObserver = std::function<bool(const TrainState&)>;

struct TrainResult {
  double best_score = 0;
  int64_t best_epoch = 0;  // from 1
  double seconds = 0;
  std::string log;  // CSV, a header and a row an epoch
};

// Error, as train() would throw it, if the checkpoint exists and is not of this run.
void check_checkpoint(const TaskData& data, const TrainerOptions& options);

// Trains `learner` on data.train, choosing by data.val. An existing checkpoint of the same run is resumed; one of another run (stage,
// seed, sizes, model) is an Error. The checkpoint stays after the end: a finished run resumes to its result at once.
// Errors: a loss that is not finite (names epoch and batch).
TrainResult train(Learner& learner, const TaskData& data, const TrainerOptions& options, const TrainObserver& observer);

}  // namespace bitloom
