// The operators of ONNX that change no number, only where it is.
#include <algorithm>

#include "nn/onnx_constants.h"
#include "nn/onnx_import.h"

namespace bitloom {

Numbers OnnxImport::axes_of(const OnnxNode& node) const {
  const OnnxTensor* given = constant(node, 1);
  check(given || !node.has_input(1), node, "its axes are no constant");
  return given ? given->integers : node.integers("axes");
}

void OnnxImport::pad(const OnnxNode& node) {
  const Value& v = value(node);
  const OnnxTensor *given = constant(node, 1), *with = constant(node, 2);
  check((given || !node.has_input(1)) && (with || !node.has_input(2)), node, "its padding is no constant");
  const Numbers pads = given ? given->integers : node.integers("pads");
  const float filling = with && !with->values.empty() ? with->values[0] : node.real("value", 0);
  check(node.text("mode", "constant") == "constant" && filling == 0, node, "pads with something else than zeros");
  check(pads.size() == 8 && !is_flat(v.layout), node, "must be of an image, with 8 numbers");
  const size_t h = v.layout == Layout::kNchw ? 2 : 1, w = h + 1, c = h == 2 ? 1 : 3;
  for (const int64_t p : pads) check(p >= 0 && p <= kMaxExtent, node, "pads by ", p);
  check(pads[0] + pads[4] + pads[c] + pads[4 + c] == 0, node, "pads batch or channels");
  Value out = v;
  out.pad = {1, 1, pads[h], pads[4 + h], pads[w], pads[4 + w]};
  values_[node.outputs[0]] = out;
}

Layout OnnxImport::transposed(const OnnxNode& node, Layout layout) const {
  const Numbers perm = node.integers("perm");
  if (layout == Layout::kNchw && perm == kToNhwc) return Layout::kNhwc;
  if (layout == Layout::kNhwc && perm == kToNchw) return Layout::kNchw;
  bool same = !perm.empty();
  for (size_t i = 0; i < perm.size(); ++i) same = same && perm[i] == int64_t(i);
  check(same, node, "is not between (N,C,H,W) and (N,H,W,C)");
  return layout;
}

void OnnxImport::transpose(const OnnxNode& node) {
  Value v = value(node, 0, true);
  v.layout = transposed(node, v.layout);
  values_[node.outputs[0]] = v;
}

void OnnxImport::reshape(const OnnxNode& node) {
  const Value v = value(node);
  const LayerSpec& l = layer(v);
  const Numbers wanted = wanted_dims(node, v);
  const bool any_order = l.c == 1 || l.h * l.w == 1;
  for (const Layout layout : {Layout::kFlatNchw, Layout::kFlatNhwc, Layout::kNchw, Layout::kNhwc}) {
    if ((!any_order && is_nhwc(layout) != is_nhwc(v.layout)) || !matches(dims_of(v, layout), wanted)) continue;
    return set(node, v.layer, layout);
  }
  check(false, node, "must make a vector of an image of ", l.c, "x", l.h, "x", l.w, ", (N,", l.h * l.w * l.c,
        "), or the other way round");
}

Numbers OnnxImport::wanted_dims(const OnnxNode& node, const Value& v) const {
  Numbers dims = dims_of(v, v.layout);
  if (node.op == "Flatten") {
    check(node.integer("axis", 1) == 1, node, "axis must be 1");
    return {0, -1};
  }
  if (node.op == "Reshape") {
    const OnnxTensor* shape = constant(node, 1);
    check(shape && shape->whole, node, "its shape is no constant");
    return shape->integers;
  }
  Numbers axes = axes_of(node);
  const int64_t rank = int64_t(dims.size()) + (node.op == "Unsqueeze" ? int64_t(axes.size()) : 0);
  for (int64_t& a : axes) {
    a += a < 0 ? rank : 0;
    check(a > 0 && a < rank, node, "has an axis outside 1..", rank - 1);
  }
  std::sort(axes.begin(), axes.end());
  if (node.op == "Unsqueeze")
    for (const int64_t a : axes) dims.insert(dims.begin() + std::min(a, int64_t(dims.size())), 1);
  else
    for (size_t i = axes.size(); i-- > 0;) {
      check(axes[i] < int64_t(dims.size()) && dims[size_t(axes[i])] == 1, node, "axis ", axes[i], " has not the extent 1");
      dims.erase(dims.begin() + axes[i]);
    }
  return dims;
}

bool OnnxImport::matches(const Numbers& dims, const Numbers& wanted) const {
  if (dims.size() != wanted.size() || std::count(wanted.begin(), wanted.end(), -1) > 1) return false;
  for (size_t i = 0; i < dims.size(); ++i) {
    const bool batch = i == 0 && (wanted[0] == 0 || wanted[0] == 1 || wanted[0] == batch_);
    if (wanted[i] != -1 && !batch && wanted[i] != dims[i]) return false;
  }
  return true;
}

void OnnxImport::cast(const OnnxNode& node) {
  const int64_t to = node.integer("to", 0);
  check(to == kOnnxFloat || to == kOnnxFloat16 || to == kOnnxDouble, node, "makes ONNX's type ", to,
        " of activations, expected float, float16 or double (1, 10, 11)");
  identity(node);
}

void OnnxImport::softmax(const OnnxNode& node) {
  const Value v = value(node);
  const std::string& out = graph_.outputs[0];
  const OnnxNode* next = only_reader(node.outputs[0]);
  check(node.outputs[0] == out || (next && next->outputs[0] == out && passes_on(next->op)), node,
        "is not at the end of the network");
  check(layer(v).h * layer(v).w == 1, node, "is not over the classes of one vector");
  values_[node.outputs[0]] = v;
}

void OnnxImport::shape(const OnnxNode& node) {
  const Value& v = value(node);
  constants_[node.outputs[0]] = shape_of(node, dims_of(v, v.layout));
}

}  // namespace bitloom
