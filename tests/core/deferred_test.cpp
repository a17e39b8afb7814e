// Tensors that are computed where they are read: a chain of operations that never writes them to memory against the same one that does.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>

#include "core/ops/ops.h"
#include "quant/fake_quant.h"
#include "tests/support/kernel_check.h"

namespace bitloom {
namespace {

// 3, 5, 7, ...; counts how often it is asked.
class Odd : public Deferred {
 public:
  explicit Odd(std::atomic<int>& reads) : reads_(reads) {}
  void read(int64_t begin, int64_t count, float* to) const override {
    ++reads_;
    for (int64_t i = 0; i < count; ++i) to[i] = float(2 * (begin + i) + 3);
  }

 private:
  std::atomic<int>& reads_;
};

TEST(Deferred, IsComputedInBlocksUntilAllOfItIsAskedFor) {
  std::atomic<int> reads{0};
  const Tensor t(Shape{1000, 30}, std::make_unique<Odd>(reads)), shared = t;
  float memory[60];
  const auto reserve = [&](int64_t) { return memory; };
  EXPECT_EQ(t.block(300, 60, reserve), memory);
  EXPECT_EQ(memory[59], 2 * 359 + 3);
  EXPECT_EQ(reads, 1);
  for (int64_t i = 0; i < t.size(); ++i) ASSERT_EQ(t[i], float(2 * i + 3));
  const int all = reads;
  EXPECT_EQ(shared.data(), t.data());
  EXPECT_EQ(shared.block(300, 60, reserve), t.data() + 300) << "not from memory";
  EXPECT_EQ(reads, all) << "computed twice";
}

// x * keep of 5 channels.
Tensor gated(const Shape& shape) {
  Tape tape(Tape::kInference);
  return tape.apply(ChannelGate{}, {Variable(random_tensor(shape, 1)), Variable(random_tensor({5}, 2, 0.2, 1))}).value();
}

TEST(Deferred, AViewHasTheSameElements) {
  const Shape shape{1, 64, 64, 5}, other{10240, 2};
  const Tensor view = gated(shape).reshape(other), expected = gated(shape).clone();
  for (int64_t i = 0; i < view.size(); ++i) ASSERT_EQ(view[i], expected[i]) << i;
}

// The gradient of a parameter that happens to be deferred is its own, and not that of what it was computed from.
TEST(Deferred, AParameterKeepsItsGradient) {
  const Variable deferred(gated({2, 4, 4, 5}), true), written(gated({2, 4, 4, 5}).clone(), true);
  for (const Variable& x : {deferred, written}) {
    Tape tape;
    const Variable y = tape.apply(Conv2d(), {x, Variable(random_tensor({3, 1, 1, 5}, 3), true), Variable()});
    tape.backward(tape.apply(MeanSquaredError{random_tensor(y.shape(), 4)}, {y}));
  }
  for (int64_t i = 0; i < deferred.value().size(); ++i) ASSERT_EQ(deferred.grad()[i], written.grad()[i]) << i;
}

TEST(Deferred, AGradientThatWentOnTakesNoMore) {
  Variable v(Tensor(Shape{4}, 1.0f), true);
  Tensor taken(Shape{4}, 1.0f);
  taken.set_note({1});
  v.add_grad(taken);
  EXPECT_NE(message_of([&] { v.add_grad(Tensor(Shape{4}, 1.0f)); }).find("its only reader has taken further"),
            std::string::npos);
}

enum class Written { kNo, kYes };   // whether everything in between is written to memory
enum class Readers { kOne, kTwo };  // of what the second convolution reads

struct Result {
  Tensor y;
  std::vector<Tensor> grads;
};

// Convolution, normalization, gate, quantizer, convolution: all that can be fused, and the gradients of all its parameters.
Result run(Written written, Readers readers, bool quantized) {
  std::vector<Variable> p;
  const auto parameter = [&](const Shape& shape, double lo, double hi) {
    p.emplace_back(random_tensor(shape, 10 + p.size(), lo, hi), true);
    return p.back();
  };
  NormState state{Tensor(Shape{16}, 0.0f), Tensor(Shape{16}, 1.0f)}, last{state.mean.clone(), state.var.clone()};
  const auto keep = [&](Variable v) {
    if (written == Written::kNo) return v;
    v.value().data();
    v.value().add_reader();  // so that no reader takes its gradient further
    return v;
  };
  Tape tape;
  const Variable x = parameter({21, 9, 7, 8}, -1, 1);
  const bool moments = written == Written::kNo;
  const Variable raw = keep(tape.apply(Conv2d({1, 1, 1, 1, 1, 1}, moments), {x, parameter({16, 3, 3, 8}, -1, 1), Variable()}));
  Variable y = keep(tape.apply(BatchNorm(state, true, !quantized), {raw, parameter({16}, 0.5, 2), parameter({16}, -0.5, 0.5)}));
  if (quantized) {
    y = keep(tape.apply(ChannelGate{}, {y, parameter({16}, 0, 1)}));
    y = keep(tape.apply(MixActivations({2, 4, 8}, false), {y, parameter({3}, 0.1, 1), parameter({3}, 0, 0.8)}));
  }
  Variable z = keep(tape.apply(Depthwise({2, 2, 1, 1, 1, 1}, moments), {y, parameter({16, 3, 3, 1}, -1, 1), Variable()}));
  z = keep(tape.apply(BatchNorm(last, true, true), {z, parameter({16}, 0.5, 2), parameter({16}, -0.5, 0.5)}));
  z = keep(tape.apply(Conv2d(), {z, parameter({24, 1, 1, 16}, -1, 1), Variable()}));
  if (readers == Readers::kTwo)
    z = tape.apply(Add(), {z, tape.apply(Conv2d({2, 2}), {y, parameter({24, 1, 1, 16}, -1, 1), Variable()})});
  const Variable target(random_tensor(z.shape(), 5));
  const Variable loss = tape.apply(MeanSquaredError{target.value()}, {z});
  tape.backward(loss);
  Result result{z.value(), {}};
  for (const Variable& v : p) result.grads.push_back(v.grad());
  return result;
}

TEST(Deferred, ChainsThatAreNotWrittenGiveTheSame) {
  for (const bool quantized : {false, true}) {
    for (const Readers readers : {Readers::kOne, Readers::kTwo}) {
      const Result written = run(Written::kYes, readers, quantized), fused = run(Written::kNo, readers, quantized);
      const auto close = [&](const Tensor& a, const Tensor& b, const std::string& what) {
        ASSERT_TRUE(a.defined() && b.defined()) << what;
        // Sums are added up in another order; a value near a rounding threshold may fall to its other side then, hence no comparison of bits.
        const Floats mine(a.data(), a.data() + a.size());
        const Doubles expected(b.data(), b.data() + b.size());
        expect_close(mine, expected, quantized ? 1e-4 : 5e-6, what);
      };
      const std::string which = str(quantized ? "quantized" : "float", ", ", int(readers) + 1, " readers");
      close(fused.y, written.y, which + ": output");
      for (size_t i = 0; i < fused.grads.size(); ++i) close(fused.grads[i], written.grads[i], str(which, ": gradient ", i));
    }
  }
}

}  // namespace
}  // namespace bitloom
