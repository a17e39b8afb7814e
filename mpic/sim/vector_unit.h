// Packed SIMD with lanes from the opcode (XpulpV2, XpulpNN) or from the status registers (MPIC): mpic/README.md, "Formats".
#pragma once
#include "mpic/sim/semantics.h"
#include "mpic/sim/state.h"

namespace bitloom::mpic {

// Where the second operand comes from. kScalarOfOpcode replicates only in the opcode's format: in MPIC's, bit 14 is what counts.
enum Second { kVector, kScalar, kScalarOfOpcode };

// Lanes of simd_format; formats without uniform lanes work on whole words, with 16-bit replication.
template <class Lane>
uint32_t lanes_of_format(uint32_t format, bool scalar, uint32_t a, uint32_t b) {
  switch (format) {
    case k16: return map_lanes<Lane, 16>(a, scalar ? replicate<16>(b) : b);
    case k8: return map_lanes<Lane, 8>(a, scalar ? replicate<8>(b) : b);
    case k4: return map_lanes<Lane, 4>(a, scalar ? replicate<4>(b) : b);
    case k2: return map_lanes<Lane, 2>(a, scalar ? replicate<2>(b) : b);
    default: return map_lanes<Lane, 32>(a, scalar ? replicate<16>(b) : b);
  }
}

template <class Lane, int kWidth, Second kSecond>
uint32_t lanes(const State& state, uint32_t a, uint32_t b) {
  if (state.csr(Csr::simd_legacy) != 0) return map_lanes<Lane, kWidth>(a, kSecond == kVector ? b : replicate<kWidth>(b));
  return lanes_of_format<Lane>(state.csr(Csr::simd_format), kSecond == kScalar, a, b);
}

// Sub-groups of the narrow operand; 1 for uniform formats.
inline uint32_t groups(uint32_t format) {
  switch (format) {
    case k2x4:
    case k4x8:
    case k8x16: return 2;
    case k2x8:
    case k4x16: return 4;
    case k2x16: return 8;
    default: return 1;
  }
}

// The mixed-precision controller: after simd_skip dot products the next sub-group is used. In any format, also a uniform one, it counts.
inline void advance_group(State& state, uint32_t format) {
  if (state.skipped + 1 < state.csr(Csr::simd_skip)) {
    ++state.skipped;
    return;
  }
  state.skipped = 0;
  uint32_t& group = state.csr(Csr::simd_group);
  if (const uint32_t n = groups(format); n > 1) group = group + 1 >= n ? 0 : group + 1;
}

// Widths of the lanes of rs1 and rs2.
template <int kOfRs1, int kOfRs2>
struct Widths {
  static constexpr int kWide = kOfRs1, kNarrow = kOfRs2;
};

// The next dot product in simd_format: f(Widths, by), where the lanes of rs2 begin at bit 0 of by(rs2). A sub-group number past the last wraps;
// formats that define no dot product give f(Widths<0, 0>, ...).
template <class F>
void with_format(State& state, bool scalar, F f) {
  const uint32_t format = state.csr(Csr::simd_format), group = state.csr(Csr::simd_group);
  advance_group(state, format);
  const auto uniform = [&](auto widths) { f(widths, [=](uint32_t b) { return scalar ? replicate<widths.kNarrow>(b) : b; }); };
  const auto mixed = [&](auto widths) {
    constexpr uint32_t kGroupBits = 32 / widths.kWide * widths.kNarrow;
    f(widths, [=](uint32_t b) { return (scalar ? replicate<16>(b) : b) >> (group * kGroupBits & 31); });
  };
  switch (format) {
    case k16: return uniform(Widths<16, 16>());
    case k8: return uniform(Widths<8, 8>());
    case k4: return uniform(Widths<4, 4>());
    case k2: return uniform(Widths<2, 2>());
    case k2x4: return mixed(Widths<4, 2>());
    case k2x8: return mixed(Widths<8, 2>());
    case k2x16: return mixed(Widths<16, 2>());
    case k4x8: return mixed(Widths<8, 4>());
    case k4x16: return mixed(Widths<16, 4>());
    case k8x16: return mixed(Widths<16, 8>());
    default: return f(Widths<0, 0>(), [](uint32_t b) { return b; });
  }
}

template <Signs kSigns, int kWidth, Second kSecond>
uint32_t dot_product(State& state, uint32_t a, uint32_t b) {
  if (state.csr(Csr::simd_legacy) != 0) return dot<kWidth, kWidth, kSigns>(a, kSecond == kVector ? b : replicate<kWidth>(b));
  uint32_t product = 0;
  with_format(state, kSecond == kScalar, [&](auto widths, auto by) {
    if constexpr (widths.kWide != 0) product = dot<widths.kWide, widths.kNarrow, kSigns>(a, by(b));
  });
  return product;
}

}  // namespace bitloom::mpic
