// The measured cost table.
#include "mpic/compile/calibration.h"

#include <cmath>
#include <cstdio>

#include "core/error.h"
#include "mpic/compile/simulation.h"

namespace bitloom::mpic {
namespace {

IntegerLayer layer_of(const std::string& name, IntegerOp op, int64_t h, int64_t w, int64_t c, int bits) {
  IntegerLayer layer;
  layer.name = name, layer.op = op, layer.h = h, layer.w = w, layer.c = c, layer.out.bits = bits;
  return layer;
}

void set_rules(IntegerLayer& layer, size_t count) {
  layer.multiplier.assign(layer.op == IntegerOp::kAdd ? 2 : count, 0);
  layer.offset.assign(count, 0);
  layer.shift.assign(count, 0);
}

// A square window with 'same' padding.
LayerGeometry window_shape(IntegerOp op, int64_t h, int64_t w, int64_t in_c, int64_t c, int64_t kh, int64_t kw, int64_t stride,
                           int out_bits) {
  const auto [top, bottom] = same_padding(h, kh, stride);
  const auto [left, right] = same_padding(w, kw, stride);
  LayerGeometry g{layer_of("layer", op, (h + stride - 1) / stride, (w + stride - 1) / stride, c, out_bits), h, w, in_c};
  g.layer.kh = kh, g.layer.kw = kw, g.layer.sh = g.layer.sw = stride;
  g.layer.pt = top, g.layer.pb = bottom, g.layer.pl = left, g.layer.pr = right;
  return g;
}

struct Window {
  int64_t h, w, in_c, c, kh, kw, stride;
};

// Copied windows inside and across the border, few and many words of all sizes, remainders of channels and pixels.
constexpr Window kWindows[] = {{8, 8, 16, 16, 3, 3, 1},  {6, 6, 32, 12, 3, 3, 1},  {9, 7, 3, 18, 3, 3, 1},
                               {12, 12, 8, 21, 3, 3, 2}, {8, 8, 32, 20, 1, 1, 2},  {5, 5, 64, 23, 3, 3, 1},
                               {10, 10, 4, 9, 5, 5, 1},  {14, 8, 1, 24, 10, 4, 2}, {16, 16, 16, 8, 3, 3, 1},
                               {3, 3, 12, 17, 3, 3, 2},  {4, 4, 24, 30, 2, 2, 1},  {7, 9, 64, 16, 1, 1, 2},
                               {4, 4, 16, 3, 3, 3, 1},   {8, 4, 10, 2, 3, 3, 1},   {5, 4, 7, 1, 3, 3, 1},
                               {6, 6, 24, 6, 3, 3, 1},   {4, 8, 20, 5, 3, 3, 1},   {5, 8, 12, 7, 3, 3, 1}};
constexpr Window kDirect[] = {
    {5, 5, 64, 64, 1, 1, 1}, {4, 4, 16, 8, 1, 1, 1},  {8, 8, 32, 31, 1, 1, 1}, {3, 3, 128, 18, 1, 1, 1}, {6, 6, 8, 16, 1, 1, 1},
    {7, 3, 48, 21, 1, 1, 1}, {2, 2, 96, 12, 1, 1, 1}, {5, 5, 47, 32, 1, 1, 1}, {6, 3, 23, 19, 1, 1, 1},  {4, 4, 90, 8, 1, 1, 1},
    {5, 5, 64, 1, 1, 1, 1},  {4, 4, 128, 2, 1, 1, 1}, {4, 4, 48, 3, 1, 1, 1},  {5, 4, 96, 7, 1, 1, 1}};
constexpr Window kLinear[] = {{1, 1, 64, 10, 1, 1, 1}, {1, 1, 640, 128, 1, 1, 1}, {1, 1, 128, 64, 1, 1, 1},
                              {1, 1, 16, 19, 1, 1, 1}, {1, 1, 256, 13, 1, 1, 1},  {1, 1, 128, 8, 1, 1, 1},
                              {1, 1, 8, 128, 1, 1, 1}, {1, 1, 32, 22, 1, 1, 1},   {1, 1, 64, 2, 1, 1, 1},
                              {1, 1, 24, 3, 1, 1, 1},  {1, 1, 160, 1, 1, 1, 1},   {1, 1, 128, 7, 1, 1, 1},
                              {1, 1, 128, 6, 1, 1, 1}, {1, 1, 128, 1, 1, 1, 1},   {1, 1, 128, 3, 1, 1, 1}};
constexpr Window kDepthwise[] = {
    {25, 5, 64, 64, 3, 3, 1}, {12, 12, 8, 8, 3, 3, 1},  {12, 12, 40, 40, 3, 3, 2}, {6, 6, 12, 12, 3, 3, 1},
    {3, 3, 32, 32, 3, 3, 1},  {48, 48, 8, 8, 3, 3, 1},  {24, 24, 4, 4, 3, 3, 2},   {7, 9, 20, 20, 3, 3, 1},
    {9, 9, 11, 11, 3, 3, 1},  {6, 8, 18, 18, 3, 3, 1},  {4, 40, 8, 8, 2, 2, 1},    {40, 4, 24, 24, 3, 3, 2},
    {5, 16, 5, 5, 4, 4, 1},   {16, 5, 28, 28, 3, 2, 2}, {2, 2, 48, 48, 2, 3, 1},   {32, 8, 3, 3, 4, 3, 1}};
constexpr Window kLargeDepthwise[] = {{9, 9, 12, 12, 5, 5, 1}, {12, 8, 9, 9, 7, 7, 1},  {6, 30, 5, 5, 3, 9, 1},
                                      {20, 6, 8, 8, 9, 2, 2},  {8, 8, 16, 16, 5, 7, 2}, {4, 24, 7, 7, 1, 18, 1}};
constexpr Window kPools[] = {{8, 8, 64, 64, 8, 8, 8},    {6, 6, 16, 16, 2, 2, 2}, {3, 3, 128, 128, 3, 3, 3},
                             {25, 5, 64, 64, 25, 5, 25}, {4, 4, 24, 24, 2, 2, 2}, {6, 6, 10, 10, 1, 1, 1},
                             {12, 12, 32, 32, 4, 4, 4}};

constexpr Window kMaxPools[] = {{8, 8, 16, 16, 2, 2, 2},   {9, 7, 32, 32, 3, 3, 2},   {12, 4, 64, 64, 3, 3, 1},
                                {6, 6, 128, 128, 2, 2, 2}, {4, 10, 48, 48, 5, 3, 1},  {16, 3, 16, 16, 1, 3, 1},
                                {3, 16, 96, 96, 3, 1, 2},  {7, 7, 160, 160, 2, 2, 1}, {20, 2, 80, 80, 1, 1, 1}};

// Reads codes of `second` bits beside those of the input, and writes `out` bits.
IntegerGraph add_network(int64_t side, int64_t channels, int first, int second, int out) {
  IntegerGraph g{"timing", "timing", {layer_of("input", IntegerOp::kInput, side, side, channels, first)}};
  IntegerLayer copy = layer_of("copy", IntegerOp::kAvgPool, side, side, channels, second),
               sum = layer_of("layer", IntegerOp::kAdd, side, side, channels, out);
  copy.inputs = {0};
  sum.inputs = {0, 1};
  set_rules(copy, 1);
  set_rules(sum, 1);
  g.layers.push_back(copy);
  g.layers.push_back(sum);
  return g;
}

// Large windows say what their own pieces take and leave what they share with others to those.
constexpr double kLargeWeight = 1e-6;

// Solves the normal equations by Cholesky's method.
std::vector<double> solve(std::vector<std::vector<double>> a, std::vector<double> b) {
  const size_t n = b.size();
  for (size_t j = 0; j < n; ++j) {
    for (size_t k = 0; k < j; ++k)
      for (size_t i = j; i < n; ++i) a[i][j] -= a[i][k] * a[j][k];
    BITLOOM_CHECK(a[j][j] > 0, "calibrate: the networks do not determine the pieces");
    const double root = std::sqrt(a[j][j]);
    for (size_t i = j; i < n; ++i) a[i][j] /= root;
  }
  for (size_t i = 0; i < n; ++i) {
    for (size_t k = 0; k < i; ++k) b[i] -= a[i][k] * b[k];
    b[i] /= a[i][i];
  }
  for (size_t i = n; i-- > 0;) {
    for (size_t k = i + 1; k < n; ++k) b[i] -= a[k][i] * b[k];
    b[i] /= a[i][i];
  }
  return b;
}

}  // namespace

IntegerGraph timing_network(const LayerGeometry& shape, int in_bits, int weight_bits) {
  IntegerGraph g{"timing", "timing", {layer_of("input", IntegerOp::kInput, shape.in_h, shape.in_w, shape.in_c, in_bits)}};
  IntegerLayer layer = shape.layer;
  layer.inputs = {0};
  set_rules(layer, layer.has_weights() ? size_t(layer.c) : traits(layer.op).requantizes ? 1 : 0);
  if (layer.has_weights()) layer.groups = {{weight_bits, layer.c}};
  g.layers.push_back(layer);
  const int64_t codes = weight_bits ? codes_per_channel(g, layer) : 0;
  if (weight_bits && !one_shift_suffices(codes, in_bits, weight_bits))
    for (size_t c = 0; c < size_t(layer.c); ++c) g.layers.back().shift[c] = uint8_t(c % 2), g.layers.back().offset[c] = 1 << 30;
  g.layers.back().weights.assign(size_t(layer.c * ((codes * weight_bits + 31) / 32)), 0);
  return g;
}

LayerGeometry reference_layer(int out_bits) { return window_shape(IntegerOp::kConv2d, 16, 16, 32, 64, 3, 3, 1, out_bits); }
LayerGeometry pointwise_layer(int out_bits) { return window_shape(IntegerOp::kConv2d, 25, 5, 64, 64, 1, 1, 1, out_bits); }

std::vector<IntegerGraph> calibration_networks() {
  std::vector<IntegerGraph> all;
  size_t turn = 0;  // takes output widths in turns
  const auto add = [&](IntegerOp op, const Window& w, int in_bits, int weight_bits) {
    all.push_back(timing_network(
        window_shape(op, w.h, w.w, w.in_c, w.c, w.kh, w.kw, w.stride, kMixBits[(turn + turn / 12) % 3]), in_bits, weight_bits));
    ++turn;
  };
  const auto add_products = [&](IntegerOp op, const auto& windows) {
    for (const Window& w : windows)
      for (const int in_bits : kMixBits) {
        for (const int weight_bits : kMixBits) add(op, w, in_bits, weight_bits);
        add(op, w, in_bits, 0);
      }
  };
  add_products(IntegerOp::kConv2d, kWindows);
  add_products(IntegerOp::kConv2d, kDirect);
  add_products(IntegerOp::kLinear, kLinear);
  for (const int in_bits : kMixBits) {
    for (const Window& w : kDepthwise) add(IntegerOp::kDepthwise, w, in_bits, 8);
    for (const Window& w : kPools) {
      add(IntegerOp::kAvgPool, w, in_bits, 0);
      IntegerLayer& layer = all.back().layers.back();
      layer.pt = layer.pb = layer.pl = layer.pr = 0;
    }
    for (const int second : kMixBits)
      for (const int out : kMixBits)
        for (const int64_t side : {2, 5, 16}) all.push_back(add_network(side, 16, in_bits, second, out));
  }
  for (const int in_bits : kMixBits)
    for (const Window& w : kLargeDepthwise) add(IntegerOp::kDepthwise, w, in_bits, 8);
  for (const int in_bits : kMixBits)
    for (const Window& w : kMaxPools)
      all.push_back(
          timing_network(window_shape(IntegerOp::kMaxPool, w.h, w.w, w.in_c, w.c, w.kh, w.kw, w.stride, in_bits), in_bits, 0));
  return all;
}

double last_layer_cycles(const IntegerGraph& network) {
  CodegenOptions options;
  options.memory = 8 << 20;
  return double(simulate_layers(network, options).back().cycles);
}

std::vector<double> fit_pieces(const std::vector<IntegerGraph>& networks, const std::function<void(size_t)>& done) {
  const size_t n = size_t(piece_count());
  std::vector<std::vector<double>> normal(n, std::vector<double>(n, 0.0));
  std::vector<double> right(n, 0.0);
  for (size_t i = 0; i < networks.size(); ++i) {
    const double cycles = last_layer_cycles(networks[i]);
    std::vector<double> row(n, 0.0);
    for (const auto& [piece, times] : count_pieces(networks[i], networks[i].layers.back()))
      row[size_t(piece)] += times / cycles;
    const double weight = row[size_t(piece_index(kLargeWord))] > 0 ? kLargeWeight : 1;
    for (size_t j = 0; j < n; ++j) {
      if (row[j] == 0) continue;
      right[j] += weight * row[j];
      for (size_t k = 0; k < n; ++k) normal[j][k] += weight * row[j] * row[k];
    }
    if (done) done(i + 1);
  }
  // Small numbers rather than large ones of both signs where pieces always come together.
  for (size_t j = 0; j < n; ++j) normal[j][j] += 1e-9 * normal[j][j] + 1e-12;
  return solve(normal, right);
}

std::string pieces_text(const std::vector<double>& pieces) {
  std::string text =
      "// Cycles of the pieces of MPIC code, written by `bitloom calibrate`: [tiles of 4 pixels, of 1][three cases], as far "
      "as\n"
      "// mpic/compile/plan/pieces.h distinguishes them.\n// clang-format off\n";
  for (int p = 0; p < kPieces; ++p) {
    text += str("{\"", to_string(Piece(p)), "\", {");
    const int first = piece_index(Piece(p)), count = variants_of(Piece(p)).count();
    for (int i = 0; i < count; ++i) {
      char number[32];
      std::snprintf(number, sizeof number, "%s%.3f", i ? ", " : "", pieces[size_t(first + i)]);
      text += number;
    }
    text += "}},\n";
  }
  return text;
}

}  // namespace bitloom::mpic
