// Optimizers against their formulas in double precision, and the values of the schedules.
#include "nn/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/files.h"
#include "tests/support/gradcheck.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::expect_near;
using testing::same_bits;
using testing::to_double;

Parameter parameter(const char* name, ParamRole role, const Shape& shape, uint64_t seed) {
  return {name, role, Variable(random_tensor(shape, seed), true)};
}

// One parameter under the published formulas.
struct Reference {
  TensorD w, first, second;
  int steps = 0;

  explicit Reference(const Tensor& start) : w(to_double(start)), first(start.shape(), 0.0), second(start.shape(), 0.0) {}

  void step(const OptimizerOptions& o, double lr, double decay, const Tensor& grad) {
    ++steps;
    for (int64_t i = 0; i < w.size(); ++i) {
      const double g = double(grad[i]) + (o.kind == OptimizerOptions::kAdam && o.decoupled ? 0 : decay * w[i]);
      if (o.kind == OptimizerOptions::kSgd) {
        first[i] = o.momentum * first[i] + g;
        w[i] -= lr * first[i];
        continue;
      }
      first[i] = o.momentum * first[i] + (1 - o.momentum) * g;
      second[i] = o.beta2 * second[i] + (1 - o.beta2) * g * g;
      const double m = first[i] / (1 - std::pow(o.momentum, steps)), v = second[i] / (1 - std::pow(o.beta2, steps));
      w[i] -= lr * m / (std::sqrt(v) + o.eps) + (o.decoupled ? lr * decay * w[i] : 0);
    }
  }
};

void check(const char* label, const OptimizerOptions& options) {
  SCOPED_TRACE(label);
  std::vector<Parameter> parameters;
  std::vector<Reference> references;
  for (ParamRole role : {ParamRole::kWeight, ParamRole::kBias, ParamRole::kNorm, ParamRole::kClip}) {
    parameters.push_back(parameter("p", role, {3, 7}, parameters.size() + 1));
    parameters.back().name += std::to_string(parameters.size());
    references.emplace_back(parameters.back().value.value());
  }
  Optimizer optimizer(parameters, options);
  for (uint64_t step = 0; step < 20; ++step) {
    const double factor = 1.0 / double(step + 1);
    for (size_t i = 0; i < parameters.size(); ++i) {
      const Tensor grad = random_tensor({3, 7}, 100 * step + i);
      parameters[i].value.add_grad(grad);
      const bool decayed = parameters[i].role == ParamRole::kWeight;
      references[i].step(options, options.lr * factor, decayed ? options.weight_decay : 0, grad);
    }
    optimizer.step(factor);
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    expect_near(parameters[i].value.value(), references[i].w, 1e-5, 0, parameters[i].name);
    EXPECT_FALSE(parameters[i].value.grad().defined()) << "gradients are consumed";
  }
}

TEST(OptimizerTest, FollowsThePublishedFormulas) {
  OptimizerOptions o;
  o.kind = OptimizerOptions::kSgd;
  o.lr = 0.1;
  check("SGD with momentum", o);
  o.momentum = 0;
  o.weight_decay = 0.2;
  check("plain SGD, L2", o);
  o.kind = OptimizerOptions::kAdam;
  o.momentum = 0.9;
  o.weight_decay = 0;
  check("Adam", o);
  o.weight_decay = 0.2;
  check("Adam, decoupled decay", o);
  o.decoupled = false;
  check("Adam, L2", o);
  o.beta2 = 0.5;
  o.eps = 0.1;
  check("Adam, large eps", o);
}

// A pitfall of published searches: gamma decayed, or trained by the optimizer of the weights.
TEST(OptimizerTest, ArchitectureParametersKeepToThemselves) {
  const Parameter w = parameter("w", ParamRole::kWeight, {2}, 1), gamma = parameter("gamma", ParamRole::kArch, {2}, 2);
  EXPECT_EQ(error_of([&] { Optimizer({w, gamma}, {}); }), "optimizer: architecture parameters and weights must not be mixed");
  OptimizerOptions decaying;
  decaying.weight_decay = 0.5;
  Optimizer alone({gamma}, decaying);
  Variable value = gamma.value;
  const Tensor before = value.value().clone();
  value.add_grad(Tensor(Shape{2}, 0.0f));
  alone.step(1);
  EXPECT_TRUE(same_bits(value.value(), before)) << "gamma was decayed";
}

TEST(OptimizerTest, ParametersWithoutAGradientAreLeftAlone) {
  OptimizerOptions decaying;
  decaying.weight_decay = 0.5;
  const Parameter idle = parameter("idle", ParamRole::kWeight, {2}, 1), busy = parameter("busy", ParamRole::kWeight, {2}, 2);
  const Tensor before = idle.value.value().clone(), busy_before = busy.value.value().clone();
  Optimizer optimizer({idle, busy}, decaying);
  Variable value = busy.value;
  value.add_grad(Tensor(Shape{2}, 1.0f));
  optimizer.step(1);
  EXPECT_TRUE(same_bits(idle.value.value(), before));
  EXPECT_FALSE(same_bits(busy.value.value(), busy_before));
  EXPECT_FALSE(busy.value.grad().defined()) << "gradients are consumed";
}

