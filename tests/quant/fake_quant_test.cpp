// Fake quantization: what comes out is always a scale times an integer that the packed type can hold.
#include "quant/fake_quant.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/support/files.h"
#include "tests/support/gradcheck.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::same_bits;

MixWeights weights_op(std::vector<int> bits, CodeRange range = CodeRange::kFull) { return MixWeights(std::move(bits), range); }
MixActivations acts_op(std::vector<int> bits, bool is_signed) { return {std::move(bits), is_signed}; }

// One-hot at `hot` for each of `rows`.
Tensor one_hot(int64_t rows, int64_t options, int64_t hot) {
  Tensor t(Shape{rows, options}, 0.0f);
  for (int64_t r = 0; r < rows; ++r) t[r * options + hot] = 1;
  return t;
}

double square_error(const std::vector<float>& x, float scale, WeightCodes codes) {
  double sum = 0;
  for (float v : x) sum += std::pow(double(scale * std::clamp(round_half_up(v / scale), codes.lo, codes.hi) - v), 2);
  return sum;
}

std::vector<float> normal_values(int64_t n, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> x;
  for (int64_t i = 0; i < n; ++i) x.push_back(float(rng.normal()));
  return x;
}

TEST(FakeQuantTest, CodeRangesAreThoseOfThePackedTypes) {
  for (int bits : {2, 4, 8}) {
    const WeightCodes full = weight_codes(bits, CodeRange::kFull), symmetric = weight_codes(bits, CodeRange::kSymmetric);
    EXPECT_EQ(full.lo, -std::pow(2, bits - 1));
    EXPECT_EQ(full.hi, std::pow(2, bits - 1) - 1);
    EXPECT_EQ(symmetric.lo, -symmetric.hi);
    EXPECT_EQ(symmetric.hi, full.hi);
  }
}

TEST(FakeQuantTest, RoundingIsHalfUp) {
  EXPECT_EQ(round_half_up(2.5f), 3);
  EXPECT_EQ(round_half_up(-2.5f), -2);
  EXPECT_EQ(round_half_up(-2.51f), -3);
}

TEST(FakeQuantTest, OneHotWeightsAreScaleTimesCode) {
  const std::vector<int> bits = {0, 2, 4, 8};
  for (CodeRange range : {CodeRange::kFull, CodeRange::kSymmetric})
    for (int64_t hot = 0; hot < 4; ++hot) {
      const Tensor w = random_tensor({6, 3, 3, 5}, uint64_t(hot)), scales = random_tensor({6, 4}, 9, -6, 0);
      const Tensor q = weights_op(bits, range).forward({w, one_hot(6, 4, hot), scales});
      bool clipped = false;
      for (int64_t i = 0; i < q.size(); ++i) {
        if (hot == 0) {
          EXPECT_EQ(q[i], 0);
          continue;
        }
        const float scale = std::exp(scales[i / 45 * 4 + hot]);
        const WeightCodes codes = weight_codes(bits[size_t(hot)], range);
        const float code = std::round(q[i] / scale);
        ASSERT_EQ(q[i], scale * code) << "element " << i;
        ASSERT_EQ(code, std::clamp(round_half_up(w[i] * (1 / scale)), codes.lo, codes.hi)) << "element " << i;
        clipped = clipped || code == codes.lo;
      }
      EXPECT_TRUE(hot == 0 || hot == 3 || clipped) << "the case is too easy";
      if (hot == 0) continue;
      Tensor alone(Shape{6, 1});  // the same as the precision by itself
      for (int64_t r = 0; r < 6; ++r) alone[r] = scales[r * 4 + hot];
      EXPECT_TRUE(same_bits(q, weights_op({bits[size_t(hot)]}, range).forward({w, one_hot(6, 1, 0), alone})));
    }
}

// The 0-bit share does not dilute the weights: it acts on the layer's output.
TEST(FakeQuantTest, WeightsAreTheMeanOverWhatIsKept) {
  const Tensor w(Shape{1, 1, 1, 2}, {0.3f, -0.9f}), theta(Shape{1, 3}, {0.5f, 0.125f, 0.375f});
  const Tensor scales(Shape{1, 3}, {0, std::log(0.5f), std::log(0.01f)});
  const Tensor q = weights_op({0, 2, 8}).forward({w, theta, scales});
  EXPECT_NEAR(q[0], 0.25 * 0.5 + 0.75 * 0.3, 1e-6);
  EXPECT_NEAR(q[1], 0.25 * -1.0 + 0.75 * -0.9, 1e-6);
  const Tensor keep = KeptShare{}.forward({theta});
  EXPECT_FLOAT_EQ(keep[0], 0.5f);
}

// Straight through inside, nothing outside the codes.
TEST(FakeQuantTest, ClippedWeightsPassNoGradient) {
  const Tensor w(Shape{1, 1, 1, 4}, {0.2f, 0.49f, 0.6f, -0.7f}), theta(Shape{1, 1}, 1.0f);
  MixWeights op = weights_op({2});
  op.forward({w, theta, Tensor(Shape{1, 1}, std::log(0.25f))});  // codes -2 .. 1: values -0.5 .. 0.25
  const Tensors grads = op.backward(Tensor(Shape{1, 1, 1, 4}, {1, 2, 4, 8}), {true, false, true});
  EXPECT_EQ(grads[0][0], 1);
  EXPECT_EQ(grads[0][1], 0) << "code 2 does not exist";
  EXPECT_EQ(grads[0][2], 0);
  EXPECT_EQ(grads[0][3], 0) << "code -3 does not exist";
  EXPECT_NEAR(grads[2][0], 1 * (0.25 - 0.2) + 2 * 0.25 + 4 * 0.25 + 8 * -0.5, 1e-5);
}

