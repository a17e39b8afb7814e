// One vector type for all kernels, as wide as the target allows, from the vector extensions of gcc and clang.
#pragma once
#include <cstdint>
#include <cstring>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace bitloom::kernel {

// A register tile holds at most kAccumulators vectors, kMaxVectors to a row, so that the operands of its products fit beside it.
#if defined(__AVX512F__)
inline constexpr int kLanes = 16, kAccumulators = 28, kMaxVectors = 4;
#elif defined(__AVX__)
inline constexpr int kLanes = 8, kAccumulators = 12, kMaxVectors = 2;
#elif defined(__aarch64__)
inline constexpr int kLanes = 4, kAccumulators = 24, kMaxVectors = 4;
#else
inline constexpr int kLanes = 4, kAccumulators = 12, kMaxVectors = 2;
#endif

using Vec = float __attribute__((vector_size(kLanes * sizeof(float))));

// Vectors needed for n floats, and the floats those vectors hold.
constexpr int64_t vectors(int64_t n) { return (n + kLanes - 1) / kLanes; }
constexpr int64_t padded(int64_t n) { return vectors(n) * kLanes; }

inline Vec load(const float* p) {
  Vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

inline void store(float* p, Vec v) { std::memcpy(p, &v, sizeof v); }

// n <= kLanes floats, and zeros.
inline Vec load_partial(const float* p, int64_t n) {
#if defined(__AVX512F__)
  return Vec(_mm512_maskz_loadu_ps(__mmask16((1u << n) - 1), p));
#else
  Vec v = {};
  std::memcpy(&v, p, size_t(n) * sizeof(float));
  return v;
#endif
}

// Stores the first n <= kLanes lanes.
inline void store_partial(float* p, Vec v, int64_t n) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(p, __mmask16((1u << n) - 1), __m512(v));
#else
  std::memcpy(p, &v, size_t(n) * sizeof(float));
#endif
}

// Asks for n floats to be brought into the cache, for reading or for writing. They may lie outside any array. To be inlined: gcc 12
// removes calls of functions that do nothing else.
enum Access { kRead, kWrite };
template <Access access>
__attribute__((always_inline)) inline void prefetch(const float* p, int64_t n) {
  constexpr int64_t kLine = 64 / sizeof(float);
  for (int64_t i = 0; i < n; i += kLine) __builtin_prefetch(p + i, access == kWrite);
}

// The pointer, as one that the compiler cannot derive from another: it then keeps both in registers instead of adding up
// addresses in the inner loop.
inline const float* opaque(const float* p) {
  asm("" : "+r"(p));
  return p;
}

}  // namespace bitloom::kernel
