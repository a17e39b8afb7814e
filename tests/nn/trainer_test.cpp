// The training loop: the same bits for any number of threads and after any interruption; which epoch it ends with; what it refuses.
#include "nn/trainer.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <chrono>
#include <functional>
#include <memory>
#include <sstream>
#include <thread>

#include "nas/search.h"
#include "nn/models/models.h"
#include "tests/support/files.h"
#include "tests/support/tiny_task.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::quant_options;
using testing::TempFolder;
using testing::tiny_data;
using testing::tiny_spec;

// What one process holds: made anew for every resumption.
struct Session {
  Network network{tiny_spec(), Rng(3)};
  std::unique_ptr<SearchNetwork> quant;
  std::unique_ptr<Learner> learner;
};

struct Stage {
  std::string label;
  std::function<void(Session&, const TaskData&)> set_up;
};

std::vector<Stage> all_stages() {
  const auto quantized = [](Session& s, const TaskData& data, QuantOptions options) {
    s.quant = std::make_unique<SearchNetwork>(s.network, std::move(options), input_scheme(*data.train), Granularity::kChannel);
    s.quant->calibrate(*data.train, 32);
  };
  std::vector<Stage> stages;
  for (Schedule::Kind kind : {Schedule::kCosine, Schedule::kOneCycle})
    stages.push_back({str("float, schedule ", kind), [=](Session& s, const TaskData&) {
                        Schedule schedule;
                        schedule.kind = kind;
                        OptimizerOptions options;
                        if (kind == Schedule::kOneCycle) options.kind = OptimizerOptions::kSgd;
                        s.learner = std::make_unique<NetworkLearner>(s.network, nullptr, options, schedule);
                      }});
  for (WeightScale scale : {WeightScale::kLearned, WeightScale::kMaxAbs})
    stages.push_back({str("quantized, weight scale ", int(scale)), [=](Session& s, const TaskData& data) {
                        QuantOptions options = quant_options({4}, {4});
                        options.weight_scale = scale;
                        quantized(s, data, options);
                        s.learner = std::make_unique<NetworkLearner>(s.network, s.quant.get(), OptimizerOptions{}, Schedule{});
                      }});
  for (const char* sampler : {"softmax", "gumbel", "gumbel-hard", "argmax"})
    stages.push_back({str("search, ", sampler), [=](Session& s, const TaskData& data) {
                        quantized(s, data, quant_options({0, 2, 4, 8}, {2, 4, 8}));
                        SearchOptions options;
                        options.sampler = named<Sampler>(sampler);
                        options.arch_every = 3;  // no divisor of an epoch's steps
                        options.budget = 4000;
                        options.architecture.lr = 0.1;
                        s.learner = std::make_unique<SearchLearner>(*s.quant, options);
                      }});
  stages.push_back({"float, regularized", [](Session& s, const TaskData&) {
                      auto learner = std::make_unique<NetworkLearner>(s.network, nullptr, OptimizerOptions{}, Schedule{});
                      learner->regularize({0.1, 0.5, 0.9}, 5);
                      s.learner = std::move(learner);
                    }});
  return stages;
}

// The rows without the seconds.
std::string without_seconds(const std::string& log) {
  std::istringstream lines(log);
  std::string result;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream cells(line);
    int column = 0;
    for (std::string cell; std::getline(cells, cell, ',');)
      if (column++ != 6) result += cell + ",";
    result += "\n";
  }
  return result;
}

struct Outcome {
  StateDict model;
  std::string log;
  double best_score = 0;
  int64_t best_epoch = 0;
};

void expect_same(const Outcome& a, const Outcome& b, const std::string& what) {
  ASSERT_EQ(a.model.arrays().size(), b.model.arrays().size()) << what;
  for (const auto& [key, array] : a.model.arrays())
    EXPECT_EQ(array.bytes, b.model.arrays().at(key).bytes) << what << ": " << key;
  EXPECT_EQ(a.log, b.log) << what;
  EXPECT_EQ(a.best_score, b.best_score) << what;
  EXPECT_EQ(a.best_epoch, b.best_epoch) << what;
}

Outcome run_session(const Stage& stage, const TaskData& data, const TrainerOptions& options, const TrainObserver& observer) {
  Session session;
  stage.set_up(session, data);
  const TrainResult result = train(*session.learner, data, options, observer);
  return {session.learner->model(), without_seconds(result.log), result.best_score, result.best_epoch};
}

