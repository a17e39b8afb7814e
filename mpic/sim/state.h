// The architectural state of the core: everything that a program can see, and nothing of how it is simulated.
#pragma once
#include <cstdint>

#include "mpic/isa/csr.h"

namespace bitloom::mpic {

struct HardwareLoop {
  uint32_t start = 0;
  uint32_t end = 0;  // address of the last instruction
  uint32_t count = 0;
};

struct State {
  uint32_t x[33] = {};  // x[32] takes what is written to x0
  uint32_t pc = 0;
  uint32_t csrs[kCsrCount] = {};  // the cells of csr.inc
  HardwareLoop loop[2];
  uint32_t skipped = 0;  // dot products since simd_group last moved; no program can read it

  uint32_t& csr(Csr which) { return csrs[int(which)]; }
  uint32_t csr(Csr which) const { return csrs[int(which)]; }
};

}  // namespace bitloom::mpic
