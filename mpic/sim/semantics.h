// What instructions compute, where an expression in isa.inc would be too long. Pure functions of 32-bit registers; sums wrap modulo 2^32.
// Sources: RISC-V unprivileged manual, chapter 7 (division); RI5CY user manual rev. 4.1 and RTL (Xpulp); mpic/README.md,
// "Formats" (dot products).
#pragma once
#ifdef __SSE4_1__
#include <immintrin.h>
#endif

#include <algorithm>
#include <cstdint>

namespace bitloom::mpic {

// Division never traps: x / 0 = -1, x % 0 = x, and INT_MIN / -1 wraps.
inline uint32_t divide(uint32_t n, uint32_t d) {
  if (d == 0) return ~0u;
  return d == ~0u ? 0u - n : uint32_t(int32_t(n) / int32_t(d));
}
inline uint32_t remainder(uint32_t n, uint32_t d) {
  if (d == 0) return n;
  return d == ~0u ? 0 : uint32_t(int32_t(n) % int32_t(d));
}
inline uint32_t divide_unsigned(uint32_t n, uint32_t d) { return d == 0 ? ~0u : n / d; }
inline uint32_t remainder_unsigned(uint32_t n, uint32_t d) { return d == 0 ? n : n % d; }

inline uint32_t rotate_right(uint32_t x, uint32_t by) { return x >> (by & 31) | x << (-by & 31); }
// Bit numbers; 32 for 0. find_last counts from bit 0 too.
inline uint32_t find_first(uint32_t x) { return x == 0 ? 32 : uint32_t(__builtin_ctz(x)); }
inline uint32_t find_last(uint32_t x) { return x == 0 ? 32 : 31 - uint32_t(__builtin_clz(x)); }
// Copies of the sign bit below it; 0 for 0.
inline uint32_t leading_sign_bits(uint32_t x) { return x == 0 ? 0 : uint32_t(__builtin_clrsb(int32_t(x))); }

// Bit fields are `last` + 1 bits wide (1 to 32) and begin at bit `lsb`; both count modulo 32.
inline uint32_t low_mask(uint32_t last) { return ~0u >> (31 - (last & 31)); }
inline uint32_t field_mask(uint32_t last, uint32_t lsb) { return low_mask(last) << (lsb & 31); }
inline uint32_t extract_unsigned(uint32_t x, uint32_t last, uint32_t lsb) { return x >> (lsb & 31) & low_mask(last); }
// A field that reaches past bit 31 is filled with the sign.
inline uint32_t extract(uint32_t x, uint32_t last, uint32_t lsb) {
  const uint32_t sign = 1u << (last & 31);
  return ((uint32_t(int32_t(x) >> (lsb & 31)) & low_mask(last)) ^ sign) - sign;
}
inline uint32_t insert(uint32_t into, uint32_t x, uint32_t last, uint32_t lsb) {
  const uint32_t mask = field_mask(last, lsb);
  return (x << (lsb & 31) & mask) | (into & ~mask);
}
// Groups of radix + 1 bits in reverse order, after a left shift; radix 3 behaves as 0 (tests/data/rtl).
inline uint32_t bit_reverse(uint32_t x, int32_t radix, int32_t shift) {
  const int group = radix == 3 ? 1 : radix + 1;
  x <<= shift;
  uint32_t reversed = 0;
  for (int at = 0; at + group <= 32; at += group) reversed |= (x >> (32 - group - at) & ((1u << group) - 1)) << at;
  return reversed;
}

inline int32_t clip_bound(int32_t bits) { return int32_t(((1u << bits) - 1) >> 1); }
inline uint32_t clip(uint32_t x, int32_t lo, int32_t hi) { return uint32_t(std::min(std::max(int32_t(x), lo), hi)); }
// The lower bound is tested first, which matters where it is above the upper one.
inline uint32_t clip_register(uint32_t x, int32_t lo, uint32_t hi) {
  if (int32_t(x) <= lo) return uint32_t(lo);
  return int32_t(x) >= int32_t(hi) ? hi : x;
}

inline uint32_t shift_signed(uint32_t x, uint32_t by) { return uint32_t(int32_t(x) >> (by & 31)); }
inline uint32_t shift_unsigned(uint32_t x, uint32_t by) { return x >> (by & 31); }
// Half of the last kept bit is added first.
inline uint32_t half(uint32_t by) { return (1u << (by & 31)) >> 1; }
inline uint32_t round_signed(uint32_t x, uint32_t by) { return shift_signed(x + half(by), by); }
inline uint32_t round_unsigned(uint32_t x, uint32_t by) { return shift_unsigned(x + half(by), by); }

inline uint32_t low_signed(uint32_t a, uint32_t b) { return uint32_t(int16_t(a) * int16_t(b)); }
inline uint32_t high_signed(uint32_t a, uint32_t b) { return low_signed(a >> 16, b >> 16); }
inline uint32_t low_unsigned(uint32_t a, uint32_t b) { return (a & 0xffff) * (b & 0xffff); }
inline uint32_t high_unsigned(uint32_t a, uint32_t b) { return (a >> 16) * (b >> 16); }

// Lanes. `kWidth` in {2, 4, 8, 16, 32}; results are taken modulo 2^kWidth.
template <int kWidth>
constexpr uint32_t kLaneMask = ~0u >> (32 - kWidth);
template <int kWidth>
int32_t lane_signed(uint32_t lane) {
  return int32_t(lane << (32 - kWidth)) >> (32 - kWidth);
}

#define BITLOOM_LANE(name, ...)                                                                \
  struct Lane_##name {                                                                         \
    template <int kWidth>                                                                      \
    static uint32_t of(uint32_t a, uint32_t b) {                                               \
      [[maybe_unused]] const int32_t sa = lane_signed<kWidth>(a), sb = lane_signed<kWidth>(b); \
      return uint32_t(__VA_ARGS__);                                                            \
    }                                                                                          \
  }
