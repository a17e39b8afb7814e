// What has no weights: average pooling and addition, kCodes codes at a time, one rule for all channels; max pooling, which has no rule.
#include "quant/integer/rules.h"

namespace bitloom::integer {
namespace {

// kCodes bytes as int32, in the order of `interleave`.
inline void widen(const uint8_t* codes, Vec* out) {
  const Bytes alone[4] = {load<Bytes>(codes)};
  interleave(alone, out);
}

}  // namespace

Prepared prepare_avg_pool(const IntegerLayer& layer, const IntegerLayer& in) {
  Prepared p = shapes_of(layer, in);
  p.rules = TensorT<int32_t>(Shape{1, kRule});
  const int64_t excess = -in.out.lo() * layer.kh * layer.kw;
  for (int64_t i = 0; i < kLanes; ++i) set_rule(p, i, layer.multiplier[0], layer.offset[0], layer.shift[0], excess);
  return p;
}

Prepared prepare_add(const IntegerLayer& layer, const IntegerLayer& a, const IntegerLayer& b) {
  Prepared p = shapes_of(layer, a);
  p.rules = TensorT<int32_t>(Shape{kRule + kLanes});  // with the second multiplier
  const int32_t second = int32_t(uint32_t(layer.multiplier[1]) * uint32_t(b.out.lo()));
  const int32_t offset = int32_t(uint32_t(layer.offset[0]) + uint32_t(second));
  for (int64_t i = 0; i < kLanes; ++i) set_rule(p, i, layer.multiplier[0], offset, layer.shift[0], -a.out.lo());
  std::fill_n(p.rules.data() + kRule, kLanes, layer.multiplier[1]);
  return p;
}

template <class Out>
void avg_pool(const uint8_t* images, int64_t count, const Prepared& p, Out* out) {
  for (int64_t at = 0; at < count * p.out_h * p.out_w; ++at) {
    const int64_t y = at / p.out_w % p.out_h, x = at % p.out_w, image = at / (p.out_w * p.out_h);
    const uint8_t* window = images + image * padded_size(p) + (y * p.sh * p.in_w + x * p.sw) * p.in_c;
    for (int64_t c = 0; c < p.in_c; c += kCodes) {
      Vec sum[4] = {}, codes[4];
      for (int64_t ky = 0; ky < p.kh; ++ky) {
        for (int64_t kx = 0; kx < p.kw; ++kx) {
          widen(window + (ky * p.in_w + kx) * p.in_c + c, codes);
          for (int q = 0; q < 4; ++q) sum[q] = add(sum[q], codes[q]);
        }
      }
      for (Vec& s : sum) s = apply_rule(s, p.rules.data());
      store_interleaved(sum, p.limits, p.in_c - c, out + at * p.in_c + c);
    }
  }
}

template <class Out>
void add(const uint8_t* a, const uint8_t* b, int64_t count, const Prepared& p, Out* out) {
  const int32_t* rule = p.rules.data();
  const Vec first = load<Vec>(rule), offset = load<Vec>(rule + kLanes), shift = load<Vec>(rule + 2 * kLanes),
            second = load<Vec>(rule + kRule);
  for (int64_t i = 0, n = count * padded_size(p); i < n; i += kCodes) {
    Vec x[4], y[4];
    widen(a + i, x);
    widen(b + i, y);
    for (int q = 0; q < 4; ++q) x[q] = add(add(multiply(x[q], first), multiply(y[q], second)), offset) >> shift;
    store_interleaved(x, p.limits, n - i, out + i);
  }
}

// Bytes are in the order of the codes that they stand for.
template <class Out>
void max_pool(const uint8_t* images, int64_t count, const IntegerLayer& in, const IntegerLayer& layer, Out* out) {
  const Out lowest = std::is_same_v<Out, uint8_t> ? Out(0) : Out(layer.out.lo());
  for (int64_t at = 0; at < count * layer.h * layer.w; ++at, out += in.c) {
    const int64_t oy = at / layer.w % layer.h, ox = at % layer.w, top = oy * layer.sh - layer.pt,
                  left = ox * layer.sw - layer.pl;
    const uint8_t* image = images + at / (layer.h * layer.w) * in.h * in.w * in.c;
    std::fill_n(out, in.c, lowest);
    for (int64_t y = std::max<int64_t>(top, 0); y < std::min(top + layer.kh, in.h); ++y) {
      for (int64_t x = std::max<int64_t>(left, 0); x < std::min(left + layer.kw, in.w); ++x) {
        const uint8_t* pixel = image + (y * in.w + x) * in.c;
        for (int64_t c = 0; c < in.c; ++c) out[c] = std::max(out[c], Out(Out(pixel[c]) + lowest));
      }
    }
  }
}

template void max_pool(const uint8_t*, int64_t, const IntegerLayer&, const IntegerLayer&, uint8_t*);
template void max_pool(const uint8_t*, int64_t, const IntegerLayer&, const IntegerLayer&, int32_t*);
template void avg_pool(const uint8_t*, int64_t, const Prepared&, uint8_t*);
template void avg_pool(const uint8_t*, int64_t, const Prepared&, int32_t*);
template void add(const uint8_t*, const uint8_t*, int64_t, const Prepared&, uint8_t*);
template void add(const uint8_t*, const uint8_t*, int64_t, const Prepared&, int32_t*);

}  // namespace bitloom::integer
