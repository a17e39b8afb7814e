// How often each piece of a layer's code runs.
#include <algorithm>
#include <cmath>

#include "core/scalar_tape.h"
#include "mpic/compile/plan/pieces.h"

namespace bitloom::mpic {
namespace {

double value_of(double x) { return x; }
double value_of(const Real& x) { return x.value(); }

// The case of a piece that depends on the words of the wider operand to one of the narrower: 1, 2 or 4.
int case_of_parts(int parts) { return parts == 4 ? 2 : parts - 1; }

// Counts the pieces of one layer. Sizes that depend on the kept channels are exact when all are kept; of fewer, remainders are what they are on
// average. What the plan decides by activation and output bits is weighed by their shares.
template <class T>
class Counter {
 public:
  Counter(const LayerGeometry& g, const LayerMix<T>& mix, const KernelLimits& limits)
      : g_(g),
        l_(g.layer),
        mix_(mix),
        limits_(limits),
        in_whole_(all_of(mix.kept_in, g.in_c)),
        out_whole_(all_of(mix.kept_out, l_.c)) {}

  PieceCounts<T> run() {
    switch (kernel_of(l_.op)) {
      case Kernel::kNone: break;
      case Kernel::kProduct: product(); break;
      case Kernel::kDepthwise: depthwise(); break;
      case Kernel::kAdd: add(); break;
      case Kernel::kPool: pool(); break;
      case Kernel::kMaxPool: max_pool(); break;
    }
    return std::move(counts_);
  }

 private:
  void count(Piece piece, const T& times, int which = 0) {
    counts_.emplace_back(piece_index(piece, single_pixel_, which), times);
  }

  static T exp_of(const T& x) {
    using std::exp;
    return exp(x);
  }
  // Close to 1 when all channels are kept, to 0 as soon as one is not.
  static T all_of(const T& kept, int64_t channels) { return exp_of((kept - double(channels)) * 3.0); }
  // A rounded-up number is 1 at least.
  static T at_least_one(const T& x) {
    using std::pow;
    const T fourth = x * x * x * x;
    return pow(fourth * fourth + 1.0, 0.125);
  }
  static T blend(const T& whole, const T& all, const T& fewer) { return fewer + whole * (all - fewer); }
  // The share of the widths in `mix` of which `holds` is true; 1 or 0 where those that have a share agree.
  template <class Holds>
  static T share_where(const std::array<T, 3>& mix, const Holds& holds) {
    T share = 0.0;
    bool some = false, others = false;
    for (size_t i = 0; i < mix.size(); ++i) {
      if (value_of(mix[i]) == 0) continue;
      const bool held = holds(int(i));
      (held ? some : others) = true;
      if (held) share += mix[i];
    }
    return some && others ? share : T(some ? 1.0 : 0.0);
  }

  double pixels() const { return double(l_.h * l_.w); }
  double taps() const {
    return traits(l_.op).window == OpTraits::Window::kWhole ? double(g_.in_h * g_.in_w) : double(l_.kh * l_.kw);
  }
  T kept_bytes(int a) const { return mix_.kept_in * (kMixBits[a] / 8.0) + (8.0 / kMixBits[a] - 1) / 2 * (kMixBits[a] / 8.0); }
  // Words of `n` pixels side by side.
  T words(int64_t n, int a) const {
    return blend(in_whole_, double(ceil_div(n * pixel_bytes(g_.in_c, kMixBits[a]), 4)),
                 at_least_one((kept_bytes(a) * double(n) + 1.5) * 0.25));
  }
  // The share of places, `n` pixels apart, that are no multiples of 4.
  T misaligned(int64_t n, int a) const {
    const int64_t rest = n * pixel_bytes(g_.in_c, kMixBits[a]) % 4;
    return blend(in_whole_, rest == 0 ? 0 : rest == 2 ? 0.5 : 0.75, 0.5);
  }

