// Kernels of the integer interpreter: layout (n,h,w,c), one thread, outputs must not overlap inputs.
//
// Between layers a code is kept as the byte `code - lo` of its scheme: unsigned, so that all kernels multiply unsigned bytes by signed
// weights. What that adds to a sum, -lo times the sum of the weights, is a constant of the channel; times the multiplier it is taken
// back by the channel's offset. Sums and offsets may wrap at 32 bits on the way, but what is shifted does not: IntegerGraph::validate
// has proved it.
#pragma once
#include <vector>

#include "core/tensor.h"
#include "quant/integer/graph.h"
#include "quant/integer/simd.h"

namespace bitloom::integer {

// The kernels read up to this many bytes beyond the end of their inputs, which they multiply by zero weights or drop, and write up to
// as many beyond the end of byte outputs: every buffer has as many more.
constexpr int64_t kSlack = 128;
static_assert(2 * kCodes <= kSlack);

// A layer's numbers in the order in which its kernel reads them.
struct Prepared {
  int64_t in_h, in_w, in_c;  // of the input, padding included
  int64_t kh, kw, sh, sw, out_h, out_w, out_c;
  Limits limits;            // of its codes
  TensorT<Weight> weights;  // zero where a group of four, or a vector of channels, is not full
  TensorT<int32_t> rules;   // for each vector of channels multipliers, offsets, shifts: (vectors, 3, kLanes)
};

// `codes`: unpack_weights of the layer.
Prepared prepare_conv2d(const IntegerLayer& layer, const IntegerLayer& in, const std::vector<int8_t>& codes);  // and kLinear
Prepared prepare_depthwise(const IntegerLayer& layer, const IntegerLayer& in, const std::vector<int8_t>& codes);
Prepared prepare_avg_pool(const IntegerLayer& layer, const IntegerLayer& in);
Prepared prepare_add(const IntegerLayer& layer, const IntegerLayer& a, const IntegerLayer& b);

// Bytes of one image with its padding.
inline int64_t padded_size(const Prepared& p) { return p.in_h * p.in_w * p.in_c; }
// The images with borders of code 0 in `padded`, or `images` themselves when the layer has no padding.
const uint8_t* pad_images(const uint8_t* images, int64_t count, const IntegerLayer& in, const IntegerLayer& layer,
                          uint8_t* padded);

// A layer on `count` images. Out is uint8_t between layers, and int32_t, the codes themselves, for the last one.
template <class Out>
void conv2d(const uint8_t* images, int64_t count, const Prepared& p, Out* out);
template <class Out>
void depthwise(const uint8_t* images, int64_t count, const Prepared& p, Out* out);
template <class Out>
void avg_pool(const uint8_t* images, int64_t count, const Prepared& p, Out* out);
template <class Out>
void add(const uint8_t* a, const uint8_t* b, int64_t count, const Prepared& p, Out* out);
template <class Out>
void max_pool(const uint8_t* images, int64_t count, const IntegerLayer& in, const IntegerLayer& layer, Out* out);

}  // namespace bitloom::integer