TEST(OptimizerTest, ContinuesWithTheSameBitsFromItsSavedState) {
  for (OptimizerOptions::Kind kind : {OptimizerOptions::kSgd, OptimizerOptions::kAdam}) {
    OptimizerOptions options;
    options.kind = kind;
    Parameter p = parameter("w", ParamRole::kWeight, {5}, 1);
    Optimizer original({p}, options);
    const auto advance = [](Parameter& q, Optimizer& optimizer, uint64_t seed) {
      q.value.add_grad(random_tensor({5}, seed));
      optimizer.step(0.5);
    };
    for (uint64_t i = 0; i < 3; ++i) advance(p, original, i);
    const StateDict state = original.state();
    Parameter q{"w", ParamRole::kWeight, Variable(p.value.value().clone(), true)};
    Optimizer restored({q}, options);
    restored.load(state);
    for (uint64_t i = 10; i < 13; ++i) {
      advance(p, original, i);
      advance(q, restored, i);
    }
    EXPECT_TRUE(same_bits(p.value.value(), q.value.value()));

    Npz broken = state.arrays();
    const auto load = [&] { restored.load(StateDict(broken)); };
    broken.erase("w.first");
    EXPECT_EQ(error_of(load), "not the state of this optimizer: array 'w.first' is missing");
    broken["w.first"] = NpyArray::from(Tensor(Shape{4}, 0.0f));
    EXPECT_EQ(error_of(load), "not the state of this optimizer: array 'w.first' has shape (4), expected (5)");
    broken["steps"] = NpyArray::from(std::vector<int64_t>{-1});
    EXPECT_EQ(error_of(load), "not the state of this optimizer: it has taken -1 steps");
  }
}

Schedule schedule(Schedule::Kind kind, double warmup = 0, double final_factor = 0) {
  Schedule s;
  s.kind = kind;
  s.warmup = warmup;
  s.final_factor = final_factor;
  return s;
}

TEST(ScheduleTest, ValuesAtTheCornersAndBetween) {
  EXPECT_EQ(schedule(Schedule::kConstant).factor(0), 1);
  EXPECT_EQ(schedule(Schedule::kConstant).factor(0.99), 1);

  const Schedule step = schedule(Schedule::kStep);
  EXPECT_EQ(step.factor(0.49), 1);
  EXPECT_DOUBLE_EQ(step.factor(0.5), 0.1);
  EXPECT_DOUBLE_EQ(step.factor(0.75), 0.01);

  const Schedule exponential = schedule(Schedule::kExponential, 0, 0.01);
  EXPECT_DOUBLE_EQ(exponential.factor(0), 1);
  EXPECT_DOUBLE_EQ(exponential.factor(0.5), 0.1);
  EXPECT_DOUBLE_EQ(exponential.factor(1), 0.01);

  const Schedule cosine = schedule(Schedule::kCosine, 0, 0.2);
  EXPECT_DOUBLE_EQ(cosine.factor(0), 1);
  EXPECT_DOUBLE_EQ(cosine.factor(0.5), 0.6);
  EXPECT_DOUBLE_EQ(cosine.factor(1), 0.2);
  EXPECT_NEAR(cosine.factor(1.0 / 3), 0.2 + 0.8 * 0.75, 1e-12);

  const Schedule one_cycle = schedule(Schedule::kOneCycle);
  EXPECT_NEAR(one_cycle.factor(0), 1 / 25.0, 1e-12);
  EXPECT_DOUBLE_EQ(one_cycle.factor(0.15), (1 + 1 / 25.0) / 2);
  EXPECT_DOUBLE_EQ(one_cycle.factor(0.3), 1);
  EXPECT_DOUBLE_EQ(one_cycle.factor(0.65), 0.5);
  EXPECT_NEAR(one_cycle.factor(1), 0, 1e-12);
}

TEST(ScheduleTest, WarmupRisesLinearlyAndTheRestIsStretched) {
  for (Schedule::Kind kind : {Schedule::kConstant, Schedule::kCosine, Schedule::kExponential, Schedule::kStep}) {
    const Schedule s = schedule(kind, 0.2, 0.5), plain = schedule(kind, 0, 0.5);
    EXPECT_EQ(s.factor(0), 0);
    EXPECT_DOUBLE_EQ(s.factor(0.05), 0.25);
    for (double t : {0.0, 0.3, 0.6, 0.9}) EXPECT_NEAR(s.factor(0.2 + 0.8 * t), plain.factor(t), 1e-12);
  }
}

TEST(ScheduleTest, NamesAreParsed) {
  EXPECT_EQ(named<Schedule::Kind>("constant"), Schedule::kConstant);
  EXPECT_EQ(named<Schedule::Kind>("step"), Schedule::kStep);
  EXPECT_EQ(named<Schedule::Kind>("exponential"), Schedule::kExponential);
  EXPECT_EQ(named<Schedule::Kind>("cosine"), Schedule::kCosine);
  EXPECT_EQ(named<Schedule::Kind>("one-cycle"), Schedule::kOneCycle);
  EXPECT_EQ(error_of([] { named<Schedule::Kind>("linear"); }),
            "unknown schedule 'linear'; known: constant, step, exponential, cosine, one-cycle");
}

}  // namespace
}  // namespace bitloom
