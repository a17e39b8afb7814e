// Vectors of the integer kernels: in every 32-bit lane four codes, unsigned bytes, meet four signed weights.
//
// Where the processor has VNNI that is one instruction (vpdpbusd, exact: the sum wraps at 32 bits, nothing saturates); elsewhere the
// bytes of even and of odd place are widened to int16 and go through a pair product each (pmaddwd; vpmaddubsw would saturate). Only
// this file knows which; weights are stored at weight_place.
#pragma once
#include <cstdint>
#include <cstring>
#include <utility>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace bitloom::integer {

// kAccumulators: how many vectors a register tile may hold while the operands of its products still fit beside it.
#if defined(__AVX512BW__)
inline constexpr int kLanes = 16, kAccumulators = 24;
#elif defined(__AVX2__)
inline constexpr int kLanes = 8, kAccumulators = 8;
#elif defined(__aarch64__)
inline constexpr int kLanes = 4, kAccumulators = 24;
#else
inline constexpr int kLanes = 4, kAccumulators = 8;
#endif
#if (defined(__AVX512BW__) && defined(__AVX512VNNI__)) || (defined(__AVX2__) && !defined(__AVX512BW__) && defined(__AVXVNNI__))
inline constexpr bool kHasVnni = true;
using Weight = int8_t;
#else
inline constexpr bool kHasVnni = false;
using Weight = int16_t;
#endif
inline constexpr int kCodes = 4 * kLanes;  // codes in a vector, Weights in the operand of a dot

using Vec = int32_t __attribute__((vector_size(kCodes)));
using Unsigned = uint32_t __attribute__((vector_size(kCodes)));
using Words = int16_t __attribute__((vector_size(kCodes)));
using UnsignedWords = uint16_t __attribute__((vector_size(kCodes)));
using Bytes = uint8_t __attribute__((vector_size(kCodes)));

template <class V>
inline V load(const void* p) {
  V v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

// Lane by lane modulo 2^32: offsets carry corrections that may wrap and come back (kernels.h).
inline Vec add(Vec a, Vec b) { return Vec(Unsigned(a) + Unsigned(b)); }
inline Vec multiply(Vec a, Vec b) { return Vec(Unsigned(a) * Unsigned(b)); }

// The place of weight i (0..3) of a lane in the kCodes Weights that one dot takes.
constexpr int64_t weight_place(int64_t lane, int64_t i) {
  return kHasVnni ? lane * 4 + i : i % 2 * 2 * kLanes + lane * 2 + i / 2;
}

// Four codes a lane, and four weights, as dot wants them.
struct Fours {
  Vec even, odd;  // with VNNI all four are in `even`
};

inline Fours fours(Vec codes) {
  if constexpr (kHasVnni) return {codes, codes};
  return {Vec(UnsignedWords(codes) & uint16_t(255)), Vec(UnsignedWords(codes) >> 8)};
}

inline Fours load_weights(const Weight* p) {
  if constexpr (kHasVnni) return fours(load<Vec>(p));
  return {load<Vec>(p), load<Vec>(p + kCodes / 2)};
}

// sum + x[0] * w[0] + x[1] * w[1] in every lane, x and w being pairs of int16.
inline Vec dot2(Vec sum, Vec x, Vec w) {
#if defined(__AVX512BW__)
  return add(sum, Vec(_mm512_madd_epi16(__m512i(x), __m512i(w))));
#elif defined(__AVX2__)
  return add(sum, Vec(_mm256_madd_epi16(__m256i(x), __m256i(w))));
#elif defined(__SSE2__)
  return add(sum, Vec(_mm_madd_epi16(__m128i(x), __m128i(w))));
#else
  return add(sum, (Vec(Unsigned(x) << 16) >> 16) * (Vec(Unsigned(w) << 16) >> 16) + (x >> 16) * (w >> 16));
#endif
}

inline Vec dot(Vec sum, Fours x, Fours w) {
#if defined(__AVX512BW__) && defined(__AVX512VNNI__)
  return Vec(_mm512_dpbusd_epi32(__m512i(sum), __m512i(x.even), __m512i(w.even)));
#elif defined(__AVX2__) && !defined(__AVX512BW__) && defined(__AVXVNNI__)
  return Vec(_mm256_dpbusd_avx_epi32(__m256i(sum), __m256i(x.even), __m256i(w.even)));
#else
  return dot2(dot2(sum, x.even, w.even), x.odd, w.odd);
#endif
}

// The low (Half 0) or high (Half 1) halves of the 16-byte parts of a and b, element by element in turn: punpckl and punpckh.
template <int Half, class V, int... I>
inline V zip(V a, V b, std::integer_sequence<int, I...>) {
  constexpr int kAll = int(sizeof...(I)), kPart = kAll * 16 / kCodes;
  return __builtin_shufflevector(a, b, (I / kPart * kPart + Half * kPart / 2 + I % kPart / 2 + I % 2 * kAll)...);
}

// The elements of a, then those of b.
template <class V, int... I>
inline auto join(V a, V b, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b, I...);
}

