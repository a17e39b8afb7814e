// One vector type for all kernels, as wide as the target allows, from the vector extensions of gcc and clang.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
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

// dy where y > 0, else 0.
inline Vec where_positive(Vec y, Vec dy) {
  using Mask = decltype(y > Vec{});
  return Vec((y > Vec{}) & Mask(dy));
}

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

// a and b with the lanes of every second group of `step` lanes exchanged: one step of a transposition.
template <int step, int... lane>
void exchange(Vec& a, Vec& b, std::integer_sequence<int, lane...>) {
  const Vec low = __builtin_shufflevector(a, b, (lane & step ? kLanes + lane - step : lane)...);
  b = __builtin_shufflevector(a, b, (lane & step ? kLanes + lane : lane + step)...);
  a = low;
}

template <int step>
void transpose_block(Vec (&rows)[kLanes]) {
  if constexpr (step > 0) {
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) {
      if (!(i & step)) exchange<step>(rows[i], rows[i + step], std::make_integer_sequence<int, kLanes>());
    }
    transpose_block<step / 2>(rows);
  }
}

// to[j * to_stride + i] = from[i * from_stride + j] for i < rows, j < columns.
inline void transpose(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float* to, int64_t to_stride) {
  for (int64_t i = 0; i < rows; i += kLanes) {
    for (int64_t j = 0; j < columns; j += kLanes) {
      const float* a = from + i * from_stride + j;
      float* b = to + j * to_stride + i;
      if (rows - i < kLanes || columns - j < kLanes) {
        for (int64_t c = 0; c < std::min<int64_t>(kLanes, columns - j); ++c) {
          for (int64_t r = 0; r < std::min<int64_t>(kLanes, rows - i); ++r) b[c * to_stride + r] = a[r * from_stride + c];
        }
        continue;
      }
      Vec block[kLanes];
#pragma GCC unroll 16
      for (int r = 0; r < kLanes; ++r) block[r] = load(a + r * from_stride);
      transpose_block<kLanes / 2>(block);
#pragma GCC unroll 16
      for (int r = 0; r < kLanes; ++r) store(b + r * to_stride, block[r]);
    }
  }
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

// The vector, in a register: a compiler may otherwise read it from memory anew for each of its products.
inline Vec opaque(Vec v) {
#if defined(__x86_64__)
  asm volatile("" : "+v"(v));
#elif defined(__aarch64__)
  asm volatile("" : "+w"(v));
#endif
  return v;
}

}  // namespace bitloom::kernel
