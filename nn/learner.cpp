// Training steps and evaluation of a network.
#include "nn/learner.h"

#include <algorithm>

#include "core/ops/ops.h"
#include "core/profile.h"
#include "datasets/loader.h"

namespace bitloom {
namespace {

std::vector<Parameter> trained_together(Network& network, const LayerTransform* transform) {
  std::vector<Parameter> all = network.parameters();
  if (transform)
    for (Parameter& p : transform->parameters()) all.push_back(p);
  return all;
}

int64_t count_right(const Tensor& output, const std::vector<int32_t>& labels) {
  const int64_t rows = int64_t(labels.size());
  const std::vector<int32_t> predicted = argmax_rows(output.data(), rows, output.size() / rows);
  int64_t right = 0;
  for (size_t i = 0; i < predicted.size(); ++i) right += predicted[i] == labels[i];
  return right;
}

Tensor teacher_output(Network& teacher, const Tensor& x) {
  const ProfileScope scope(ProfileScope::kTeacher);
  Tape unrecorded(Tape::kInference);
  return teacher.forward(unrecorded, x, Pass::kInference).value();
}

}  // namespace

std::vector<int32_t> argmax_rows(const float* values, int64_t rows, int64_t columns) {
  std::vector<int32_t> best(static_cast<size_t>(rows));
  for (int64_t r = 0; r < rows; ++r)
    best[size_t(r)] = int32_t(std::max_element(values + r * columns, values + (r + 1) * columns) - values - r * columns);
  return best;
}

Variable task_loss(Tape& tape, TaskKind kind, const Variable& output, const Batch& batch, int64_t* correct,
                   const Distillation& distillation) {
  const bool classifies = kind == TaskKind::kClassification;
  if (correct && classifies) *correct += count_right(output.value(), batch.labels);
  const bool softened = batch.targets.shape().rank() > 0;
  if (distillation.weight == 0) {
    if (!classifies) return tape.apply(MeanSquaredError(batch.x), {output});
    return softened ? tape.apply(SoftCrossEntropy(batch.targets), {output})
                    : tape.apply(SoftmaxCrossEntropy(batch.labels), {output});
  }
  Tensor target = teacher_output(*distillation.teacher, batch.x);
  const float weight = float(distillation.weight), rest = 1 - weight;
  if (!classifies) {
    for (int64_t i = 0; i < target.size(); ++i) target[i] = weight * target[i] + rest * batch.x[i];
    return tape.apply(MeanSquaredError(target), {output});
  }
  const int64_t rows = int64_t(batch.labels.size()), classes = target.size() / rows;
  softmax(target.data(), target.data(), rows, classes);
  for (int64_t i = 0; i < target.size(); ++i) target[i] = weight * target[i] + (softened ? rest * batch.targets[i] : 0);
  if (!softened)
    for (int64_t r = 0; r < rows; ++r) target[r * classes + batch.labels[size_t(r)]] += rest;
  return tape.apply(SoftCrossEntropy(target.reshape(Shape{rows, classes})), {output});
}

void recalibrate_norms(Network& network, LayerTransform* transform, const TaskData& data, int64_t samples,
                       std::vector<Batch>* drawn) {
  const ProfileScope scope(ProfileScope::kEvaluation);
  constexpr int64_t kBatch = 256, kMostKept = 16 << 20;
  const Rng rng = Rng(0).split("recalibrate");
  const std::vector<int64_t> indices = mixed_indices(data.train->size(), samples);
  std::vector<NormState*> norms;
  for (int i = 0; i <= network.spec().output(); ++i)
    if (NormState* norm = network.norm(i)) norms.push_back(norm);
  const float momentum = norms.empty() ? 0 : norms.front()->momentum;
  const int64_t count = int64_t(indices.size()), batches = (count + kBatch - 1) / kBatch;
  const bool known = drawn && int64_t(drawn->size()) == batches;
  const bool keeps = drawn && !known && count * data.train->format().size() * int64_t(sizeof(float)) <= kMostKept;
  if (keeps) drawn->clear();
  Loader loader = ordered_batches(*data.train, indices, kBatch, &rng);
  for (int64_t i = 0; i < batches; ++i) {
    for (NormState* norm : norms) norm->momentum = 1 / float(i + 1);
    const Batch batch = known ? (*drawn)[size_t(i)] : loader.get(i);
    Tape tape(Tape::kInference);
    network.forward(tape, batch.x, Pass::kTraining, transform);
    if (keeps) drawn->push_back(batch);
  }
  for (NormState* norm : norms) norm->momentum = momentum;
}

Evaluation evaluate_network(Network& network, LayerTransform* transform, const Dataset& data) {
  constexpr int64_t kBatch = 250;
  const ProfileScope scope(ProfileScope::kEvaluation);
  const TaskKind kind = network.spec().kind;
  const bool has_target = kind == TaskKind::kReconstruction || !data.labels().empty();
  Evaluation result;
  for_each_batch(data, kBatch, [&](const Batch& batch) {
    Tape tape(Tape::kInference);
    const Variable output = network.forward(tape, batch.x, Pass::kInference, transform);
    const int64_t rows = batch.x.shape()[0], columns = output.value().size() / rows, n = batch.x.size() / rows;
    if (has_target) result.loss += double(task_loss(tape, kind, output, batch, nullptr).value()[0]) * double(rows);
    for (int64_t r = 0; r < rows; ++r)
      result.found.push_back(found_in(kind, output.value().data() + r * columns, columns, 1, batch.x.data() + r * n));
  });
  result.loss /= double(std::max<int64_t>(1, data.size()));
  return result;
}

double score_network(Network& network, LayerTransform* transform, const Metric& metric, const Dataset& data) {
  return metric.score(evaluate_network(network, transform, data).found, data);
}

NetworkLearner::NetworkLearner(Network& network, LayerTransform* transform, const OptimizerOptions& options,
                               const Schedule& schedule, const Distillation& distillation)
    : network_(network),
      transform_(transform),
      schedule_(schedule),
      distillation_(distillation),
      optimizer_(trained_together(network, transform), options) {}

void NetworkLearner::regularize(const Regularization& options, uint64_t seed) {
  regularization_ = options;
  rng_ = Rng(seed).split("regularization");
  if (options.average > 0) average_.emplace(trained_together(network_, transform_), options.average);
}

StepResult NetworkLearner::step(const Batch& drawn, int64_t epoch, int64_t batch_index, double progress) {
  if (average_) average_->give_back();
  const bool changes = regularization_.label_smoothing > 0 || regularization_.mixup > 0;
  const LayerSpec& output_layer = network_.spec().layers.back();
  const bool classifies = network_.spec().kind == TaskKind::kClassification;
  const int64_t classes = classifies ? output_layer.h * output_layer.w * output_layer.c : 0;
  const Rng rng = rng_.split("epoch", uint64_t(epoch)).split("batch", uint64_t(batch_index));
  const Batch batch = changes ? regularized(drawn, regularization_, classes, rng) : drawn;
  StepResult result;
  Tape tape;
  const Variable output = network_.forward(tape, batch.x, Pass::kTraining, transform_);
  const Variable loss = task_loss(tape, network_.spec().kind, output, batch, &result.correct, distillation_);
  result.loss = double(loss.value()[0]);
  tape.backward(loss);
  optimizer_.step(schedule_.factor(progress));
  if (average_) average_->observe();
  return result;
}

EvalResult NetworkLearner::validate(const TaskData& data) {
  if (average_) average_->use();
  if (estimates_norms_) recalibrate_norms(network_, transform_, data, kNormSamples, &norm_samples_);
  const Evaluation result = evaluate_network(network_, transform_, *data.val);
  const Metric& metric = data.task.validation_metric();
  return {result.loss, metric.rank(metric.score(result.found, *data.val))};
}

StateDict NetworkLearner::model() const {
  StateDict out = network_.state();
  if (transform_) out.put("", transform_->state());
  return out;
}

void NetworkLearner::load_model(const StateDict& state) {
  network_.load(state);
  if (transform_) transform_->load(state);
}

StateDict NetworkLearner::progress() const {
  StateDict out;
  out.put("optimizer.", optimizer_.state());
  if (average_) out.put("average.", average_->state());
  return out;
}

void NetworkLearner::load_progress(const StateDict& state) {
  optimizer_.load(state.part("optimizer."));
  if (average_) average_->load(state.part("average."));
}

}  // namespace bitloom
