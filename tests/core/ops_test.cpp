// Every operation against its definition, and the tape that differentiates compositions of them.
#include "core/ops/ops.h"

#include <gtest/gtest.h>

#include "nas/cost_model.h"
#include "nas/theta.h"
#include "quant/fake_quant.h"
#include "tests/support/files.h"
#include "tests/support/gradcheck.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::same_bits;

using EveryOp = decltype(std::tuple_cat(std::declval<AllOps>(), std::declval<QuantOps>(),
                                        std::declval<std::tuple<SampleTheta, RelativeCost>>()));

template <class Tuple>
struct TypesOf;
template <class... Ops>
struct TypesOf<std::tuple<Ops...>> {
  using type = ::testing::Types<Ops...>;
};

struct OpNames {
  template <class Op>
  static std::string GetName(int) {
    return testing::op_name<Op>();
  }
};

template <class Op>
class OpTest : public ::testing::Test {};
TYPED_TEST_SUITE(OpTest, TypesOf<EveryOp>::type, OpNames);

TYPED_TEST(OpTest, ForwardAndGradientsMatchTheReference) {
  const auto cases = TypeParam::grad_cases();
  ASSERT_FALSE(cases.empty());
  for (const auto& test : cases) testing::check_against_reference(test);
}

TYPED_TEST(OpTest, TapeDeliversItsGradients) {
  for (const auto& test : TypeParam::grad_cases()) testing::check_on_tape(test);
}

Variable mean_square(Tape& tape, const Variable& y) { return tape.apply(MeanSquaredError(Tensor(y.shape(), 0.0f)), {y}); }

TEST(TapeTest, GradientsOfAVariableUsedTwiceAddUp) {
  const Variable x(random_tensor({2, 1, 1, 3}, 1), true), w(random_tensor({3, 1, 1, 3}, 2), true);
  Tape tape;
  const Variable once = tape.apply(Linear{}, {x, w}), twice = tape.apply(Linear{}, {once, w});
  const Variable y = tape.apply(Add(), {twice, x});
  tape.backward(mean_square(tape, y));

  // The same with a separate variable for each use.
  const Variable x1(x.value(), true), x2(x.value(), true), w1(w.value(), true), w2(w.value(), true);
  Tape apart;
  const Variable first = apart.apply(Linear{}, {x1, w1}), second = apart.apply(Linear{}, {first, w2});
  apart.backward(mean_square(apart, apart.apply(Add(), {second, x2})));
  for (int64_t i = 0; i < x.value().size(); ++i) EXPECT_EQ(x.grad()[i], x1.grad()[i] + x2.grad()[i]) << i;
  for (int64_t i = 0; i < w.value().size(); ++i) EXPECT_EQ(w.grad()[i], w1.grad()[i] + w2.grad()[i]) << i;
}

TEST(TapeTest, AddOfAVariableToItselfDoublesTheGradient) {
  const Variable x(Tensor(Shape{1, 2}, {3, -5}), true);
  Tape tape;
  tape.backward(mean_square(tape, tape.apply(Add(), {x, x})));  // mean of (2x)^2
  EXPECT_FLOAT_EQ(x.grad()[0], 4 * 3);
  EXPECT_FLOAT_EQ(x.grad()[1], 4 * -5);
}

// Add hands the same tensor to both inputs; what one of them receives later must not reach the other.
TEST(TapeTest, SharedGradientsAreNeverWrittenTo) {
  const Variable a(random_tensor({4}, 1), true), b(random_tensor({4}, 2), true);
  Tape tape;
  const Variable sum = tape.apply(Add(), {a, b});
  const Variable alone = mean_square(tape, a);
  tape.backward({{mean_square(tape, sum), 1.0f}, {alone, 1.0f}});
  for (int64_t i = 0; i < 4; ++i) {
    EXPECT_FLOAT_EQ(b.grad()[i], sum.value()[i] / 2);
    EXPECT_FLOAT_EQ(a.grad()[i], sum.value()[i] / 2 + a.value()[i] / 2);
  }
  Variable twin = b;
  const Tensor before = b.grad(), kept = before.clone();
  twin.add_grad(Tensor(Shape{4}, 1.0f));
  EXPECT_TRUE(same_bits(before, kept)) << "a tensor that someone else holds was changed";
  EXPECT_FLOAT_EQ(b.grad()[0], kept[0] + 1);
}

TEST(TapeTest, ObjectivesAreWeighted) {
  const Variable x(Tensor(Shape{1}, 3.0f), true);
  Tape tape;
  const Variable square = mean_square(tape, x);
  tape.backward({{square, 2.0f}, {square, 0.5f}});
  EXPECT_FLOAT_EQ(x.grad()[0], 2.5f * 6);
}

TEST(TapeTest, OperationsTheObjectiveDoesNotDependOnGetNoGradient) {
  const Variable x(Tensor(Shape{2}, {1, 2}), true), other(Tensor(Shape{2}, {1, 2}), true);
  Tape tape;
  const Variable unused = tape.apply(Relu{}, {other});
  tape.backward(mean_square(tape, x));
  EXPECT_TRUE(x.grad().defined());
  EXPECT_FALSE(other.grad().defined());
}

