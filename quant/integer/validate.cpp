// The promises of graph.h, checked: what passes here cannot make a backend read outside a buffer or overflow an int32.
#include <cmath>
#include <cstring>
#include <limits>

#include "core/error.h"
#include "quant/integer/graph.h"
#include "quant/integer/pack.h"

namespace bitloom {
namespace {

// Far above any network that fits a microcontroller, low enough that no product of sizes leaves int64 and that a small hostile file
// cannot make a backend ask for gigabytes: the codes of all layers and all weights, those of 0-bit channels included.
constexpr int64_t kMaxExtent = 1 << 20;
constexpr int64_t kMaxCodes = 1 << 24;

struct Range {
  int64_t lo = 0, hi = 0;
  bool fits() const { return lo >= std::numeric_limits<int32_t>::min() && hi <= std::numeric_limits<int32_t>::max(); }
  Range operator+(const Range& other) const { return {lo + other.lo, hi + other.hi}; }
  Range operator*(int64_t factor) const { return {std::min(lo * factor, hi * factor), std::max(lo * factor, hi * factor)}; }
};
std::ostream& operator<<(std::ostream& out, const Range& range) { return out << range.lo << ".." << range.hi; }

Range range_of(const QuantScheme& scheme) { return {scheme.lo(), scheme.hi()}; }

// Letters, digits and _ - . / space only: names end up in error lines, in generated C and in reports.
bool is_plain(const std::string& name) {
  for (char c : name) {
    const bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!alnum && (c == '\0' || !std::strchr("_-./ ", c))) return false;
  }
  return true;
}

class LayerCheck {
 public:
  LayerCheck(const IntegerGraph& graph, size_t index)
      : graph_(graph),
        layer_(graph.layers[index]),
        traits_(traits(layer_.op)),
        index_(index),
        where_(str("integer graph: layer ", index, " (", to_string(layer_.op), is_plain(layer_.name) ? " " + layer_.name : "",
                   "): ")) {}

  void run() const {
    BITLOOM_CHECK(is_plain(layer_.name), where_, "the name may hold letters, digits and _-./ only");
    BITLOOM_CHECK(traits_.name, where_, "op ", int(layer_.op), " does not exist");
    BITLOOM_CHECK((layer_.op == IntegerOp::kInput) == (index_ == 0), where_, "the input, and only the input, must be layer 0");
    check_scheme();
    check_inputs();
    check_extents();
    check_shape();
    check_weights();
    check_tables();
    check_ranges();
  }

 private:
  const IntegerLayer& input(size_t i = 0) const { return graph_.layers[size_t(layer_.inputs[i])]; }

  void check_scheme() const {
    const int bits = layer_.out.bits;
    const bool logits = bits == 32 && index_ > 0 && index_ + 1 == graph_.layers.size();
    BITLOOM_CHECK(bits == 2 || bits == 4 || bits == 8 || logits, where_,
                  "output bits must be 2, 4 or 8 (32 for the last layer), got ", bits);
    BITLOOM_CHECK(std::isfinite(layer_.out.scale) && layer_.out.scale > 0, where_, "output scale must be positive, got ",
                  layer_.out.scale);
  }

  void check_inputs() const {
    BITLOOM_CHECK(layer_.inputs.size() == traits_.inputs, where_, "expected ", traits_.inputs, " inputs, got ",
                  layer_.inputs.size());
    for (int32_t i : layer_.inputs) {
      BITLOOM_CHECK(i >= 0 && size_t(i) < index_, where_, "input ", i, " is not an earlier layer");
    }
  }

  void check_extents() const {
    for (int64_t extent : {layer_.h, layer_.w, layer_.c, layer_.kh, layer_.kw, layer_.sh, layer_.sw}) {
      BITLOOM_CHECK(extent >= 1 && extent <= kMaxExtent, where_, "sizes must be in 1..", kMaxExtent, ", got ", extent);
    }
    BITLOOM_CHECK(layer_.h * layer_.w <= kMaxCodes && layer_.h * layer_.w * layer_.c <= kMaxCodes, where_, "output ", layer_.h,
                  "x", layer_.w, "x", layer_.c, " has more than ", kMaxCodes, " codes");
    const bool inside = 0 <= layer_.pt && layer_.pt < layer_.kh && 0 <= layer_.pb && layer_.pb < layer_.kh && 0 <= layer_.pl &&
                        layer_.pl < layer_.kw && 0 <= layer_.pr && layer_.pr < layer_.kw;
    BITLOOM_CHECK(inside, where_, "padding (", layer_.pt, ",", layer_.pb, ",", layer_.pl, ",", layer_.pr,
                  ") must be at least 0 and smaller than the window ", layer_.kh, "x", layer_.kw);
  }

