// What an instruction does with memory and CSRs, as told by its row: for traces, logs and watchpoints.
#pragma once
#include <cstdint>

#include "mpic/isa/isa.h"
#include "mpic/sim/state.h"

namespace bitloom::mpic {

struct MemoryAccess {
  uint32_t address = 0;
  uint8_t bytes = 0;  // 0: there is none
  bool is_store = false;
  uint32_t stored = 0;  // those bytes

  bool touches(uint32_t first, uint64_t count) const {
    return bytes != 0 && address < first + count && first < uint64_t(address) + bytes;
  }
};

// Of an instruction that is executed in that state.
MemoryAccess access_of(const Insn& insn, const State& before);

// Whether it writes the CSR that it names: the forms that set and clear bits do not when there are none (unprivileged manual, Zicsr).
bool writes_csr(const Insn& insn);

}  // namespace bitloom::mpic
