// Branches and jumps, which grow where their target is out of reach.
#include "core/error.h"
#include "mpic/isa/names.h"
#include "mpic/program/assembler/text_assembler.h"

namespace bitloom::mpic {
namespace {

enum Form : size_t { kAsWritten, kUncompressed, kLong };

const Operand& target_of(Op op) {
  const char* p = row(op).operands;
  while (operand(*p) == nullptr || operand(*p)->role != Role::kTarget) ++p;
  return *operand(*p);
}

bool reaches(Op op, int64_t distance) {
  const Operand& target = target_of(op);
  return distance >= target.lo() && distance <= target.hi();
}

// The branch that is taken where this one is not; Op::illegal for what is no branch.
Op opposite(Op op) {
  static constexpr Op kPairs[][2] = {
      {Op::beq, Op::bne}, {Op::blt, Op::bge}, {Op::bltu, Op::bgeu}, {Op::p_beqimm, Op::p_bneimm}};
  for (const auto& pair : kPairs)
    if (op == pair[0] || op == pair[1]) return op == pair[0] ? pair[1] : pair[0];
  return Op::illegal;
}

Insn aimed(Insn insn, int64_t distance) {
  set_number(insn, target_of(insn.op), distance);
  return insn;
}

}  // namespace

// A label is reached by the instruction as it is; or by the one that a compressed one stands for; or, for a branch, by the opposite branch
// over a jal; or, for a jump with a register to spare, by auipc and jalr. A plain number is an offset, and the instruction stays as it is.
void TextAssembler::jump(Insn insn, TokenRange target, int scratch) {
  const Value to = value_of(target);
  if (are_places_known() && !to.is_address()) {
    settle(kAsWritten);  // the first pass did not know that it would not grow
    return emit({is_last_pass() ? aimed(insn, to.number) : insn});
  }
  const int64_t distance = are_places_known() ? to.number - int64_t(address()) : 0;
  Insn uncompressed = insn;
  uncompressed.op = insn.executes;
  uncompressed.length = 4;
  const bool is_branch = opposite(insn.executes) != Op::illegal;
  size_t needed = kAsWritten;
  if (!reaches(insn.op, distance)) needed = insn.length == 2 && reaches(insn.executes, distance) ? kUncompressed : kLong;
  const size_t form = settle(needed);
  if (is_last_pass() && insn.executes == Op::jal && insn.rd == reg::ra.index) called_.insert(uint32_t(to.number));

  if (form == kLong && is_branch) {
    Insn over = uncompressed, far = blank(Op::jal);
    over.op = over.executes = opposite(insn.executes);
    over = aimed(over, 8);
    return emit({over, is_last_pass() ? aimed(far, distance - 4) : far});
  }
  if (form == kLong && scratch != 0) {
    const uint8_t via = uint8_t(scratch);
    Insn far = blank(Op::jalr);
    far.rd = insn.rd;
    far.rs1 = via;
    far.imm = low_part(uint32_t(distance));
    return emit({load_address(Reg{via}, int32_t(distance))[0], far});
  }
  Insn& chosen = form == kAsWritten ? insn : uncompressed;
  emit({is_last_pass() ? aimed(chosen, distance) : chosen});
}

// "call f", "call t0, f", "tail f", "jump f, t0": jal, or auipc and jalr through a register. False for anything else.
bool TextAssembler::jump_far(const std::string& mnemonic, const std::vector<TokenRange>& texts) {
  const bool is_call = mnemonic == "call", is_tail = mnemonic == "tail", is_jump = mnemonic == "jump";
  if (!is_call && !is_tail && !is_jump) return false;
  const bool has_register = texts.size() == 2 && !is_tail;
  BITLOOM_CHECK(has_register || (texts.size() == 1 && !is_jump), mnemonic, " takes ",
                is_call   ? "a label, perhaps behind a register"
                : is_tail ? "a label"
                          : "a label and a register");
  uint8_t via = is_tail ? reg::t1.index : reg::ra.index;
  if (has_register) {
    const TokenRange text = texts[is_call ? 0 : 1];
    BITLOOM_CHECK(is_register(text), mnemonic, " takes ", is_call ? "a register and a label" : "a label and a register");
    via = uint8_t(find_register(text.begin->text));
  }
  Insn insn = blank(Op::jal);
  insn.rd = is_call ? via : 0;
  jump(insn, texts[has_register && is_call ? 1 : 0], via);
  return true;
}

}  // namespace bitloom::mpic