  void check_shape() const {
    using Window = OpTraits::Window;
    const bool windowed = traits_.window == Window::kSliding || traits_.window == Window::kTiles;
    BITLOOM_CHECK(windowed || (layer_.kh == 1 && layer_.kw == 1 && layer_.sh == 1 && layer_.sw == 1), where_,
                  "has no window, so kh, kw, sh and sw must be 1");
    switch (traits_.window) {
      case Window::kNone:
        for (size_t i = 0; i < layer_.inputs.size(); ++i) check_output(input(i).h, input(i).w, input(i).c);
        return;
      case Window::kWhole: return check_output(1, 1, layer_.c);
      case Window::kTiles:
        BITLOOM_CHECK(layer_.sh == layer_.kh && layer_.sw == layer_.kw && layer_.pt + layer_.pb + layer_.pl + layer_.pr == 0,
                      where_, "the stride must equal the window and the padding must be 0");
        return check_windows();
      case Window::kSliding: return check_windows();
    }
  }

  void check_windows() const {
    const IntegerLayer& in = input();
    const int64_t room_h = in.h + layer_.pt + layer_.pb - layer_.kh, room_w = in.w + layer_.pl + layer_.pr - layer_.kw;
    BITLOOM_CHECK(room_h >= 0 && room_w >= 0, where_, "window ", layer_.kh, "x", layer_.kw, " is larger than the padded input");
    BITLOOM_CHECK((in.h + layer_.pt + layer_.pb) * (in.w + layer_.pl + layer_.pr) * in.c <= 2 * kMaxCodes, where_,
                  "the padded input has more than ", 2 * kMaxCodes, " codes");
    check_output(room_h / layer_.sh + 1, room_w / layer_.sw + 1,
                 traits_.weights == OpTraits::Weights::kAllChannels ? layer_.c : in.c);
  }

  void check_output(int64_t h, int64_t w, int64_t c) const {
    BITLOOM_CHECK(layer_.h == h && layer_.w == w && layer_.c == c, where_, "expected output ", h, "x", w, "x", c, ", got ",
                  layer_.h, "x", layer_.w, "x", layer_.c);
  }

  void check_weights() const {
    const bool weighted = layer_.has_weights();
    BITLOOM_CHECK(weighted || (layer_.groups.empty() && layer_.weights.empty()), where_,
                  "takes no channel groups and no weights");
    if (!weighted) return;
    const int64_t count = codes_per_channel(graph_, layer_);
    BITLOOM_CHECK(count <= kMaxCodes / layer_.c, where_, layer_.c, " channels of ", count, " weights are more than ",
                  kMaxCodes);
    int64_t channels = 0, words = 0;
    for (const ChannelGroup& group : layer_.groups) {
      BITLOOM_CHECK(group.bits == 0 || group.bits == 2 || group.bits == 4 || group.bits == 8, where_,
                    "weight bits must be 0, 2, 4 or 8, got ", group.bits);
      BITLOOM_CHECK(group.channels >= 1 && group.channels <= layer_.c - channels, where_, "a group of ", group.channels,
                    " channels after ", channels, " does not fit ", layer_.c, " channels");
      channels += group.channels;
      words += group.channels * packed_words(count, group.bits);
    }
    BITLOOM_CHECK(channels == layer_.c, where_, "groups cover ", channels, " of ", layer_.c, " channels");
    BITLOOM_CHECK(int64_t(layer_.weights.size()) == words, where_, "expected ", words, " weight words, got ",
                  layer_.weights.size());
    check_padding_codes(count);
  }

  // A backend that multiplies whole words relies on the zeros after a channel's last code.
  void check_padding_codes(int64_t count) const {
    const uint32_t* word = layer_.weights.data();
    for (const ChannelGroup& group : layer_.groups) {
      const int64_t used = count * group.bits % 32;
      for (int64_t o = 0; o < group.channels; ++o) {
        word += packed_words(count, group.bits);
        BITLOOM_CHECK(used == 0 || word[-1] >> used == 0, where_, "the codes after a channel's last weight must be 0");
      }
    }
  }

