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
using Shares = MixActivations::Shares;

struct Chain {
  std::string name;
  bool quantized = false;
  Readers readers = Readers::kOne;
  bool frozen = false;               // the normalizations' statistics
  Shares shares = Shares::kTrained;  // of the quantizer; fixed ones are one-hot
  bool winograd =
      false;  // the convolutions are those that Winograd's filtering suits; else the second is depthwise, with stride 2
  int64_t batch = 21;
};

struct Result {
  Tensor y;
  std::vector<Tensor> grads;
};

// Convolution, normalization, gate, quantizer, convolution: all that can be fused, and the gradients of all its parameters.
Result run(const Chain& chain, Written written) {
  std::vector<Variable> p;
  const auto parameter = [&](const Shape& shape, double lo, double hi) {
    p.emplace_back(random_tensor(shape, 10 + p.size(), lo, hi), true);
    return p.back();
  };
  NormState state{random_tensor({16}, 7), random_tensor({16}, 8, 0.5, 2)}, last{state.mean.clone(), state.var.clone()};
  Tape tape;
  const bool moments = written == Written::kNo, training = !chain.frozen;
  const auto keep = [&](Variable v) {
    if (written == Written::kNo) return v;
    v.value().data();
    v.value().add_reader();  // so that no reader takes its gradient further
    return v;
  };
  const auto normalized = [&](const Variable& v, NormState& statistics, bool relu) {
    const Variable gamma = parameter({16}, 0.5, 2), beta = parameter({16}, -0.5, 0.5);
    return keep(tape.apply(BatchNorm(statistics, training, relu), {v, gamma, beta}));
  };
  const int64_t c = chain.winograd ? 16 : 8, stride = chain.winograd ? 1 : 2;
  const ConvGeometry same{1, 1, 1, 1, 1, 1}, strided{stride, stride, 1, 1, 1, 1};
  const Variable x = parameter({chain.batch, 9, 7, c}, -1, 1);
  Variable y = keep(tape.apply(Conv2d(same, moments), {x, parameter({16, 3, 3, c}, -1, 1), Variable()}));
  y = normalized(y, state, !chain.quantized);
  if (chain.quantized) {
    y = keep(tape.apply(ChannelGate{}, {y, parameter({16}, 0, 1)}));
    const Variable theta = chain.shares == Shares::kTrained ? parameter({3}, 0.1, 1) : Variable(Tensor({3}, {0, 1, 0}));
    y = keep(tape.apply(MixActivations({2, 4, 8}, false, chain.shares), {y, theta, parameter({3}, 0, 0.8)}));
  }
  const Variable filters = parameter({16, 3, 3, chain.winograd ? 16 : 1}, -1, 1);
  Variable z = keep(chain.winograd ? tape.apply(Conv2d(strided, moments), {y, filters, Variable()})
                                   : tape.apply(Depthwise(strided, moments), {y, filters, Variable()}));
  z = normalized(z, last, true);
  z = keep(tape.apply(Conv2d(), {z, parameter({24, 1, 1, 16}, -1, 1), Variable()}));
  if (chain.readers == Readers::kTwo)
    z = tape.apply(Add(), {z, tape.apply(Conv2d({stride, stride}), {y, parameter({24, 1, 1, 16}, -1, 1), Variable()})});
  tape.backward(tape.apply(MeanSquaredError{random_tensor(z.shape(), 5)}, {z}));
  Result result{z.value(), {}};
  for (const Variable& v : p) result.grads.push_back(v.grad());
  return result;
}

std::vector<Chain> chains() {
  std::vector<Chain> all;
  for (const bool quantized : {false, true}) {
    const std::string what = quantized ? "quantized" : "float";
    for (const bool winograd : {false, true}) {
      for (const Readers readers : {Readers::kOne, Readers::kTwo}) {
        const std::string which = str(what, winograd ? ", Winograd" : "", ", ", int(readers) + 1, " readers");
        all.push_back({which, quantized, readers, false, Shares::kTrained, winograd});
      }
    }
    all.push_back({what + ", frozen statistics", quantized, Readers::kOne, true});
    all.push_back({what + ", frozen statistics, 2 readers", quantized, Readers::kTwo, true});
    all.push_back({what + ", a single image", quantized, Readers::kOne, false, Shares::kTrained, false, 1});
    all.push_back({what + ", a single image, Winograd", quantized, Readers::kOne, false, Shares::kTrained, true, 1});
  }
  all.push_back({"fixed shares", true, Readers::kOne, false, Shares::kFixed});
  all.push_back({"fixed shares, frozen statistics, Winograd", true, Readers::kTwo, true, Shares::kFixed, true});
  return all;
}

TEST(Deferred, ChainsThatAreNotWrittenGiveTheSame) {
  for (const Chain& chain : chains()) {
    const Result written = run(chain, Written::kYes), fused = run(chain, Written::kNo);
    const auto close = [&](const Tensor& a, const Tensor& b, const std::string& what) {
      ASSERT_TRUE(a.defined() && b.defined()) << what;
      // Sums are added up in another order; a value near a rounding threshold may fall to its other side then, hence no comparison of bits.
      const Floats mine(a.data(), a.data() + a.size());
      const Doubles expected(b.data(), b.data() + b.size());
      expect_close(mine, expected, chain.quantized ? 1e-4 : 5e-6, what);
    };
    close(fused.y, written.y, chain.name + ": output");
    for (size_t i = 0; i < fused.grads.size(); ++i) {
      close(fused.grads[i], written.grads[i], str(chain.name, ": gradient ", i));
    }
  }
}

TEST(Deferred, ChainsGiveTheSameBitsForAnyNumberOfThreads) {
  for (const Chain& chain : chains()) {
    expect_same_bits(chain.name, [&] {
      const Result result = run(chain, Written::kNo);
      Floats values(result.y.data(), result.y.data() + result.y.size());
      for (const Tensor& g : result.grads) values.insert(values.end(), g.data(), g.data() + g.size());
      return values;
    });
  }
}

}  // namespace
}  // namespace bitloom
