// Sensitivities: against differences of the loss, what measuring leaves behind, and storage.
#include "nas/sensitivity.h"

#include <gtest/gtest.h>

#include <cmath>

#include "nn/learner.h"
#include "tests/support/files.h"
#include "tests/support/gradcheck.h"
#include "tests/support/tiny_task.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::quant_options;
using testing::tiny_spec;

// A network whose shares of one layer can be set by hand.
class HandMixed : public SearchNetwork {
 public:
  using SearchNetwork::SearchNetwork;
  int layer = 0;
  Variable weight_shares, act_shares;

 protected:
  Variable weight_theta(int i) const override {
    return i == layer && weight_shares.defined() ? weight_shares : SearchNetwork::weight_theta(i);
  }
  Variable act_theta(int i) const override {
    return i == layer && act_shares.defined() ? act_shares : SearchNetwork::act_theta(i);
  }
};

struct Tiny : testing::TinySearch<HandMixed, 32> {
  using TinySearch::TinySearch;
  double loss(const Batch& batch) {
    Tape tape(Tape::kInference);
    const Variable output = network.forward(tape, batch.x, Pass::kInference, &search);
    return double(task_loss(tape, TaskKind::kClassification, output, batch, nullptr).value()[0]);
  }
};

// What a backward pass over one batch leaves in the network's gradients and the meter.
Shares observed(Tiny& t, const Batch& batch) {
  SensitivityMeter meter(t.search);
  t.search.probe(true);
  Tape tape;
  const Variable output = t.network.forward(tape, batch.x, Pass::kInference, &t.search);
  tape.backward(task_loss(tape, TaskKind::kClassification, output, batch, nullptr));
  meter.observe(t.search, batch.x.shape()[0]);
  t.search.probe(false);
  return meter.value();
}

Batch first_images(const Tiny& t, int64_t n) { return gather(*t.data.train, spread_indices(n, n).data(), n, nullptr); }

// Behind the last quantizer the loss is smooth in the shares: in one batch, 2 S / B is the square of its slope from 8 bits towards p.
TEST(SensitivityTest, IsTheSquaredSlopeOfTheLossTowardsAPrecision) {
  Tiny t;
  const Batch batch = first_images(t, 8);
  const Shares found = observed(t, batch);
  constexpr float kStep = 1e-2f;
  const auto expect_slope = [&](int layer, Variable& shares, const TensorD& s, int64_t row, int64_t p) {
    const int64_t options = s.shape().back();
    t.search.layer = layer;
    double at[2];
    for (int side = 0; side < 2; ++side) {
      Tensor theta(s.shape(), 0.0f);
      for (int64_t k = options - 1; k < theta.size(); k += options) theta[k] = 1;
      const float moved = side ? kStep : -kStep;
      theta[row * options + p] += moved;
      theta[row * options + options - 1] -= moved;
      shares = Variable(theta);
      at[side] = t.loss(batch);
    }
    shares = Variable();
    const double expected = std::pow((at[1] - at[0]) / (2 * double(kStep)), 2) * 4;
    EXPECT_NEAR(s[row * options + p], expected, 0.03 * expected + 1e-8) << "layer " << layer << " row " << row << " " << p;
  };
  for (int64_t p = 0; p < 3; ++p) {
    for (int64_t row : {0, 5}) expect_slope(6, t.search.weight_shares, found.weight[6], row, p);
    expect_slope(5, t.search.act_shares, found.act[5], 0, p);
  }
}

// In front of other quantizers gradients pass straight through: <dL/dW, Q_p(W) - Q_8(W)>, and for removal what the normalization's
// parameters say of the output, <dL/dy, y> = dL/dgamma gamma + dL/dbeta beta.
TEST(SensitivityTest, OfConvolutionsFollowsTheGradientsOfTheWeights) {
  Tiny t;
  const Batch batch = first_images(t, 8);
  for (int layer : {1, 2, 3}) {
    Tensor scales = t.search.log_scales(layer);
    for (int64_t k = 3; k < scales.size(); k += 4) scales[k] += 0.3f;  // nothing is clipped at 8 bits
  }
  const Shares found = observed(t, batch);
  for (int layer : {1, 2, 3}) {
    const Tensor w = t.network.weight(layer).value(), slope = t.network.weight(layer).grad();
    const int64_t n = w.size() / 8;
    const auto quantized = [&](int64_t p) {
      Tensor theta(Shape{8, 4}, 0.0f);
      for (int64_t k = p; k < theta.size(); k += 4) theta[k] = 1;
      return MixWeights({0, 2, 4, 8}).forward({w, theta, t.search.log_scales(layer)});
    };
    const Tensor most = quantized(3);
    for (int64_t c = 0; c < 8; ++c) {
      for (int64_t p : {1, 2}) {
        double change = 0;
        for (int64_t k = c * n; k < (c + 1) * n; ++k) change += double(slope[k]) * double(quantized(p)[k] - most[k]);
        EXPECT_NEAR(found.weight[size_t(layer)][c * 4 + p], 4 * change * change, 1e-3 * 4 * change * change + 1e-9) << layer;
      }
      const double output = double(t.network.gamma(layer).grad()[c] * t.network.gamma(layer).value()[c]) +
                            double(t.network.beta(layer).grad()[c] * t.network.beta(layer).value()[c]);
      EXPECT_NEAR(found.weight[size_t(layer)][c * 4], 4 * output * output, 1e-3 * 4 * output * output + 1e-9) << layer;
    }
  }
}