BITLOOM_LANE(add, a + b);
BITLOOM_LANE(sub, a - b);
BITLOOM_LANE(avg, lane_signed<kWidth>(a + b) >> 1);  // of the wrapped sum, as the RTL has it
BITLOOM_LANE(avgu, ((a + b) & kLaneMask<kWidth>) >> 1);
BITLOOM_LANE(min, sa < sb ? a : b);
BITLOOM_LANE(minu, a < b ? a : b);
BITLOOM_LANE(max, sa > sb ? a : b);
BITLOOM_LANE(maxu, a > b ? a : b);
BITLOOM_LANE(srl, a >> (b & (kWidth - 1)));
BITLOOM_LANE(sra, sa >> (b & (kWidth - 1)));
BITLOOM_LANE(sll, a << (b & (kWidth - 1)));
BITLOOM_LANE(or, a | b);
BITLOOM_LANE(xor, a ^ b);
BITLOOM_LANE(and, a& b);
BITLOOM_LANE(abs, sa < 0 ? 0u - a : a + 0 * b);
BITLOOM_LANE(cmpeq, -(a == b));
BITLOOM_LANE(cmpne, -(a != b));
BITLOOM_LANE(cmpgt, -(sa > sb));
BITLOOM_LANE(cmpge, -(sa >= sb));
BITLOOM_LANE(cmplt, -(sa < sb));
BITLOOM_LANE(cmple, -(sa <= sb));
BITLOOM_LANE(cmpgtu, -(a > b));
BITLOOM_LANE(cmpgeu, -(a >= b));
BITLOOM_LANE(cmpltu, -(a < b));
BITLOOM_LANE(cmpleu, -(a <= b));
#undef BITLOOM_LANE

template <class Lane, int kWidth>
uint32_t map_lanes(uint32_t a, uint32_t b) {
  uint32_t result = 0;
  for (int at = 0; at < 32; at += kWidth)
    result |= (Lane::template of<kWidth>(a >> at & kLaneMask<kWidth>, b >> at & kLaneMask<kWidth>) & kLaneMask<kWidth>) << at;
  return result;
}

// The low lane in every lane.
template <int kWidth>
uint32_t replicate(uint32_t x) {
  return (x & kLaneMask<kWidth>)*(~0u / kLaneMask<kWidth>);
}

