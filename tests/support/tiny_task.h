// A network and a task small enough to be trained many times in a test.
#pragma once
#include "datasets/sources.h"
#include "nn/model_spec.h"
#include "quant/qat_network.h"

namespace bitloom::testing {

// Every layer kind once: 16x16x3 -> conv 8 -> depthwise -> conv 8, added to its input -> pool -> 9 classes.
inline ModelSpec tiny_spec() {
  ModelBuilder b("tiny", 16, 16, 3);
  const int x = b.depthwise("conv1", b.conv2d("conv0", 0, 8, 3, 3, 2, 2, {true, true, true}), 3, 3, 2, 2, {true, true, false});
  const int y = b.conv2d("conv2", x, 8, 1, 1, 1, 1, {true, false, true});
  b.linear("dense0", b.avg_pool("pool", b.add("add1", x, y, true), 4, 4), 9, {false, false, true});
  return b.finish();
}

// 16x16x3, 9 classes.
inline TaskData tiny_data(int64_t train = 160) { return make_synthetic(1, train, 45, 45); }

inline QuantOptions quant_options(std::vector<int> weight_bits, std::vector<int> act_bits) {
  QuantOptions options;
  options.weight_bits = std::move(weight_bits);
  options.act_bits = std::move(act_bits);
  return options;
}

}  // namespace bitloom::testing
