// The rounding rule (requantize.h) on vectors of sums, and its tables.
#pragma once
#include <algorithm>

#include "core/integer_math.h"
#include "quant/integer/kernels.h"

namespace bitloom::integer {

constexpr int64_t kRule = 3 * kLanes;  // numbers of a vector's rule

// All but the weights and rules.
inline Prepared shapes_of(const IntegerLayer& layer, const IntegerLayer& in) {
  Prepared p;
  p.in_h = in.h + layer.pt + layer.pb, p.in_w = in.w + layer.pl + layer.pr, p.in_c = in.c;
  p.kh = layer.kh, p.kw = layer.kw, p.sh = layer.sh, p.sw = layer.sw;
  p.out_h = layer.h, p.out_w = layer.w, p.out_c = layer.c;
  p.limits = {layer.out.lo(), layer.out.hi()};
  return p;
}

// Sets the rule of a lane, counted over all vectors. `excess` is what the sum holds too much.
inline void set_rule(Prepared& p, int64_t lane, int32_t multiplier, int32_t offset, int32_t shift, int64_t excess) {
  int32_t* rule = p.rules.data() + lane / kLanes * kRule + lane % kLanes;
  rule[0] = multiplier;
  rule[kLanes] = int32_t(uint32_t(offset) - uint32_t(multiplier) * uint32_t(excess));
  rule[2 * kLanes] = shift;
}

inline Vec apply_rule(Vec sum, const int32_t* rule) {
  return add(multiply(sum, load<Vec>(rule)), load<Vec>(rule + kLanes)) >> load<Vec>(rule + 2 * kLanes);
}

// The codes of four vectors of results, lanes in the order of `interleave`; `count` of them are wanted. Bytes are stored kCodes at a
// time: what follows the wanted ones is stored later, or is slack.
inline void store_interleaved(const Vec* v, Limits limits, int64_t, uint8_t* out) {
  const Bytes codes = narrow(v, limits);
  std::memcpy(out, &codes, sizeof codes);
}
inline void store_interleaved(const Vec* v, Limits limits, int64_t count, int32_t* out) {
  for (int64_t i = 0; i < std::min<int64_t>(count, kCodes); ++i)
    out[i] = std::clamp(v[i / 4 % 4][i / 16 * 4 + i % 4], limits.lo, limits.hi);
}

}  // namespace bitloom::integer
