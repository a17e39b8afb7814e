// What kernel tests share: random inputs, comparison with a double-precision reference, failure messages, thread counts.
#pragma once
#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/rng.h"

namespace bitloom {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

inline Floats random_values(int64_t n, uint64_t seed) {
  Rng rng(seed);
  Floats values(static_cast<size_t>(n));
  for (float& v : values) v = float(rng.normal());
  return values;
}

inline Doubles to_double(const Floats& v) { return Doubles(v.begin(), v.end()); }

// The largest difference must be below `tolerance` times the largest expected magnitude.
inline void expect_close(const Floats& got, const Doubles& expected, double tolerance, const std::string& what) {
  ASSERT_EQ(got.size(), expected.size());
  double largest = 1e-30, difference = 0;
  size_t at = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    const double d = std::abs(double(got[i]) - expected[i]);
    if (!(d <= difference)) difference = d, at = i;
  }
  EXPECT_LE(difference, tolerance * largest)
      << what << ": element " << at << " is " << got[at] << ", expected " << expected[at];
}

// Outputs start as NaN, so that an element a kernel forgets is found.
inline Floats unwritten(int64_t n) { return Floats(static_cast<size_t>(n), std::nanf("")); }

// The message of the Error that f throws.
inline std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

// Runs f with 1, 2 and 5 threads and expects the same bits.
inline void expect_same_bits(const std::string& name, const std::function<Floats()>& f) {
  const int before = omp_get_max_threads();
  omp_set_num_threads(1);
  const Floats expected = f();
  for (int threads : {2, 5}) {
    omp_set_num_threads(threads);
    EXPECT_EQ(f(), expected) << name << " with " << threads << " threads";
  }
  omp_set_num_threads(before);
}

}  // namespace bitloom
