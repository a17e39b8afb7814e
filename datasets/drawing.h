// What the built-in images are drawn with: arithmetic on integers, so that every compiler and machine makes the same bytes.
#pragma once
#include <cstdint>

#include "core/rng.h"

namespace bitloom {

constexpr int kTurn = 1 << 16;  // angles and phases: a full turn
constexpr int kUnit = 256;      // one pixel, and the amplitude of wave()

// A sine made of parabolas: amplitude kUnit, period kTurn.
inline int wave(int angle) {
  constexpr int kHalf = kTurn / 2;
  const int t = angle & (kHalf - 1);
  const int arch = int(int64_t(4) * kUnit * t * (kHalf - t) / (int64_t(kHalf) * kHalf));
  return angle & kHalf ? -arch : arch;
}

// One of lo, lo + 1, ..., hi.
inline int pick(Rng& rng, int lo, int hi) { return lo + int(rng.below(hi - lo + 1)); }

// Mean 0 and that standard deviation: four uniform numbers of 16 bits approximate a normal one.
inline int noise(int deviation, Rng& rng) {
  const uint64_t bits = rng.next_u64();
  int64_t sum = -2 * 65535;
  for (int part = 0; part < 4; ++part) sum += int64_t(bits >> (16 * part) & 0xffff);
  constexpr int kDeviation = 37837;  // of the sum: 65535 / sqrt(3)
  return int(sum * deviation / kDeviation);
}

}  // namespace bitloom