  ColumnPlan columns(int a, bool wider_weights, int o) const {
    return plan_columns(g_, {kMixBits[a], l_.out.bits == 32 ? 32 : kMixBits[o], wider_weights, true, limits_});
  }
  // What does not depend on the output.
  const ColumnPlan& columns(int a) const { return columns_[size_t(a)]; }
  bool in_place() const { return columns(2).in_place; }
  // How often the words of a tile's columns are loaded from where they are not aligned: only those that lie in memory may be.
  T misaligned_columns(int a) const { return in_place() && !single_pixel_ ? misaligned(1, a) * double(kTilePixels) : T(0.0); }
  double tile_pixels() const { return single_pixel_ ? 1 : kTilePixels; }
  // Whether weights with more bits than the (unsigned) activations turn their codes into signed ones.
  T is_flipped(int a) const {
    if (g_.signed_in) return 0.0;
    T wider = 0.0;
    for (int w = a + 1; w < 3; ++w) wider += mix_.runs[size_t(w) + 1].channels;
    return T(1.0) - exp_of(wider * -3.0);
  }
  // Whether columns in place are copied for that.
  bool copies_flipped(int a) const { return in_place() && columns(a, true, 2).copied(); }

  // The share of activations of kMixBits[a] bits whose pixels are done in tiles.
  T tiled(int a) const {
    const auto with = [&](bool wider) {
      return share_where(mix_.out, [&](int o) { return columns(a, wider, o).pixels == kTilePixels; });
    };
    const T plain = with(false), wider = with(true);
    return value_of(plain) == value_of(wider) ? plain : plain + is_flipped(a) * (wider - plain);
  }

  void product() {
    std::array<T, 3> share;
    for (int a = 0; a < 3; ++a) {
      columns_[size_t(a)] = columns(a, false, 2);
      share[size_t(a)] = tiled(a);
    }
    const double tiles = std::floor(pixels() / kTilePixels);
    for (const bool single : {false, true}) {
      single_pixel_ = single;
      for (size_t a = 0; a < 3; ++a) tiles_by_[a] = single ? pixels() - share[a] * (tiles * kTilePixels) : share[a] * tiles;
      product_tiles();
    }
  }

  void product_tiles() {
    T all = 0.0;
    double least = HUGE_VAL, most = 0;
    for (size_t a = 0; a < 3; ++a) {
      if (value_of(mix_.in[a]) == 0) continue;
      all += mix_.in[a] * tiles_by_[a];
      least = std::min(least, value_of(tiles_by_[a])), most = std::max(most, value_of(tiles_by_[a]));
    }
    if (most == 0) return;
    tiles_ = least == most ? T(most) : all;
    count(kTiles, least > 0 ? T(1.0) : all * (1 / most));
    count(kTile, tiles_);
    if (!in_place()) gather();
    const T sub_byte = mix_.out[0] + mix_.out[1];
    constants();
    for (int w = 0; w < 3; ++w) {
      const ChannelRuns<T>& own = mix_.runs[size_t(w) + 1];
      count(kBlockRun, own.block_runs * tiles_);
      count(kSingleRun, own.single_runs * tiles_);
      count(kSubByteStore, own.single * sub_byte * tiles_);
      for (int a = 0; a < 3; ++a) {
        columns(a).held ? multiply_held(a, w, own) : multiply(a, w, own);
        if (!one_shift_suffices(int64_t(taps()) * g_.in_c, kMixBits[a], kMixBits[w]))
          count(kShift, own.channels * mix_.in[size_t(a)] * tiles_by_[size_t(a)]);
      }
    }
    for (int a = 0; a < 3; ++a)
      if (copies_flipped(a)) flip(a);
  }

  // Channels without weights: whole bytes of codes, and codes that share a byte with others.
  void constants() {
    const T& channels = mix_.runs[0].channels;
    const T all = all_of(channels, l_.c), some = T(1.0) - exp_of(channels * -3.0);
    for (int o = 0; o < 3; ++o) {
      const int64_t per_byte = block_alignment(kMixBits[o]), rest = l_.c % per_byte;
      const T share = mix_.out[size_t(o)] * tiles_, inside = channels / (channels + (double(per_byte - 1) + 1e-9));
      const T bytes = blend(all, double(l_.c / per_byte), channels * inside * (1.0 / double(per_byte)));
      const T single = blend(all, double(rest), channels * (T(1.0) - inside));
      count(kConstantRun, share * blend(all, double((l_.c >= per_byte) + (rest > 0)), some * double(per_byte > 1 ? 2 : 1)));
      count(kConstant, share * (bytes + single));
      count(kSubByteStore, share * single);
    }
  }

