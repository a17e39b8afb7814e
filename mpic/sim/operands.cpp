// Instructions prepared for execution.
#include "mpic/sim/operands.h"

#include "mpic/isa/csr.h"

namespace bitloom::mpic {
namespace {

// Kernels write these registers in their loops: an access is no more than a move.
bool chooses_format(const Insn& insn) {
  const uint32_t address = uint32_t(insn.imm);
  return address_of(Csr::simd_format) <= address && address <= address_of(Csr::simd_legacy);
}

}  // namespace

Operands operands_of(const Insn& insn, uint32_t pc) {
  const Row& r = row(insn.op);
  Operands o{insn.rd, insn.rs1, insn.rs2, insn.rs3, insn.imm};
  if ((r.access & kWritesRd) != 0 && insn.rd == 0) o.rd = 32;
  if (insn.executes == Op::lui || insn.executes == Op::auipc) {
    o.imm = int32_t((uint32_t(insn.imm) << 12) + (insn.executes == Op::auipc ? pc : 0));
  } else if (r.timing == Timing::kCsr) {
    o.imm = int32_t(Csr::simd_format) + insn.imm - int32_t(address_of(Csr::simd_format));
    o.rs2 = uint8_t(insn.imm2);
  } else if (r.timing == Timing::kLoop) {
    o.imm = int32_t(pc + uint32_t(insn.imm));
    o.rs2 = uint8_t(insn.imm2);
    o.rs3 = uint8_t(insn.imm2 >> 8);
  } else if (insn.imm2 != 0) {
    o.rs2 = uint8_t(insn.imm2);
  }
  return o;
}

bool needs_step(const Insn& insn) {
  if (insn.op == Op::illegal) return true;
  const Row& r = row(insn.op);
  if (r.timing == Timing::kSystem || (r.timing == Timing::kCsr && !chooses_format(insn))) return true;
  return ((r.access & kWritesRs1) != 0 && insn.rs1 == 0) ||
         ((r.access & kReadsRs3) != 0 && (r.access & kWritesRd) != 0 && insn.rd == 0);
}

}  // namespace bitloom::mpic
