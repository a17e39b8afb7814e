// The anomaly score against its definition in reals, and that it cannot overflow.
#include "quant/integer/anomaly_score.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/files.h"
#include "tests/support/integer_graph.h"

namespace bitloom {
namespace {

IntegerGraph autoencoder_of(int64_t n, QuantScheme in, QuantScheme out) {
  testing::RandomGraph g(Rng(1), 1, 1, n, in);
  IntegerLayer layer;
  layer.h = layer.w = 1, layer.c = n, layer.out = out;
  g.graph.layers.push_back(layer);
  return g.graph;
}

constexpr double kRatios[] = {1, 0.013, 0.7, 1.9, 3000};

TEST(AnomalyScore, IsTheMeanSquaredErrorOfTheValues) {
  Rng rng(2);
  for (const double ratio : kRatios)
    for (const bool is_signed : {false, true}) {
      const QuantScheme in{8, is_signed, 0.07}, out{8, true, 0.07 * ratio};
      const AnomalyRule rule = anomaly_rule(autoencoder_of(640, in, out));
      std::vector<int16_t> x;
      std::vector<int32_t> y;
      double mean = 0;
      for (int i = 0; i < 640; ++i) {
        x.push_back(int16_t(in.lo() + rng.below(256)));
        y.push_back(int32_t(std::clamp(std::lround(x.back() / ratio + 8 * rng.normal()), long(out.lo()), long(out.hi()))));
        mean += std::pow(in.scale * x.back() - out.scale * y.back(), 2) / 640;
      }
      const double step = std::sqrt(rule.unit * 640);  // what e counts
      EXPECT_LE(step, std::max(in.scale, out.scale) * 8192.000001 / 32767)
          << ratio;  // a quarter, but for the multipliers' 32767
      // An error of e is uniform within half a step and averages out; the multipliers are right to 2^-15 of the largest code.
      EXPECT_NEAR(anomaly_score(rule, x.data(), y.data(), 640) * rule.unit, mean, 0.01 * mean + step * step) << ratio;
    }
}

// Sums in int64 of the largest errors that there can be.
TEST(AnomalyScore, FitsItsWordWhateverTheCodes) {
  for (const int64_t n : {1, 2, 24, 640, 70000, 1 << 20})
    for (const double ratio : kRatios)
      for (const bool in_signed : {false, true})
        for (const bool out_signed : {false, true}) {
          const QuantScheme in{8, in_signed, 0.01}, out{8, out_signed, 0.01 * ratio};
          const AnomalyRule rule = anomaly_rule(autoencoder_of(n, in, out));
          EXPECT_TRUE(rule.shift >= 0 && rule.shift < 31);
          for (const auto& [x, y] : {std::pair{in.hi(), out.lo()}, {in.lo(), out.hi()}}) {
            const int64_t e = (int64_t(x) * rule.in_multiplier - int64_t(y) * rule.out_multiplier + rule.offset) >> rule.shift;
            EXPECT_LE(n * e * e, int64_t(UINT32_MAX)) << n << " " << ratio;
            const std::vector<int16_t> xs(static_cast<size_t>(n), static_cast<int16_t>(x));
            const std::vector<int32_t> ys(static_cast<size_t>(n), y);
            EXPECT_EQ(anomaly_score(rule, xs.data(), ys.data(), n), n * e * e) << n << " " << ratio;
          }
        }
}

TEST(AnomalyScore, IsOfNetworksThatGiveTheirInputAgain) {
  const QuantScheme byte{8, true, 0.1};
  EXPECT_TRUE(reconstructs(autoencoder_of(4, byte, byte)));
  EXPECT_FALSE(reconstructs(autoencoder_of(4, byte, {32, true, 0.1}))) << "logits";
  EXPECT_FALSE(reconstructs(autoencoder_of(4, byte, {4, true, 0.1})));
  EXPECT_EQ(testing::error_of([&] {
              anomaly_rule(autoencoder_of(4, byte, {32, true, 0.1}));
            }),
            "anomaly score: network 'random' does not give its input again");
}

}  // namespace
}  // namespace bitloom