  T column_words(int a) const { return words(int64_t(taps()), a); }
  // Words of the narrower operand.
  T passes(int a, const Pairing& pairing) const {
    if (pairing.narrow_inputs) return column_words(a);
    return blend(in_whole_, double(pairing.passes),
                 at_least_one((column_words(a) + (pairing.parts - 1) / 2.0) * (1.0 / pairing.parts)));
  }

  void multiply(int a, int w, const ChannelRuns<T>& runs) {
    const Pairing pairing = pair_words(columns(a), kMixBits[w]);
    const T share = mix_.in[size_t(a)] * tiles_by_[size_t(a)], blocked = runs.channels - runs.single,
            words = passes(a, pairing);
    const bool narrow = pairing.narrow_inputs;
    const int which = case_of_parts(pairing.parts);
    count(kChannel, share * blocked);
    count(kSingle, share * runs.single);
    count(narrow ? kNarrowWord : kWord, share * blocked * words, which);
    count(narrow ? kNarrowSingleWord : kSingleWord, share * runs.single * words, which);
    count(narrow ? kNarrowSingleRunWord : kSingleRunWord, share * runs.single_runs * words, which);
    const T loads = words * double(pairing.input_words()) * (blocked * (1.0 / kBlockChannels) + runs.single_runs);
    count(kMisalignedLoad, share * loads * misaligned_columns(a) * (T(1.0) - is_flipped(a)));
  }

  void multiply_held(int a, int w, const ChannelRuns<T>& runs) {
    const Pairing pairing = pair_words(columns(a), kMixBits[w]);
    const T share = mix_.in[size_t(a)] * tiles_by_[size_t(a)], column = column_words(a),
            loads = share * (runs.block_runs + runs.single_runs);
    const T weights = passes(a, pairing) * double(pairing.weight_words());
    count(kHeldInput, loads * column);
    if (in_place()) count(kFlipWord, loads * column * is_flipped(a) * tile_pixels() * (1 / 3.0));
    count(kMisalignedLoad, loads * column * misaligned_columns(a));
    count(kHeldChannel, share * (runs.channels - runs.single));
    count(kHeldSingle, share * runs.single);
    count(kHeldWord, share * runs.channels * weights, pairing.narrow_inputs ? 0 : case_of_parts(pairing.parts));
  }

  // Columns in place, copied.
  void flip(int a) {
    const T share = mix_.in[size_t(a)] * is_flipped(a) * tiles_by_[size_t(a)];
    count(kFlipTile, share);
    count(kFlipWord, share * column_words(a) * tile_pixels());
    count(kMisalignedLoad, share * column_words(a) * misaligned_columns(a));
  }

  // Windows along one axis: how many lie inside, and how many of all their taps do.
  static std::pair<double, double> inside(int64_t out, int64_t in, int64_t k, int64_t stride, int64_t pad) {
    int64_t windows = 0, covered = 0;
    for (int64_t o = 0; o < out; ++o) {
      const int64_t begin = o * stride - pad, end = begin + k;
      windows += begin >= 0 && end <= in;
      covered += std::max<int64_t>(0, std::min(end, in) - std::max<int64_t>(begin, 0));
    }
    return {double(windows), double(covered)};
  }

  // Windows are spread over tiles of four pixels and of one as if they were all alike: those of `part` of all pixels.
  struct Windows {
    T inner, inner_rows, border, border_taps, outside;
  };
  Windows windows(const T& part) const {
    const auto [rows, tap_rows] = inside(l_.h, g_.in_h, l_.kh, l_.sh, l_.pt);
    const auto [columns, tap_columns] = inside(l_.w, g_.in_w, l_.kw, l_.sw, l_.pl);
    const T inner = part * rows * columns, border = part * pixels() - inner,
            border_taps = part * tap_rows * tap_columns - inner * taps();
    return {inner, inner * double(l_.kh), border, border_taps, border * taps() - border_taps};
  }

