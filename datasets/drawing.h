// What the built-in images are drawn with: arithmetic on integers, so that every compiler and machine makes the same bytes.
#pragma once
#include <cstdint>
#include <string>

#include "core/error.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "datasets/dataset.h"

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

// `count` images of side x side x 3, classes in turn, so that every split is balanced: render(label, stream of the image, where to).
template <class Render>
Samples drawn_split(const char* what, const char* name, int64_t count, int64_t side, int64_t classes, const Rng& rng,
                    Render render) {
  BITLOOM_CHECK(count > 0, what, " ", name, ": ", count, " samples asked; ask for one at least");
  Samples data;
  data.name = str(what, " ", name);
  data.h = data.w = side, data.c = 3;
  data.scale = 1.0f / 255;
  data.codes.resize(size_t(count * data.sample_size()));
  data.labels.resize(size_t(count));
  parallel_for(count, [&](int64_t i) {
    data.labels[size_t(i)] = int32_t(i % classes);
    render(int(i % classes), rng.split(name, uint64_t(i)), &data.codes[size_t(i * data.sample_size())]);
  });
  return data;
}

}  // namespace bitloom
