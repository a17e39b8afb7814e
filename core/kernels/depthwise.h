// Depthwise convolution kernels (channel multiplier 1). x (N,H,W,C), w (C,KH,KW), y (N,OH,OW,C), contiguous fp32; outputs must
// not alias inputs and are overwritten. Vectorised over c. Conv2dShape is used with oc == c.
#pragma once
#include "core/kernels/conv2d.h"

namespace bitloom {

std::unique_ptr<ConvPass> depthwise_forward_pass(const float* w, const float* bias, const Conv2dShape& s);
std::unique_ptr<ConvPass> depthwise_input_grad_pass(const float* w, const Conv2dShape& s);
std::unique_ptr<ConvWeightGrad> depthwise_weight_grad_pass(const Conv2dShape& s);

// y = depthwise(x, w) + bias. `bias` (C) may be null. Each y element accumulates over (kh,kw) in that order.
void depthwise_forward(const float* x, const float* w, const float* bias, float* y, const Conv2dShape& s);
void depthwise_input_grad(const float* dy, const float* w, float* dx, const Conv2dShape& s);
// Summed over the batch in an order that depends on the shape only.
void depthwise_weight_grad(const float* x, const float* dy, float* dw, const Conv2dShape& s);

}  // namespace bitloom
