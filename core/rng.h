// Counter-based random numbers: the n-th value of a stream is a function of (key, n) alone, so any
// part of a run can be repeated or resumed from its name, epoch and batch.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace bitloom {

// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). The standard library's distributions differ between
// implementations, so uniform, normal and shuffle are defined here.
class Rng {
 public:
  explicit Rng(uint64_t key = 0) : key_(key) {}

  // An independent stream named by (name, index); does not advance this one.
  Rng split(std::string_view name, uint64_t index = 0) const;

  uint64_t next_u64();
  double uniform();  // [0, 1), 53 random bits
  double uniform(double lo, double hi) { return lo + (hi - lo) * uniform(); }
  int64_t below(int64_t n);                     // 0 .. n-1; 0 < n < 2^31
  double normal();                              // mean 0, variance 1 (Box-Muller, one value a call)
  std::vector<int64_t> permutation(int64_t n);  // Fisher-Yates

 private:
  uint64_t key_;
  uint64_t counter_ = 0;
};

}  // namespace bitloom
