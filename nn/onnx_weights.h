// The constants of ONNX layers in the order of this program: filters OHWI, and what reads an image in its order NHWC.
#pragma once
#include "core/tensor.h"
#include "nn/model_spec.h"
#include "nn/onnx_graph.h"

namespace bitloom {

inline Tensor vector_of(const OnnxTensor& t) { return Tensor(Shape{t.size()}, t.values); }

// (O,I,KH,KW) -> (O,KH,KW,I); of depthwise ones, I is 1.
inline Tensor filters_of(const OnnxTensor& t) {
  const int64_t o = t.dims[0], in = t.dims[1], taps = t.dims[2] * t.dims[3];
  Tensor w(Shape{o, t.dims[2], t.dims[3], in});
  for (int64_t k = 0; k < w.size(); ++k) w[k] = t.values[size_t((k / (taps * in) * in + k % in) * taps + k / in % taps)];
  return w;
}

// A matrix of (inputs, outputs), or (outputs, inputs), whose inputs are an image's elements in the order (c,h,w) or, `channels_last`, (h,w,c): (O,H,W,C).
inline Tensor matrix_of(const OnnxTensor& t, bool outputs_first, const LayerSpec& in, bool channels_last) {
  const int64_t outputs = t.dims[outputs_first ? 0 : 1], pixels = in.h * in.w, features = pixels * in.c;
  Tensor w(Shape{outputs, in.h, in.w, in.c});
  for (int64_t k = 0; k < w.size(); ++k) {
    const int64_t o = k / features, own = k % features, feature = channels_last ? own : own % in.c * pixels + own / in.c;
    w[k] = t.values[size_t(outputs_first ? o * features + feature : feature * outputs + o)];
  }
  return w;
}

}  // namespace bitloom