// Codes of kCodes channels at four taps become the four codes of one channel in a lane: lane 4p + i of out[q] holds channel
// 16p + 4q + i. `narrow` of four such vectors has the channels in order.
inline void interleave(const Bytes* tap, Vec* out) {
  constexpr std::make_integer_sequence<int, kCodes> bytes;
  constexpr std::make_integer_sequence<int, kCodes / 2> words;
  const Words low01 = Words(zip<0>(tap[0], tap[1], bytes)), low23 = Words(zip<0>(tap[2], tap[3], bytes));
  const Words high01 = Words(zip<1>(tap[0], tap[1], bytes)), high23 = Words(zip<1>(tap[2], tap[3], bytes));
  out[0] = Vec(zip<0>(low01, low23, words)), out[1] = Vec(zip<1>(low01, low23, words));
  out[2] = Vec(zip<0>(high01, high23, words)), out[3] = Vec(zip<1>(high01, high23, words));
}

// The range of a layer's codes.
struct Limits {
  int32_t lo, hi;
};

inline Vec clamp(Vec v, Limits limits) {
  const Vec lo = Vec{} + limits.lo, hi = Vec{} + limits.hi, low = v < lo ? lo : v;
  return low > hi ? hi : low;
}

#if !defined(__SSE2__)
// The lower halves of the elements of a and b, 16-byte part by part.
template <class V, int... I>
inline V halves(V a, V b, std::integer_sequence<int, I...>) {
  constexpr int kAll = int(sizeof...(I)), kPart = kAll * 16 / kCodes;
  return __builtin_shufflevector(a, b, (I / kPart * kPart + I % (kPart / 2) * 2 + I % kPart / (kPart / 2) * kAll)...);
}
#endif

// Clamps four vectors of results to the limits and subtracts lo. In each 16-byte part come v[0]'s codes of that part, then v[1]'s, ..
inline Bytes narrow(const Vec* v, Limits limits) {
  // Saturation to int16 and to bytes changes nothing that the limits would not cut, and the second cuts at lo.
#if defined(__SSE2__)
  const int16_t below = int16_t(-limits.lo);
  const Bytes above = Bytes{} + uint8_t(limits.hi - limits.lo);
#endif
#if defined(__AVX512BW__)
  const __m512i add = _mm512_set1_epi16(below);
  const __m512i first = _mm512_adds_epi16(_mm512_packs_epi32(__m512i(v[0]), __m512i(v[1])), add);
  const __m512i second = _mm512_adds_epi16(_mm512_packs_epi32(__m512i(v[2]), __m512i(v[3])), add);
  return Bytes(_mm512_min_epu8(_mm512_packus_epi16(first, second), __m512i(above)));
#elif defined(__AVX2__)
  const __m256i add = _mm256_set1_epi16(below);
  const __m256i first = _mm256_adds_epi16(_mm256_packs_epi32(__m256i(v[0]), __m256i(v[1])), add);
  const __m256i second = _mm256_adds_epi16(_mm256_packs_epi32(__m256i(v[2]), __m256i(v[3])), add);
  return Bytes(_mm256_min_epu8(_mm256_packus_epi16(first, second), __m256i(above)));
#elif defined(__SSE2__)
  const __m128i add = _mm_set1_epi16(below);
  const __m128i first = _mm_adds_epi16(_mm_packs_epi32(__m128i(v[0]), __m128i(v[1])), add);
  const __m128i second = _mm_adds_epi16(_mm_packs_epi32(__m128i(v[2]), __m128i(v[3])), add);
  return Bytes(_mm_min_epu8(_mm_packus_epi16(first, second), __m128i(above)));
#else
  constexpr std::make_integer_sequence<int, kCodes> bytes;
  constexpr std::make_integer_sequence<int, kCodes / 2> words;
  Words codes[4];
  for (int i = 0; i < 4; ++i) codes[i] = Words(clamp(v[i], limits) - limits.lo);
  return halves(Bytes(halves(codes[0], codes[1], words)), Bytes(halves(codes[2], codes[3], words)), bytes);
#endif
}

// What `narrow` returns with the codes of v[0] first, then those of v[1], ...
template <int... I>
inline Bytes in_order(Bytes narrowed, std::integer_sequence<int, I...>) {
  constexpr int kParts = kCodes / 16;
  return Bytes(__builtin_shufflevector(Vec(narrowed), Vec(narrowed), (I % kParts * 4 + I / kParts)...));
}

}  // namespace bitloom::integer
