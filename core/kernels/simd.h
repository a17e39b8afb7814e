// One vector type for all kernels, as wide as the target allows, from the vector extensions of gcc and clang.
#pragma once
#include <cstdint>
#include <cstring>

namespace bitloom::kernel {

// kAccumulators: how many vectors a register tile may hold while the operands of its products still fit beside it.
#if defined(__AVX512F__)
inline constexpr int kLanes = 16, kAccumulators = 24;
#elif defined(__AVX__)
inline constexpr int kLanes = 8, kAccumulators = 12;
#elif defined(__aarch64__)
inline constexpr int kLanes = 4, kAccumulators = 24;
#else
inline constexpr int kLanes = 4, kAccumulators = 12;
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

// Stores the first n < kLanes lanes.
inline void store_partial(float* p, Vec v, int64_t n) { std::memcpy(p, &v, size_t(n) * sizeof(float)); }

}  // namespace bitloom::kernel