  void gather() {
    const auto of_tiles = [&](const T& tiles) { return windows(tiles * tile_pixels() / pixels()); };
    const Windows all = of_tiles(tiles_);
    count(kGatherPixel, all.inner);
    count(kGatherRow, all.inner_rows);
    count(kBorderPixel, all.border);
    count(kBorderTap, all.border_taps);
    count(kOutsideTap, all.outside);
    for (int a = 0; a < 3; ++a) {
      const Windows own = of_tiles(tiles_by_[size_t(a)]);
      const T share = mix_.in[size_t(a)], row = words(l_.kw, a) * own.inner_rows, pixel = words(1, a);
      count(kGatherWord, share * row);
      count(kFlipWord,
            share * (row + pixel * own.border_taps) * is_flipped(a) * (1 / 3.0));  // a third of what a copy of its own takes
      count(kBorderWord, share * pixel * own.border_taps);
      count(kOutsideWord, share * pixel * own.outside);
      count(kMisaligned, share * (row * (misaligned(1, a) + misaligned(l_.kw, a)) +
                                  pixel * misaligned(1, a) * (own.border_taps * 2 + own.outside)));
    }
  }

  void depthwise() {
    const PlanePlan plane = plan_planes(g_, limits_);
    const double quads = double(g_.in_h * ceil_div(g_.in_w, 4));
    const T groups = blend(out_whole_, double(ceil_div(l_.c, 4)), (mix_.kept_out + 1.5) * 0.25);
    count(kDepthwiseLayer, 1.0);
    count(kPlaneWord, double(plane.bytes));
    count(kPlaneRow, groups * double(g_.in_h));
    count(kPlaneChannel, mix_.kept_out);
    count(kPlaneOutputRow, mix_.kept_out * double(l_.h));
    count(kGroup, groups);
    count(kPlaneQuad, groups * quads);
    count(kPlaneSpread, groups * (mix_.in[0] + mix_.in[1]) * double(g_.in_h * g_.in_w));
    count(plane.in_registers ? kPlaneOutput : kLargeOutput, mix_.kept_out * pixels());
    count(kPlaneInsert, mix_.kept_out * (mix_.out[0] + mix_.out[1]) * pixels());
    count(kMisalignedLoad, (mix_.in[2] * misaligned(1, 2) + mix_.in[1] * misaligned(1, 1) * 0.25) * groups * (quads * 4));
    double windows = 0;  // that do not begin with a word, in a row of outputs
    for (int64_t x = 0; x < l_.w; ++x) windows += (plane.margin - l_.pl + x * l_.sw) % 4 != 0;
    const double tap_rows = double(l_.h * l_.kh * plane.window_words);
    if (plane.in_registers) {
      count(kPlaneTap, mix_.kept_out * (tap_rows * double(l_.w)));
    } else {
      count(kLargeRow, mix_.kept_out * (pixels() * double(l_.kh)));
      count(kLargeWord, mix_.kept_out * (tap_rows * double(l_.w)));
    }
    count(kMisalignedLoad, mix_.kept_out * (tap_rows * windows));
  }

  void add() {
    const T codes = mix_.kept_out * pixels();
    const auto dense = [&](const std::array<T, 3>& mix) {
      return share_where(mix, [&](int i) { return is_dense(l_.c, kMixBits[i]); });
    };
    const auto chunks = [&](bool packed) { return double(plan_add(l_, packed, limits_).chunks); };
    const T packed = dense(mix_.in) * dense(mix_.in2) * dense(mix_.out);
    count(kAddLayer, 1.0);
    count(kAddChunk, blend(out_whole_, packed * (chunks(true) - chunks(false)) + chunks(false), pixels()));
    count(kAddCode, codes);
    for (int a = 0; a < 3; ++a) {
      count(kAddRead, (mix_.in[size_t(a)] + mix_.in2[size_t(a)]) * codes, a);
      count(kAddWrite, mix_.out[size_t(a)] * codes, a);
    }
  }

