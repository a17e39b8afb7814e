// The training loop.
#include "nn/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <sstream>

#include "core/io.h"
#include "datasets/loader.h"

namespace bitloom {
namespace {

using Clock = std::chrono::steady_clock;

// What determines the bits of a run, a line each, "name value".
std::string identity(const TaskData& data, const TrainerOptions& options) {
  std::string text = str("stage ", options.stage, "\nseed ", options.seed, "\nepochs ", options.epochs, "\nbatch ",
                         std::min(options.batch_size, data.train->size()), "\nsamples ", data.train->size(), "\n");
  for (const auto& [name, value] : options.identity) text += name + " " + value + "\n";
  return text;
}

void check_identity(const StateDict& checkpoint, const TaskData& data, const TrainerOptions& options) {
  std::istringstream found(checkpoint.text("run.identity", "not a training checkpoint")), own(identity(data, options));
  for (std::string theirs, ours; own || found;) {
    if (!std::getline(own, ours)) ours.clear();
    if (!std::getline(found, theirs)) theirs.clear();
    const std::string name = ours.substr(0, ours.find(' '));
    const bool named = theirs.rfind(name + " ", 0) == 0;
    BITLOOM_CHECK(theirs == ours, options.checkpoint, ": belongs to another run: its ", name, " is ",
                  named ? theirs.substr(name.size() + 1) : "another", ", not ",
                  ours.substr(std::min(ours.size(), name.size() + 1)), "; choose another --out or remove the file");
  }
}

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
    if (epoch_ < options_.epochs && !stopped_early()) go_on();
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
    const CancelShield whole_steps;
    while (batch_ < batches_) {
      const Batch batch = next_batch(loader);
      const double progress = (double(epoch_) + double(batch_) / double(batches_)) / double(options_.epochs);
      const StepResult result = learner_.step(batch, epoch_, batch_, progress);
      check_finite(result.loss, str("batch ", batch_ + 1));
      loss_sum_ += result.loss;
      correct_ += result.correct;
      ++batch_;
      go_on();
    }
  }

  Batch next_batch(Loader& loader) const {
    const ProfileScope scope("data");  // waiting for it: another thread draws batches
    return loader.get(epoch_ * batches_ + batch_);
  }

  // Between steps: tells the observer, saves what is due, and ends here if that is wanted.
  void go_on() {
    const bool wanted = !observer_ || observer_(state());
    const bool due = std::chrono::duration<double>(Clock::now() - last_save_).count() >= options_.checkpoint_seconds;
    if (!wanted || cancel_requested()) interrupt(checkpoint());
    if (due) save();
  }

  [[noreturn]] void interrupt(const StateDict& at) {
    const CancelShield while_it_is_written;
    if (!options_.checkpoint.empty()) write_npz(options_.checkpoint, at.arrays(), Compression::kStored);
    throw Interrupted(options_.stage + " was interrupted; run the same command again to continue");
  }

  void finish_epoch() {
    const StateDict before = checkpoint();
    EvalResult val;
    try {
      val = learner_.validate(data_);
    } catch (const Interrupted&) {  // halfway through the learner is in no state to be saved
      interrupt(before);
    }
    const CancelShield to_the_end;
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

  void save() {
    const ProfileScope scope("checkpoints");
    last_save_ = Clock::now();
    if (!options_.checkpoint.empty()) write_npz(options_.checkpoint, checkpoint().arrays(), Compression::kStored);
  }

  StateDict checkpoint() const {
    StateDict out;
    out.put("run.identity", identity(data_, options_));
    out.put("run.counters", std::vector<int64_t>{epoch_, batch_, correct_, best_epoch_});
    out.put("run.loss_sum", loss_sum_);
    out.put("run.best_score", best_score_);
    out.put("run.seconds", seconds());
    out.put("run.log", log_);
    out.put("best.", best_);
    out.put("model.", learner_.model());
    out.put("progress.", learner_.progress());
    return out;
  }

  void resume() {
    if (options_.checkpoint.empty() || !file_exists(options_.checkpoint)) return;
    const StateDict in(read_npz(options_.checkpoint), options_.checkpoint);
    constexpr const char* kOtherwise = "not a training checkpoint";
    check_identity(in, data_, options_);
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

void check_checkpoint(const TaskData& data, const TrainerOptions& options) {
  if (!options.checkpoint.empty() && file_exists(options.checkpoint))
    check_identity(StateDict(read_npz(options.checkpoint), options.checkpoint), data, options);
}

TrainResult train(Learner& learner, const TaskData& data, const TrainerOptions& options, const TrainObserver& observer) {
  return Run(learner, data, options, observer).run();
}

}  // namespace bitloom