TrainerOptions two_epochs(bool keep_best) {
  TrainerOptions options;
  options.stage = "stage";
  options.epochs = 2;
  options.batch_size = 16;
  options.seed = 5;
  options.keep_best = keep_best;
  return options;
}

TaskData augmented_data() {
  TaskData data = tiny_data();  // 10 batches of 16
  data.task.augment.flip = true;
  data.task.augment.crop_padding = 2;
  data.train->set_augment(data.task.augment);
  return data;
}

TEST(TrainerTest, BitsDoNotDependOnTheNumberOfThreads) {
  const TaskData data = augmented_data();
  const int before = omp_get_max_threads();
  for (const Stage& stage : all_stages()) {
    omp_set_num_threads(1);
    const Outcome expected = run_session(stage, data, two_epochs(false), {});
    for (int threads : {2, 4}) {
      omp_set_num_threads(threads);
      expect_same(expected, run_session(stage, data, two_epochs(false), {}), str(stage.label, ", ", threads, " threads"));
    }
  }
  omp_set_num_threads(before);
}

// Interrupted by the user at random batches: the checkpoint of that very batch is continued.
TEST(TrainerTest, InterruptedRunsEndWithTheSameBits) {
  const TaskData data = augmented_data();
  Rng rng(11);
  for (const Stage& stage : all_stages()) {
    TempFolder folder;
    TrainerOptions options = two_epochs(true);
    const Outcome expected = run_session(stage, data, options, {});
    options.checkpoint = folder / "run.npz";
    int interruptions = 0;
    for (bool done = false; !done;) {
      int64_t left = 1 + rng.below(9);
      try {
        const Outcome resumed = run_session(stage, data, options, [&](const TrainState&) { return --left > 0; });
        expect_same(expected, resumed, stage.label);
        done = true;
      } catch (const Interrupted& e) {
        EXPECT_STREQ(e.what(), "stage was interrupted; run the same command again to continue");
        ++interruptions;
      }
    }
    EXPECT_GE(interruptions, 2) << stage.label;
    expect_same(expected, run_session(stage, data, options, {}), stage.label + ", asked again after the end");
  }
}

struct Killed {};

// Killed without warning: whatever the last checkpoint was, the batches since are repeated alike.
TEST(TrainerTest, KilledRunsEndWithTheSameBits) {
  const TaskData data = augmented_data();
  Rng rng(12);
  for (const Stage& stage : {all_stages().front(), all_stages().back()})
    for (double checkpoint_seconds : {0.0, 1e9}) {
      TempFolder folder;
      TrainerOptions options = two_epochs(true);
      const Outcome expected = run_session(stage, data, options, {});
      options.checkpoint = folder / "run.npz";
      options.checkpoint_seconds = checkpoint_seconds;
      for (bool done = false; !done;) {
        int64_t left = 8 + rng.below(8);
        try {
          const auto observer = [&](const TrainState&) { return --left > 0 ? true : throw Killed(); };
          expect_same(expected, run_session(stage, data, options, observer), stage.label);
          done = true;
        } catch (const Killed&) {
        }
      }
    }
}

// Asked to end from elsewhere, at any moment: between two steps, within one, or while it validates.
TEST(TrainerTest, CancelledRunsEndWithTheSameBits) {
  const TaskData data = augmented_data();
  const Stage stage = all_stages().back();
  TempFolder folder;
  TrainerOptions options = two_epochs(true);
  const Outcome expected = run_session(stage, data, options, {});
  options.checkpoint = folder / "run.npz";
  options.checkpoint_seconds = 1e9;
  int cancelled = 0;
  for (int round = 0;; ++round) {
    ASSERT_LT(round, 1000);
    std::thread other([round] {
      std::this_thread::sleep_for(std::chrono::microseconds(2000 + 1700 * round));
      request_cancel();
    });
    std::string message;
    try {
      expect_same(expected, run_session(stage, data, options, {}), stage.label);
    } catch (const Interrupted& e) {
      message = e.what();
    }
    other.join();
    request_cancel(false);
    if (message.empty()) break;
    if (message == "interrupted") continue;  // before it trained
    EXPECT_EQ(message, "stage was interrupted; run the same command again to continue");
    ++cancelled;
  }
  EXPECT_GE(cancelled, 1);
}