  void check_tables() const {
    // One rule a channel, or one for all with a multiplier for each input.
    const size_t rules = layer_.has_weights()  ? size_t(layer_.c)
                         : traits_.requantizes ? 1
                                               : 0,
                 multipliers = layer_.has_weights()  ? rules
                               : traits_.requantizes ? traits_.inputs
                                                     : 0;
    BITLOOM_CHECK(layer_.multiplier.size() == multipliers && layer_.offset.size() == rules && layer_.shift.size() == rules,
                  where_, "expected ", multipliers, " multipliers, ", rules, " offsets and ", rules, " shifts, got ",
                  layer_.multiplier.size(), ", ", layer_.offset.size(), " and ", layer_.shift.size());
    for (uint8_t shift : layer_.shift) BITLOOM_CHECK(shift <= 31, where_, "shift must be in 0..31, got ", int(shift));
  }

  void check_ranges() const {
    switch (layer_.op) {
      case IntegerOp::kInput: return;
      case IntegerOp::kConv2d:
      case IntegerOp::kDepthwise:
      case IntegerOp::kLinear: return check_channels();
      case IntegerOp::kAdd: return check_sum();
      case IntegerOp::kAvgPool:
        return check_rule(range_of(input().out) * (layer_.kh * layer_.kw), layer_.multiplier[0],
                          {layer_.offset[0], layer_.offset[0]}, 0);
      case IntegerOp::kMaxPool: {
        const QuantScheme &in = input().out, &out = layer_.out;
        BITLOOM_CHECK(in.bits == out.bits && in.is_signed == out.is_signed && in.scale == out.scale, where_,
                      "gives codes of its input, so that its scheme must be its input's");
      }
    }
  }

  void check_sum() const {
    const Range second = range_of(input(1).out) * layer_.multiplier[1];
    const Range sum = second + Range{layer_.offset[0], layer_.offset[0]};
    BITLOOM_CHECK(second.fits() && sum.fits(), where_, "the second product ", second, " plus offset ", layer_.offset[0],
                  " can leave int32; use a smaller multiplier and shift");
    check_rule(range_of(input().out), layer_.multiplier[0], sum, 0);
  }

  // Every tap's range holds 0, since every input's does: the sum of the ranges also bounds windows that hang over the border, and
  // every partial sum in any order.
  void check_channels() const {
    const int64_t count = codes_per_channel(graph_, layer_);
    const std::vector<int8_t> codes = unpack_weights(graph_, layer_);
    const Range in = range_of(input().out);
    for (int64_t o = 0; o < layer_.c; ++o) {
      Range acc;
      for (const int8_t *code = &codes[size_t(o * count)], *end = code + count; code < end; ++code) {
        acc = acc + in * *code;
      }
      check_rule(acc, layer_.multiplier[size_t(o)], {layer_.offset[size_t(o)], layer_.offset[size_t(o)]}, o);
    }
  }

  void check_rule(const Range& acc, int32_t multiplier, const Range& offset, int64_t channel) const {
    BITLOOM_CHECK(acc.fits(), where_, "channel ", channel, ": the accumulator range ", acc, " leaves int32; use fewer bits");
    const Range product = acc * multiplier;
    BITLOOM_CHECK(product.fits() && (product + offset).fits(), where_, "channel ", channel, ": accumulator ", acc, " times ",
                  multiplier, " plus ", offset, " can leave int32; use a smaller multiplier and shift");
  }

  const IntegerGraph& graph_;
  const IntegerLayer& layer_;
  const OpTraits traits_;
  size_t index_;
  std::string where_;
};

}  // namespace

void IntegerGraph::validate() const {
  BITLOOM_CHECK(!layers.empty(), "integer graph: no layers");
  BITLOOM_CHECK(is_plain(model) && is_plain(task),
                "integer graph: model and task names may hold letters, digits and _-./ only");
  int64_t codes = 0;
  for (size_t i = 0; i < layers.size(); ++i) {
    LayerCheck(*this, i).run();
    codes += layers[i].h * layers[i].w * layers[i].c + layers[i].c * codes_per_channel(*this, layers[i]);
    BITLOOM_CHECK(codes <= kMaxCodes, "integer graph: layers 0 to ", i, " have more than ", kMaxCodes, " codes and weights");
  }
}

}  // namespace bitloom
