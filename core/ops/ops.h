// Every operation of core. Tests differentiate each one in this list.
#pragma once
#include <tuple>

#include "core/ops/batch_norm.h"
#include "core/ops/conv2d.h"
#include "core/ops/elementwise.h"
#include "core/ops/linear.h"
#include "core/ops/loss.h"
#include "core/ops/pool.h"

namespace bitloom {

using AllOps = std::tuple<Conv2d, Depthwise, Linear, BatchNorm, Relu, Relu6, Add, ChannelGate, AvgPool, MaxPool,
                          SoftmaxCrossEntropy, SoftCrossEntropy, MeanSquaredError>;

}  // namespace bitloom
