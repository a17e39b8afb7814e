// Batch normalization, pooling, elementwise and loss kernels against their naive double-precision definitions in ref.h.
#include "core/kernels/batch_norm.h"
#include "core/kernels/column_sums.h"
#include "core/kernels/elementwise.h"
#include "core/kernels/pool.h"
#include "core/kernels/ref.h"
#include "tests/support/kernel_check.h"

namespace bitloom {

namespace {

// One batch normalization problem; `relu` fuses max(0, .) into both directions.
struct NormCase {
  NormCase(int64_t rows_, int64_t c_, bool relu_)
      : rows(rows_),
        c(c_),
        relu(relu_),
        x(random_values(rows * c, 1)),
        dy(random_values(rows * c, 2)),
        mean(random_values(c, 4)),
        inv_std(random_values(c, 5)),
        scale(random_values(c, 6)),
        shift(random_values(c, 3)),
        a(random_values(c, 7)),
        b(random_values(c, 8)) {}

  ChannelNorm<float> values() const { return {mean.data(), inv_std.data(), scale.data(), shift.data(), relu}; }

  // Every result of every kernel, in order.
  Floats run() const {
    Floats out(static_cast<size_t>(6 * c + 2 * rows * c), std::nanf(""));
    float *sums = out.data(), *large = sums + 6 * c;
    batch_norm_stats(x.data(), rows, c, sums, sums + c);
    batch_norm_grad_sums(x.data(), dy.data(), values(), rows, c, sums + 2 * c, sums + 3 * c);
    column_sums(dy.data(), rows, c, sums + 4 * c);
    column_dots(dy.data(), x.data(), rows, c, sums + 5 * c);
    channel_affine(x.data(), scale.data(), shift.data(), relu, large, rows, c);
    batch_norm_input_grad(x.data(), dy.data(), values(), a.data(), b.data(), large + rows * c, rows, c);
    return out;
  }
  Doubles expected() const {
    const Doubles x_ = to_double(x), dy_ = to_double(dy), mean_ = to_double(mean), inv_std_ = to_double(inv_std),
                  scale_ = to_double(scale), shift_ = to_double(shift), a_ = to_double(a), b_ = to_double(b);
    Doubles out(static_cast<size_t>(6 * c + 2 * rows * c));
    double *sums = out.data(), *large = sums + 6 * c;
    const ChannelNorm<double> values_{mean_.data(), inv_std_.data(), scale_.data(), shift_.data(), relu};
    ref::batch_norm_stats(x_.data(), rows, c, sums, sums + c);
    ref::batch_norm_grad_sums(x_.data(), dy_.data(), values_, rows, c, sums + 2 * c, sums + 3 * c);
    ref::column_sums(dy_.data(), rows, c, sums + 4 * c);
    ref::column_dots(dy_.data(), x_.data(), rows, c, sums + 5 * c);
    ref::channel_affine(x_.data(), scale_.data(), shift_.data(), relu, large, rows, c);
    ref::batch_norm_input_grad(x_.data(), dy_.data(), values_, a_.data(), b_.data(), large + rows * c, rows, c);
    return out;
  }

