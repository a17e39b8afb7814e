// Sampling of the precisions' shares.
#include "nas/theta.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/files.h"
#include "tests/support/gradcheck.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::same_bits;

SampleTheta op(Sampler sampler, double temperature, int64_t channels, Tensor noise = {}) {
  return {{sampler, temperature}, channels, std::move(noise)};
}

constexpr Sampler kAll[] = {Sampler::kSoftmax, Sampler::kGumbel, Sampler::kGumbelHard, Sampler::kArgmax};

TEST(SampleThetaTest, SharesOfEveryRowSumToOne) {
  const Tensor gamma = random_tensor({6, 4}, 1, -3, 3);
  for (Sampler sampler : kAll)
    for (double temperature : {5.0, 0.3, 0.01}) {
      const Tensor theta = op(sampler, temperature, 6, gumbel_noise({6, 4}, Rng(2))).forward({gamma});
      for (int64_t r = 0; r < 6; ++r) {
        double sum = 0;
        for (int64_t k = 0; k < 4; ++k) {
          EXPECT_GE(theta[r * 4 + k], 0);
          sum += double(theta[r * 4 + k]);
        }
        EXPECT_NEAR(sum, 1, 1e-6);
      }
    }
}

TEST(SampleThetaTest, TemperatureSharpens) {
  const Tensor gamma(Shape{1, 3}, {0.1f, 0.5f, 0.4f});
  const Tensor hot = op(Sampler::kSoftmax, 100, 1).forward({gamma}), cold = op(Sampler::kSoftmax, 0.005, 1).forward({gamma});
  for (int64_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(hot[k], 1.0 / 3, 1e-2);
    EXPECT_NEAR(cold[k], k == 1, 1e-6);
  }
  const Tensor extreme(Shape{1, 2}, {1000, -1000});  // no overflow
  EXPECT_EQ(op(Sampler::kSoftmax, 0.05, 1).forward({extreme})[0], 1);
}

TEST(SampleThetaTest, HardSamplersAreOneHotWithTheSoftGradient) {
  const Tensor gamma = random_tensor({5, 3}, 1), noise = gumbel_noise({5, 3}, Rng(3)), dy = random_tensor({5, 3}, 4);
  for (bool gumbel : {false, true}) {
    const Tensor drawn = gumbel ? noise : Tensor();
    SampleTheta hard = op(gumbel ? Sampler::kGumbelHard : Sampler::kArgmax, 0.7, 5, drawn);
    SampleTheta soft = op(gumbel ? Sampler::kGumbel : Sampler::kSoftmax, 0.7, 5, drawn);
    const Tensor h = hard.forward({gamma}), s = soft.forward({gamma});
    for (int64_t r = 0; r < 5; ++r) {
      int64_t top = 0;
      for (int64_t k = 1; k < 3; ++k)
        if (s[r * 3 + k] > s[r * 3 + top]) top = k;
      for (int64_t k = 0; k < 3; ++k) EXPECT_EQ(h[r * 3 + k], k == top ? 1 : 0) << "row " << r;
    }
    EXPECT_TRUE(same_bits(hard.backward(dy, {true})[0], soft.backward(dy, {true})[0]));
  }
}

TEST(SampleThetaTest, OneRowServesAllChannels) {
  const Tensor gamma(Shape{1, 2}, {0.3f, -0.2f});
  SampleTheta layer = op(Sampler::kSoftmax, 1, 3);
  const Tensor theta = layer.forward({gamma});
  EXPECT_EQ(theta.shape(), (Shape{3, 2}));
  for (int64_t r = 1; r < 3; ++r) EXPECT_EQ(theta[r * 2], theta[0]);
  SampleTheta single = op(Sampler::kSoftmax, 1, 1);
  single.forward({gamma});
  const Tensor once = single.backward(Tensor(Shape{1, 2}, {1, 0}), {true})[0];
  const Tensor thrice = layer.backward(Tensor(Shape{3, 2}, {1, 0, 1, 0, 1, 0}), {true})[0];
  for (int64_t k = 0; k < 2; ++k) EXPECT_NEAR(thrice[k], 3 * once[k], 1e-6);
  EXPECT_EQ(op(Sampler::kSoftmax, 1, 0).forward({gamma}).shape(), (Shape{2})) << "an activation's shares";
  EXPECT_EQ(error_of([&] {
              op(Sampler::kSoftmax, 1, 3).forward({Tensor(Shape{2, 2}, 0.0f)});
            }),
            "theta: 2 rows of parameters for 3 channels");
}

// Mean: Euler's constant; variance: pi^2 / 6.
TEST(GumbelNoiseTest, HasTheMomentsOfItsDistribution) {
  const Tensor noise = gumbel_noise({20000}, Rng(7));
  double mean = 0, square = 0;
  for (int64_t i = 0; i < noise.size(); ++i) mean += double(noise[i]) / 20000, square += std::pow(double(noise[i]), 2) / 20000;
  EXPECT_NEAR(mean, 0.5772, 0.03);
  EXPECT_NEAR(square - mean * mean, 1.6449, 0.06);
  EXPECT_TRUE(same_bits(noise, gumbel_noise({20000}, Rng(7))));
  EXPECT_FALSE(same_bits(noise, gumbel_noise({20000}, Rng(8))));
}

// The hard Gumbel sampler draws precision k as often as softmax(gamma) says.
TEST(GumbelNoiseTest, DrawsFollowTheSoftmax) {
  const Tensor gamma(Shape{1, 3}, {0.0f, 1.0f, -0.5f});
  const Tensor expected = op(Sampler::kSoftmax, 1, 1).forward({gamma});
  std::vector<double> drawn(3);
  constexpr int kDraws = 5000;
  for (uint64_t i = 0; i < kDraws; ++i) {
    const Tensor theta = op(Sampler::kGumbelHard, 1, 1, gumbel_noise({1, 3}, Rng(1).split("draw", i))).forward({gamma});
    for (size_t k = 0; k < 3; ++k) drawn[k] += double(theta[int64_t(k)]) / kDraws;
  }
  for (size_t k = 0; k < 3; ++k) EXPECT_NEAR(drawn[k], double(expected[int64_t(k)]), 0.03);
}

TEST(SampleThetaTest, NamesAreParsed) {
  const char* names[] = {"softmax", "gumbel", "gumbel-hard", "argmax"};
  for (int i = 0; i < 4; ++i) EXPECT_EQ(named<Sampler>(names[i]), kAll[i]);
  EXPECT_EQ(error_of([] { named<Sampler>("hard"); }), "unknown sampling 'hard'; known: softmax, gumbel, gumbel-hard, argmax");
}

}  // namespace
}  // namespace bitloom
