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

// A dot product in simd_format; 0 in formats that define none. A sub-group number past the last wraps.
template <Signs kSigns>
uint32_t dot_of_format(State& state, bool scalar, uint32_t a, uint32_t b) {
  const uint32_t format = state.csr(Csr::simd_format), group = state.csr(Csr::simd_group);
  advance_group(state, format);
  const auto part = [&](int bits) { return (scalar ? replicate<16>(b) : b) >> (group * uint32_t(bits) & 31); };
  switch (format) {
    case k16: return dot<16, 16, kSigns>(a, scalar ? replicate<16>(b) : b);
    case k8: return dot<8, 8, kSigns>(a, scalar ? replicate<8>(b) : b);
    case k4: return dot<4, 4, kSigns>(a, scalar ? replicate<4>(b) : b);
    case k2: return dot<2, 2, kSigns>(a, scalar ? replicate<2>(b) : b);
    case k2x4: return dot<4, 2, kSigns>(a, part(16));
    case k2x8: return dot<8, 2, kSigns>(a, part(8));
    case k2x16: return dot<16, 2, kSigns>(a, part(4));
    case k4x8: return dot<8, 4, kSigns>(a, part(16));
    case k4x16: return dot<16, 4, kSigns>(a, part(8));
    case k8x16: return dot<16, 8, kSigns>(a, part(16));
    default: return 0;
  }
}

template <Signs kSigns, int kWidth, Second kSecond>
uint32_t dot_product(State& state, uint32_t a, uint32_t b) {
  if (state.csr(Csr::simd_legacy) != 0) return dot<kWidth, kWidth, kSigns>(a, kSecond == kVector ? b : replicate<kWidth>(b));
  return dot_of_format<kSigns>(state, kSecond == kScalar, a, b);
}

}  // namespace bitloom::mpic
