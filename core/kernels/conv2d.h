// 2-D convolution kernels. Layouts: x (N,H,W,C), w (OC,KH,KW,C), y (N,OH,OW,OC), all contiguous fp32; outputs must not
// alias inputs and are overwritten. A fully connected layer is the 1x1 case over a 1x1 image.
#pragma once
#include <cstdint>

namespace bitloom {

struct Conv2dShape {
  int64_t n = 0, h = 0, w = 0, c = 0;      // input
  int64_t oc = 0, kh = 1, kw = 1;          // filters
  int64_t sh = 1, sw = 1;                  // stride
  int64_t pt = 0, pb = 0, pl = 0, pr = 0;  // zero padding: top, bottom, left, right
  int64_t oh() const { return (h + pt + pb - kh) / sh + 1; }
  int64_t ow() const { return (w + pl + pr - kw) / sw + 1; }
  int64_t macs() const { return n * oh() * ow() * oc * kh * kw * c; }
};

// y = conv(x, w) + bias. `bias` (OC) may be null. The order of sums depends on the shape only.
void conv2d_forward(const float* x, const float* w, const float* bias, float* y, const Conv2dShape& s);

// dx = gradient of the input.
void conv2d_input_grad(const float* dy, const float* w, float* dx, const Conv2dShape& s);

// dw = gradient of the filters, summed over the batch in an order that depends on the shape only.
void conv2d_weight_grad(const float* x, const float* dy, float* dw, const Conv2dShape& s);

}  // namespace bitloom
