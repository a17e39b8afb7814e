// A run on the command line.
#include "cli/training.h"

#include <csignal>
#include <memory>

#include "cli/progress.h"
#include "cli/table.h"

namespace bitloom {
namespace {

volatile std::sig_atomic_t interrupted = 0;

void on_interrupt(int) { interrupted = 1; }

// One line of progress a stage.
class TrainingProgress {
 public:
  explicit TrainingProgress(const TaskData& data) : data_(data) {}

  void update(const TrainState& s) {
    const int64_t batch = std::min(s.options->batch_size, data_.train->size());
    const int64_t done = (s.epoch * s.batches + s.batch) * batch, total = s.epochs * s.batches * batch;
    if (stage_ != s.options->stage) {
      finish();
      stage_ = s.options->stage;
      progress_ = std::make_unique<Progress>(stage_, total, "img", done - batch);
    }
    std::string note = str("epoch ", s.epoch + 1, "/", s.epochs, "  loss ", fixed(s.loss, 4));
    if (data_.task.kind == TaskKind::kClassification) note += "  acc " + fixed(100 * s.accuracy, 1) + "%";
    const Metric& metric = data_.task.validation_metric();
    if (s.epoch > 0) note += "  best val " + metric.text(metric.rank(s.best_score));
    progress_->update(done, note);
  }

  void finish() {
    if (progress_) progress_->finish();
  }

 private:
  const TaskData& data_;
  std::string stage_;
  std::unique_ptr<Progress> progress_;
};

}  // namespace

RunResult run_visibly(const RunConfig& config, const TaskData& data) {
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  TrainingProgress progress(data);
  RunResult result = run(config, data, [&](const TrainState& state) {
    progress.update(state);
    return interrupted == 0;
  });
  progress.finish();
  return result;
}

}  // namespace bitloom
