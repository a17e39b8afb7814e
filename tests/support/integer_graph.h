// Random integer graphs and the formulas of quant/integer/graph.h, written out in int64 with nothing shared with the
// interpreter.
#pragma once
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/rng.h"
#include "core/tensor.h"
#include "quant/integer/graph.h"

namespace bitloom::testing {

using Codes = std::vector<int32_t>;

// Code i of a packed channel, bit by bit.
inline int64_t reference_code(const uint32_t* words, int64_t i, int bits, bool is_signed) {
  int64_t code = 0;
  for (int b = 0; b < bits; ++b) {
    const int64_t bit = i * bits + b;
    if (words[bit / 32] >> (bit % 32) & 1) code += is_signed && b == bits - 1 ? -(int64_t(1) << b) : int64_t(1) << b;
  }
  return code;
}

inline int32_t reference_requantize(int64_t acc, int64_t multiplier, int64_t offset, int shift, const QuantScheme& out) {
  const double value = std::floor(double(acc * multiplier + offset) / double(int64_t(1) << shift));  // exact: below 2^53
  return int32_t(std::clamp<double>(value, out.lo(), out.hi()));
}

// A layer of sums over windows, from the codes of its input.
inline Codes reference_windows(const IntegerGraph& graph, const IntegerLayer& layer, const Codes& x) {
  const IntegerLayer& in = graph.layers[size_t(layer.inputs[0])];
  Codes out;
  std::vector<int> bits;
  std::vector<int64_t> start;
  const bool flat = layer.op == IntegerOp::kLinear, depthwise = layer.op == IntegerOp::kDepthwise;
  const int64_t kh = flat ? in.h : layer.kh, kw = flat ? in.w : layer.kw;
  const int64_t count = kh * kw * (depthwise ? 1 : in.c);
  int64_t words = 0;
  for (const ChannelGroup& group : layer.groups) {
    for (int64_t o = 0; o < group.channels; ++o) {
      bits.push_back(group.bits);
      start.push_back(words);
      if (group.bits) words += (count + 32 / group.bits - 1) / (32 / group.bits);
    }
  }
  for (int64_t y = 0; y < layer.h; ++y) {
    for (int64_t z = 0; z < layer.w; ++z) {
      for (int64_t o = 0; o < layer.c; ++o) {
        int64_t acc = 0;
        for (int64_t ky = 0; ky < kh; ++ky) {
          for (int64_t kx = 0; kx < kw; ++kx) {
            const int64_t iy = y * layer.sh + ky - layer.pt, ix = z * layer.sw + kx - layer.pl;
            if (iy < 0 || iy >= in.h || ix < 0 || ix >= in.w) continue;
            const int32_t* pixel = &x[size_t((iy * in.w + ix) * in.c)];
            if (layer.op == IntegerOp::kAvgPool) acc += pixel[o];
            if (!layer.has_weights() || bits[size_t(o)] == 0) continue;
            const uint32_t* row = &layer.weights[size_t(start[size_t(o)])];
            const int b = bits[size_t(o)];
            if (depthwise) acc += reference_code(row, ky * kw + kx, b, true) * pixel[o];
            for (int64_t i = 0; i < in.c && !depthwise; ++i) {
              acc += reference_code(row, (ky * kw + kx) * in.c + i, b, true) * pixel[i];
            }
          }
        }
        const size_t rule = layer.has_weights() ? size_t(o) : 0;
        out.push_back(reference_requantize(acc, layer.multiplier[rule], layer.offset[rule], layer.shift[rule], layer.out));
      }
    }
  }
  return out;
}

// The largest code of every window, from the codes of the input.
inline Codes reference_largest(const IntegerGraph& graph, const IntegerLayer& layer, const Codes& x) {
  const IntegerLayer& in = graph.layers[size_t(layer.inputs[0])];
  Codes out;
  for (int64_t i = 0; i < layer.h * layer.w * layer.c; ++i) {
    const int64_t c = i % layer.c, z = i / layer.c % layer.w, y = i / layer.c / layer.w;
    Codes seen;
    for (int64_t k = 0; k < layer.kh * layer.kw; ++k) {
      const int64_t iy = y * layer.sh + k / layer.kw - layer.pt, ix = z * layer.sw + k % layer.kw - layer.pl;
      if (iy >= 0 && iy < in.h && ix >= 0 && ix < in.w) seen.push_back(x[size_t((iy * in.w + ix) * in.c + c)]);
    }
    out.push_back(*std::max_element(seen.begin(), seen.end()));
  }
  return out;
}

// One layer of graph.h, from the codes of its inputs.
inline Codes reference_layer(const IntegerGraph& graph, size_t index, const std::vector<Codes>& codes) {
  const IntegerLayer& layer = graph.layers[index];
  const Codes& x = codes[size_t(layer.inputs[0])];
  Codes out;
  switch (layer.op) {
    case IntegerOp::kAdd: {
      const Codes& y = codes[size_t(layer.inputs[1])];
      for (size_t i = 0; i < x.size(); ++i) {
        const int64_t second = int64_t(y[i]) * layer.multiplier[1] + layer.offset[0];
        out.push_back(reference_requantize(x[i], layer.multiplier[0], second, layer.shift[0], layer.out));
      }
    } break;
    case IntegerOp::kInput: return x;
    case IntegerOp::kConv2d:
    case IntegerOp::kDepthwise:
    case IntegerOp::kLinear:
    case IntegerOp::kAvgPool: return reference_windows(graph, layer, x);
    case IntegerOp::kMaxPool: return reference_largest(graph, layer, x);
  }
  return out;
}

// Every layer's codes for one input image.
inline std::vector<Codes> reference_run(const IntegerGraph& graph, const Codes& input) {
  std::vector<Codes> codes{input};
  for (size_t i = 1; i < graph.layers.size(); ++i) codes.push_back(reference_layer(graph, i, codes));
  return codes;
}

// Every kind of layer there is.
inline std::vector<IntegerOp> all_integer_ops() {
  std::vector<IntegerOp> ops;
  while (traits(IntegerOp(ops.size())).name) ops.push_back(IntegerOp(ops.size()));
  return ops;
}

// Builds graphs layer by layer; weights and tables are random, the tables such that the outputs spread over their range and
// that the graph is valid. Each function returns the index of the new layer.
class RandomGraph {
 public:
  RandomGraph(Rng rng, int64_t h, int64_t w, int64_t c, QuantScheme input) : rng_(rng) {
    graph.model = "random";
    graph.task = "test";
    IntegerLayer layer;
    layer.name = "input";
    layer.h = h, layer.w = w, layer.c = c, layer.out = input;
    graph.layers.push_back(layer);
  }

