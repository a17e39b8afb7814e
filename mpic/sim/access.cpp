// What an instruction does with memory and CSRs.
#include "mpic/sim/access.h"

#include <cstring>

namespace bitloom::mpic {
namespace {

// By the letter behind l or s in mnemonics: lb, c.lwsp, p.shu.
uint8_t width_of(const char* mnemonic) {
  if (const char* dot = std::strchr(mnemonic, '.')) mnemonic = dot + 1;
  return mnemonic[1] == 'b' ? 1 : mnemonic[1] == 'h' ? 2 : 4;
}

}  // namespace

// From the operand string: the base in parentheses, plus the offset in front unless it is added afterwards ('!').
MemoryAccess access_of(const Insn& insn, const State& before) {
  if (insn.op == Op::illegal) return {};
  const Row& r = row(insn.op);
  const char* const open = std::strchr(r.operands, '(');
  if (open == nullptr || (r.timing != Timing::kLoad && r.timing != Timing::kStore)) return {};
  const Operand &offset = *operand(open[-1]), &base = *operand(open[1]);
  MemoryAccess access;
  access.bytes = width_of(r.mnemonic);
  access.address = before.x[value(insn, base)];
  if (open[2] != '!') {
    const int32_t distance = value(insn, offset);
    access.address += offset.is_register() ? before.x[distance] : uint32_t(distance);
  }
  access.is_store = r.timing == Timing::kStore;
  if (access.is_store) access.stored = before.x[insn.rs2] & (~0u >> (32 - 8 * access.bytes));
  return access;
}

bool writes_csr(const Insn& insn) {
  if (insn.op == Op::illegal || row(insn.op).timing != Timing::kCsr) return false;
  switch (insn.executes) {
    case Op::csrrs:
    case Op::csrrc: return insn.rs1 != 0;
    case Op::csrrsi:
    case Op::csrrci: return insn.imm2 != 0;
    default: return true;
  }
}

}  // namespace bitloom::mpic
