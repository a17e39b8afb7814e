// Convolution and linear layers of the interpreter.
//
//   for each strip of up to kBlocks vectors of output channels:  its weights, [block][kh][group of four][lane], stay in the first cache
//     for each kPixels positions, over all images:               the sums of pixels x blocks are registers
//       for ky, for each four codes of the window's row:         kw * in_c successive bytes; zero weights fill the last four
//         sum[pixel][block] += the pixel's four codes, in every lane, . four weights of each channel
//       requantize, narrow to bytes, store
//
// A linear layer is the window that covers the whole image: its positions are the images, which share every load of weights.
#include <limits>

#include "quant/integer/rules.h"

namespace bitloom::integer {
namespace {

constexpr int kBlocks = 4;
template <int Blocks>
constexpr int kPixels = std::min(8, kAccumulators / Blocks);

int64_t groups_of(const Prepared& p) { return (p.kw * p.in_c + 3) / 4; }

// The first codes of the windows, position after position, image after image.
class Positions {
 public:
  Positions(const uint8_t* images, const Prepared& p)
      : step_(p.sw * p.in_c),
        line_(p.sh * p.in_w * p.in_c),
        size_(padded_size(p)),
        row_(images),
        image_(images),
        out_w_(p.out_w),
        out_h_(p.out_h) {
    // Lines without gaps between them (1x1) are one.
    if (step_ * out_w_ == line_ && line_ * out_h_ == size_) out_w_ = std::numeric_limits<int64_t>::max();
  }

  // The next `count`, repeated to kCount.
  template <int kCount>
  void take(int64_t count, const uint8_t** pixel) {
    if (count == kCount && x_ + kCount <= out_w_) {
      for (int n = 0; n < kCount; ++n) pixel[n] = row_ + (x_ + n) * step_;
      x_ += kCount;
      if (x_ == out_w_) next_line();
      return;
    }
    for (int n = 0; n < kCount; ++n) {
      pixel[n] = n < count ? row_ + x_++ * step_ : pixel[0];
      if (x_ == out_w_) next_line();
    }
  }

 private:
  void next_line() {
    x_ = 0;
    row_ += line_;
    if (++y_ == out_h_) y_ = 0, row_ = image_ += size_;
  }