  // A window on layer `in`, pads being top, bottom, left, right; bits of each channel group drawn from `choices`.
  int32_t window(IntegerOp op, int32_t in, int64_t c, std::vector<int64_t> kernel, std::vector<int64_t> stride,
                 std::vector<int64_t> pads, QuantScheme out, const std::vector<int>& choices = {0, 2, 4, 8}) {
    const IntegerLayer from = at(in);
    IntegerLayer layer;
    layer.op = op, layer.inputs = {in}, layer.c = c, layer.out = out;
    layer.kh = kernel[0], layer.kw = kernel[1], layer.sh = stride[0], layer.sw = stride[1];
    layer.pt = pads[0], layer.pb = pads[1], layer.pl = pads[2], layer.pr = pads[3];
    const bool flat = op == IntegerOp::kLinear;
    layer.h = flat ? 1 : (from.h + layer.pt + layer.pb - layer.kh) / layer.sh + 1;
    layer.w = flat ? 1 : (from.w + layer.pl + layer.pr - layer.kw) / layer.sw + 1;
    if (op == IntegerOp::kMaxPool) {
      layer.out = from.out;
    } else if (op == IntegerOp::kAvgPool) {
      add_rule(layer, double(layer.kh * layer.kw) * magnitude(from.out), 1.0 / double(layer.kh * layer.kw));
    } else {
      const int64_t count = flat ? from.h * from.w * from.c : layer.kh * layer.kw * (op == IntegerOp::kDepthwise ? 1 : from.c);
      for (int64_t left = c; left > 0; left -= layer.groups.back().channels) {
        layer.groups.push_back({choices[size_t(rng_.below(int64_t(choices.size())))], 1 + rng_.below(left)});
        for (int64_t o = 0; o < layer.groups.back().channels; ++o)
          add_channel(layer, count, layer.groups.back().bits, from.out);
      }
    }
    return push(layer);
  }

  int32_t linear(int32_t in, int64_t c, QuantScheme out) {
    return window(IntegerOp::kLinear, in, c, {1, 1}, {1, 1}, {0, 0, 0, 0}, out);
  }

  int32_t add(int32_t a, int32_t b, QuantScheme out) {
    IntegerLayer layer;
    layer.op = IntegerOp::kAdd, layer.inputs = {a, b}, layer.out = out;
    layer.h = at(a).h, layer.w = at(a).w, layer.c = at(a).c;
    add_rule(layer, 2 * std::max(magnitude(at(a).out), magnitude(at(b).out)), 0.5);
    layer.multiplier.push_back(int32_t(rng_.below(layer.multiplier[0] + 1)));
    return push(layer);
  }

  const IntegerLayer& at(int32_t i) const { return graph.layers[size_t(i)]; }

  IntegerGraph graph;

 private:
  static double magnitude(const QuantScheme& scheme) { return std::max<double>(-double(scheme.lo()), scheme.hi()); }

