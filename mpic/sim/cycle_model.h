// When instructions issue: the pipeline of RI5CY/MPIC on single-cycle memory, as rules over issue times, measured on the RTL
// (tests/data/rtl/README.md, "Timing"). Both interpreters use this one model: one asks it for every instruction, the other once per basic block.
#pragma once
#include <array>
#include <cstdint>

#include "mpic/isa/isa.h"

namespace bitloom::mpic {

// Why cycles pass in which no instruction issues.
enum class Stall : uint8_t {
  kLoadUse,         // the loaded register is used, or written, by the next instruction
  kMulHigh,         // mulh, mulhsu, mulhu take 5 cycles
  kDivider,         // 3 to 35 cycles, by operand
  kMisaligned,      // second bus access
  kBranchTaken,     // 2 instructions of the fall-through path are lost
  kJump,            // 1 is lost
  kJumpRegister,    // jalr waits for its register
  kCrossingTarget,  // the target is a 32-bit instruction across two words
  kFlush            // fence, ecall, mret, traps, some CSRs
};
inline constexpr int kStalls = int(Stall::kFlush) + 1;
const char* to_string(Stall stall);

struct Counters {
  uint64_t cycles = 0, instructions = 0;
  uint64_t compressed = 0, taken = 0;  // 16-bit instructions; taken branches
  std::array<uint64_t, kTimings> issued{};
  std::array<uint64_t, kStalls> stalls{};

  // Adds `times` times `other`.
  void add(const Counters& other, uint64_t times = 1);
  bool operator==(const Counters& other) const;
};

// What execution decided and timing depends on.
struct Outcome {
  enum Flow : uint8_t { kNext, kRedirect, kLoopBack, kTrap };  // kRedirect: a taken branch or a jump
  Flow flow = kNext;
  bool crossing = false;       // the target is a 32-bit instruction at an address that is no multiple of 4
  bool misaligned = false;     // the access took two bus transactions
  uint8_t divider = 3;         // cycles of a div or rem
  uint8_t shadow_divider = 1;  // of a div or rem right behind a taken branch: killed, but it occupies the unit
};

// Cycles of a division by `divisor`, from the RTL's divider; 3 to 35.
int divider_cycles(uint32_t divisor, bool is_signed);
// Whether an access of 2 or 4 bytes at `address` crosses a word.
inline bool crosses_word(uint32_t address, int bytes) { return (address & 3) + uint32_t(bytes) > 4; }

class CycleModel {
 public:
  // Cycle in which `insn` would issue next.
  uint64_t issue_time(const Insn& insn) const;
  // Issues it.
  void issue(const Insn& insn, const Outcome& outcome);
  // From now on as after an instruction without hazards that ended when `cycles` had passed.
  void restart(uint64_t cycles);
  // Cycle in which the next instruction issues if it waits for nothing.
  uint64_t ready() const { return ready_; }
  // Whether `next` and what follows take as long as if nothing had come before.
  bool is_settled(const Insn& next) const;
  Counters& counters() { return counters_; }
  const Counters& counters() const { return counters_; }

 private:
  struct Issued {
    Insn insn;
    uint64_t done = 0;  // end of execution
    bool waited = false;
  };
  uint64_t operand_ready(const Insn& insn) const;

  Issued last_, last_but_one_;
  uint64_t fetched_ = 0;  // the next instruction is in the decode stage
  uint64_t ready_ = 0;    // max(fetched_, last_.done)
  Counters counters_;     // `cycles` is left to the caller
};

}  // namespace bitloom::mpic
