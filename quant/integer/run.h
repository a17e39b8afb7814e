// The integer interpreter: runs an IntegerGraph on the host, bit-exact by definition.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "core/tensor.h"
#include "quant/integer/graph.h"

namespace bitloom {

class IntegerRunner {
 public:
  explicit IntegerRunner(const IntegerGraph& graph);  // validates and unpacks once
  ~IntegerRunner();

  // Input codes (N,H,W,C) in the range of layers[0].out; returns the output layer's codes (N, h*w*c). Parallel over images.
  TensorT<int32_t> run(const TensorT<int16_t>& input) const;
  // The same for one image, every layer's codes in graph order (h*w*c each).
  std::vector<std::vector<int32_t>> run_layers(const int16_t* input) const;

 private:
  struct Plan;
  std::unique_ptr<Plan> plan_;
};

}  // namespace bitloom