  int64_t step_, line_, size_;
  const uint8_t *row_, *image_;
  int64_t out_w_, out_h_, x_ = 0, y_ = 0;
};

// `block`: Weights from one block to the next.
template <int Blocks>
inline void sum_tile(const uint8_t* const* pixel, const Prepared& p, const Weight* weights, int64_t block,
                     Vec (&out)[kPixels<Blocks>][Blocks]) {
  const int64_t groups = groups_of(p), stride = p.in_w * p.in_c;
  Vec sum[kPixels<Blocks>][Blocks] = {};
  for (int64_t ky = 0; ky < p.kh; ++ky) {
    for (int64_t i = 0; i < groups; ++i, weights += kCodes) {
      Fours w[Blocks];
      for (int b = 0; b < Blocks; ++b) w[b] = load_weights(weights + b * block);
      for (int n = 0; n < kPixels<Blocks>; ++n) {
        const Fours x = fours(Vec{} + load<int32_t>(pixel[n] + ky * stride + 4 * i));
        for (int b = 0; b < Blocks; ++b) sum[n][b] = dot(sum[n][b], x, w[b]);
      }
    }
  }
  std::memcpy(out, sum, sizeof sum);
}

// `count` channels of `pixels` pixels, which are out_c apart. Bytes beyond the strip's channels belong to the next pixels or to the slack:
// strips run from the last to the first and positions from the first to the last, so all are written again or not used.
template <int Blocks>
inline void store_tile(const Vec (&results)[kPixels<Blocks>][Blocks], Limits limits, int64_t pixels, int64_t, int64_t out_c,
                       uint8_t* out) {
  constexpr int kTile = kPixels<Blocks>, kWidth = Blocks * kLanes;
  static_assert(kTile * Blocks % 4 == 0);
  uint8_t codes[kTile * kWidth];
  for (int i = 0; i < kTile * Blocks; i += 4) {
    const Bytes four = in_order(narrow(&results[0][0] + i, limits), std::make_integer_sequence<int, kLanes>());
    std::memcpy(codes + i * kLanes, &four, sizeof four);
  }
  for (int64_t n = 0; n < pixels; ++n) std::memcpy(out + n * out_c, codes + n * kWidth, kWidth);
}
template <int Blocks>
inline void store_tile(const Vec (&results)[kPixels<Blocks>][Blocks], Limits limits, int64_t pixels, int64_t count,
                       int64_t out_c, int32_t* out) {
  for (int64_t n = 0; n < pixels; ++n) {
    for (int b = 0; b < Blocks; ++b) {
      const Vec codes = clamp(results[n][b], limits);
      const int64_t left = std::min<int64_t>(kLanes, count - b * kLanes);
      std::memcpy(out + n * out_c + b * kLanes, &codes, size_t(left) * sizeof(int32_t));
    }
  }
}

// All positions of the strip whose first channel is `first`.
template <int Blocks, class Out>
void conv2d_strip(const uint8_t* images, int64_t positions, const Prepared& p, int64_t first, Out* out) {
  constexpr int kTile = kPixels<Blocks>;
  constexpr int64_t kWidth = Blocks * kLanes;
  static_assert(kTile * Blocks % 4 == 0);
  const int64_t block = p.kh * groups_of(p) * kCodes, count = std::min(kWidth, p.out_c - first);
  const Weight* weights = p.weights.data() + first / kLanes * block;
  const int32_t* rules = p.rules.data() + first / kLanes * kRule;
  Positions position(images, p);
  const uint8_t* pixel[kTile];
  Vec sum[kTile][Blocks];
  for (int64_t at = 0; at < positions; at += kTile) {
    const int64_t pixels = std::min<int64_t>(kTile, positions - at);
    position.take<kTile>(pixels, pixel);
    sum_tile<Blocks>(pixel, p, weights, block, sum);
    for (int n = 0; n < kTile; ++n) {
      for (int b = 0; b < Blocks; ++b) sum[n][b] = apply_rule(sum[n][b], rules + b * kRule);
    }
    store_tile<Blocks>(sum, p.limits, pixels, count, p.out_c, out + at * p.out_c + first);
  }
}

}  // namespace

Prepared prepare_conv2d(const IntegerLayer& layer, const IntegerLayer& in, const std::vector<int8_t>& codes) {
  Prepared p = shapes_of(layer, in);
  if (layer.op == IntegerOp::kLinear) p.in_c = in.h * in.w * in.c, p.in_h = p.in_w = 1;
  const int64_t run = p.kw * p.in_c, groups = groups_of(p), vectors = round_up(p.out_c, kLanes) / kLanes;
  p.weights = TensorT<Weight>(Shape{vectors, p.kh * groups, kCodes}, Weight(0));
  p.rules = TensorT<int32_t>(Shape{vectors, kRule}, 0);
  const int8_t* code = codes.data();
  for (int64_t o = 0; o < p.out_c; ++o) {
    int64_t sum = 0;
    Weight* group = p.weights.data() + o / kLanes * p.kh * groups * kCodes;
    for (int64_t ky = 0; ky < p.kh; ++ky, group += groups * kCodes) {
      for (int64_t i = 0; i < run; ++i, ++code) {
        group[i / 4 * kCodes + weight_place(o % kLanes, i % 4)] = *code;
        sum += *code;
      }
    }
    const size_t rule = size_t(o);
    set_rule(p, o, layer.multiplier[rule], layer.offset[rule], layer.shift[rule], -in.out.lo() * sum);
  }
  return p;
}

template <class Out>
void conv2d(const uint8_t* images, int64_t count, const Prepared& p, Out* out) {
  const int64_t positions = count * p.out_h * p.out_w;
  for (int64_t end = round_up(p.out_c, kLanes); end > 0;) {
    const int64_t blocks = end / kLanes;
    const int width = blocks % kBlocks == 0 ? kBlocks : blocks % 2 == 0 ? 2 : 1;
    const auto strip = width == kBlocks ? conv2d_strip<kBlocks, Out> : width == 2 ? conv2d_strip<2, Out> : conv2d_strip<1, Out>;
    end -= width * kLanes;
    strip(images, positions, p, end, out);
  }
}
template void conv2d(const uint8_t*, int64_t, const Prepared&, uint8_t*);
template void conv2d(const uint8_t*, int64_t, const Prepared&, int32_t*);

}  // namespace bitloom::integer
