// Integer kernels of the interpreter.
#include "quant/integer/kernels.h"

#include <cstring>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "core/integer_math.h"
#include "quant/integer/requantize.h"

namespace bitloom::integer {
namespace {

// A vector of int32 sums, one channel a lane; kPixels x kChannelBlocks of them must leave registers for the operands.
#if defined(__AVX512BW__)
constexpr int kLanes = 16, kPixels = 8;
#elif defined(__AVX2__)
constexpr int kLanes = 8, kPixels = 4;
#else
constexpr int kLanes = 4, kPixels = 4;
#endif
constexpr int kChannelBlocks = 2;
constexpr int kRow = 32;  // channels of depthwise summed at a time; a multiple of kLanes
static_assert(kRow % (kChannelBlocks * kLanes) == 0 && kRow <= kSlack);

using Vec = int32_t __attribute__((vector_size(kLanes * sizeof(int32_t))));

inline Vec load(const int16_t* p) {
  Vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

inline Vec broadcast_pair(const int16_t* p) {
  int32_t pair;
  std::memcpy(&pair, p, sizeof pair);
  return Vec{} + pair;
}

// sum + x[0] * w[0] + x[1] * w[1] in every lane, x and w being pairs of int16.
inline Vec dot2(Vec sum, Vec x, Vec w) {
#if defined(__AVX512VNNI__)
  return Vec(_mm512_dpwssd_epi32(__m512i(sum), __m512i(x), __m512i(w)));
#elif defined(__AVX512BW__)
  return sum + Vec(_mm512_madd_epi16(__m512i(x), __m512i(w)));
#elif defined(__AVX2__)
  return sum + Vec(_mm256_madd_epi16(__m256i(x), __m256i(w)));
#elif defined(__SSE2__)
  return sum + Vec(_mm_madd_epi16(__m128i(x), __m128i(w)));
#else
  using Unsigned = uint32_t __attribute__((vector_size(sizeof(Vec))));
  return sum + (Vec(Unsigned(x) << 16) >> 16) * (Vec(Unsigned(w) << 16) >> 16) + (x >> 16) * (w >> 16);
#endif
}

// Sums of Pixels x Blocks * kLanes channels into acc. A window is kh runs of `pairs` pairs, `stride` codes apart; the weights
// of a block of kLanes channels are [kh * pairs][kLanes][2].
template <int Pixels, int Blocks>
inline void conv2d_tile(const int16_t* const* pixel, int64_t kh, int64_t pairs, int64_t stride, const int16_t* weights,
                        int32_t* acc) {
  const int64_t block = kh * pairs * 2 * kLanes;
  Vec sum[Pixels][Blocks] = {};
  for (int64_t ky = 0; ky < kh; ++ky) {
    for (int64_t i = 0; i < pairs; ++i, weights += 2 * kLanes) {
      Vec w[Blocks];
      for (int b = 0; b < Blocks; ++b) w[b] = load(weights + b * block);
      for (int p = 0; p < Pixels; ++p) {
        const Vec x = broadcast_pair(pixel[p] + ky * stride + 2 * i);
        for (int b = 0; b < Blocks; ++b) sum[p][b] = dot2(sum[p][b], x, w[b]);
      }
    }
  }
  std::memcpy(acc, sum, sizeof sum);
}

// The rounding rule with a layer's tables.
struct Rule {
  explicit Rule(const IntegerLayer& layer)
      : multiplier(layer.multiplier.data()),
        offset(layer.offset.data()),
        shift(layer.shift.data()),
        lo(layer.out.lo()),
        hi(layer.out.hi()) {}

  // `count` channels from channel `first` on.
  template <class Out>
  void row(const int32_t* acc, int64_t first, int64_t count, Out* out) const {
    const int32_t *m = multiplier + first, *f = offset + first;
    const uint8_t* s = shift + first;
    for (int64_t o = 0; o < count; ++o) out[o] = Out(requantize(acc[o], m[o], f[o], s[o], lo, hi));
  }

  const int32_t *multiplier, *offset;
  const uint8_t* shift;
  int32_t lo, hi;
};

const int16_t* window_start(const int16_t* image, const Window& win, int64_t position) {
  return image + (position / win.out_w * win.sh * win.in_w + position % win.out_w * win.sw) * win.in_c;
}

// All positions of one strip of Blocks * kLanes channels, so that its weights stay in the first-level cache.
template <int Blocks, class Out>
void conv2d_strip(const int16_t* image, const Window& win, const int16_t* weights, int64_t first, int64_t out_c,
                  const Rule& rule, Out* out) {
  constexpr int64_t kStrip = Blocks * kLanes;
  const int64_t pairs = (win.kw * win.in_c + 1) / 2, positions = win.out_h * win.out_w, count = std::min(kStrip, out_c - first);
  int32_t acc[kPixels * kStrip];
  const int16_t* pixel[kPixels];
  for (int64_t at = 0; at < positions;) {
    const int64_t pixels = at + kPixels <= positions ? kPixels : 1;
    for (int64_t p = 0; p < pixels; ++p) pixel[p] = window_start(image, win, at + p);
    const auto tile = pixels == 1 ? conv2d_tile<1, Blocks> : conv2d_tile<kPixels, Blocks>;
    tile(pixel, win.kh, pairs, win.in_w * win.in_c, weights, acc);
    for (int64_t p = 0; p < pixels; ++p, ++at) rule.row(acc + p * kStrip, first, count, out + at * out_c + first);
  }
}

}  // namespace

int64_t padded_size(int64_t h, int64_t w, int64_t c, const IntegerLayer& layer) {
  return (h + layer.pt + layer.pb) * (w + layer.pl + layer.pr) * c;
}

const int16_t* pad_image(const int16_t* image, int64_t h, int64_t w, int64_t c, const IntegerLayer& layer, int16_t* padded) {
  if (layer.pt + layer.pb + layer.pl + layer.pr == 0) return image;
  const int64_t left = layer.pl * c, right = layer.pr * c, row = left + w * c + right;
  int16_t* out = std::fill_n(padded, layer.pt * row, int16_t(0));
  for (int64_t y = 0; y < h; ++y) {
    out = std::fill_n(out, left, int16_t(0));
    out = std::copy_n(image + y * w * c, w * c, out);
    out = std::fill_n(out, right, int16_t(0));
  }
  std::fill_n(out, layer.pb * row, int16_t(0));
  return padded;
}

TensorT<int16_t> arrange_conv2d(const std::vector<int8_t>& codes, int64_t out_c, const Window& window) {
  const int64_t run = window.kw * window.in_c, pairs = (run + 1) / 2, block = window.kh * pairs * 2 * kLanes;
  TensorT<int16_t> weights(Shape{round_up(out_c, kLanes) / kLanes * block}, 0);
  const int8_t* code = codes.data();
  for (int64_t o = 0; o < out_c; ++o) {
    int16_t* lane = weights.data() + o / kLanes * block + o % kLanes * 2;
    for (int64_t ky = 0; ky < window.kh; ++ky, lane += pairs * 2 * kLanes) {
      for (int64_t i = 0; i < run; ++i) lane[i / 2 * 2 * kLanes + i % 2] = *code++;
    }
  }
  return weights;
}

TensorT<int16_t> arrange_depthwise(const std::vector<int8_t>& codes, const Window& window) {
  const int64_t taps = window.kh * window.kw, width = round_up(window.in_c, kRow);
  TensorT<int16_t> weights(Shape{taps, width}, 0);
  for (int64_t o = 0; o < window.in_c; ++o) {
    for (int64_t t = 0; t < taps; ++t) weights[t * width + o] = codes[size_t(o * taps + t)];
  }
  return weights;
}

template <class Out>
void conv2d(const int16_t* image, const Window& window, const TensorT<int16_t>& weights, const IntegerLayer& layer, Out* out) {
  const Rule rule(layer);
  const int64_t per_channel = window.kh * ((window.kw * window.in_c + 1) / 2) * 2;
  for (int64_t first = 0; first < layer.c;) {
    const bool wide = first + kLanes < layer.c;
    const auto strip = wide ? conv2d_strip<kChannelBlocks, Out> : conv2d_strip<1, Out>;
    strip(image, window, weights.data() + first * per_channel, first, layer.c, rule, out);
    first += wide ? kChannelBlocks * kLanes : kLanes;
  }
}

template <class Out>
void depthwise(const int16_t* image, const Window& window, const TensorT<int16_t>& weights, const IntegerLayer& layer,
               Out* out) {
  const Rule rule(layer);
  const int64_t c = window.in_c, width = weights.shape().back();
  for (int64_t at = 0; at < window.out_h * window.out_w; ++at, out += c) {
    for (int64_t first = 0; first < c; first += kRow) {
      const int16_t* start = window_start(image, window, at) + first;
      const int16_t* w = weights.data() + first;
      int32_t acc[kRow] = {};
      for (int64_t ky = 0; ky < window.kh; ++ky) {
        const int16_t* x = start + ky * window.in_w * c;
        for (int64_t kx = 0; kx < window.kw; ++kx, x += c, w += width) {
          for (int o = 0; o < kRow; ++o) acc[o] += int32_t(x[o]) * w[o];
        }
      }
      rule.row(acc, first, std::min<int64_t>(kRow, c - first), out + first);
    }
  }
}

template <class Out>
void avg_pool(const int16_t* image, const Window& window, const IntegerLayer& layer, Out* out) {
  const Rule rule(layer);
  const int64_t c = window.in_c;
  for (int64_t at = 0; at < window.out_h * window.out_w; ++at) {
    const int16_t* start = window_start(image, window, at);
    for (int64_t o = 0; o < c; ++o) {
      int32_t acc = 0;
      for (int64_t ky = 0; ky < window.kh; ++ky) {
        for (int64_t kx = 0; kx < window.kw; ++kx) acc += start[(ky * window.in_w + kx) * c + o];
      }
      *out++ = Out(requantize(acc, *rule.multiplier, *rule.offset, *rule.shift, rule.lo, rule.hi));
    }
  }
}

template <class Out>
void add(const int16_t* a, const int16_t* b, const IntegerLayer& layer, Out* out) {
  const Rule rule(layer);
  const int32_t m0 = rule.multiplier[0], m1 = rule.multiplier[1], offset = *rule.offset, shift = *rule.shift;
  for (int64_t i = 0, n = layer.h * layer.w * layer.c; i < n; ++i) {
    out[i] = Out(requantize_add(a[i], m0, b[i], m1, offset, shift, rule.lo, rule.hi));
  }
}

#define BITLOOM_INSTANTIATE(Out)                                                                              \
  template void conv2d(const int16_t*, const Window&, const TensorT<int16_t>&, const IntegerLayer&, Out*);    \
  template void depthwise(const int16_t*, const Window&, const TensorT<int16_t>&, const IntegerLayer&, Out*); \
  template void avg_pool(const int16_t*, const Window&, const IntegerLayer&, Out*);                           \
  template void add(const int16_t*, const int16_t*, const IntegerLayer&, Out*)
BITLOOM_INSTANTIATE(int16_t);
BITLOOM_INSTANTIATE(int32_t);
#undef BITLOOM_INSTANTIATE

}  // namespace bitloom::integer
