// Optimizers and learning-rate schedules.
#include "nn/optimizer.h"

#include <algorithm>
#include <cmath>

#include "core/parallel.h"

namespace bitloom {

Optimizer::Optimizer(std::vector<Parameter> parameters, OptimizerOptions options)
    : parameters_(std::move(parameters)), options_(options) {
  const auto is_arch = [](const Parameter& p) { return p.role == ParamRole::kArch; };
  const auto archs = std::count_if(parameters_.begin(), parameters_.end(), is_arch);
  BITLOOM_CHECK(archs == 0 || size_t(archs) == parameters_.size(),
                "optimizer: architecture parameters and weights must not be mixed");
  for (const Parameter& p : parameters_) {
    first_.emplace_back(p.value.shape(), 0.0f);
    if (options_.kind == OptimizerOptions::kAdam) second_.emplace_back(p.value.shape(), 0.0f);
  }
}

void Optimizer::step(double lr_factor) {
  ++steps_;
  const double lr = options_.lr * lr_factor;
  const bool adam = options_.kind == OptimizerOptions::kAdam;
  const double correction1 = 1 - std::pow(options_.momentum, double(steps_)),
               correction2 = 1 - std::pow(options_.beta2, double(steps_));
  const float b1 = float(options_.momentum), b2 = float(options_.beta2), eps = float(options_.eps);
  const float rate = adam ? float(lr / correction1) : float(lr), inv_root = float(1 / std::sqrt(correction2));
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const Tensor grad = parameters_[i].value.take_grad();
    if (!grad.defined()) continue;
    const float decay = parameters_[i].role == ParamRole::kWeight ? float(options_.weight_decay) : 0.0f;
    const bool decoupled = adam && options_.decoupled;
    const float shrink = decoupled ? float(1 - lr * double(decay)) : 1.0f, l2 = decoupled ? 0.0f : decay;
    float *w = parameters_[i].value.value().data(), *m = first_[i].data(), *v = adam ? second_[i].data() : nullptr;
    const float* g = grad.data();
    parallel_blocks(grad.size(), 1 << 14, [&](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) {
        const float d = g[k] + l2 * w[k];
        if (adam) {
          m[k] = b1 * m[k] + (1 - b1) * d;
          v[k] = b2 * v[k] + (1 - b2) * d * d;
          w[k] = shrink * w[k] - rate * m[k] / (std::sqrt(v[k]) * inv_root + eps);
        } else {
          m[k] = b1 * m[k] + d;
          w[k] -= rate * m[k];
        }
      }
    });
  }
}

StateDict Optimizer::state() const {
  StateDict out;
  out.put("steps", std::vector<int64_t>{steps_});
  for (size_t i = 0; i < parameters_.size(); ++i) {
    out.put(parameters_[i].name + ".first", first_[i]);
    if (!second_.empty()) out.put(parameters_[i].name + ".second", second_[i]);
  }
  return out;
}

void Optimizer::load(const StateDict& state) {
  const std::string otherwise = "not the state of this optimizer";
  steps_ = state.integers("steps", 1, otherwise)[0];
  BITLOOM_CHECK(steps_ >= 0, otherwise, ": it has taken ", steps_, " steps");
  const auto read = [&](const std::string& key, Tensor& t) { t = state.tensor(key, t.shape(), otherwise); };
  for (size_t i = 0; i < parameters_.size(); ++i) {
    read(parameters_[i].name + ".first", first_[i]);
    if (!second_.empty()) read(parameters_[i].name + ".second", second_[i]);
  }
}

double Schedule::factor(double progress) const {
  constexpr double kPi = 3.14159265358979323846;
  const auto cosine = [](double from, double to, double t) { return to + (from - to) * 0.5 * (1 + std::cos(kPi * t)); };
  if (kind == kOneCycle)
    return progress < peak ? cosine(1 / 25.0, 1, progress / peak) : cosine(1, final_factor, (progress - peak) / (1 - peak));
  if (progress < warmup) return progress / warmup;
  const double t = (progress - warmup) / (1 - warmup);
  switch (kind) {
    case kStep:
      return std::pow(step_gamma,
                      double(std::count_if(milestones.begin(), milestones.end(), [&](double m) { return t >= m; })));
    case kExponential: return std::pow(final_factor, t);
    case kCosine: return cosine(1, final_factor, t);
    default: return 1;
  }
}

}  // namespace bitloom
