// Evaluation of a network: classes, loss and score of a split, and its normalization statistics.
#include "nn/learner.h"

#include <gtest/gtest.h>

#include <cmath>

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
  const EvalResult result = evaluate_network(network, nullptr, data.val);
  double loss = 0, right = 0;
  for (int64_t i = 0; i < 307; ++i) {
    const Batch batch = gather(data.val, &i, 1, {}, nullptr);
    Tape tape(Tape::kInference);
    int64_t correct = 0;
    loss += double(task_loss(tape, network.forward(tape, batch.x, {}), batch, &correct).value()[0]) / 307;
    right += double(correct) / 307;
  }
  EXPECT_NEAR(result.loss, loss, 1e-5);
  EXPECT_NEAR(result.score, right, 1e-9);
}

// Statistics of the data as the network sees it now, whatever they were before: of one batch, and the mean over two.
TEST(LearnerTest, RecalibratedStatisticsAreThoseOfTheTrainingData) {
  TaskData data = make_synthetic(2, 512, 9, 9);
  data.augment = {};
  for (int64_t samples : {16, 512}) {
    Network network(tiny_spec(), Rng(1));
    network.norm(1)->mean.fill(100);
    network.norm(2)->var.fill(0.001f);
    recalibrate_norms(network, nullptr, data, samples);
    std::vector<int64_t> spread;
    for (int64_t i = 0; i < samples; ++i) spread.push_back(i * 512 / samples);
    const Batch batch = gather(data.train, spread.data(), samples, {}, nullptr);
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

TEST(LearnerTest, TasksWithoutLabelsReconstructTheirInput) {
  Dataset data;
  data.name = "vectors";
  data.h = data.w = 1, data.c = 4, data.count = 3;
  for (int i = 0; i < 12; ++i) data.values.push_back(float(i));
  Network network(autoencoder(1, 1, 4, 0), Rng(1));
  const EvalResult result = evaluate_network(network, nullptr, data);
  EXPECT_GT(result.loss, 0);
  EXPECT_EQ(result.score, -result.loss);
}

}  // namespace
}  // namespace bitloom