  int64_t rows, c;
  bool relu;
  Floats x, dy, mean, inv_std, scale, shift, a, b;
};

TEST(BatchNorm, MatchesReference) {
  for (int64_t c : {1, 2, 3, 16, 17, 64, 255, 256, 300}) {
    for (int64_t rows : {1, 2, 100, 1500}) {
      for (bool relu : {false, true}) {
        const NormCase norm(rows, c, relu);
        expect_close(norm.run(), norm.expected(), 3e-6, str("batch norm (", rows, ",", c, ") relu ", relu));
      }
    }
  }
}

TEST(BatchNorm, VarianceSurvivesALargeMean) {
  Floats x = random_values(10000 * 3, 1);
  for (float& v : x) v = 4096 + std::nearbyint(v * 64) / 64;
  Floats mean(3), var(3);
  Doubles expected_mean(3), expected_var(3);
  batch_norm_stats(x.data(), 10000, 3, mean.data(), var.data());
  ref::batch_norm_stats(to_double(x).data(), 10000, 3, expected_mean.data(), expected_var.data());
  expect_close(mean, expected_mean, 1e-7, "mean");
  expect_close(var, expected_var, 1e-4, "variance");
}

TEST(BatchNorm, WorksInPlace) {
  const NormCase norm(130, 17, true);
  Floats y = norm.x, dx = norm.dy, expected = unwritten(int64_t(y.size()));
  channel_affine(norm.x.data(), norm.scale.data(), norm.a.data(), true, expected.data(), 130, 17);
  channel_affine(y.data(), norm.scale.data(), norm.a.data(), true, y.data(), 130, 17);
  EXPECT_EQ(y, expected);
  const auto grad = [&](const float* dy, float* out) {
    batch_norm_input_grad(norm.x.data(), dy, norm.values(), norm.a.data(), norm.b.data(), out, 130, 17);
  };
  grad(norm.dy.data(), expected.data());
  grad(dx.data(), dx.data());
  EXPECT_EQ(dx, expected);
}

TEST(Pool, MatchesReference) {
  for (int64_t c : {1, 5, 64}) {
    for (const PoolShape& s : {PoolShape{3, 8, 8, c, 8, 8}, PoolShape{2, 7, 9, c, 2, 3}, PoolShape{1, 25, 5, c, 25, 5},
                               PoolShape{4, 3, 3, c, 1, 1}}) {
      const Floats x = random_values(s.n * s.h * s.w * c, 1), dy = random_values(s.n * s.oh() * s.ow() * c, 2);
      Floats y = unwritten(int64_t(dy.size())), dx = unwritten(int64_t(x.size()));
      Doubles expected_y(dy.size()), expected_dx(x.size());
      avg_pool_forward(x.data(), y.data(), s);
      avg_pool_input_grad(dy.data(), dx.data(), s);
      ref::avg_pool_forward(to_double(x).data(), expected_y.data(), s);
      ref::avg_pool_input_grad(to_double(dy).data(), expected_dx.data(), s);
      const std::string name = str("pool ", s.kh, "x", s.kw, " of ", s.h, "x", s.w);
      expect_close(y, expected_y, 1e-6, name);
      expect_close(dx, expected_dx, 1e-6, name + " gradient");
    }
  }
  EXPECT_EQ(message_of([] {
              avg_pool_forward(nullptr, nullptr, PoolShape{1, 3, 3, 1, 4, 1});
            }),
            "avg_pool: a 4x1 window does not fit in a 3x3 input");
}

TEST(Pool, OfTheLargestMatchesReference) {
  for (int64_t c : {1, 5, 64}) {
    for (const Conv2dShape& s : {Conv2dShape{3, 8, 8, c, c, 2, 2, 2, 2}, Conv2dShape{2, 7, 9, c, c, 3, 3, 2, 2, 1, 1, 1, 1},
                                 Conv2dShape{1, 5, 4, c, c, 5, 4}, Conv2dShape{2, 4, 6, c, c, 3, 2, 1, 3, 2, 0, 1, 1}}) {
      Floats x = random_values(s.n * s.in_floats(), 1);
      for (float& v : x) v = std::nearbyint(v * 3);  // so that many are equal
      const Floats dy = random_values(s.n * s.out_floats(), 2);
      Floats y = unwritten(int64_t(dy.size())), dx = unwritten(int64_t(x.size()));
      Doubles expected_y(dy.size()), expected_dx(x.size());
      max_pool_forward(x.data(), y.data(), s);
      max_pool_input_grad(x.data(), y.data(), dy.data(), dx.data(), s);
      ref::max_pool_forward(to_double(x).data(), expected_y.data(), s);
      ref::max_pool_input_grad(to_double(x).data(), expected_y.data(), to_double(dy).data(), expected_dx.data(), s);
      const std::string name = str("max pool ", s.kh, "x", s.kw, " of ", s.h, "x", s.w);
      expect_close(y, expected_y, 0, name);
      expect_close(dx, expected_dx, 1e-6, name + " gradient");
    }
  }
  EXPECT_EQ(message_of([] {
              max_pool_forward(nullptr, nullptr, Conv2dShape{1, 3, 3, 1, 1, 2, 2, 1, 1, 2});
            }),
            "max_pool: a 2x2 window with padding 2,0,0,0 does not fit a 3x3 input");
}

TEST(Elementwise, MatchesReference) {
  for (int64_t n : {1, 7, 16384, 40001}) {
    const Floats a = random_values(n, 1), b = random_values(n, 2);
    const Doubles da = to_double(a), db = to_double(b);
    Floats out = unwritten(n);
    Doubles expected(static_cast<size_t>(n));
    relu_forward(a.data(), out.data(), n);
    ref::relu_forward(da.data(), expected.data(), n);
    expect_close(out, expected, 0, "relu");
    Floats wide = a;
    for (float& v : wide) v *= 10;
    relu6_forward(wide.data(), out.data(), n);
    ref::relu6_forward(to_double(wide).data(), expected.data(), n);
    expect_close(out, expected, 0, "relu6");
    relu6_input_grad(wide.data(), b.data(), out.data(), n);
    ref::relu6_input_grad(to_double(wide).data(), db.data(), expected.data(), n);
    expect_close(out, expected, 0, "relu6 gradient");
    relu_input_grad(a.data(), b.data(), out.data(), n);
    ref::relu_input_grad(da.data(), db.data(), expected.data(), n);
    expect_close(out, expected, 0, "relu gradient");
    for (bool relu : {false, true}) {
      add_forward(a.data(), b.data(), relu, out.data(), n);
      ref::add_forward(da.data(), db.data(), relu, expected.data(), n);
      expect_close(out, expected, 1e-6, "add");
    }
    out = b;
    accumulate(a.data(), out.data(), n);
    ref::add_forward(da.data(), db.data(), false, expected.data(), n);
    expect_close(out, expected, 1e-6, "accumulate");
    EXPECT_NEAR(mean_squared_error(a.data(), b.data(), n), ref::mean_squared_error(da.data(), db.data(), n), 1e-12);
    mean_squared_error_grad(a.data(), b.data(), 0.5f, out.data(), n);
    ref::mean_squared_error_grad(da.data(), db.data(), 0.5, expected.data(), n);
    expect_close(out, expected, 1e-6, "mean squared error gradient");
  }
}

TEST(Elementwise, ChannelScaleMatchesAnAffineMapWithoutShift) {
  for (int64_t c : {1, 3, 16, 300}) {
    const Floats x = random_values(77 * c, 1), g = random_values(c, 2), zero(static_cast<size_t>(c), 0.0f);
    Floats y = x;
    Doubles expected(x.size());
    channel_scale(y.data(), g.data(), y.data(), 77, c);
    ref::channel_affine(to_double(x).data(), to_double(g).data(), to_double(zero).data(), false, expected.data(), 77, c);
    expect_close(y, expected, 1e-6, str("channel_scale c ", c));
  }
}

TEST(Elementwise, NotANumberReachesTheOutput) {
  Floats x = unwritten(3);
  const Floats one = {1};
  relu_forward(x.data(), x.data(), 1);
  add_forward(x.data(), one.data(), true, x.data() + 1, 1);
  channel_affine(x.data(), one.data(), one.data(), true, x.data() + 2, 1, 1);
  for (float v : x) EXPECT_TRUE(std::isnan(v));
}

TEST(SoftmaxCrossEntropy, MatchesReference) {
  for (int64_t rows : {1, 5, 300}) {
    for (int64_t classes : {1, 2, 10, 12}) {
      Floats logits = random_values(rows * classes, 1);
      for (float& v : logits) v *= 5;
      std::vector<int32_t> labels;
      for (int64_t r = 0; r < rows; ++r) labels.push_back(int32_t(r * 7 % classes));
      Floats prob = unwritten(rows * classes), grad = prob;
      Doubles expected_prob(prob.size()), expected_grad(prob.size());
      const double loss = softmax_cross_entropy(logits.data(), labels.data(), prob.data(), rows, classes);
      softmax_cross_entropy_grad(prob.data(), labels.data(), 0.5f, grad.data(), rows, classes);
      EXPECT_NEAR(loss,
                  ref::softmax_cross_entropy(to_double(logits).data(), labels.data(), expected_prob.data(), rows, classes),
                  1e-6 * (1 + loss));
      ref::softmax_cross_entropy_grad(to_double(prob).data(), labels.data(), 0.5, expected_grad.data(), rows, classes);
      expect_close(prob, expected_prob, 1e-6, "softmax");
      expect_close(grad, expected_grad, 1e-6, "cross-entropy gradient");
    }
  }
}

TEST(SoftmaxCrossEntropy, LossIsFiniteForAHopelessLabel) {
  const Floats logits = {1000, -1000};
  const std::vector<int32_t> label = {1};
  Floats prob(2);
  EXPECT_DOUBLE_EQ(softmax_cross_entropy(logits.data(), label.data(), prob.data(), 1, 2), 2000);
}

TEST(SoftmaxCrossEntropy, RejectsALabelOutOfRange) {
  const Floats logits(4, 0.0f);
  const std::vector<int32_t> labels = {1, 2};
  Floats prob(4);
  EXPECT_EQ(message_of([&] { softmax_cross_entropy(logits.data(), labels.data(), prob.data(), 2, 2); }),
            "softmax_cross_entropy: label 2 of row 1 is not in [0,2)");
}

TEST(Kernels, GiveTheSameBitsForAnyNumberOfThreads) {
  for (int64_t c : {3, 64}) {
    const NormCase norm(5000, c, true);
    expect_same_bits("batch norm", [&] { return norm.run(); });
    expect_same_bits("losses", [&] {
      Floats prob(norm.x.size());
      const std::vector<int32_t> labels(5000, 1);
      const double loss = softmax_cross_entropy(norm.x.data(), labels.data(), prob.data(), 5000, c);
      prob.push_back(float(loss));
      prob.push_back(float(mean_squared_error(norm.x.data(), norm.dy.data(), 5000 * c)));
      return prob;
    });
  }
}

}  // namespace
}  // namespace bitloom
