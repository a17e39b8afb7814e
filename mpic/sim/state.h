// The architectural state of the core: everything that a program can see, and nothing of how it is simulated.
#pragma once
#include <cstdint>

namespace bitloom::mpic {

// The registers of csr.inc, in its order.
enum class Csr : uint8_t {
#define CSR(name, address, reset, mask) name,
#include "mpic/isa/csr.inc"
  count
};

// Values of CSR simd_format: widths of the lanes of rs1 and rs2; k2x8 is 2-bit rs2 with 8-bit rs1 (dossier 1.3).
enum SimdFormat : uint32_t { k32, k16, k8, k4, k2, k2x4, k2x8, k2x16, k4x8, k4x16, k8x16 };

struct HardwareLoop {
  uint32_t start = 0;
  uint32_t end = 0;  // address of the last instruction
  uint32_t count = 0;
};

struct State {
  uint32_t x[33] = {};  // x[32] takes what is written to x0
  uint32_t pc = 0;
  uint32_t csrs[int(Csr::count)] = {};
  HardwareLoop loop[2];
  uint32_t skipped = 0;    // dot products since simd_group last moved; no program can read it
  uint32_t pccr[12] = {};  // performance counters, less the events since they were switched on

  uint32_t& csr(Csr which) { return csrs[int(which)]; }
  uint32_t csr(Csr which) const { return csrs[int(which)]; }
};

}  // namespace bitloom::mpic
