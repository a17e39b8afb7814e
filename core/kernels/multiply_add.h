// Sums of products. Compilers are told not to contract a * b + c (-ffp-contract=off): which product of a * b + c * d they fuse is theirs to choose, and bits would
// depend on compiler, processor and optimization. Kernels say here what is fused, so that all processors with fused multiply-add compute the same.
#pragma once
#if defined(__FMA__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "core/kernels/simd.h"

namespace bitloom::kernel {

// a * b + c, rounded once; where the processor has no instruction for that, twice.
inline Vec multiply_add(Vec a, Vec b, Vec c) {
#if defined(__AVX512F__)
  return Vec(_mm512_fmadd_ps(__m512(a), __m512(b), __m512(c)));
#elif defined(__FMA__)
  return Vec(_mm256_fmadd_ps(__m256(a), __m256(b), __m256(c)));
#elif defined(__aarch64__)
  return Vec(vfmaq_f32(float32x4_t(c), float32x4_t(a), float32x4_t(b)));
#else
  return a * b + c;
#endif
}

inline float multiply_add(float a, float b, float c) {
#if defined(__FMA__) || defined(__aarch64__)
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}

inline double multiply_add(double a, double b, double c) {
#if defined(__FMA__) || defined(__aarch64__)
  return __builtin_fma(a, b, c);
#else
  return a * b + c;
#endif
}

// c - a * b, likewise.
inline Vec subtract_product(Vec c, Vec a, Vec b) {
#if defined(__AVX512F__)
  return Vec(_mm512_fnmadd_ps(__m512(a), __m512(b), __m512(c)));
#elif defined(__FMA__)
  return Vec(_mm256_fnmadd_ps(__m256(a), __m256(b), __m256(c)));
#elif defined(__aarch64__)
  return Vec(vfmsq_f32(float32x4_t(c), float32x4_t(a), float32x4_t(b)));
#else
  return c - a * b;
#endif
}

// All lanes x. (Subtracting zero changes no number, and is left out.)
inline Vec broadcast(float x) { return x - Vec{}; }

inline Vec multiply_add(float a, Vec b, Vec c) { return multiply_add(broadcast(a), b, c); }
inline Vec subtract_product(Vec c, float a, Vec b) { return subtract_product(c, broadcast(a), b); }

}  // namespace bitloom::kernel
