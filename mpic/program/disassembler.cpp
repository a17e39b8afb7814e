// Instructions as text.
#include "mpic/program/disassembler.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "mpic/isa/names.h"
#include "mpic/program/assembler/pseudo.h"

namespace bitloom::mpic {
namespace {

// The sets of fence: device input and output, memory reads and writes.
std::string ordering(int32_t set) {
  if (set == 0) return "0";
  std::string text;
  for (int bit = 3; bit >= 0; --bit)
    if ((set >> bit & 1) != 0) text += "wroi"[bit];
  return text;
}

std::string operand_text(const Operand& o, int32_t value) {
  if (o.is_register()) return register_name(value);
  switch (o.role) {
    case Role::kLoop: return value == 0 ? "x0" : "x1";
    case Role::kCsr: return csr_name(uint32_t(value));
    case Role::kPredecessors:
    case Role::kSuccessors: return ordering(value);
    default: break;
  }
  const bool is_upper = o.letter == 'u' || o.letter == '4';  // of lui, auipc, c.lui: bits 31..12
  return is_upper ? hex(uint32_t(value) & 0xfffff, 1) : std::to_string(value);
}

// `text_of` of every operand that is written, with the punctuation in between.
template <class TextOf>
std::string fill_in(const char* operands, TextOf text_of) {
  std::string text;
  for (const char* p = operands; *p != 0 && *p != '|'; ++p) {
    if (const Operand* o = operand(*p))
      text += text_of(*o);
    else
      text += *p == ',' ? std::string(", ") : std::string(1, *p);
  }
  return text;
}

// Whether `text` is what `pattern` is with words for @0 and @1; they are put there.
bool matches(const char* pattern, const std::string& text, std::string words[2]) {
  size_t at = 0;
  for (const char* p = pattern; *p != 0; ++p) {
    if (*p == ';') return false;
    if (*p != '@') {
      if (at == text.size() || text[at++] != *p) return false;
      continue;
    }
    const size_t end = std::min(text.find_first_of(",()", at), text.size());
    words[*++p - '0'] = text.substr(at, end - at);
    at = end;
  }
  return at == text.size();
}

// The pseudo-instruction that is the same instruction, or what is given. One of three operands is another order of the same, and no plainer.
std::string usual_spelling(const std::string& text) {
  static const std::vector<Pseudo> usual = [] {
    std::vector<Pseudo> some;
    for (const Pseudo& p : pseudos())
      if (p.count < 3 && std::strchr(p.as, ' ') != nullptr) some.push_back(p);  // without operands it is an old name
    some.push_back({"mv", 2, "add @0, zero, @1"});                              // what c.mv is short for
    // Behind nop, the first of all; in the assembler it may be two instructions.
    some.insert(some.begin() + 1, {"li", 2, "addi @0, zero, @1"});
    return some;
  }();
  for (const Pseudo& p : usual) {
    std::string words[2];
    if (matches(p.as, text, words)) return p.name + (p.count > 0 ? " " + words[0] : "") + (p.count > 1 ? ", " + words[1] : "");
  }
  return text;
}

}  // namespace

std::string disassemble(const Insn& insn, uint32_t word, Spelling spelling) {
  if (insn.op == Op::illegal) return insn.length == 2 ? ".half " + hex(word & 0xffff, 4) : ".word " + hex(word, 8);
  if (spelling == Spelling::kPlain) {
    Insn plain = insn;
    if (insn.length == 2) plain.op = insn.executes;
    return usual_spelling(disassemble(plain, word));
  }
  const Row& r = row(insn.op);
  const std::string operands = fill_in(r.operands, [&](const Operand& o) { return operand_text(o, value(insn, o)); });
  return operands.empty() ? r.mnemonic : r.mnemonic + (" " + operands);
}

std::string disassemble(uint32_t word, Spelling spelling) { return disassemble(decode(word), word, spelling); }

std::string disassemble_at(uint32_t word, uint32_t pc, Spelling spelling) {
  const Insn insn = decode(word);
  std::string text = disassemble(insn, word, spelling);
  if (insn.op == Op::illegal) return text;
  for (const char* p = row(insn.op).operands; *p != 0; ++p)
    if (const Operand* o = operand(*p); o != nullptr && o->role == Role::kTarget)
      text += "  # " + hex(pc + uint32_t(value(insn, *o)), 8);
  return text;
}

std::string describe_operands(const Row& r) {
  return fill_in(r.operands, [](const Operand& o) -> std::string {
    switch (o.role) {
      case Role::kRd: return "rd";
      case Role::kAccumulator: return "rd";
      case Role::kRdRs1: return "rd";
      case Role::kRs1: return "rs1";
      case Role::kRs2: return "rs2";
      case Role::kRs3: return "rs3";
      case Role::kImm: return "imm";
      case Role::kImm2: return o.letter == 'w' ? "width-1" : o.letter == 'c' ? "count" : "imm";
      case Role::kTarget: return "target";
      case Role::kCsr: return "csr";
      case Role::kLoop: return "loop";
      case Role::kPredecessors: return "before";
      case Role::kSuccessors: return "after";
    }
    return "";
  });
}

}  // namespace bitloom::mpic