// Lanes of rs1 or, where a selector's bit above the lane number is 0, of rd.
template <int kWidth>
uint32_t shuffle(uint32_t rd, uint32_t rs1, uint32_t selectors) {
  constexpr uint32_t kLanes = 32 / kWidth;
  uint32_t result = 0;
  for (int at = 0; at < 32; at += kWidth) {
    const uint32_t selector = selectors >> at;
    const uint32_t from = (selector & kLanes) != 0 ? rs1 : rd;
    result |= (from >> (selector & (kLanes - 1)) * kWidth & kLaneMask<kWidth>) << at;
  }
  return result;
}
// Byte selectors of pv.shuffleI<top>.sci.b: lane `top` above the three lanes that the immediate names.
inline uint32_t shuffle_selectors(uint32_t top, int32_t imm) {
  return top << 24 | uint32_t(imm >> 4 & 3) << 16 | uint32_t(imm >> 2 & 3) << 8 | uint32_t(imm & 3);
}

inline uint32_t complex_real(uint32_t rd, uint32_t a, uint32_t b, int shift) {
  const int64_t product = int64_t(int16_t(a)) * int16_t(b) - int64_t(int16_t(a >> 16)) * int16_t(b >> 16);
  return (rd & 0xffff0000) | uint16_t(product >> shift);
}
inline uint32_t complex_imaginary(uint32_t rd, uint32_t a, uint32_t b, int shift) {
  const int64_t product = int64_t(int16_t(a)) * int16_t(b >> 16) + int64_t(int16_t(a >> 16)) * int16_t(b);
  return (rd & 0xffff) | uint32_t(uint16_t(product >> shift)) << 16;
}
// (a - b) times -i, both parts shifted.
inline uint32_t subtract_rotate(uint32_t a, uint32_t b, int shift) {
  const int16_t re = int16_t((a >> 16) - (b >> 16)), im = int16_t(b - a);
  return uint16_t(re >> shift) | uint32_t(uint16_t(im >> shift)) << 16;
}
template <class Lane>
uint32_t half_lanes_shifted(uint32_t a, uint32_t b, int shift) {
  const uint32_t sums = map_lanes<Lane, 16>(a, b);
  return map_lanes<Lane_sra, 16>(sums, uint32_t(shift) * 0x10001);
}

// Signs of the operands of a dot product: rs1, rs2.
enum Signs { kUnsigned, kUnsignedSigned, kSigned };

// rs1 in lanes of kWide bits times the lanes of kNarrow bits that begin at bit 0 of b.
template <int kWide, int kNarrow, Signs kSigns>
uint32_t sum_of_products(uint32_t a, uint32_t b) {
  uint32_t sum = 0;
  for (int i = 0; i < 32 / kWide; ++i) {
    const uint32_t x = a >> i * kWide & kLaneMask<kWide>, y = b >> i * kNarrow & kLaneMask<kNarrow>;
    sum += (kSigns == kSigned ? uint32_t(lane_signed<kWide>(x)) : x) *
           (kSigns == kUnsigned ? y : uint32_t(lane_signed<kNarrow>(y)));
  }
  return sum;
}

// The same, sooner.
template <int kWide, int kNarrow, Signs kSigns>
uint32_t dot(uint32_t a, uint32_t b) {
#ifdef __SSE4_1__
  if constexpr (kWide == 8 && kNarrow == 8) {
    const __m128i x = _mm_cvtsi32_si128(int32_t(a)), y = _mm_cvtsi32_si128(int32_t(b));
    const __m128i pairs = _mm_madd_epi16(kSigns == kSigned ? _mm_cvtepi8_epi16(x) : _mm_cvtepu8_epi16(x),
                                         kSigns == kUnsigned ? _mm_cvtepu8_epi16(y) : _mm_cvtepi8_epi16(y));
    return uint32_t(_mm_cvtsi128_si32(pairs)) + uint32_t(_mm_extract_epi32(pairs, 1));
  }
#endif
  return sum_of_products<kWide, kNarrow, kSigns>(a, b);
}

}  // namespace bitloom::mpic
