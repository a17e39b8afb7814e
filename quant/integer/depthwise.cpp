// Depthwise convolution of the interpreter.
//
//   for each image, for each row of positions, for each kCodes of its codes:
//     for each four taps: their codes, kCodes channels each, are interleaved so that a lane holds four taps of one channel
//       sum[quarter of the channels] += those . the channel's four weights
//     requantize, narrow to bytes (which undoes the interleaving), store
//
// With few channels (8, 16, .. below kCodes) a vector spans several pixels: a row of positions is one run of codes, gathered pixel by
// pixel where the stride is 2. Otherwise a run is one pixel, and its last vector may be partly used.
#include "quant/integer/rules.h"

namespace bitloom::integer {
namespace {

bool runs_along_rows(const Prepared& p) {
  return kCodes % p.in_c == 0 && p.in_c < kCodes && (p.sw == 1 || (p.in_c >= 8 && p.sw * kCodes <= kSlack));
}
int64_t tap_groups(const Prepared& p) { return (p.kh * p.kw + 3) / 4; }

// Where lane `lane` of vector `vector` of interleaved channels comes from.
int64_t channel_of(int64_t vector, int64_t lane) { return vector / 4 * kCodes + lane / 4 * 16 + vector % 4 * 4 + lane % 4; }

template <int kSize>
struct BytesOf {
  typedef uint8_t Type __attribute__((vector_size(kSize)));
};

// kSize bytes in pieces of kPiece that are `step` apart.
template <int kPiece, int kSize = kCodes>
inline typename BytesOf<kSize>::Type gather(const uint8_t* x, int64_t step) {
  if constexpr (kPiece >= kSize) {
    return load<typename BytesOf<kSize>::Type>(x);
  } else {
    return join(gather<kPiece, kSize / 2>(x, step), gather<kPiece, kSize / 2>(x + kSize / 2 / kPiece * step, step),
                std::make_integer_sequence<int, kSize>());
  }
}

// The `run` codes of a run, whose first taps are at x in pieces of kPiece that are `step` apart. `repeat`: all vectors of codes have the
// same channels, else each the next ones.
template <int kPiece, class Out>
inline void sum_run(const uint8_t* x, int64_t run, int64_t step, const std::vector<int64_t>& taps, const Prepared& p,
                    bool repeat, Out* out) {
  const Weight* weights = p.weights.data();
  const int32_t* rules = p.rules.data();
  for (int64_t at = 0; at < run; at += kCodes, x += kCodes / kPiece * step) {
    if (repeat) weights = p.weights.data(), rules = p.rules.data();
    Vec sum[4] = {};
    for (size_t t = 0; t < taps.size(); t += 4) {
      Bytes tap[4];
      for (size_t j = 0; j < 4; ++j) tap[j] = gather<kPiece>(x + taps[t + j], step);
      Vec channels[4];
      interleave(tap, channels);
      for (int q = 0; q < 4; ++q, weights += kCodes) sum[q] = dot(sum[q], fours(channels[q]), load_weights(weights));
    }
    for (int q = 0; q < 4; ++q, rules += kRule) sum[q] = apply_rule(sum[q], rules);
    store_interleaved(sum, p.limits, run - at, out + at);
  }
}

}  // namespace

Prepared prepare_depthwise(const IntegerLayer& layer, const IntegerLayer& in, const std::vector<int8_t>& codes) {
  Prepared p = shapes_of(layer, in);
  const int64_t taps = p.kh * p.kw, vectors = round_up(p.in_c, kCodes) / kLanes;
  p.weights = TensorT<Weight>(Shape{vectors / 4, tap_groups(p), 4, kCodes}, Weight(0));
  p.rules = TensorT<int32_t>(Shape{vectors, kRule}, 0);
  for (int64_t i = 0; i < vectors * kLanes; ++i) {
    int64_t o = channel_of(i / kLanes, i % kLanes), sum = 0;
    if (runs_along_rows(p)) o %= p.in_c;
    if (o >= p.in_c) continue;
    Weight* group = p.weights.data() + (i / kCodes * tap_groups(p) * 4 + i / kLanes % 4) * kCodes;
    for (int64_t t = 0; t < taps; ++t) {
      const int8_t code = codes[size_t(o * taps + t)];
      group[t / 4 * 4 * kCodes + weight_place(i % kLanes, t % 4)] = code;
      sum += code;
    }
    const size_t rule = size_t(o);
    set_rule(p, i, layer.multiplier[rule], layer.offset[rule], layer.shift[rule], -in.out.lo() * sum);
  }
  return p;
}

template <class Out>
void depthwise(const uint8_t* images, int64_t count, const Prepared& p, Out* out) {
  const bool rows = runs_along_rows(p);
  const int64_t run = rows ? p.out_w * p.in_c : p.in_c, runs = rows ? 1 : p.out_w, step = p.sw * p.in_c;
  const bool gathers = rows && p.sw > 1;
  const auto sum = gathers && p.in_c == 8    ? sum_run<8, Out>
                   : gathers && p.in_c == 16 ? sum_run<16, Out>
                   : gathers && p.in_c == 32 ? sum_run<32, Out>
                                             : sum_run<kCodes, Out>;
  std::vector<int64_t> taps(size_t(tap_groups(p) * 4), 0);  // those beyond the window have zero weights
  for (int64_t t = 0; t < p.kh * p.kw; ++t) taps[size_t(t)] = (t / p.kw * p.in_w + t % p.kw) * p.in_c;
  for (int64_t y = 0; y < count * p.out_h; ++y) {
    const uint8_t* x = images + y / p.out_h * padded_size(p) + y % p.out_h * p.sh * p.in_w * p.in_c;
    for (int64_t r = 0; r < runs; ++r, x += step, out += run) sum(x, run, gathers ? step : kCodes, taps, p, rows, out);
  }
}
template void depthwise(const uint8_t*, int64_t, const Prepared&, uint8_t*);
template void depthwise(const uint8_t*, int64_t, const Prepared&, int32_t*);

}  // namespace bitloom::integer
