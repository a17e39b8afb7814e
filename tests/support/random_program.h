// Random programs out of all rows of the instruction table: computation, memory accesses of any alignment, branches, calls, hardware loops,
// CSRs, traps. They may fault, loop for ever, jump into the middle of instructions and store into their own code.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "core/rng.h"
#include "tests/support/mpic.h"

namespace bitloom::mpic {

class RandomProgram {
 public:
  explicit RandomProgram(Rng rng);

  // The program, its data and its registers; the core begins at its first instruction.
  void load(TestCore& core) const;
  std::string listing() const;

 private:
  void add(const Insn& insn);
  void add_random(Op op);
  Op random_op();
  Op random_of(Timing timing);
  void set_random(Insn& insn, const Operand& o, bool is_memory);
  int random_register(const Operand& o, bool is_memory);

  Rng rng_;
  std::vector<uint16_t> code_;
  std::vector<uint32_t> data_;
  uint32_t x_[32] = {};
  bool traps_ = false;
};

// The row with its registers by role and its immediates from `rng`: any for a target or a number, small ones for memory accesses. Nothing
// where these operands are reserved or spell another row.
struct Registers {
  int rd, rs1, rs2, rs3;
};
std::optional<Insn> with_operands(Op op, const Registers& registers, Rng rng);

}  // namespace bitloom::mpic
