// One training stage on the command line.
#include "cli/stage.h"

#include <csignal>
#include <memory>

#include "cli/progress.h"
#include "cli/table.h"

namespace bitloom {
namespace {

volatile std::sig_atomic_t interrupted = 0;

void on_interrupt(int) { interrupted = 1; }

}  // namespace

OptimizerOptions weight_optimizer(const RunConfig& config, double lr) {
  OptimizerOptions o;
  o.kind = config.optimizer == "sgd" ? OptimizerOptions::kSgd : OptimizerOptions::kAdam;
  o.lr = lr;
  o.weight_decay = config.weight_decay;
  return o;
}

Schedule weight_schedule(const RunConfig& config) {
  Schedule s;
  s.kind = parse_schedule(config.schedule);
  s.final_factor = s.kind == Schedule::kExponential ? 0.01 : 0;
  return s;
}

TrainResult run_stage(Learner& learner, const TaskData& data, const RunConfig& config, const std::string& stage, int64_t epochs,
                      bool keep_best) {
  TrainerOptions options;
  options.stage = stage;
  options.epochs = epochs;
  options.batch_size = config.batch;
  options.seed = config.seed;
  options.keep_best = keep_best;
  options.patience = keep_best ? config.patience : 0;
  options.checkpoint_seconds = config.checkpoint_seconds;
  options.checkpoint = config.out + "/" + stage + ".ckpt.npz";

  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  std::unique_ptr<Progress> progress;
  const auto observer = [&](const TrainState& s) {
    const int64_t batch = std::min(config.batch, data.train.size());
    const int64_t done = (s.epoch * s.batches + s.batch) * batch;
    if (!progress) progress = std::make_unique<Progress>(stage, s.epochs * s.batches * batch, "img", done - batch);
    std::string note = str("epoch ", s.epoch + 1, "/", s.epochs, "  loss ", fixed(s.loss, 4));
    if (data.train.classes) note += "  acc " + fixed(100 * s.accuracy, 1) + "%";
    if (s.epoch > 0)
      note += data.train.classes ? "  best val " + fixed(100 * s.best_score, 2) + "%" : "  best val " + fixed(-s.best_score, 5);
    progress->update(done, note);
    return interrupted == 0;
  };
  TrainResult result = train(learner, data, options, observer);
  if (progress) progress->finish();
  return result;
}

}  // namespace bitloom