  // One multiplier, offset and shift: `spread` times the largest sum lands on the largest output code.
  void add_rule(IntegerLayer& layer, double largest, double spread) {
    const double gain =
        layer.out.bits == 32 ? 1 : magnitude(layer.out) / std::max(1.0, largest * spread) * rng_.uniform(0.3, 1.5);
    int shift = 0;
    while (shift < 24 && largest * gain * double(int64_t(2) << shift) < 5e8) ++shift;
    const int32_t sign = layer.has_weights() && rng_.below(4) == 0 ? -1 : 1;
    layer.multiplier.push_back(sign * int32_t(std::lround(gain * double(int64_t(1) << shift))));
    layer.offset.push_back(int32_t(rng_.below(int64_t(1) << (shift + 1))) - (layer.out.is_signed ? 1 << shift : 0));
    layer.shift.push_back(uint8_t(shift));
  }

  void add_channel(IntegerLayer& layer, int64_t count, int bits, const QuantScheme& in) {
    double largest = 0;
    const size_t first = layer.weights.size();
    if (bits) layer.weights.resize(first + size_t((count * bits + 31) / 32), 0);
    for (int64_t i = 0; i < count && bits; ++i) {
      const int64_t code = rng_.below(int64_t(1) << bits);
      layer.weights[first + size_t(i * bits / 32)] |= uint32_t(code) << (i * bits % 32);
      largest += magnitude(in) * double(std::min(code, (int64_t(1) << bits) - code));
    }
    add_rule(layer, largest, 3 / std::sqrt(double(count) + 9));
  }

  int32_t push(IntegerLayer& layer) {
    layer.name = str("layer", graph.layers.size());
    graph.layers.push_back(layer);
    return int32_t(graph.layers.size()) - 1;
  }

  Rng rng_;
};

// A graph of every op with random sizes, precisions, strides and paddings.
inline IntegerGraph random_integer_graph(Rng rng) {
  const auto pick = [&](std::vector<int64_t> values) { return values[size_t(rng.below(int64_t(values.size())))]; };
  const auto scheme = [&] { return QuantScheme{int(pick({2, 4, 8})), rng.below(3) == 0, rng.uniform(0.01, 1)}; };
  RandomGraph g(rng.split("weights"), 3 + rng.below(9), 3 + rng.below(9), 1 + rng.below(35), scheme());
  int32_t last = 0;
  for (int64_t i = 0, n = 2 + rng.below(5); i < n; ++i) {
    const IntegerLayer from = g.at(last);
    const int64_t kh = 1 + rng.below(std::min<int64_t>(from.h, 4)), kw = 1 + rng.below(std::min<int64_t>(from.w, 4));
    const std::vector<int64_t> pads{rng.below(kh), rng.below(kh), rng.below(kw), rng.below(kw)};
    const std::vector<int64_t> stride{1 + rng.below(2), 1 + rng.below(3)};
    const int64_t kind = rng.below(7);
    if (kind <= 1) last = g.window(IntegerOp::kConv2d, last, 1 + rng.below(35), {kh, kw}, stride, pads, scheme());
    if (kind == 2) last = g.window(IntegerOp::kDepthwise, last, from.c, {kh, kw}, stride, pads, scheme());
    if (kind == 3) last = g.window(IntegerOp::kAvgPool, last, from.c, {kh, kw}, {kh, kw}, {0, 0, 0, 0}, scheme());
    if (kind == 6) last = g.window(IntegerOp::kMaxPool, last, from.c, {kh, kw}, stride, pads, {});
    if (kind == 4 || kind == 5) {
      const int32_t branch = g.window(IntegerOp::kConv2d, last, from.c, {1, 1}, {1, 1}, {0, 0, 0, 0}, scheme());
      last = rng.below(2) ? g.add(last, branch, scheme()) : g.add(branch, last, scheme());
    }
  }
  if (rng.below(3)) g.linear(last, 1 + rng.below(20), rng.below(2) ? QuantScheme{32, true, 1} : scheme());
  return g.graph;
}

// Random input codes in the range of the graph's input, with both ends present more often than by chance.
inline TensorT<int16_t> random_input(const IntegerGraph& graph, int64_t images, Rng rng) {
  const IntegerLayer& in = graph.layers[0];
  TensorT<int16_t> input(Shape{images, in.h, in.w, in.c});
  for (int64_t i = 0; i < input.size(); ++i) {
    const int64_t end = rng.below(8);
    const int64_t code = in.out.lo() + rng.below(int64_t(in.out.hi()) - in.out.lo() + 1);
    input[i] = int16_t(end == 0 ? in.out.lo() : end == 1 ? in.out.hi() : code);
  }
  return input;
}

}  // namespace bitloom::testing
