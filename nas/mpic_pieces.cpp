// What the code that MPIC runs for a layer consists of.
#include "nas/mpic_pieces.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "nas/scalar_tape.h"

namespace bitloom {
namespace {

struct PieceRow {
  Piece piece;
  const char* name;
  PieceVariants variants;
};

constexpr PieceVariants kOne{false, false}, kByTile{true, false}, kByCase{false, true}, kByBoth{true, true};

constexpr PieceRow kRows[] = {
    {kProductLayer, "product layer", kOne},
    {kTile, "tile", kByTile},
    {kGatherPixel, "gather pixel", kOne},
    {kGatherRow, "gather row", kOne},
    {kGatherWord, "gather word", kOne},
    {kBorderPixel, "border pixel", kOne},
    {kBorderTap, "border tap", kOne},
    {kBorderWord, "border word", kOne},
    {kOutsideTap, "outside tap", kOne},
    {kOutsideWord, "outside word", kOne},
    {kMisaligned, "misaligned copy", kOne},
    {kMisalignedLoad, "misaligned load", kOne},
    {kFlipTile, "flip tile", kByTile},
    {kFlipWord, "flip word", kOne},
    {kBlockRun, "block run", kByTile},
    {kSingleRun, "single run", kByTile},
    {kPlacedRun, "placed run", kOne},
    {kPlacedBlockRun, "placed block run", kByTile},
    {kPlacedSingleRun, "placed single run", kByTile},
    {kChannel, "channel", kByTile},
    {kWord, "word", kByBoth},
    {kSingle, "single channel", kByTile},
    {kSingleWord, "single word", kByBoth},
    {kShift, "shift", kOne},
    {kSingleRunWord, "single run word", kByBoth},
    {kNarrowWord, "narrow word", kByBoth},
    {kNarrowSingleWord, "narrow single word", kByBoth},
    {kNarrowSingleRunWord, "narrow single run word", kByBoth},
    {kHeldInput, "held input", kByTile},
    {kHeldChannel, "held channel", kByTile},
    {kHeldSingle, "held single channel", kByTile},
    {kHeldWord, "held word", kByBoth},
    {kConstant, "constant channel", kByTile},
    {kPlacedConstants, "placed constants", kByTile},
    {kSubByteStore, "sub-byte store", kByTile},
    {kDepthwiseLayer, "depthwise layer", kOne},
    {kPlaneWord, "plane word", kOne},
    {kGroup, "channel group", kOne},
    {kPlaneRow, "plane row", kOne},
    {kPlaneQuad, "plane quad", kOne},
    {kPlaneSpread, "plane spread", kOne},
    {kPlaneChannel, "plane channel", kOne},
    {kPlaneOutputRow, "plane output row", kOne},
    {kPlaneOutput, "plane output", kOne},
    {kPlaneInsert, "plane insert", kOne},
    {kPlaneTap, "plane tap", kOne},
    {kAddLayer, "add layer", kOne},
    {kAddChunk, "add chunk", kOne},
    {kAddCode, "add code", kOne},
    {kAddRead, "add read", kByCase},
    {kAddWrite, "add write", kByCase},
    {kPoolLayer, "pool layer", kOne},
    {kPoolChunk, "pool chunk", kOne},
    {kPoolPixel, "pool pixel", kOne},
    {kPoolRead, "pool read", kByCase},
    {kPoolWrite, "pool write", kByCase},
};
static_assert(sizeof kRows / sizeof *kRows == kPieces);

constexpr int kBits[3] = {2, 4, 8};
constexpr int64_t kLongestColumn = 2047;  // bytes: what a load's offset reaches
constexpr int64_t kHeldWords = 4;         // columns up to there stay in registers

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Counts the pieces of one layer. Sizes that depend on the kept channels are exact when all are kept; of fewer, remainders are what they are on
// average.
template <class T>
class Counter {
 public:
  Counter(const LayerGeometry& g, const LayerMix<T>& mix)
      : g_(g), l_(g.layer), mix_(mix), in_whole_(all_of(mix.kept_in, g.in_c)), out_whole_(all_of(mix.kept_out, l_.c)) {}