TEST(SensitivityTest, MostBitsCostNothingAndOnlyChoicesAreMeasured) {
  Tiny t;
  const Shares s = fisher_sensitivity(t.search, t.data);
  for (size_t i = 1; i < s.weight.size(); ++i) {
    EXPECT_EQ(s.weight[i].defined(), !t.search.weight_bits(int(i)).empty()) << i;
    EXPECT_EQ(s.act[i].defined(), t.search.act_bits(int(i)).size() > 1) << i;
    const int64_t options = int64_t(s.weight_bits[i].size());
    double sum[4] = {};
    for (int64_t k = 0; k < s.weight[i].size(); ++k) sum[k % options] += s.weight[i][k];
    if (!options) continue;
    EXPECT_EQ(sum[options - 1], 0);
    EXPECT_GT(sum[options - 2], 0);
    EXPECT_GT(sum[options - 3], sum[options - 2]) << "2 bits against 4, layer " << i;
  }
}

TEST(SensitivityTest, MeasuringChangesNothing) {
  Tiny t;
  const auto bytes = [&] {
    std::map<std::string, std::vector<uint8_t>> all;
    for (const StateDict& part : {t.network.state(), t.search.state()})
      for (const auto& [key, array] : part.arrays()) all[key] = array.bytes;
    return all;
  };
  const auto before = bytes();
  const Shares fisher = fisher_sensitivity(t.search, t.data), again = fisher_sensitivity(t.search, t.data);
  for (const auto& measure : {fisher_sensitivity, exact_sensitivity}) measure(t.search, t.data, 16);
  EXPECT_EQ(bytes(), before);
  EXPECT_EQ(t.search.assignment().weight_bits, Assignment::uniform(tiny_spec(), 8, 8).weight_bits);
  for (int64_t k = 0; k < fisher.weight[1].size(); ++k) EXPECT_EQ(fisher.weight[1][k], again.weight[1][k]);
  for (Parameter& p : t.network.parameters()) {
    EXPECT_FALSE(p.value.grad().defined()) << p.name;
    EXPECT_TRUE(p.value.requires_grad()) << p.name;
  }
}

TEST(SensitivityTest, ExactIsTheDifferenceOfTwoLosses) {
  Tiny t;
  const Shares s = exact_sensitivity(t.search, t.data, 32);
  const Rng rng = Rng(0).split("sensitivity");
  const std::vector<int64_t> indices = spread_indices(t.data.train->size(), 32);
  const Batch batch = gather(*t.data.train, indices.data(), 32, &rng);
  const double before = t.loss(batch);
  Assignment a = t.search.assignment();
  a.weight_bits[3][4] = 2;
  t.search.assign(a);
  EXPECT_FLOAT_EQ(float(s.weight[3][4 * 4 + 1]), float(t.loss(batch) - before));
  EXPECT_EQ(s.weight[3][4 * 4 + 3], 0);
  EXPECT_FALSE(s.act[3].defined()) << "signed in front of an Add: 8 bits";
  a = Assignment::uniform(tiny_spec(), 8, 8);
  a.act_bits[1] = 4;
  t.search.assign(a);
  EXPECT_FLOAT_EQ(float(s.act[1][1]), float(t.loss(batch) - before));
}

TEST(SensitivityTest, OldObservationsFade) {
  Tiny t;
  SensitivityMeter faded(t.search), fresh(t.search);
  const auto observe = [&](SensitivityMeter& meter, int64_t index, double keep) {
    const Batch batch = gather(*t.data.train, &index, 1, nullptr);
    t.search.probe(true);
    Tape tape;
    tape.backward(task_loss(tape, TaskKind::kClassification, t.network.forward(tape, batch.x, Pass::kInference, &t.search),
                            batch, nullptr));
    meter.observe(t.search, 1, keep);
    t.search.probe(false);
  };
  observe(fresh, 1, 1);
  for (int64_t k : {0, 1}) observe(faded, k, 0);
  const Shares a = faded.value(), b = fresh.value();
  for (int64_t k = 0; k < a.weight[1].size(); ++k) EXPECT_EQ(a.weight[1][k], b.weight[1][k]) << "nothing is left of the first";
}

TEST(SensitivityTest, StoredAndLoaded) {
  Tiny t, narrow(quant_options({2, 8}, {8}));
  SensitivityMeter meter(t.search), other(t.search);
  t.search.probe(true);
  const int64_t index = 0;
  const Batch batch = gather(*t.data.train, &index, 1, nullptr);
  Tape tape;
  tape.backward(task_loss(tape, TaskKind::kClassification, t.network.forward(tape, batch.x, Pass::kInference, &t.search), batch,
                          nullptr));
  meter.observe(t.search, 1);
  other.load(meter.state());
  const Shares a = meter.value(), b = other.value();
  for (size_t i = 1; i < a.weight.size(); ++i) {
    for (int64_t k = 0; k < a.weight[i].size(); ++k) EXPECT_EQ(a.weight[i][k], b.weight[i][k]);
    for (int64_t k = 0; k < a.act[i].size(); ++k) EXPECT_EQ(a.act[i][k], b.act[i][k]);
  }
  EXPECT_EQ(error_of([&] { meter.load(SensitivityMeter(narrow.search).state()); }),
            "not sensitivities of this network: array 'conv0.weight' has shape (8,2), expected (8,4)");
}

}  // namespace
}  // namespace bitloom
