// The moving average, and the exchange of it with the weights in training.
#include "nn/weight_average.h"

#include <algorithm>

#include "core/profile.h"

namespace bitloom {
namespace {

Tensor copy_of(const Tensor& t) {
  Tensor out(t.shape());
  std::copy_n(t.data(), t.size(), out.data());
  return out;
}

}  // namespace

WeightAverage::WeightAverage(std::vector<Parameter> parameters, double decay)
    : parameters_(std::move(parameters)), decay_(decay) {
  for (const Parameter& p : parameters_) average_.emplace_back(p.value.shape(), 0.0f);
}

void WeightAverage::observe() {
  const ProfileScope scope("optimizer");
  const double young = double(1 + steps_) / double(10 + steps_);
  const float part = steps_ == 0 ? 1 : float(1 - std::min(decay_, young));
  ++steps_;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const float* w = parameters_[i].value.value().data();
    float* average = average_[i].data();
    const int64_t n = average_[i].size();
#pragma omp simd
    for (int64_t k = 0; k < n; ++k) average[k] += part * (w[k] - average[k]);
  }
}

void WeightAverage::use() {
  if (steps_ == 0 || !trained_.empty()) return;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    Tensor& w = parameters_[i].value.value();
    trained_.push_back(copy_of(w));
    std::copy_n(average_[i].data(), w.size(), w.data());
  }
}

void WeightAverage::give_back() {
  for (size_t i = 0; i < trained_.size(); ++i) {
    Tensor& w = parameters_[i].value.value();
    std::copy_n(trained_[i].data(), w.size(), w.data());
  }
  trained_.clear();
}

StateDict WeightAverage::state() const {
  StateDict out;
  out.put("steps", std::vector<int64_t>{steps_, int64_t(!trained_.empty())});
  for (size_t i = 0; i < parameters_.size(); ++i) {
    out.put(parameters_[i].name + ".average", average_[i]);
    if (!trained_.empty()) out.put(parameters_[i].name + ".trained", trained_[i]);
  }
  return out;
}

void WeightAverage::load(const StateDict& state) {
  const std::string otherwise = "not averaged weights of this network";
  const std::vector<int64_t> steps = state.integers("steps", 2, otherwise);
  steps_ = steps[0];
  BITLOOM_CHECK(steps_ >= 0, otherwise, ": of ", steps_, " steps");
  trained_.clear();
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const std::string& name = parameters_[i].name;
    const Shape& shape = average_[i].shape();
    average_[i] = state.tensor(name + ".average", shape, otherwise);
    if (steps[1] != 0) trained_.push_back(state.tensor(name + ".trained", shape, otherwise));
  }
}

}  // namespace bitloom
