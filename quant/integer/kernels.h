// Integer kernels of the interpreter on one image: int16 codes, int32 sums, layout (h,w,c). Exact: they add the terms of
// graph.h in another order, and IntegerGraph::validate has bounded every partial sum. One thread; outputs must not overlap inputs.
#pragma once
#include <vector>

#include "core/tensor.h"
#include "quant/integer/graph.h"

namespace bitloom::integer {

// The kernels read up to this many codes beyond the end of an image and multiply them by zero weights: every buffer has as many
// more.
constexpr int64_t kSlack = 64;

// A window sliding over an image that is already padded: in_w is its width, out_h x out_w the number of its positions.
struct Window {
  int64_t in_w, in_c, kh, kw, sh, sw, out_h, out_w;
};

// The image with zero borders in `padded`, or `image` itself when the layer has no padding.
const int16_t* pad_image(const int16_t* image, int64_t h, int64_t w, int64_t c, const IntegerLayer& layer, int16_t* padded);
int64_t padded_size(int64_t h, int64_t w, int64_t c, const IntegerLayer& layer);

// codes (out_c, kh, kw, in_c) reordered as the kernels below read them.
TensorT<int16_t> arrange_conv2d(const std::vector<int8_t>& codes, int64_t out_c, const Window& window);
TensorT<int16_t> arrange_depthwise(const std::vector<int8_t>& codes, const Window& window);

// The sums of a layer, requantized by its tables into out (out_h, out_w, c); Out is int16_t between layers, int32_t for the
// last one.
template <class Out>
void conv2d(const int16_t* image, const Window& window, const TensorT<int16_t>& weights, const IntegerLayer& layer, Out* out);
template <class Out>
void depthwise(const int16_t* image, const Window& window, const TensorT<int16_t>& weights, const IntegerLayer& layer,
               Out* out);
template <class Out>
void avg_pool(const int16_t* image, const Window& window, const IntegerLayer& layer, Out* out);
template <class Out>
void add(const int16_t* a, const int16_t* b, const IntegerLayer& layer, Out* out);

}  // namespace bitloom::integer
