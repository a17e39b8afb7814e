// Optimizers and learning-rate schedules.
#include "nn/optimizer.h"

#include <algorithm>
#include <cmath>

#include "core/parallel.h"
#include "core/profile.h"

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
  const ProfileScope scope("optimizer");
  ++steps_;
  const double lr = options_.lr * lr_factor;
  const bool adam = options_.kind == OptimizerOptions::kAdam, decoupled = adam && options_.decoupled;
  const double correction1 = 1 - std::pow(options_.momentum, double(steps_)),
               correction2 = 1 - std::pow(options_.beta2, double(steps_));
  const float b1 = float(options_.momentum), b2 = float(options_.beta2), eps = float(options_.eps);
  const float rate = adam ? float(lr / correction1) : float(lr), inv_root = float(1 / std::sqrt(correction2));
  // Parameters are many and small: their blocks share one parallel loop.
  struct Block {
    float *w, *m, *v;
    const float* g;
    int64_t size;
    float shrink, l2;
  };
  std::vector<Block> blocks;
  Tensors grads;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    grads.push_back(parameters_[i].value.take_grad());
    const float decay = parameters_[i].role == ParamRole::kWeight ? float(options_.weight_decay) : 0.0f;
    const float shrink = decoupled ? float(1 - lr * double(decay)) : 1.0f, l2 = decoupled ? 0.0f : decay;
    constexpr int64_t kBlock = 2048;
    for (int64_t k = 0; k < grads[i].size(); k += kBlock) {
      blocks.push_back({parameters_[i].value.value().data() + k, first_[i].data() + k, adam ? second_[i].data() + k : nullptr,
                        grads[i].data() + k, std::min(kBlock, grads[i].size() - k), shrink, l2});
    }
  }
  parallel_for(int64_t(blocks.size()), [&](int64_t i) {
    const Block& b = blocks[size_t(i)];
    if (adam) {
#pragma omp simd
      for (int64_t k = 0; k < b.size; ++k) {
        const float d = b.g[k] + b.l2 * b.w[k];
        b.m[k] = b1 * b.m[k] + (1 - b1) * d;
        b.v[k] = b2 * b.v[k] + (1 - b2) * d * d;
        b.w[k] = b.shrink * b.w[k] - rate * b.m[k] / (std::sqrt(b.v[k]) * inv_root + eps);
      }
    } else {
#pragma omp simd
      for (int64_t k = 0; k < b.size; ++k) {
        b.m[k] = b1 * b.m[k] + (b.g[k] + b.l2 * b.w[k]);
        b.w[k] -= rate * b.m[k];
      }
    }
  });
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
