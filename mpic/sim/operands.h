// Instructions prepared for execution: operands where the handlers of interpreter.cpp and lockstep.cpp want them.
#pragma once
#include <cstdint>

#include "mpic/isa/isa.h"

namespace bitloom::mpic {

struct Operands {
  uint8_t rd, rs1, rs2, rs3;  // rd is 32 for x0; for lp.* it is the loop
  int32_t imm;                // absolute for lui, auipc and the ends of loops; the cell of a CSR
  // The second immediate takes the place of rs2, the count of a loop that of rs2 and rs3.
  int8_t imm2() const { return int8_t(rs2); }
  uint32_t count() const { return rs2 | uint32_t(rs3) << 8; }
};
// Of the instruction at `pc`, which does not need a step.
Operands operands_of(const Insn& insn, uint32_t pc);

// Instructions that are stepped: those that leave user code or access a CSR other than the ones that choose formats, and uses of x0 that
// Operands cannot express.
bool needs_step(const Insn& insn);

}  // namespace bitloom::mpic
