// Data and runs on the command line.
#include "cli/training.h"

#include <iostream>
#include <memory>
#include <optional>

#include "cli/progress.h"
#include "cli/table.h"
#include "nas/run/task.h"

namespace bitloom {
namespace {

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
      progress_ = std::make_unique<Progress>(stage_, total, "img", done);
      return;
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

// Names of less than half a percent are one row.
std::string profile_table(const std::vector<std::pair<std::string, double>>& profile) {
  double whole = 0, rest = 0;
  for (const auto& [name, seconds] : profile) whole += seconds;
  Table table({"time went to", "seconds", "%"});
  const auto row = [&](const std::string& name, double seconds) {
    table.add({name, fixed(seconds, 2), fixed(100 * seconds / whole, 1)});
  };
  for (const auto& [name, seconds] : profile) seconds < 0.005 * whole ? void(rest += seconds) : row(name, seconds);
  if (rest > 0) row("everything else", rest);
  row("all", whole);
  return table.text();
}

}  // namespace

TaskData load_visibly(RunConfig& config) {
  std::optional<Progress> progress;
  const TaskData data = load_task(config, [&](int64_t done, int64_t total) {
    if (!progress) progress.emplace("load", total, "files");
    progress->update(done);
  });
  progress.reset();
  constexpr size_t kNamed = 20;
  for (size_t i = 0; i < std::min(kNamed, data.skipped.size()); ++i) std::cerr << "left out: " << data.skipped[i] << "\n";
  if (data.skipped.size() > kNamed) std::cerr << "left out: " << data.skipped.size() - kNamed << " more\n";
  return data;
}

RunResult run_visibly(const RunConfig& config, const TaskData& data) {
  TrainingProgress progress(data);
  RunResult result = run(config, data, [&](const TrainState& state) {
    progress.update(state);
    return true;
  });
  progress.finish();
  if (result.profile) std::cerr << profile_table(*result.profile);
  if (result.architecture_steps == 0 && config.search.epochs > 0)
    std::cerr << "warning: the search was too short to move any precision: it took fewer steps than --arch-every "
              << config.arch_every << "; use a smaller --batch or more --search-epochs\n";
  return result;
}

}  // namespace bitloom
