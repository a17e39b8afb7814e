// Arithmetic of sizes, none of them negative.
#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>

namespace bitloom {

constexpr int64_t ceil_div(int64_t n, int64_t by) { return (n + by - 1) / by; }
// The smallest multiple of `to` that is n at least.
constexpr int64_t round_up(int64_t n, int64_t to) { return ceil_div(n, to) * to; }

// Keras' 'same' padding for one axis: as many outputs as ceil(extent / stride); the odd zero goes to the end. Returns {before, after}.
inline std::pair<int64_t, int64_t> same_padding(int64_t extent, int64_t kernel, int64_t stride) {
  const int64_t total = std::max<int64_t>(0, (ceil_div(extent, stride) - 1) * stride + kernel - extent);
  return {total / 2, total - total / 2};
}

}  // namespace bitloom