TEST(TrainerTest, CheckpointsOfOtherRunsAreRefused) {
  const TaskData data = tiny_data();
  TempFolder folder;
  const std::vector<Stage> stages = all_stages();
  TrainerOptions options = two_epochs(true);
  options.checkpoint = folder / "run.npz";
  run_session(stages[0], data, options, {});

  TrainerOptions other = options;
  other.seed = 6;
  EXPECT_EQ(error_of([&] { run_session(stages[0], data, other, {}); }),
            options.checkpoint + ": belongs to another run: its seed is 5, not 6; choose another --out or remove the file");
  other = options;
  other.identity = {{"data", "1234"}};
  EXPECT_EQ(
      error_of([&] { run_session(stages[0], data, other, {}); }),
      options.checkpoint + ": belongs to another run: its data is another, not 1234; choose another --out or remove the file");
  EXPECT_NE(error_of([&] { check_checkpoint(data, other); }).find(": belongs to another run: its data is "), std::string::npos);
  EXPECT_EQ(error_of([&] { check_checkpoint(data, options); }), "");
  other = options;
  other.stage = "finetune";
  EXPECT_NE(error_of([&] { run_session(stages[0], data, other, {}); }).find("belongs to another run"), std::string::npos);
  EXPECT_EQ(error_of([&] { run_session(stages[2], data, options, {}); }),
            options.checkpoint +
                ": these weights are not quantized as this network is: array 'model.quant.conv0.log_scale' is missing");

  Network wide(resnet8(16, 16, 3, 9), Rng(1));
  NetworkLearner learner(wide, nullptr, {}, {});
  EXPECT_EQ(
      error_of([&] { train(learner, data, options, {}); }),
      options.checkpoint +
          ": these weights are not for model resnet8: array 'model.conv0.weight' has shape (8,3,3,3), expected (16,3,3,3)");

  testing::write_bytes(options.checkpoint, {'n', 'o'});
  EXPECT_NE(error_of([&] { run_session(stages[0], data, options, {}); }).find(options.checkpoint), std::string::npos);
  write_npz(options.checkpoint, {{"x", NpyArray::from(Tensor(Shape{1}, 0.0f))}});
  EXPECT_EQ(error_of([&] { run_session(stages[0], data, options, {}); }),
            options.checkpoint + ": not a training checkpoint: array 'run.identity' is missing");
}

// A learner that does as it is told: its model is the number of steps it has taken.
class Scripted : public Learner {
 public:
  std::vector<double> losses, scores;  // by step, by evaluation; the last one repeats
  double val_loss = 0.5;
  int64_t steps = 0, evaluations = 0;
  std::vector<double> progresses;

  StepResult step(const Batch& batch, int64_t, int64_t, double p) override {
    progresses.push_back(p);
    return {losses[size_t(std::min(steps++, int64_t(losses.size()) - 1))], int64_t(batch.labels.size()) / 2};
  }
  EvalResult validate(const TaskData&) override {
    return {val_loss, scores[size_t(std::min(evaluations++, int64_t(scores.size()) - 1))]};
  }
  std::vector<std::pair<std::string, double>> report() const override { return {{"steps", double(steps)}}; }
  StateDict model() const override {
    StateDict out;
    out.put("steps", std::vector<int64_t>{steps, evaluations});
    return out;
  }
  void load_model(const StateDict& state) override {
    const std::vector<int64_t> counts = state.integers("steps", 2);
    steps = counts[0], evaluations = counts[1];
  }
  StateDict progress() const override { return {}; }
  void load_progress(const StateDict&) override {}
};

Scripted scripted(std::vector<double> losses, std::vector<double> scores) {
  Scripted s;
  s.losses = std::move(losses);
  s.scores = std::move(scores);
  return s;
}

TrainerOptions epochs(int64_t n) {
  TrainerOptions options = two_epochs(true);
  options.epochs = n;
  options.batch_size = 48;  // 3 batches of 160 samples; 16 wait
  return options;
}

