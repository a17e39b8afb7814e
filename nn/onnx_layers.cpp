// The operators of ONNX that become layers.
#include <algorithm>
#include <cmath>

#include "nn/onnx_import.h"
#include "nn/onnx_weights.h"

namespace bitloom {

int OnnxImport::append(LayerSpec spec, const Tail& tail, const Tensor& weight, Tensor bias) {
  spec.activation = tail.activation;
  spec.norm = tail.norm != nullptr;
  if (tail.bias) bias = vector_of(*tail.bias);
  if (auto* k = std::get_if<Conv2dLayer>(&spec.kind)) k->bias = bias.defined();
  if (auto* k = std::get_if<DepthwiseLayer>(&spec.kind)) k->bias = bias.defined();
  if (auto* k = std::get_if<LinearLayer>(&spec.kind)) k->bias = bias.defined();
  const int index = builder_->append(std::move(spec));
  const LayerSpec& own = builder_->layer(index);
  weights_.put(own.name + ".weight", weight);
  if (bias.defined()) weights_.put(own.name + ".bias", bias);
  if (tail.norm) {
    const Norm norm = norm_of(*tail.norm, own.c);
    const std::string& bn = own.norm_name;
    weights_.put(bn + ".gamma", norm.gamma);
    weights_.put(bn + ".beta", norm.beta);
    weights_.put(bn + ".mean", norm.mean);
    weights_.put(bn + ".var", norm.var);
    weights_.put(bn + ".eps", Tensor(Shape{1}, norm.eps));
    norm_eps_ = norm.eps;
  }
  return index;
}

OnnxImport::Norm OnnxImport::norm_of(const OnnxNode& node, int64_t c) const {
  const auto take = [&](size_t i) {
    const OnnxTensor* t = constant(node, i);
    check(t && !t->whole && t->size() == c, node, "input ", i, " is no constant of ", c, " numbers");
    return vector_of(*t);
  };
  check(node.integer("training_mode", 0) == 0, node,
        "normalizes by what it sees (training_mode 1); export the model in evaluation mode");
  return {take(1), take(2), take(3), take(4), node.real("epsilon", 1e-5f)};
}

ConvGeometry OnnxImport::geometry(const OnnxNode& node, const Value& v, int64_t kh, int64_t kw) const {
  check(std::min(kh, kw) >= 1 && std::max(kh, kw) <= kMaxExtent, node, "has a window of ", kh, "x", kw, ", expected 1 to ",
        kMaxExtent);
  const auto numbers = [&](const char* key, size_t count, int64_t otherwise) {
    Numbers all = node.integers(key);
    if (all.empty()) all.assign(count, otherwise);
    check(all.size() == count, node, key, " has ", all.size(), " numbers, expected ", count, ": images have two dimensions");
    for (const int64_t n : all) check(n >= 0 && n <= kMaxExtent, node, key, " has the number ", n);
    return all;
  };
  check(numbers("dilations", 2, 1) == Numbers{1, 1}, node, "is dilated, which bitloom has not");
  const Numbers stride = numbers("strides", 2, 1), pads = numbers("pads", 4, 0);
  check(stride[0] > 0 && stride[1] > 0, node, "strides has the number 0");
  const std::string automatic = node.text("auto_pad", "NOTSET");
  if (automatic == "NOTSET" || automatic == "VALID") {
    const bool none = automatic == "VALID";
    return {stride[0],
            stride[1],
            v.pad.pt + (none ? 0 : pads[0]),
            v.pad.pb + (none ? 0 : pads[2]),
            v.pad.pl + (none ? 0 : pads[1]),
            v.pad.pr + (none ? 0 : pads[3])};
  }
  check(automatic == "SAME_UPPER" || automatic == "SAME_LOWER", node, "auto_pad is ", quote(automatic));
  check(!v.padded(), node, "pads what a Pad has padded");
  ConvGeometry g = same_geometry(layer(v), kh, kw, stride[0], stride[1]);
  if (automatic == "SAME_LOWER") std::swap(g.pt, g.pb), std::swap(g.pl, g.pr);
  return g;
}

void OnnxImport::conv(const OnnxNode& node) {
  const Value& v = value(node, 0, true);
  const LayerSpec& in = image(node, v);
  const OnnxTensor* w = constant(node, 1);
  check(w && !w->whole && w->dims.size() == 4, node, "its weights are no constant with four extents");
  const Numbers& d = w->dims;
  const int64_t group = node.integer("group", 1);
  const bool own = group > 1 && group == in.c;
  check(group == 1 || own, node, "has ", group, " groups for ", in.c,
        " channels, expected 1 or (depthwise) as many as channels");
  check(d[0] > 0 && d[2] > 0 && d[3] > 0 && d[1] * group == in.c, node, "weights (", d[0], ",", d[1], ",", d[2], ",", d[3],
        ") do not fit ", in.c, " channels in ", group, " groups");
  check(!own || d[0] == in.c, node, "gives ", d[0], " channels of ", in.c, " groups; depthwise ones give one each");
  const Numbers kernel = node.integers("kernel_shape");
  check(kernel.empty() || kernel == Numbers{d[2], d[3]}, node, "kernel_shape is not that of the weights");
  const ConvGeometry g = geometry(node, v, d[2], d[3]);
  LayerSpec spec;
  spec.name = new_name("conv"), spec.inputs = {v.layer}, spec.c = d[0];
  if (own)
    spec.kind = DepthwiseLayer{d[2], d[3], g};
  else
    spec.kind = Conv2dLayer{d[2], d[3], g};
  add_weighted(node, std::move(spec), filters_of(*w), Layout::kNchw);
}

void OnnxImport::add_weighted(const OnnxNode& node, LayerSpec spec, const Tensor& weight, Layout layout) {
  const OnnxTensor* bias = constant(node, 2);
  check(bias || !node.has_input(2), node, "its bias is no constant");
  check(!bias || (!bias->whole && bias->size() == spec.c), node, "its bias has not ", spec.c, " numbers");
  const Tail after = tail(node.outputs[0], spec.c, layout, bias != nullptr);
  set(node, append(std::move(spec), after, weight, bias ? vector_of(*bias) : Tensor()), layout);
}

void OnnxImport::gemm(const OnnxNode& node) {
  check(node.real("alpha", 1) == 1 && (node.real("beta", 1) == 1 || !node.has_input(2)) && node.integer("transA", 0) == 0, node,
        "alpha, beta and transA must be 1, 1 and 0");
  product(node, node.integer("transB", 0) != 0);
}

void OnnxImport::product(const OnnxNode& node, bool outputs_first) {
  const Value& v = value(node);
  const LayerSpec& in = layer(v);
  const OnnxTensor* w = constant(node, 1);
  const int64_t features = in.h * in.w * in.c;
  check(is_flat(v.layout), node, "reads an image; a Flatten or Reshape must be before it");
  check(w && !w->whole && w->dims.size() == 2, node, "its weights are no constant matrix");
  check(w->dims[outputs_first ? 1 : 0] == features && w->size() > 0, node, "weights (", w->dims[0], ",", w->dims[1],
        ") do not fit ", features, " features");
  LayerSpec spec;
  spec.name = new_name("dense"), spec.inputs = {v.layer}, spec.c = w->dims[outputs_first ? 0 : 1];
  if (in.h * in.w == 1)
    spec.kind = LinearLayer{};
  else
    spec.kind = Conv2dLayer{in.h, in.w, {}};
  add_weighted(node, std::move(spec), matrix_of(*w, outputs_first, in, is_nhwc(v.layout)), Layout::kFlatNchw);
}

void OnnxImport::add(const OnnxNode& node) {
  check(node.inputs.size() == 2, node, "has ", node.inputs.size(), " inputs");
  check(!constant(node, 0) && !constant(node, 1), node,
        "adds a constant; it must be one number a channel, behind a Conv, Gemm or MatMul without bias that nothing else reads");
  const Value a = value(node, 0), b = value(node, 1);
  check(a.layout == b.layout, node, "adds tensors of different layouts");
  LayerSpec spec;
  spec.name = new_name("add"), spec.inputs = {a.layer, b.layer}, spec.kind = AddLayer{};
  spec.activation = tail(node.outputs[0], layer(a).c, a.layout, true, true).activation;
  set(node, builder_->append(std::move(spec)), a.layout);
}

void OnnxImport::batch_norm(const OnnxNode& node) {
  const Value v = value(node);
  const LayerSpec in = layer(v);
  check(v.layout == Layout::kNchw || in.h * in.w == 1, node, "expected an image as (N,C,H,W), or a vector");
  const Norm norm = norm_of(node, in.c);
  Tensor weight(Shape{in.c, 1, 1, 1}), bias(Shape{in.c});
  for (int64_t c = 0; c < in.c; ++c) {
    weight[c] = float(double(norm.gamma[c]) / std::sqrt(double(norm.var[c]) + double(norm.eps)));
    bias[c] = float(double(norm.beta[c]) - double(norm.mean[c]) * double(weight[c]));
  }
  LayerSpec spec;
  spec.name = new_name("conv"), spec.inputs = {v.layer}, spec.kind = DepthwiseLayer{};
  const Tail after = tail(node.outputs[0], in.c, v.layout, true);
  set(node, append(std::move(spec), after, weight, bias), v.layout);
}

void OnnxImport::relu(const OnnxNode& node) {
  const Value& v = value(node);
  const auto range = range_of(node);
  check(range.has_value(), node, "must have two inputs, the second one constant");
  int source = v.layer;
  while (!has_weights(builder_->layer(source)) && builder_->layer(source).inputs.size() == 1)
    source = builder_->layer(source).inputs[0];
  const Activation before = builder_->layer(source).activation;
  check(before != Activation::kNone && range->first <= 0 && range->second >= ceiling(before), node,
        "must be behind a Conv, Gemm, MatMul, BatchNormalization or Add whose output nothing else reads");
  values_[node.outputs[0]] = v;
}

void OnnxImport::average_pool(const OnnxNode& node) {
  const Value v = value(node);
  const LayerSpec& in = image(node, v);
  const Numbers kernel = node.integers("kernel_shape");
  check(kernel.size() == 2, node, "kernel_shape has ", kernel.size(), " numbers, expected two");
  const ConvGeometry g = geometry(node, v, kernel[0], kernel[1]);
  const bool once = kernel[0] == in.h && kernel[1] == in.w;
  check(
      g.pt + g.pb + g.pl + g.pr == 0 && (once || (g.sh == kernel[0] && g.sw == kernel[1])) && node.integer("ceil_mode", 0) == 0,
      node, "averages windows that overlap or are padded; the stride must be the window, the padding 0 and ceil_mode 0");
  pool(node, v, AvgPoolLayer{kernel[0], kernel[1]}, Layout::kNchw);
}

void OnnxImport::pool(const OnnxNode& node, const Value& v, const LayerKind& kind, Layout layout) {
  LayerSpec spec;
  spec.name = new_name("pool"), spec.inputs = {v.layer}, spec.kind = kind;
  set(node, builder_->append(std::move(spec)), layout);
}

void OnnxImport::global_pool(const OnnxNode& node) {
  const Value v = value(node);
  const LayerSpec& in = image(node, v);
  if (node.op == "GlobalMaxPool")
    pool(node, v, MaxPoolLayer{in.h, in.w, {in.h, in.w, 0, 0, 0, 0}}, v.layout);
  else
    pool(node, v, AvgPoolLayer{in.h, in.w}, v.layout);
}

void OnnxImport::reduce_mean(const OnnxNode& node) {
  const Value v = value(node);
  Numbers axes = axes_of(node);
  for (int64_t& a : axes) a += a < 0 ? 4 : 0;
  std::sort(axes.begin(), axes.end());
  check((v.layout == Layout::kNchw && axes == Numbers{2, 3}) || (v.layout == Layout::kNhwc && axes == Numbers{1, 2}), node,
        "must be over height and width of an image");
  pool(node, v, AvgPoolLayer{layer(v).h, layer(v).w}, node.integer("keepdims", 1) ? v.layout : Layout::kFlatNchw);
}

void OnnxImport::max_pool(const OnnxNode& node) {
  const Value v = value(node, 0, true);
  const LayerSpec& in = image(node, v);
  check(!v.padded() || in.activation != Activation::kNone, node, "reads zeros of a Pad, which may be larger than what it pads");
  const Numbers kernel = node.integers("kernel_shape");
  check(kernel.size() == 2, node, "kernel_shape has ", kernel.size(), " numbers, expected two");
  ConvGeometry g = geometry(node, v, kernel[0], kernel[1]);
  if (node.integer("ceil_mode", 0)) {  // windows that begin inside the image, or its upper padding, count
    const auto reach = [](int64_t size, int64_t k, int64_t s, int64_t before, int64_t& after) {
      const int64_t rest = (size + before + after - k) % s;
      if (size + before + after >= k && rest > 0 && size + before + after - k - rest + s < size + before) after += s - rest;
    };
    reach(in.h, kernel[0], g.sh, g.pt, g.pb);
    reach(in.w, kernel[1], g.sw, g.pl, g.pr);
  }
  pool(node, v, MaxPoolLayer{kernel[0], kernel[1], g}, Layout::kNchw);
}

}  // namespace bitloom