TEST(TapeTest, ChainOf100000OperationsNeedsNoStack) {
  constexpr int kDepth = 100000;
  const Variable x(Tensor(Shape{1}, 2.0f), true), zero(Tensor(Shape{1}, 0.0f), true);
  Tape tape;
  Variable y = x;
  for (int i = 0; i < kDepth; ++i) y = i % 2 ? tape.apply(Relu{}, {y}) : tape.apply(Add(), {y, zero});
  tape.backward(mean_square(tape, y));
  EXPECT_EQ(x.grad()[0], 4);
  EXPECT_EQ(zero.grad()[0], 4.0f * kDepth / 2);
}

// A tape that is dropped without a backward pass must not recurse either.
TEST(TapeTest, AbandonedChainIsFreed) {
  Tape tape;
  Variable y(Tensor(Shape{1}, 2.0f), true);
  for (int i = 0; i < 100000; ++i) y = tape.apply(Relu{}, {y});
  EXPECT_EQ(y.value()[0], 2);
}

TEST(TapeTest, RefusesWhatIsNotAScalar) {
  Tape tape;
  EXPECT_EQ(error_of([&] {
              tape.backward(Variable(Tensor(Shape{2, 3}, 0.0f), true));
            }),
            "autograd: backward wants a scalar, got shape (2,3)");
  Variable v(Tensor(Shape{2}, 0.0f), true);
  EXPECT_EQ(error_of([&] { v.add_grad(Tensor(Shape{3})); }), "autograd: gradient of shape (3) for a value of shape (2)");
}

TEST(OpErrorTest, ShapesThatDoNotFitAreNamed) {
  const Tensor image(Shape{1, 4, 4, 3}, 0.0f), filters(Shape{2, 3, 3, 4}, 0.0f), vector(Shape{5}, 0.0f);
  EXPECT_EQ(error_of([&] { Conv2d{}.forward({image, filters}); }), "conv2d: filters (2,3,3,4) do not fit input (1,4,4,3)");
  EXPECT_EQ(error_of([&] {
              Depthwise{}.forward({image, filters});
            }),
            "depthwise: filters (2,3,3,4) do not fit input (1,4,4,3)");
  EXPECT_EQ(error_of([&] {
              Conv2d{}.forward({vector, filters});
            }),
            "conv2d: expected input (N,H,W,C) and filters (OC,KH,KW,C), got (5) and (2,3,3,4)");
  EXPECT_EQ(error_of([&] {
              Conv2d{}.forward({image, Tensor(Shape{1, 5, 1, 3})});
            }),
            "conv2d: filters (1,5,1,3) are larger than padded input (1,4,4,3)");
  EXPECT_EQ(error_of([&] {
              Linear{}.forward({image, Tensor(Shape{2, 1, 1, 3})});
            }),
            "linear: weights (2,1,1,3) do not fit input (1,4,4,3); it must be 1 x 1 pixels");
  EXPECT_EQ(error_of([&] { Add{}.forward({image, vector}); }), "add: shapes (1,4,4,3) and (5) differ");
  EXPECT_EQ(error_of([&] { ChannelGate{}.forward({image, vector}); }), "channel_gate: 5 gates for input (1,4,4,3)");
  EXPECT_EQ(error_of([&] { AvgPool(5, 1).forward({image}); }), "avg_pool: window 5x1 is larger than input (1,4,4,3)");
  EXPECT_EQ(error_of([&] { SoftmaxCrossEntropy({1, 2}).forward({image}); }), "softmax_cross_entropy: 2 labels for 1 samples");
  EXPECT_EQ(error_of([&] { SoftCrossEntropy(vector).forward({image}); }),
            "soft_cross_entropy: logits (1,4,4,3) but targets (5)");
  EXPECT_EQ(error_of([&] { MeanSquaredError(vector).forward({image}); }),
            "mean_squared_error: output (1,4,4,3) but target (5)");
  NormState norm{vector, vector, 1e-3f, 0.1f};
  EXPECT_EQ(error_of([&] {
              BatchNorm(norm, false, false).forward({image, vector, vector});
            }),
            "batch_norm: 3 channels, but gamma (5), beta (5)");
}

TEST(BatchNormTest, TrainingMovesTheStatisticsAndInferenceDoesNot) {
  NormState norm{Tensor(Shape{1}, 1.0f), Tensor(Shape{1}, 2.0f), 1e-3f, 0.1f};
  const Tensor x(Shape{1, 2, 2, 1}, {1, 2, 3, 6}), one(Shape{1}, 1.0f), zero(Shape{1}, 0.0f);
  BatchNorm(norm, false, false).forward({x, one, zero});
  EXPECT_EQ(norm.mean[0], 1);
  EXPECT_EQ(norm.var[0], 2);
  BatchNorm(norm, true, false).forward({x, one, zero});
  EXPECT_FLOAT_EQ(norm.mean[0], 0.9f * 1 + 0.1f * 3);
  EXPECT_FLOAT_EQ(norm.var[0], 0.9f * 2 + 0.1f * 3.5f);  // biased
}

}  // namespace
}  // namespace bitloom
