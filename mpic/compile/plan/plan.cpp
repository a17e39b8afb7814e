// How MPIC's kernels cut a layer.
#include "mpic/compile/plan/plan.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "quant/integer/requantize.h"

namespace bitloom::mpic {

Kernel kernel_of(IntegerOp op) {
  switch (op) {
    case IntegerOp::kInput: return Kernel::kNone;
    case IntegerOp::kConv2d:
    case IntegerOp::kLinear: return Kernel::kProduct;
    case IntegerOp::kDepthwise: return Kernel::kDepthwise;
    case IntegerOp::kAdd: return Kernel::kAdd;
    case IntegerOp::kAvgPool: return Kernel::kPool;
    case IntegerOp::kMaxPool: return Kernel::kMaxPool;
  }
  return Kernel::kNone;
}

LayerGeometry geometry_of(const IntegerGraph& graph, const IntegerLayer& layer) {
  LayerGeometry g;
  g.layer = layer;
  g.layer.weights.clear();
  if (layer.inputs.empty()) return g;
  const IntegerLayer& in = graph.layers[size_t(layer.inputs[0])];
  g.in_h = in.h, g.in_w = in.w, g.in_c = in.c, g.signed_in = in.out.is_signed;
  return g;
}

ColumnPlan plan_columns(const LayerGeometry& g, const ColumnOptions& o) {
  const IntegerLayer& l = g.layer;
  const int64_t pixel = pixel_bytes(g.in_c, o.in_bits);
  const bool whole = traits(l.op).window == OpTraits::Window::kWhole;
  ColumnPlan p;
  p.limits = o.limits;
  p.bits = o.in_bits;
  p.bytes = (whole ? g.in_h * g.in_w : l.kh * l.kw) * pixel;
  p.words = ceil_div(p.bytes, 4);
  p.in_place = whole || (l.kh == 1 && l.kw == 1 && l.sh == 1 && l.sw == 1 && l.pt + l.pb + l.pl + l.pr == 0);
  p.stride = p.in_place ? pixel : p.words * 4;
  if (o.sub_byte) {
    p.flipped = o.wider_weights && !g.signed_in;
    p.held = p.words <= o.limits.held_words;
    if (p.flipped && !(p.held && p.in_place)) p.conversion = Conversion::kFlip;
  } else if (o.in_bits < 8) {
    p.conversion = Conversion::kWiden;
  }
  // The last pixel's column from the first one's, or its codes of a block.
  const int64_t output = (kTilePixels - 1) * pixel_bytes(l.c, o.out_bits) + (o.out_bits == 32 ? 4 * (kBlockChannels - 1) : 0);
  const bool reaches = std::max(p.kernel_stride(), output) <= o.limits.reach;
  p.pixels = l.h * l.w >= kTilePixels && reaches ? kTilePixels : 1;
  return p;
}

ColumnPlan plan_columns(const IntegerGraph& graph, const IntegerLayer& layer, bool sub_byte, const KernelLimits& limits) {
  const int in_bits = graph.layers[size_t(layer.inputs[0])].out.bits;
  const bool wider =
      std::any_of(layer.groups.begin(), layer.groups.end(), [&](const ChannelGroup& g) { return g.bits > in_bits; });
  return plan_columns(geometry_of(graph, layer), {in_bits, layer.out.bits, wider, sub_byte, limits});
}

Pairing pair_words(const ColumnPlan& columns, int weight_bits, bool sub_byte) {
  const int in_bits = columns.kernel_bits();
  Pairing p;
  p.narrow_inputs = weight_bits > in_bits;
  p.wide = std::max(in_bits, weight_bits);
  p.unpacks = !sub_byte && weight_bits < 8;
  p.parts = p.wide / std::min(in_bits, weight_bits);
  p.passes = ceil_div(columns.kernel_words(), p.input_words());
  return p;
}

std::vector<ChannelRun> split_channels(const std::vector<ChannelGroup>& groups, int out_bits) {
  std::vector<ChannelRun> runs;
  int64_t at = 0;
  const auto add = [&](int64_t channels, int bits, bool blocks) {
    if (channels > 0) runs.push_back({at, channels, bits, blocks});
    at += channels;
  };
  for (const ChannelGroup& g : groups) {
    const int64_t end = at + g.channels;
    if (g.bits > 0) {
      add(std::min(end, round_up(at, block_alignment(out_bits))) - at, g.bits, false);
      add((end - at) / kBlockChannels * kBlockChannels, g.bits, true);
    }
    add(end - at, g.bits, false);
  }
  return runs;
}

int common_shift(const IntegerGraph& graph, const IntegerLayer& layer, const std::vector<int8_t>& codes, int64_t first,
                 int64_t channels) {
  const QuantScheme& in = graph.layers[size_t(layer.inputs[0])].out;
  const int64_t count = codes_per_channel(graph, layer);
  const auto begin = layer.shift.begin() + first;
  const int largest = *std::max_element(begin, begin + channels);
  for (int64_t c = first; c < first + channels; ++c) {
    int64_t low = 0, high = 0;  // of the sum: any input may be 0, or padding
    for (int64_t k = c * count; k < (c + 1) * count; ++k) {
      const int64_t a = int64_t(codes[size_t(k)]) * in.lo(), b = int64_t(codes[size_t(k)]) * in.hi();
      low += std::min({int64_t(0), a, b});
      high += std::max({int64_t(0), a, b});
    }
    const int64_t product = std::max(-low, high) * std::abs(int64_t(layer.multiplier[size_t(c)]));
    const int64_t bound = product + std::abs(int64_t(layer.offset[size_t(c)]));
    if (bound > INT32_MAX >> (largest - layer.shift[size_t(c)])) return -1;
  }
  return largest;
}

bool one_shift_suffices(int64_t codes, int in_bits, int weight_bits) {
  return std::ldexp(double(codes), in_bits + (weight_bits - 2) + kMultiplierBits + 2) < 0x1p31;
}

ChannelBytes channel_bytes(const LayerGeometry& g, int in_bits, int out_bits, int weight_bits) {
  constexpr int64_t kWord = 4;
  if (kernel_of(g.layer.op) == Kernel::kDepthwise) return {g.layer.kh * plan_planes(g).window_words * kWord, 3 * kWord};
  if (weight_bits == 0) return {0, kWord / block_alignment(out_bits)};  // its constant, among others
  const Pairing pair = pair_words(plan_columns(g, {in_bits, out_bits}), weight_bits);
  return {pair.passes * pair.weight_words() * kWord, (out_bits == 32 ? 2 : 3) * kWord};
}

PlanePlan plan_planes(const LayerGeometry& g, const KernelLimits& limits) {
  constexpr int64_t kWindowWords = 4;  // that there are registers for
  PlanePlan p;
  p.margin = std::max<int64_t>(4, round_up(g.layer.pl, 4));
  // A word of the window may reach 3 bytes past its last code, and pixels are written by fours.
  p.row = p.margin + round_up(g.in_w + g.layer.pr + 3, 4);
  p.bytes = p.row * (g.in_h + g.layer.pt + g.layer.pb);
  p.window_words = ceil_div(g.layer.kw, 4);
  const int64_t farthest = (g.layer.kh - 1) * p.row + 4 * p.window_words;
  p.in_registers = g.layer.kh * p.window_words <= kWindowWords && std::max(farthest, g.layer.sw) <= limits.reach;
  return p;
}

AddPlan plan_add(const IntegerLayer& layer, bool dense, const KernelLimits& limits) {
  const int64_t pixels = layer.h * layer.w, codes = pixels * layer.c;
  if (dense && codes % kChunkCodes == 0) return {kChunkCodes, codes / kChunkCodes, false};
  if (layer.c <= limits.unrolled_codes) return {layer.c, pixels, false};
  return {layer.c, pixels * ceil_div(layer.c, kChunkCodes), true};
}

}  // namespace bitloom::mpic
