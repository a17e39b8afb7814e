// The instruction set as data: what isa.inc says of every instruction, and the two translations derived from it, decode and encode.
#pragma once
#include <cstdint>

namespace bitloom::mpic {

// One value per row of isa.inc; `illegal` for words that no row covers.
enum class Op : uint16_t {
#define INSN(id, ...) id,
#define EXPAND(id, ...) id,
#define RESERVED(picture)
#include "mpic/isa/isa.inc"
  illegal
};
inline constexpr int kOps = int(Op::illegal);

// What the cycle model and the statistics distinguish.
enum class Timing : uint8_t {
  kAlu,
  kMul,
  kMulHigh,
  kDiv,
  kMac,
  kSimd,
  kDot,
  kLoad,
  kStore,
  kBranch,
  kJump,
  kJumpRegister,
  kLoop,
  kCsr,
  kFence,
  kSystem
};
inline constexpr int kTimings = int(Timing::kSystem) + 1;
const char* to_string(Timing timing);

// A word with its operands apart. Slots that the row does not use are 0. `imm2` holds the second immediate: a field's width - 1, the
// immediate of p.beqimm, csrrwi's operand, a loop count. For kLoop, `rd` is the loop, 0 or 1.
struct Insn {
  Op op = Op::illegal;        // the row
  Op executes = Op::illegal;  // the row whose semantics apply: another one for compressed instructions and short spellings
  uint8_t length = 4;         // bytes
  uint8_t rd = 0, rs1 = 0, rs2 = 0, rs3 = 0;
  int32_t imm = 0, imm2 = 0;
};

// How an instruction uses its registers.
enum Access : uint8_t {
  kReadsRs1 = 1,
  kReadsRs2 = 2,
  kReadsRs3 = 4,
  kWritesRd = 8,
  kWritesRs1 = 16,  // post-increment
};

struct Row {
  const char* mnemonic;
  uint32_t match, mask;
  uint8_t length;        // bytes
  const char* operands;  // letters and punctuation, as isa.inc explains
  Op executes;
  Timing timing;   // these two of the row it executes as
  uint8_t access;  // set of Access
};
const Row& row(Op op);  // Op::illegal has none

// What a letter of an operand string stands for.
enum class Role : uint8_t {
  kRd,
  kAccumulator,
  kRs1,
  kRs2,
  kRs3,
  kRdRs1,
  kImm,
  kImm2,
  kTarget,
  kCsr,
  kLoop,
  kPredecessors,
  kSuccessors
};
struct Segment {
  uint8_t lsb, at, width;  // bits [lsb, lsb + width) of the value are bits [at, at + width) of the word
};
struct Operand {
  char letter;
  Role role;
  bool is_signed;
  int8_t fixed;  // the register that is meant without a field for it; -1 for all others
  Segment segments[8];

  bool is_register() const { return role <= Role::kRdRs1; }
  int low_bit() const;  // the value is a multiple of 1 << low_bit()
  int64_t lo() const, hi() const;
};
// nullptr for punctuation.
const Operand* operand(char letter);
int32_t value(const Insn& insn, const Operand& operand);
void set_value(Insn& insn, const Operand& operand, int32_t value);

// The instruction that `word` begins with; a compressed one is in the low half. Words without a row, and reserved ones, give Op::illegal
// with the length that the low two bits say.
Insn decode(uint32_t word);
// Its word. Error when an operand does not fit its field, naming the mnemonic, the value and the range.
uint32_t encode(const Insn& insn);
// An instruction of the given row with all operands 0.
Insn blank(Op op);

inline bool is_compressed(uint32_t word) { return (word & 3) != 3; }

}  // namespace bitloom::mpic