TEST(FakeQuantTest, OneHotActivationsAreScaleTimesCode) {
  const std::vector<int> bits = {2, 4, 8};
  for (bool is_signed : {false, true})
    for (int64_t hot = 0; hot < 3; ++hot) {
      const Tensor x = random_tensor({2, 5, 5, 7}, 1, -2, 2), clips = random_tensor({3}, 2, -0.5, 0.3);
      const Tensor q = acts_op(bits, is_signed).forward({x, one_hot(1, 3, hot).reshape({3}), clips});
      const QuantScheme s = activation_scheme(bits[size_t(hot)], is_signed, clips[hot]);
      EXPECT_NEAR(s.scale * s.hi(), std::exp(double(clips[hot])), 1e-6) << "the clip is the largest value";
      for (int64_t i = 0; i < q.size(); ++i) {
        const float code = std::round(q[i] / float(s.scale));
        ASSERT_EQ(q[i], float(s.scale) * code);
        ASSERT_TRUE(code >= float(s.lo()) && code <= float(s.hi())) << code;
        const double expected = std::clamp(double(x[i]), s.scale * s.lo(), s.scale * s.hi());
        ASSERT_LE(std::fabs(double(q[i]) - expected), 0.5001 * s.scale) << "x " << x[i];
      }
      EXPECT_TRUE(same_bits(
          q, acts_op({bits[size_t(hot)]}, is_signed).forward({x, Tensor(Shape{1}, 1.0f), Tensor(Shape{1}, clips[hot])})));
    }
}

TEST(FakeQuantTest, ActivationsOfManyBlocksAreTheSumOfTheirPrecisions) {
  const Tensor x = random_tensor({3, 40, 40, 17}, 1, -1, 2), theta(Shape{3}, {0.2f, 0.3f, 0.5f}), clips = random_tensor({3}, 2);
  const Tensor mixed = acts_op({2, 4, 8}, false).forward({x, theta, clips});
  Tensor sum(x.shape(), 0.0f);
  for (int64_t p = 0; p < 3; ++p) {
    const Tensor one = acts_op({2 << p}, false).forward({x, Tensor(Shape{1}, 1.0f), Tensor(Shape{1}, clips[p])});
    for (int64_t i = 0; i < x.size(); ++i) sum[i] += theta[p] * one[i];
  }
  testing::expect_near(mixed, testing::to_double(sum), 1e-6, 0, "mixture");
}

TEST(FakeQuantTest, MseOptimalScaleBeatsMaxAbs) {
  for (int bits : {2, 4, 8})
    for (CodeRange range : {CodeRange::kFull, CodeRange::kSymmetric})
      for (uint64_t seed = 0; seed < 5; ++seed) {
        const std::vector<float> x = normal_values(300, seed);
        const WeightCodes codes = weight_codes(bits, range);
        const float mse = mse_optimal_scale(x.data(), 300, codes.lo, codes.hi);
        const float max_abs = max_abs_scale(x.data(), 300, codes.lo, codes.hi);
        EXPECT_GT(mse, 0);
        // At 8 bits there is nothing to gain, and the search's steps of 2.5 % may miss the best scale by one.
        EXPECT_LE(square_error(x, mse, codes), (bits == 8 ? 1.15 : 1) * square_error(x, max_abs, codes))
            << bits << " bits, seed " << seed;
      }
}

// No scale on a much finer search is noticeably better.
TEST(FakeQuantTest, MseOptimalScaleIsCloseToTheOptimum) {
  for (int bits : {2, 4}) {
    const std::vector<float> x = normal_values(500, 3);
    const WeightCodes codes = weight_codes(bits, CodeRange::kFull);
    const double found = square_error(x, mse_optimal_scale(x.data(), 500, codes.lo, codes.hi), codes);
    double best = found;
    for (int k = 1; k <= 4000; ++k) best = std::min(best, square_error(x, float(k) * 0.001f, codes));
    EXPECT_LE(found, 1.05 * best) << bits << " bits";
  }
}

TEST(FakeQuantTest, ScalesArePositiveEvenForZeros) {
  const std::vector<float> zeros(10, 0.0f), one = {0, -0.75f, 0};
  EXPECT_GT(max_abs_scale(zeros.data(), 10, -2, 1), 0);
  EXPECT_GT(mse_optimal_scale(zeros.data(), 10, -2, 1), 0);
  EXPECT_FLOAT_EQ(max_abs_scale(one.data(), 3, -128, 127), 0.75f / 128);
  EXPECT_FLOAT_EQ(max_abs_scale(one.data(), 3, -127, 127), 0.75f / 127);
}

TEST(FakeQuantTest, ShapesThatDoNotFitAreNamed) {
  EXPECT_EQ(error_of([] {
              weights_op({2, 4}).forward({Tensor(Shape{3, 1, 1, 2}), Tensor(Shape{3, 1}), Tensor(Shape{3, 2})});
            }),
            "mix_weights: 3 channels and 2 precisions, but theta (3,1) and scales (3,2)");
  EXPECT_EQ(error_of([] {
              acts_op({2, 4}, false).forward({Tensor(Shape{3}), Tensor(Shape{1}), Tensor(Shape{2})});
            }),
            "mix_activations: 2 precisions, but theta (1) and clips (2)");
  EXPECT_EQ(error_of([] {
              acts_op({2}, false).forward({Tensor(Shape{3}), Tensor(Shape{1}, 0.0f), Tensor(Shape{1}, 0.0f)});
            }),
            "mix_activations: all shares are zero");
}

}  // namespace
}  // namespace bitloom
