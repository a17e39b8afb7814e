// The training loop.
#include "nn/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/io.h"
#include "datasets/loader.h"

namespace bitloom {
namespace {

using Clock = std::chrono::steady_clock;

class Run {
 public:
  Run(Learner& learner, const TaskData& data, const TrainerOptions& options, const TrainObserver& observer)
      : learner_(learner), data_(data), options_(options), observer_(observer), rng_(Rng(options.seed).split(options.stage)) {
    BITLOOM_CHECK(options.epochs >= 0 && options.batch_size > 0,
                  "training: epochs must not be negative and batch size must be positive");
    batch_size_ = std::min(options.batch_size, data.train->size());
    batches_ = data.train->size() / batch_size_;
  }

  TrainResult run() {
    resume();
    start_ = last_save_ = Clock::now();
    Loader loader = training_batches(*data_.train, batch_size_, options_.epochs, rng_);
    while (epoch_ < options_.epochs && !stopped_early()) {
      run_epoch(loader);
      finish_epoch();
    }
    if (options_.keep_best && !best_.empty()) learner_.load_model(best_);
    return {best_score_, best_epoch_, seconds(), log_};
  }

 private:
  bool stopped_early() const { return options_.patience > 0 && epoch_ - best_epoch_ >= options_.patience; }
  double seconds() const { return seconds_before_ + std::chrono::duration<double>(Clock::now() - start_).count(); }

  void check_finite(double loss, const std::string& where) const {
    BITLOOM_CHECK(std::isfinite(loss), options_.stage, ": the loss is no longer finite (epoch ", epoch_ + 1, ", ", where,
                  "); lower the learning rate or look for extreme values in the data");
  }

  void run_epoch(Loader& loader) {
    while (batch_ < batches_) {
      const Batch batch = loader.get(epoch_ * batches_ + batch_);
      const double progress = (double(epoch_) + double(batch_) / double(batches_)) / double(options_.epochs);
      const StepResult result = learner_.step(batch, epoch_, batch_, progress);
      check_finite(result.loss, str("batch ", batch_ + 1));
      loss_sum_ += result.loss;
      correct_ += result.correct;
      ++batch_;
      const bool proceed = !observer_ || observer_(state());
      const bool due = std::chrono::duration<double>(Clock::now() - last_save_).count() >= options_.checkpoint_seconds;
      if (due || !proceed) save();
      if (!proceed) throw Interrupted(options_.stage + " was interrupted; run the same command again to continue");
    }
  }

  void finish_epoch() {
    const EvalResult val = learner_.validate(data_);
    check_finite(val.loss, "validation");
    const TrainState now = state();
    ++epoch_;
    const bool better = best_epoch_ == 0 || val.score > best_score_;
    if (better) {
      best_score_ = val.score;
      best_epoch_ = epoch_;
      if (options_.keep_best) best_ = learner_.model();
    }
    std::string header = "stage,epoch,train_loss,train_accuracy,val_loss,val_score,seconds";
    std::string row =
        str(options_.stage, ",", epoch_, ",", now.loss, ",", now.accuracy, ",", val.loss, ",", val.score, ",", now.seconds);
    for (const auto& [name, value] : learner_.report()) {
      header += "," + name;
      row += str(",", value);
    }
    if (log_.empty()) log_ = header + "\n";
    log_ += row + "\n";
    batch_ = 0;
    loss_sum_ = 0;
    correct_ = 0;
    save();
  }

  TrainState state() const {
    const double n = double(std::max<int64_t>(1, batch_));
    return {
        &options_,   epoch_,   options_.epochs, batch_, batches_, loss_sum_ / n, double(correct_) / (n * double(batch_size_)),
        best_score_, seconds()};
  }

  std::string identity() const {
    return str(options_.stage, " seed ", options_.seed, " epochs ", options_.epochs, " batch ", batch_size_, " data ",
               data_.task.name, " ", data_.train->size());
  }

  void save() {
    last_save_ = Clock::now();
    if (options_.checkpoint.empty()) return;
    StateDict out;
    out.put("run.identity", identity());
    out.put("run.counters", std::vector<int64_t>{epoch_, batch_, correct_, best_epoch_});
    out.put("run.loss_sum", loss_sum_);
    out.put("run.best_score", best_score_);
    out.put("run.seconds", seconds());
    out.put("run.log", log_);
    out.put("best.", best_);
    out.put("model.", learner_.model());
    out.put("progress.", learner_.progress());
    write_npz(options_.checkpoint, out.arrays(), false);
  }

  void resume() {
    if (options_.checkpoint.empty() || !file_exists(options_.checkpoint)) return;
    const StateDict in(read_npz(options_.checkpoint), options_.checkpoint);
    constexpr const char* kOtherwise = "not a training checkpoint";
    const std::string found = in.text("run.identity", kOtherwise);
    BITLOOM_CHECK(found == identity(), options_.checkpoint, ": belongs to another run (", found, "), this one is (", identity(),
                  "); choose another --out or remove the file");
    const std::vector<int64_t> counters = in.integers("run.counters", 4, kOtherwise);
    BITLOOM_CHECK(*std::min_element(counters.begin(), counters.end()) >= 0, options_.checkpoint, ": bad counters");
    epoch_ = counters[0], batch_ = counters[1], correct_ = counters[2], best_epoch_ = counters[3];
    loss_sum_ = in.number("run.loss_sum", kOtherwise);
    best_score_ = in.number("run.best_score", kOtherwise);
    seconds_before_ = in.number("run.seconds", kOtherwise);
    log_ = in.text("run.log", kOtherwise);
    learner_.load_model(in.part("model."));
    learner_.load_progress(in.part("progress."));
    best_ = in.part("best.");
  }

  Learner& learner_;
  const TaskData& data_;
  const TrainerOptions& options_;
  const TrainObserver& observer_;
  const Rng rng_;
  int64_t batch_size_ = 0, batches_ = 0;
  int64_t epoch_ = 0, batch_ = 0, correct_ = 0, best_epoch_ = 0;
  double loss_sum_ = 0, best_score_ = 0, seconds_before_ = 0;
  std::string log_;
  StateDict best_;
  Clock::time_point start_ = Clock::now(), last_save_ = Clock::now();
};

}  // namespace

TrainResult train(Learner& learner, const TaskData& data, const TrainerOptions& options, const TrainObserver& observer) {
  return Run(learner, data, options, observer).run();
}

}  // namespace bitloom
