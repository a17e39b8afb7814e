// Weights averaged over the steps of a training.
#pragma once
#include <vector>

#include "nn/network.h"

namespace bitloom {

// An exponential moving average of parameters. It is what a lower learning rate would have come to, and so better than the weights of any one step (Polyak and Juditsky,
// 1992; of networks, arXiv 1803.05407); like a lower rate it forgets: of what it holds, 1 - decay is of the last step. While it is young it forgets faster, the
// n-th step with (1 + n) / (10 + n), so that what training began with does not stay.
class WeightAverage {
 public:
  // Of the values behind `parameters`.
  WeightAverage(std::vector<Parameter> parameters, double decay);

  // After every step of the optimizer.
  void observe();
  // The parameters become the average; what training had come to is kept. Nothing before the first step.
  void use();
  // Training goes on from where it was.
  void give_back();

  // With which of the two the parameters hold.
  StateDict state() const;
  void load(const StateDict& state);

 private:
  std::vector<Parameter> parameters_;
  double decay_;
  std::vector<Tensor> average_, trained_;  // trained_: only while the average is in use
  int64_t steps_ = 0;
};

}  // namespace bitloom
