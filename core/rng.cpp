// Counter-based random numbers.
#include "core/rng.h"

#include <cmath>
#include <numeric>
#include <utility>

namespace bitloom {
namespace {

constexpr uint64_t kGamma = 0x9e3779b97f4a7c15u;  // 2^64 divided by the golden ratio

uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

Rng Rng::split(std::string_view name, uint64_t index) const {
  // Mixed before and after every xor: small keys, letters and indices would cancel each other otherwise.
  uint64_t h = mix(key_ + kGamma);
  for (char c : name) h = mix(h ^ uint8_t(c));
  return Rng(mix(h ^ index));
}

uint64_t Rng::next_u64() { return mix(key_ + kGamma * ++counter_); }

double Rng::uniform() { return double(next_u64() >> 11) * 0x1p-53; }

// Multiply-shift on 32 random bits (Lemire, arXiv 1805.10941, without the rejection step: the bias is below n / 2^32).
int64_t Rng::below(int64_t n) { return int64_t((next_u64() >> 32) * uint64_t(n) >> 32); }

double Rng::normal() {
  const double radius = std::sqrt(-2 * std::log(1 - uniform()));
  return radius * std::cos(6.283185307179586476925 * uniform());
}

std::vector<int64_t> Rng::permutation(int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t(0));
  for (int64_t i = n - 1; i > 0; --i) std::swap(order[size_t(i)], order[size_t(below(i + 1))]);
  return order;
}

}  // namespace bitloom
