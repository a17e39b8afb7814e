// Mixed samples, softened targets, averaged weights: what they are by their formulas, and that training with them still learns.
#include "nn/regularization.h"

#include <gtest/gtest.h>

#include <cmath>

#include "datasets/sources.h"
#include "nn/learner.h"
#include "nn/weight_average.h"
#include "tests/support/files.h"
#include "tests/support/tiny_task.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::tiny_data;
using testing::tiny_spec;

Batch four_samples() {
  Batch batch;
  batch.x = Tensor(Shape{4, 1, 1, 2}, {1, 2, 30, 40, 5, 6, 70, 80});
  batch.labels = {0, 2, 1, 2};
  return batch;
}

TEST(Regularization, SmoothsTargetsAndLeavesSamples) {
  const Batch batch = four_samples(), out = regularized(batch, {0.3, 0, 0}, 3, Rng(1));
  ASSERT_EQ(out.targets.shape(), (Shape{4, 3}));
  for (int64_t r = 0; r < 4; ++r)
    for (int64_t c = 0; c < 3; ++c)
      EXPECT_FLOAT_EQ(out.targets[r * 3 + c], c == batch.labels[size_t(r)] ? 0.8f : 0.1f) << r << " " << c;
  for (int64_t i = 0; i < batch.x.size(); ++i) EXPECT_EQ(out.x[i], batch.x[i]);
}

// One share for the batch, within its bound; sample and target are mixed with the next one's alike, the last with the first.
TEST(Regularization, MixesSamplesAndTargetsInOneShare) {
  const Batch batch = four_samples();
  double least = 1, greatest = 0;
  for (uint64_t key = 0; key < 200; ++key) {
    const Batch out = regularized(batch, {0, 0.4, 0}, 3, Rng(key));
    const float share = out.targets[2];  // of the second sample, which alone has class 2, in the first
    least = std::min(least, double(share)), greatest = std::max(greatest, double(share));
    for (int64_t r = 0; r < 4; ++r) {
      const int64_t next = (r + 1) % 4;
      for (int64_t i = 0; i < 2; ++i)
        EXPECT_FLOAT_EQ(out.x[r * 2 + i], (1 - share) * batch.x[r * 2 + i] + share * batch.x[next * 2 + i]);
      float sum = 0;
      for (int64_t c = 0; c < 3; ++c) sum += out.targets[r * 3 + c];
      EXPECT_NEAR(sum, 1, 1e-6);
      EXPECT_FLOAT_EQ(out.targets[r * 3 + batch.labels[size_t(r)]], 1 - share);
    }
    EXPECT_EQ(out.labels, batch.labels);
  }
  EXPECT_GE(least, 0);
  EXPECT_LT(least, 0.02);
  EXPECT_GT(greatest, 0.38);
  EXPECT_LE(greatest, 0.4);
}

TEST(Regularization, OfAReconstructionMixesSamplesOnly) {
  const Batch out = regularized(four_samples(), {0, 0.5, 0}, 0, Rng(3));
  EXPECT_EQ(out.targets.shape().rank(), 0);
  EXPECT_GT(out.x[0], 1);
}

// A target of all weight on the label is the label.
TEST(Regularization, LossOfTargetsIsThatOfLabelsWhereTheyAgree) {
  const TaskData data = tiny_data();
  const std::vector<int64_t> indices = {0, 1, 2, 3, 4};
  const Batch plain = gather(*data.train, indices.data(), 5, nullptr);
  Network network(tiny_spec(), Rng(1)), teacher(tiny_spec(), Rng(2));
  const auto loss = [&](const Batch& batch, double distilled) {
    Tape tape(Tape::kInference);
    const Variable output = network.forward(tape, batch.x, Pass::kInference);
    return double(
        task_loss(tape, TaskKind::kClassification, output, batch, nullptr, Distillation{&teacher, distilled}).value()[0]);
  };
  const int64_t classes = network.spec().layers.back().c;
  const Batch same = regularized(plain, {0, 0, 0}, classes, Rng(1)), soft = regularized(plain, {0.2, 0, 0}, classes, Rng(1));
  for (const double distilled : {0.0, 0.5}) {
    EXPECT_NEAR(loss(same, distilled), loss(plain, distilled), 1e-6);
    EXPECT_GT(std::abs(loss(soft, distilled) - loss(plain, distilled)), 1e-4);
  }
}

// A parameter of one element that is set by hand, and what the formula gives for it.
TEST(WeightAverage, FollowsItsFormulaAndGivesBack) {
  const Variable v(Tensor(Shape{1}, 0.0f), true);
  WeightAverage average({{"w", ParamRole::kWeight, v}}, 0.5);
  Variable w = v;
  average.use();  // nothing yet
  EXPECT_EQ(w.value()[0], 0);
  double expected = 0;
  const double decay[] = {0, 2.0 / 11, 3.0 / 12, 4.0 / 13};
  for (int step = 0; step < 4; ++step) {
    w.value()[0] = float(10 * step + 1);
    average.observe();
    expected = decay[step] * expected + (1 - decay[step]) * double(10 * step + 1);
  }
  for (int step = 0; step < 20; ++step) {
    average.observe();
    expected = std::min(0.5, double(5 + step) / double(14 + step)) * expected +
               (1 - std::min(0.5, double(5 + step) / double(14 + step))) * 31;
  }
  average.use();
  EXPECT_NEAR(w.value()[0], expected, 1e-4);
  average.use();  // once is enough
  average.give_back();
  EXPECT_EQ(w.value()[0], 31);
  average.give_back();
  EXPECT_EQ(w.value()[0], 31);
}

TEST(WeightAverage, IsSavedWithWhatItStandsFor) {
  const auto fresh = [] { return Variable(Tensor(Shape{2}, {1.0f, 2.0f}), true); };
  Variable a = fresh(), b = fresh();
  WeightAverage first({{"w", ParamRole::kWeight, a}}, 0.9), second({{"w", ParamRole::kWeight, b}}, 0.9);
  first.observe();
  a.value()[0] = 5;
  first.observe();
  first.use();
  second.load(first.state());
  second.give_back();
  EXPECT_EQ(b.value()[0], 5);
  EXPECT_EQ(b.value()[1], 2);
  second.use();
  EXPECT_EQ(b.value()[0], a.value()[0]);
  WeightAverage other({{"v", ParamRole::kWeight, a}}, 0.9);
  EXPECT_NE(error_of([&] { other.load(first.state()); }).find("not averaged weights of this network"), std::string::npos);
}

// What is validated and kept is the average; training goes on from its own weights.
TEST(WeightAverage, IsWhatALearnerValidates) {
  const TaskData data = tiny_data();
  Network plain_network(tiny_spec(), Rng(3)), averaged_network(tiny_spec(), Rng(3));
  NetworkLearner plain(plain_network, nullptr, {}, {}), averaged(averaged_network, nullptr, {}, {});
  averaged.regularize({0, 0, 0.9}, 0);
  const std::vector<int64_t> indices = {0, 1, 2, 3, 4, 5, 6, 7};
  const Batch batch = gather(*data.train, indices.data(), 8, nullptr);
  const auto weight = [](Network& network) { return network.parameters().front().value.value()[0]; };
  for (int64_t step = 0; step < 6; ++step) {
    plain.step(batch, 0, step, 0);
    averaged.step(batch, 0, step, 0);
    EXPECT_EQ(weight(plain_network), weight(averaged_network)) << "step " << step;
    if (step % 2 == 1) {
      averaged.validate(data);
      EXPECT_NE(weight(plain_network), weight(averaged_network));
    }
  }
}

}  // namespace
}  // namespace bitloom
