// What a trainer drives: something that takes optimization steps and can be evaluated, saved and restored.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "datasets/task.h"
#include "nn/network.h"
#include "nn/optimizer.h"
#include "nn/regularization.h"
#include "nn/weight_average.h"

namespace bitloom {

struct StepResult {
  double loss = 0;
  int64_t correct = 0;  // samples whose predicted class is right
};

// score: the rank of the validation metric, so that the greater is the better (Metric::rank).
struct EvalResult {
  double loss = 0, score = 0;
};

class Learner {
 public:
  virtual ~Learner() = default;
  // One optimization step. `batch_index` counts within the epoch; `progress` is the done fraction of the whole run.
  virtual StepResult step(const Batch& batch, int64_t epoch, int64_t batch_index, double progress) = 0;
  // Called after every epoch, on data.val; may refresh the running statistics from data.train.
  virtual EvalResult validate(const TaskData& data) = 0;
  // Further columns of the epoch's log row.
  virtual std::vector<std::pair<std::string, double>> report() const { return {}; }
  // The learned values: what the best epoch's checkpoint keeps.
  virtual StateDict model() const = 0;
  virtual void load_model(const StateDict& state) = 0;
  // What else a resumed run needs to continue with the same bits.
  virtual StateDict progress() const = 0;
  virtual void load_progress(const StateDict& state) = 0;
};

// Distillation (arXiv 1503.02531, at temperature 1): in training, what the teacher gives for a sample counts as `weight` of the target, the
// sample's own label (of a reconstruction, the sample itself) as the rest. The teacher is not changed.
struct Distillation {
  Network* teacher = nullptr;
  double weight = 0;
};

// The loss for one batch: cross-entropy of a classification, with the batch's targets if it has any, whose right predictions are also counted into `correct` if it is not null; mean
// squared error of a reconstruction.
Variable task_loss(Tape& tape, TaskKind kind, const Variable& output, const Batch& batch, int64_t* correct,
                   const Distillation& distillation = {});

// The index of the largest of each row's values; ties go to the first.
std::vector<int32_t> argmax_rows(const float* values, int64_t rows, int64_t columns);

constexpr int64_t kNormSamples = 4096;

// Sets the running statistics to the averages over `samples` training samples, spread evenly over the split and augmented as in training,
// for the weights as they are now ("precise" batch norm, arXiv 2105.07576). A moving average lags behind weights whose codes jump, at
// low bit-widths by points of accuracy; samples that are not augmented, which the network has come to know by heart, cost it a point.
// They are always the same: `drawn`, empty at first, keeps those of at most 16 MiB from call to call, since features of sounds take longer than the network.
void recalibrate_norms(Network& network, LayerTransform* transform, const TaskData& data, int64_t samples = kNormSamples,
                       std::vector<Batch>* drawn = nullptr);

// A network on a whole split, with running statistics.
struct Evaluation {
  double loss = 0;            // mean over the samples; 0 where a classification has no labels
  std::vector<double> found;  // for each sample: see found_in()
};
Evaluation evaluate_network(Network& network, LayerTransform* transform, const Dataset& data);
// The metric's score of it.
double score_network(Network& network, LayerTransform* transform, const Metric& metric, const Dataset& data);

// Trains a network, and its transform's parameters if there is one.
class NetworkLearner : public Learner {
 public:
  NetworkLearner(Network& network, LayerTransform* transform, const OptimizerOptions& options, const Schedule& schedule,
                 const Distillation& distillation = {});
  // Before the first step. `seed`: of what is drawn.
  void regularize(const Regularization& options, uint64_t seed);
  // Whether validate() sets the running statistics by recalibrate_norms(), as it does unless told otherwise.
  void estimate_norms(bool on) { estimates_norms_ = on; }
  StepResult step(const Batch& batch, int64_t epoch, int64_t batch_index, double progress) override;
  EvalResult validate(const TaskData& data) override;
  StateDict model() const override;
  void load_model(const StateDict& state) override;
  StateDict progress() const override;
  void load_progress(const StateDict& state) override;

 protected:
  Network& network_;
  LayerTransform* transform_;
  Schedule schedule_;
  Distillation distillation_;
  Optimizer optimizer_;
  Regularization regularization_;
  Rng rng_;
  std::vector<Batch> norm_samples_;
  std::optional<WeightAverage> average_;  // in use from a validation to the next step
  bool estimates_norms_ = true;
};

}  // namespace bitloom
