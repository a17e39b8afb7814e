// Instructions as text: the operand strings of isa.inc, filled in.
#pragma once
#include <cstdint>
#include <string>

#include "mpic/isa/isa.h"

namespace bitloom::mpic {

// kExact: as the instruction table has it. kPlain, for reading, as GNU's objdump has it: pseudo-instructions ("ret", "mv a0, a1", "li a0, 5"), and a
// compressed instruction as the one it is short for.
enum class Spelling { kExact, kPlain };

// "p.lw a0, 4(a1!)": the mnemonic of the row, ABI register names, CSRs by name, targets as byte offsets from the instruction. The assembler
// makes the same word of it (kPlain: the same instruction). A word that no row covers becomes ".word 0x..." or, when its low bits are those of a compressed instruction,
// ".half 0x..." of its low half.
std::string disassemble(uint32_t word, Spelling spelling = Spelling::kExact);
std::string disassemble(const Insn& insn, uint32_t word, Spelling spelling = Spelling::kExact);
// With the address that a jump, branch or loop refers to as a comment.
std::string disassemble_at(uint32_t word, uint32_t pc, Spelling spelling = Spelling::kPlain);

// The operands of a row for messages: "rd, imm(rs1!)".
std::string describe_operands(const Row& row);

}  // namespace bitloom::mpic
