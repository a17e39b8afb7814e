// Evaluation of a network: classes, loss and score of a split, and its normalization statistics.
#include "nn/learner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/profile.h"
#include "datasets/sources.h"
#include "nn/models/models.h"
#include "tests/support/tiny_task.h"

namespace bitloom {
namespace {

using testing::tiny_spec;

TEST(LearnerTest, ArgmaxTakesTheFirstOfEquals) {
  const std::vector<float> values = {0, 3, 3, -1, -1, -2};
  EXPECT_EQ(argmax_rows(values.data(), 2, 3), (std::vector<int32_t>{1, 0}));
}

// Loss and score over a split that is not a multiple of the evaluation batch equal those of its samples one by one.
TEST(LearnerTest, EvaluationIsTheMeanOverSamples) {
  const TaskData data = make_synthetic(2, 16, 307, 16);
  Network network(tiny_spec(), Rng(1));
  const Evaluation result = evaluate_network(network, nullptr, *data.val);
  ASSERT_EQ(result.found.size(), 307u);
  double loss = 0, right = 0;
  for (int64_t i = 0; i < 307; ++i) {
    const Batch batch = gather(*data.val, &i, 1, nullptr);
    Tape tape(Tape::kInference);
    int64_t correct = 0;
    const Variable output = network.forward(tape, batch.x, Pass::kInference);
    loss += double(task_loss(tape, TaskKind::kClassification, output, batch, &correct).value()[0]) / 307;
    EXPECT_EQ(correct == 1, result.found[size_t(i)] == data.val->labels()[size_t(i)]);
    right += double(correct) / 307;
  }
  EXPECT_NEAR(result.loss, loss, 1e-5);
  EXPECT_NEAR(score_network(network, nullptr, accuracy(), *data.val), right, 1e-9);
}

// The targets are mixed: cross-entropy, linear in them, is the mean of both losses; the distance to a reconstruction that is its own teacher
// shrinks with the sample's part.
TEST(LearnerTest, DistillationMixesLabelAndTeacher) {
  const TaskData data = make_synthetic(2, 16, 9, 9);
  const std::vector<int64_t> indices = {0, 1, 2, 3};
  const Batch batch = gather(*data.train, indices.data(), 4, nullptr);
  for (const TaskKind kind : {TaskKind::kClassification, TaskKind::kReconstruction}) {
    const bool classifies = kind == TaskKind::kClassification;
    ModelBuilder b("own", 16, 16, 3);
    b.conv2d("conv0", 0, 3, 3, 3, 1, 1, {});
    const ModelSpec spec = classifies ? tiny_spec() : b.finish(kind);
    Network student(spec, Rng(1)), other(spec, Rng(2));
    const auto loss = [&](double weight, Network& taught_by) {
      Tape tape(Tape::kInference);
      int64_t correct = 0;
      const double value =
          double(task_loss(tape, kind, student.forward(tape, batch.x, Pass::kInference), batch, &correct, {&taught_by, weight})
                     .value()[0]);
      EXPECT_LE(correct, classifies ? 4 : 0);
      return value;
    };
    if (classifies) {
      EXPECT_NEAR(loss(0.3, other), 0.7 * loss(0, other) + 0.3 * loss(1, other), 1e-5);
    } else {
      EXPECT_NEAR(loss(0.3, student), 0.49 * loss(0, student), 1e-6);
      EXPECT_EQ(loss(1, student), 0) << "it says what its teacher says";
    }
    EXPECT_LT(loss(1, student), loss(1, other)) << "a network agrees with itself more than with another one";
  }
}

// Statistics of the data as the network sees it now, whatever they were before: of one batch, and the mean over two.
TEST(LearnerTest, RecalibratedStatisticsAreThoseOfTheTrainingData) {
  const TaskData data = make_synthetic(2, 512, 9, 9);
  data.train->set_augment({});
  for (int64_t samples : {16, 512}) {
    Network network(tiny_spec(), Rng(1));
    network.norm(1)->mean.fill(100);
    network.norm(2)->var.fill(0.001f);
    recalibrate_norms(network, nullptr, data, samples);
    std::vector<int64_t> spread;
    for (int64_t i = 0; i < samples; ++i) spread.push_back(i * 512 / samples);
    const Batch batch = gather(*data.train, spread.data(), samples, nullptr);
    Conv2d conv(std::get<Conv2dLayer>(network.spec().layers[1].kind).geometry);
    const Tensor y = conv.forward({batch.x, network.weight(1).value(), network.bias(1).value()});
    for (int64_t c = 0; c < 8; ++c) {
      double mean = 0, square = 0;
      const double rows = double(y.size() / 8);
      for (int64_t k = c; k < y.size(); k += 8) mean += double(y[k]) / rows, square += std::pow(double(y[k]), 2) / rows;
      EXPECT_NEAR(network.norm(1)->mean[c], mean, 1e-4) << samples;
      const double var = square - mean * mean;  // the batches' own variances leave out what their means differ by
      EXPECT_NEAR(network.norm(1)->var[c], var, samples == 16 ? 1e-4 : 0.02 * var) << samples;
    }
    EXPECT_GT(network.norm(2)->var[0], 0.002f);
    EXPECT_EQ(network.norm(1)->momentum, 0.1f) << "training goes on as before";
  }
}

// Samples that are kept are those that would be drawn; too large ones are not kept.
TEST(LearnerTest, KeptSamplesGiveTheSameStatistics) {
  const TaskData data = make_synthetic(2, 512, 9, 9);
  std::vector<Batch> kept;
  for (const float scale : {1.0f, 2.0f, 3.0f}) {
    Network drawing(tiny_spec(), Rng(1)), keeping(tiny_spec(), Rng(1));
    for (Network* network : {&drawing, &keeping}) network->weight(1).value()[0] *= scale;
    recalibrate_norms(drawing, nullptr, data, 400);
    recalibrate_norms(keeping, nullptr, data, 400, &kept);
    ASSERT_EQ(kept.size(), 2u);
    for (const int layer : {1, 2})
      for (int64_t c = 0; c < 8; ++c) {
        EXPECT_EQ(drawing.norm(layer)->mean[c], keeping.norm(layer)->mean[c]);
        EXPECT_EQ(drawing.norm(layer)->var[c], keeping.norm(layer)->var[c]);
      }
  }
  const TaskData large = make_synthetic(2, 5600, 9, 9);  // of 768 floats
  std::vector<Batch> none;
  Network network(tiny_spec(), Rng(1));
  recalibrate_norms(network, nullptr, large, 5600, &none);
  EXPECT_TRUE(none.empty());
}

// Files are often sorted by class: batches of one class each would leave out what their means differ by.
TEST(LearnerTest, NormalizationOfSortedSamplesIsThatOfMixedOnes) {
  Samples sorted;
  sorted.name = "sorted";
  sorted.h = sorted.w = 16, sorted.c = 3;
  Rng rng(5);
  for (int i = 0; i < 2048; ++i) {
    sorted.labels.push_back(i / 512);
    for (int k = 0; k < 768; ++k) sorted.values.push_back(float(i / 512 + 0.1 * rng.normal()));
  }
  Task task;
  task.classes = 4;
  const TaskData data = make_task(task, sorted, sorted, sorted);
  Network network(tiny_spec(), Rng(1));
  recalibrate_norms(network, nullptr, data, 2048);
  const Batch all = gather(*data.train, spread_indices(2048, 2048).data(), 2048, nullptr);
  Conv2d conv(std::get<Conv2dLayer>(network.spec().layers[1].kind).geometry);
  const Tensor y = conv.forward({all.x, network.weight(1).value(), network.bias(1).value()});
  for (int64_t c = 0; c < 8; ++c) {
    double mean = 0, square = 0;
    const double rows = double(y.size() / 8);
    for (int64_t k = c; k < y.size(); k += 8) mean += double(y[k]) / rows, square += std::pow(double(y[k]), 2) / rows;
    EXPECT_NEAR(network.norm(1)->var[c], square - mean * mean, 0.03 * (square - mean * mean)) << c;
  }
}

// The labels of a reconstruction say which samples are anomalous; they are no target.
TEST(LearnerTest, ReconstructionsAreComparedWithTheirInput) {
  Samples data;
  data.name = "vectors";
  data.h = data.w = 1, data.c = 4;
  for (int i = 0; i < 12; ++i) data.values.push_back(float(i));
  data.labels = {0, 1, 0};
  Network network(autoencoder(1, 1, 4, 0), Rng(1));
  const ArrayDataset vectors(std::move(data));
  const Evaluation result = evaluate_network(network, nullptr, vectors);
  EXPECT_GT(result.loss, 0);
  ASSERT_EQ(result.found.size(), 3u);
  EXPECT_NEAR((result.found[0] + result.found[1] + result.found[2]) / 3, result.loss, 1e-6 * result.loss);
  EXPECT_EQ(score_network(network, nullptr, mean_squared_error(), vectors), mean_squared_error().score(result.found, vectors));
}

// What a task is judged by when epochs are chosen: greater is better, whatever the metric.
TEST(LearnerTest, ValidationRanksByTheTasksMetric) {
  Samples part;
  part.name = "vectors";
  part.h = part.w = 1, part.c = 4;
  for (int i = 0; i < 32; ++i) part.values.push_back(float(i % 5));
  Task task;
  task.kind = TaskKind::kReconstruction;
  task.metric = &roc_auc();
  Samples test = part;
  test.labels = {0, 0, 0, 0, 1, 1, 1, 1};
  const TaskData data = make_task(task, part, part, test);
  Network network(autoencoder(1, 1, 4, 0), Rng(1));
  NetworkLearner learner(network, nullptr, {}, {});
  const EvalResult result = learner.validate(data);
  EXPECT_NEAR(result.score, -result.loss, 1e-5 * result.loss);
}

// What the teacher computes is no part of the layers that learn, though they have the same names.
TEST(LearnerTest, TheTeacherHasItsOwnPlaceInAProfile) {
  const TaskData data = make_synthetic(2, 16, 9, 9);
  const int64_t index = 0;
  const Batch batch = gather(*data.train, &index, 1, nullptr);
  Network student(tiny_spec(), Rng(1)), teacher(tiny_spec(), Rng(2));
  Tape tape(Tape::kInference);
  const Variable output = student.forward(tape, batch.x, Pass::kInference);
  Profile profile;
  task_loss(tape, TaskKind::kClassification, output, batch, nullptr, {&teacher, 0.5});
  std::vector<std::string> names;
  for (const auto& [name, seconds] : profile.seconds()) names.push_back(name);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"other", ProfileScope::kTeacher}));
}

}  // namespace
}  // namespace bitloom