  PieceCounts<T> run() {
    switch (l_.op) {
      case IntegerOp::kInput: break;
      case IntegerOp::kConv2d:
      case IntegerOp::kLinear: product(); break;
      case IntegerOp::kDepthwise: depthwise(); break;
      case IntegerOp::kAdd: add(); break;
      case IntegerOp::kAvgPool: pool(); break;
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
  static T blend(const T& whole, double all, const T& fewer) { return fewer + whole * (all - fewer); }

  double pixels() const { return double(l_.h * l_.w); }
  int64_t taps() const { return l_.op == IntegerOp::kLinear ? g_.in_h * g_.in_w : l_.kh * l_.kw; }
  int64_t pixel_bytes(int a) const { return ceil_div(g_.in_c * kBits[a], 8); }
  T kept_bytes(int a) const { return mix_.kept_in * (kBits[a] / 8.0) + (8.0 / kBits[a] - 1) / 2 * (kBits[a] / 8.0); }
  // Words of `n` pixels side by side.
  T words(int64_t n, int a) const {
    return blend(in_whole_, double(ceil_div(n * pixel_bytes(a), 4)), at_least_one((kept_bytes(a) * double(n) + 1.5) * 0.25));
  }
  // The share of places, `n` pixels apart, that are no multiples of 4.
  T misaligned(int64_t n, int a) const {
    const int64_t rest = n * pixel_bytes(a) % 4;
    return blend(in_whole_, rest == 0 ? 0 : rest == 2 ? 0.5 : 0.75, 0.5);
  }
  bool is_direct() const {
    return l_.op == IntegerOp::kLinear ||
           (l_.kh == 1 && l_.kw == 1 && l_.sh == 1 && l_.sw == 1 && l_.pt + l_.pb + l_.pl + l_.pr == 0);
  }
  // How often the words of a tile's columns are loaded from where they are not aligned: only those that lie in memory may be.
  T misaligned_columns(int a) const { return is_direct() && !single_pixel_ ? misaligned(1, a) * 4.0 : T(0.0); }
  bool is_held(int a) const { return ceil_div(taps() * pixel_bytes(a), 4) <= kHeldWords; }
  // Whether weights with more bits than the (unsigned) activations turn their codes into signed ones.
  T is_flipped(int a) const {
    T wider = 0.0;
    for (int w = a + 1; w < 3; ++w) wider += mix_.runs[size_t(w) + 1].channels;
    return T(1.0) - exp_of(wider * -3.0);
  }

  void product() {
    const int64_t column = ceil_div(is_direct() ? g_.in_c : taps() * g_.in_c, 4) * 4;
    const double fours = pixels() >= 4 && std::max(column, 3 * l_.c) <= kLongestColumn ? std::floor(pixels() / 4) : 0;
    count(kProductLayer, 1.0);
    product_tiles(false, fours);
    product_tiles(true, pixels() - 4 * fours);
  }

  void product_tiles(bool single_pixel, double tiles) {
    if (tiles == 0) return;
    single_pixel_ = single_pixel, tiles_ = tiles;
    T copied = is_direct() ? 0.0 : 1.0;
    for (int a = 0; a < 3; ++a)
      if (is_direct() && !is_held(a)) copied += mix_.in[size_t(a)] * is_flipped(a);
    count(kTile, copied * tiles_);
    if (!is_direct()) gather();
    const T sub_byte = mix_.out[0] + mix_.out[1], placed = T(1.0) - copied;
    count(kConstant, mix_.runs[0].channels * tiles_);
    count(kPlacedConstants, (T(1.0) - exp_of(mix_.runs[0].channels * -3.0)) * placed * tiles_);
    count(kSubByteStore, mix_.runs[0].channels * sub_byte * tiles_);
    for (int w = 0; w < 3; ++w) {
      const ChannelRuns<T>& own = mix_.runs[size_t(w) + 1];
      count(kBlockRun, own.block_runs * copied * tiles_);
      count(kSingleRun, own.single_runs * copied * tiles_);
      count(kPlacedRun, (own.block_runs + own.single_runs) * placed);
      count(kPlacedBlockRun, own.block_runs * placed * tiles_);
      count(kPlacedSingleRun, own.single_runs * placed * tiles_);
      count(kSubByteStore, own.single * sub_byte * tiles_);
      for (int a = 0; a < 3; ++a) {
        is_held(a) ? multiply_held(a, w, own) : multiply(a, w, own);
        if (!one_shift_suffices(taps() * g_.in_c, kBits[a], kBits[w]))
          count(kShift, own.channels * mix_.in[size_t(a)] * tiles_);
      }
    }
    for (int a = 0; a < 3; ++a)
      if (is_direct() && !is_held(a)) flip(a);
  }

  void multiply(int a, int w, const ChannelRuns<T>& runs) {
    const T share = mix_.in[size_t(a)] * tiles_, blocked = runs.channels - runs.single, column = words(taps(), a);
    const int groups = std::abs(a - w), parts = 1 << groups;
    const bool narrow = a < w;
    const T passes = narrow ? column
                            : blend(in_whole_, double(ceil_div(ceil_div(taps() * pixel_bytes(a), 4), parts)),
                                    at_least_one((column + (parts - 1) / 2.0) * (1.0 / parts)));
    count(kChannel, share * blocked);
    count(kSingle, share * runs.single);
    count(narrow ? kNarrowWord : kWord, share * blocked * passes, groups);
    count(narrow ? kNarrowSingleWord : kSingleWord, share * runs.single * passes, groups);
    count(narrow ? kNarrowSingleRunWord : kSingleRunWord, share * runs.single_runs * passes, groups);
    const T loads = passes * double(narrow ? 1 : parts) * (blocked * 0.25 + runs.single_runs);
    count(kMisalignedLoad, share * loads * misaligned_columns(a) * (T(1.0) - is_flipped(a)));
  }

  void multiply_held(int a, int w, const ChannelRuns<T>& runs) {
    const T share = mix_.in[size_t(a)] * tiles_, column = words(taps(), a),
            loads = share * (runs.block_runs + runs.single_runs);
    const int groups = std::abs(a - w), parts = 1 << groups;
    const T weights = a < w ? column * double(parts)
                            : blend(in_whole_, double(ceil_div(ceil_div(taps() * pixel_bytes(a), 4), parts)),
                                    at_least_one((column + (parts - 1) / 2.0) * (1.0 / parts)));
    count(kHeldInput, loads * column);
    if (is_direct()) count(kFlipWord, loads * column * is_flipped(a) * (single_pixel_ ? 1.0 : 4.0) * (1 / 3.0));
    count(kMisalignedLoad, loads * column * misaligned_columns(a));
    count(kHeldChannel, share * (runs.channels - runs.single));
    count(kHeldSingle, share * runs.single);
    count(kHeldWord, share * runs.channels * weights, a < w ? 0 : groups);
  }

  // Columns in place, copied.
  void flip(int a) {
    const T share = mix_.in[size_t(a)] * is_flipped(a) * tiles_;
    count(kFlipTile, share);
    count(kFlipWord, share * words(taps(), a) * (single_pixel_ ? 1.0 : 4.0));
    count(kMisalignedLoad, share * words(taps(), a) * misaligned_columns(a));
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

  // Windows are spread over tiles of four pixels and of one as if they were all alike.
  void gather() {
    const auto [rows, tap_rows] = inside(l_.h, g_.in_h, l_.kh, l_.sh, l_.pt);
    const auto [columns, tap_columns] = inside(l_.w, g_.in_w, l_.kw, l_.sw, l_.pl);
    const double part = tiles_ * (single_pixel_ ? 1 : 4) / pixels(), inner = part * rows * columns,
                 inner_rows = inner * double(l_.kh), border = part * pixels() - inner,
                 border_taps = part * tap_rows * tap_columns - inner * double(taps()),
                 outside = border * double(taps()) - border_taps;
    count(kGatherPixel, inner);
    count(kGatherRow, inner_rows);
    count(kBorderPixel, border);
    count(kBorderTap, border_taps);
    count(kOutsideTap, outside);
    for (int a = 0; a < 3; ++a) {
      const T share = mix_.in[size_t(a)], row = words(l_.kw, a) * inner_rows, pixel = words(1, a);
      count(kGatherWord, share * row);
      count(kFlipWord,
            share * (row + pixel * border_taps) * is_flipped(a) * (1 / 3.0));  // a third of what a copy of its own takes
      count(kBorderWord, share * pixel * border_taps);
      count(kOutsideWord, share * pixel * outside);
      count(kMisaligned,
            share * (row * (misaligned(1, a) + misaligned(l_.kw, a)) + pixel * misaligned(1, a) * (border_taps * 2 + outside)));
    }
  }

  void depthwise() {
    const int64_t row = 4 + ceil_div(g_.in_w + l_.pr + 3, 4) * 4, plane = row * (g_.in_h + l_.pt + l_.pb);
    const double quads = double(g_.in_h * ceil_div(g_.in_w, 4));
    const T groups = blend(out_whole_, double(ceil_div(l_.c, 4)), (mix_.kept_out + 1.5) * 0.25);
    count(kDepthwiseLayer, 1.0);
    count(kPlaneWord, double(plane));
    count(kPlaneRow, groups * double(g_.in_h));
    count(kPlaneChannel, mix_.kept_out);
    count(kPlaneOutputRow, mix_.kept_out * double(l_.h));
    count(kGroup, groups);
    count(kPlaneQuad, groups * quads);
    count(kPlaneSpread, groups * (mix_.in[0] + mix_.in[1]) * double(g_.in_h * g_.in_w));
    count(kPlaneOutput, mix_.kept_out * pixels());
    count(kPlaneInsert, mix_.kept_out * (mix_.out[0] + mix_.out[1]) * pixels());
    count(kMisalignedLoad, (mix_.in[2] * misaligned(1, 2) + mix_.in[1] * misaligned(1, 1) * 0.25) * groups * (quads * 4));
    double windows = 0;  // that do not begin with a word, in a row of outputs
    for (int64_t x = 0; x < l_.w; ++x) windows += (4 - l_.pl + x * l_.sw) % 4 != 0;
    const double tap_rows = double(l_.h * l_.kh * ceil_div(l_.kw, 4));
    count(kPlaneTap, mix_.kept_out * (tap_rows * double(l_.w)));
    count(kMisalignedLoad, mix_.kept_out * (tap_rows * windows));
  }

  void add() {
    const T codes = mix_.kept_out * pixels();
    const bool stream = l_.h * l_.w * l_.c % 16 == 0;
    count(kAddLayer, 1.0);
    count(kAddChunk, blend(out_whole_, stream ? pixels() * double(l_.c) / 16 : pixels(), pixels()));
    count(kAddCode, codes);
    for (int a = 0; a < 3; ++a) {
      count(kAddRead, (mix_.in[size_t(a)] + mix_.in2[size_t(a)]) * codes, a);
      count(kAddWrite, mix_.out[size_t(a)] * codes, a);
    }
  }

  void pool() {
    const T chunks = blend(out_whole_, double(ceil_div(l_.c, 16)), (mix_.kept_out + 7.5) * (1.0 / 16));
    const double read = pixels() * double(taps());
    count(kPoolLayer, 1.0);
    count(kPoolChunk, chunks * pixels());
    count(kPoolPixel, chunks * read);
    for (int a = 0; a < 3; ++a) {
      count(kPoolRead, mix_.in[size_t(a)] * mix_.kept_out * read, a);
      count(kPoolWrite, mix_.out[size_t(a)] * mix_.kept_out * pixels(), a);
    }
  }

  const LayerGeometry& g_;
  const IntegerLayer& l_;
  const LayerMix<T>& mix_;
  const T in_whole_, out_whole_;
  double tiles_ = 0;
  bool single_pixel_ = false;
  PieceCounts<T> counts_;
};

}  // namespace

const char* to_string(Piece piece) { return kRows[piece].name; }
PieceVariants variants_of(Piece piece) { return kRows[piece].variants; }

bool one_shift_suffices(int64_t codes, int in_bits, int weight_bits) {
  return std::ldexp(double(codes), in_bits + (weight_bits - 2) + 18 + 2) < 0x1p31;
}

int piece_index(Piece piece, bool single_pixel, int which) {
  int index = 0;
  for (int p = 0; p < piece; ++p) index += kRows[p].variants.count();
  const PieceVariants v = kRows[piece].variants;
  const int tile = v.by_tile && single_pixel ? 1 : 0;
  return index + (v.by_case ? 3 * tile + which : tile);
}

int piece_count() { return piece_index(Piece(kPieces - 1)) + kRows[kPieces - 1].variants.count(); }

LayerGeometry geometry_of(const ModelSpec& spec, const LayerSpec& layer) {
  LayerGeometry g;
  IntegerLayer& l = g.layer;
  l.name = layer.name, l.h = layer.h, l.w = layer.w, l.c = layer.c;
  const auto window = [&](IntegerOp op, int64_t kh, int64_t kw, const ConvGeometry& c) {
    l.op = op, l.kh = kh, l.kw = kw, l.sh = c.sh, l.sw = c.sw, l.pt = c.pt, l.pb = c.pb, l.pl = c.pl, l.pr = c.pr;
  };
  match(
      layer.kind, [](const InputLayer&) {}, [&](const Conv2dLayer& k) { window(IntegerOp::kConv2d, k.kh, k.kw, k.geometry); },
      [&](const DepthwiseLayer& k) { window(IntegerOp::kDepthwise, k.kh, k.kw, k.geometry); },
      [&](const LinearLayer&) { l.op = IntegerOp::kLinear; }, [&](const AddLayer&) { l.op = IntegerOp::kAdd; },
      [&](const AvgPoolLayer& k) {
        window(IntegerOp::kAvgPool, k.kh, k.kw, {k.kh, k.kw, 0, 0, 0, 0});
      });
  if (layer.inputs.empty()) return g;
  const LayerSpec& in = spec.input_of(layer);
  g.in_h = in.h, g.in_w = in.w, g.in_c = in.c;
  return g;
}

LayerGeometry geometry_of(const IntegerGraph& graph, const IntegerLayer& layer) {
  LayerGeometry g;
  g.layer = layer;
  if (layer.inputs.empty()) return g;
  const IntegerLayer& in = graph.layers[size_t(layer.inputs[0])];
  g.in_h = in.h, g.in_w = in.w, g.in_c = in.c;
  return g;
}

template <class T>
PieceCounts<T> count_pieces(const LayerGeometry& geometry, const LayerMix<T>& mix) {
  return Counter<T>(geometry, mix).run();
}
template PieceCounts<double> count_pieces(const LayerGeometry&, const LayerMix<double>&);
template PieceCounts<Real> count_pieces(const LayerGeometry&, const LayerMix<Real>&);

}  // namespace bitloom