  void pool() {
    const T chunks =
        blend(out_whole_, double(ceil_div(l_.c, kChunkCodes)), (mix_.kept_out + (kChunkCodes - 1) / 2.0) * (1.0 / kChunkCodes));
    const double read = pixels() * taps();
    count(kPoolLayer, 1.0);
    count(kPoolChunk, chunks * pixels());
    count(kPoolPixel, chunks * read);
    for (int a = 0; a < 3; ++a) {
      count(kPoolRead, mix_.in[size_t(a)] * mix_.kept_out * read, a);
      count(kPoolWrite, mix_.out[size_t(a)] * mix_.kept_out * pixels(), a);
    }
  }

  void max_pool() {
    const double tap_rows = inside(l_.h, g_.in_h, l_.kh, l_.sh, l_.pt).second,
                 tap_columns = inside(l_.w, g_.in_w, l_.kw, l_.sw, l_.pl).second, taps_read = tap_rows * tap_columns;
    count(kMaxPoolLayer, 1.0);
    count(kMaxPoolLine, double(l_.h));
    count(kMaxPoolPixel, pixels());
    for (int a = 0; a < 3; ++a) {
      const T share = mix_.in[size_t(a)], own = words(1, a);
      const int64_t all = ceil_div(pixel_bytes(g_.in_c, kMixBits[a]), 4);
      const T chunks = share * blend(in_whole_, double(ceil_div(all, kMaxPoolWords)),
                                     at_least_one((own + (kMaxPoolWords - 1) / 2.0) * (1.0 / kMaxPoolWords)));
      count(kMaxPoolChunk, chunks * pixels());
      count(kMaxPoolRow, chunks * (tap_rows * double(l_.w)));
      count(kMaxPoolTap, chunks * taps_read);
      count(kMaxPoolWord, share * own * taps_read);
      count(kMaxPoolStore, share * own * pixels());
      count(kMisalignedLoad, share * own * misaligned(1, a) * (taps_read + pixels()));
    }
  }

  const LayerGeometry& g_;
  const IntegerLayer& l_;
  const LayerMix<T>& mix_;
  const KernelLimits& limits_;
  const T in_whole_, out_whole_;
  std::array<ColumnPlan, 3> columns_;  // by activation bits
  T tiles_ = 0.0;                      // of the width that is being counted
  std::array<T, 3> tiles_by_{};        // the same by activation bits
  bool single_pixel_ = false;
  PieceCounts<T> counts_;
};

}  // namespace

template <class T>
PieceCounts<T> count_pieces(const LayerGeometry& geometry, const LayerMix<T>& mix, const KernelLimits& limits) {
  return Counter<T>(geometry, mix, limits).run();
}
template PieceCounts<double> count_pieces(const LayerGeometry&, const LayerMix<double>&, const KernelLimits&);
template PieceCounts<Real> count_pieces(const LayerGeometry&, const LayerMix<Real>&, const KernelLimits&);

PieceCounts<double> count_pieces(const IntegerGraph& graph, const IntegerLayer& layer, const KernelLimits& limits) {
  if (layer.inputs.empty()) return {};
  const IntegerLayer& in = graph.layers[size_t(layer.inputs[0])];
  const auto certain = [&](const QuantScheme& s) {
    std::array<double, 3> shares{};
    shares[size_t(bits_index(std::min(s.bits, 8), layer.name))] = 1;
    return shares;
  };
  LayerMix<double> mix;
  mix.in = certain(in.out);
  mix.in2 = certain(graph.layers[size_t(layer.inputs.back())].out);
  mix.out = certain(layer.out);
  mix.kept_in = double(in.c);
  mix.kept_out = double(layer.c);
  for (const ChannelRun& run : split_channels(layer.groups, layer.out.bits)) {
    ChannelRuns<double>& runs = mix.runs[run.bits == 0 ? 0 : size_t(bits_index(run.bits, layer.name)) + 1];
    runs.channels += double(run.channels);
    (run.blocks ? runs.block_runs : runs.single_runs) += 1;
    if (!run.blocks) runs.single += double(run.channels);
  }
  return count_pieces(geometry_of(graph, layer), mix, limits);
}

}  // namespace bitloom::mpic