TEST(TrainerTest, EndsWithTheFirstOfTheBestEpochs) {
  const TaskData data = tiny_data();
  Scripted learner = scripted({1}, {0.1, 0.7, 0.3, 0.7, 0.2});
  const TrainResult result = train(learner, data, epochs(5), {});
  EXPECT_EQ(result.best_epoch, 2);
  EXPECT_EQ(result.best_score, 0.7);
  EXPECT_EQ(learner.steps, 2 * 3) << "the weights of the second epoch";
  EXPECT_EQ(learner.progresses.size(), 15u);
  for (size_t i = 0; i < 15; ++i) EXPECT_DOUBLE_EQ(learner.progresses[i], double(i) / 15);

  TrainerOptions last = epochs(5);
  last.keep_best = false;
  learner = scripted({1}, {0.1, 0.7, 0.3, 0.7, 0.2});
  EXPECT_EQ(train(learner, data, last, {}).best_epoch, 2);
  EXPECT_EQ(learner.steps, 15);

  learner = scripted({1}, {-3, -2});  // scores of a task without labels are negative
  EXPECT_EQ(train(learner, data, epochs(2), {}).best_score, -2);
}

TEST(TrainerTest, StopsWhenPatienceEnds) {
  const TaskData data = tiny_data();
  TrainerOptions options = epochs(10);
  options.patience = 2;
  Scripted learner = scripted({1}, {0.1, 0.5, 0.4, 0.5, 0.9});
  const TrainResult result = train(learner, data, options, {});
  EXPECT_EQ(result.best_epoch, 2);
  EXPECT_EQ(learner.progresses.size(), 4u * 3) << "two epochs without a better score, an equal one is not better";

  TempFolder folder;  // and a stopped run stays stopped
  options.checkpoint = folder / "run.npz";
  Scripted first = scripted({1}, {0.1, 0.5, 0.4, 0.5, 0.9}), again = first;
  train(first, data, options, {});
  EXPECT_EQ(train(again, data, options, {}).best_epoch, 2);
  EXPECT_EQ(again.progresses.size(), 0u);
  EXPECT_EQ(again.steps, 6);
}

TEST(TrainerTest, LogHasARowAnEpoch) {
  const TaskData data = tiny_data();
  Scripted learner = scripted({1, 2, 3, 4, 5, 6}, {0.25, 0.5});
  EXPECT_EQ(without_seconds(train(learner, data, epochs(2), {}).log),
            "stage,epoch,train_loss,train_accuracy,val_loss,val_score,steps,\n"
            "stage,1,2,0.5,0.5,0.25,3,\n"
            "stage,2,5,0.5,0.5,0.5,6,\n");
}

TEST(TrainerTest, LossThatIsNotFiniteIsAnError) {
  const TaskData data = tiny_data();
  for (double bad : {std::nan(""), double(INFINITY)}) {
    Scripted learner = scripted({1, 1, 1, 1, bad}, {0});
    EXPECT_EQ(error_of([&] { train(learner, data, epochs(3), {}); }),
              "stage: the loss is no longer finite (epoch 2, batch 2); lower the learning rate or look for extreme values in "
              "the data");
    learner = scripted({1}, {0});
    learner.val_loss = bad;
    EXPECT_EQ(error_of([&] { train(learner, data, epochs(3), {}); }),
              "stage: the loss is no longer finite (epoch 1, validation); lower the learning rate or look for extreme values "
              "in the data");
  }
}

TEST(TrainerTest, OptionsThatMakeNoSenseAreAnError) {
  Scripted learner = scripted({1}, {0});
  const TaskData full = tiny_data();
  EXPECT_EQ(error_of([&] { train(learner, full, epochs(-1), {}); }),
            "training: epochs must not be negative and batch size must be positive");
  TrainerOptions whole = epochs(1);
  whole.batch_size = 1000;  // more than there are: one batch of all
  train(learner, full, whole, {});
  EXPECT_EQ(learner.steps, 1);
  EXPECT_EQ(train(learner, full, epochs(0), {}).best_epoch, 0);
}

TEST(TrainerTest, ObserverSeesHowFarTheRunIs) {
  const TaskData data = tiny_data();
  Scripted learner = scripted({4, 2, 0}, {0.25, 0.5});
  std::vector<std::string> seen;
  train(learner, data, epochs(2), [&](const TrainState& s) {
    seen.push_back(str(s.epoch, "/", s.epochs, " ", s.batch, "/", s.batches, " ", s.loss, " ", s.accuracy, " ", s.best_score));
    return true;
  });
  EXPECT_EQ(seen, (std::vector<std::string>{"0/2 0/3 0 0 0", "0/2 1/3 4 0.5 0", "0/2 2/3 3 0.5 0", "0/2 3/3 2 0.5 0",
                                            "1/2 1/3 0 0.5 0.25", "1/2 2/3 0 0.5 0.25", "1/2 3/3 0 0.5 0.25"}));
}

}  // namespace
}  // namespace bitloom
