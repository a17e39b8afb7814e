// Optimizers over lists of parameters.
#pragma once
#include <string>
#include <vector>

#include "core/names.h"
#include "nn/network.h"

namespace bitloom {

struct OptimizerOptions {
  enum Kind : int { kSgd, kAdam } kind = kAdam;
  double lr = 1e-3;
  double momentum = 0.9;    // SGD; Adam's first moment
  double beta2 = 0.999;     // Adam
  double eps = 1e-8;        // Adam
  double weight_decay = 0;  // on ParamRole::kWeight only
  bool decoupled = true;    // Adam: decay the weight (arXiv 1711.05101) instead of adding decay * w to the gradient
};
template <>
struct NamesOf<OptimizerOptions::Kind> {
  static constexpr const char* kWhat = "optimizer";
  static constexpr Named<OptimizerOptions::Kind> kAll[] = {
      {OptimizerOptions::kAdam, "adam"},
      {OptimizerOptions::kSgd, "sgd"},
  };
};

// SGD with momentum: v = momentum * v + g, w -= lr * v. Adam: arXiv 1412.6980 with bias correction.
class Optimizer {
 public:
  // Error if parameters of role kArch are mixed with others: weights and architecture never share an optimizer.
  Optimizer(std::vector<Parameter> parameters, OptimizerOptions options);

  // One update with learning rate options.lr * lr_factor; gradients are consumed, parameters without one are left alone.
  void step(double lr_factor);

  StateDict state() const;
  void load(const StateDict& state);

 private:
  std::vector<Parameter> parameters_;
  OptimizerOptions options_;
  std::vector<Tensor> first_, second_;  // momentum or moments
  int64_t steps_ = 0;
};

// The factor a learning rate is multiplied with at `progress` (0..1 of the run).
struct Schedule {
  enum Kind : int { kConstant, kStep, kExponential, kCosine, kOneCycle } kind = kCosine;
  double warmup = 0;                             // fraction of the run with a linear rise from 0 (not for kOneCycle)
  double final_factor = 0;                       // kExponential (must be > 0), kCosine, kOneCycle: factor at the end
  double step_gamma = 0.1;                       // kStep: factor applied at each milestone
  std::vector<double> milestones = {0.5, 0.75};  // kStep
  double peak = 0.3;                             // kOneCycle: where the maximum is; rises from 1/25 (arXiv 1708.07120)
  double factor(double progress) const;
};
template <>
struct NamesOf<Schedule::Kind> {
  static constexpr const char* kWhat = "schedule";
  static constexpr Named<Schedule::Kind> kAll[] = {
      {Schedule::kConstant, "constant"}, {Schedule::kStep, "step"},          {Schedule::kExponential, "exponential"},
      {Schedule::kCosine, "cosine"},     {Schedule::kOneCycle, "one-cycle"},
  };
};

}  // namespace bitloom
