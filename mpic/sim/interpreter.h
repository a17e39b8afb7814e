// The fast interpreter: basic blocks decoded once, their cycles computed once, threaded dispatch.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "mpic/sim/machine.h"
#include "mpic/sim/operands.h"

namespace bitloom::mpic {

class Interpreter {
 public:
  explicit Interpreter(Machine& machine);
  ~Interpreter();

  // Executes basic blocks while they fit into *budget instructions, which is reduced, and nothing happens that needs a single step: a system
  // instruction, a fault, an access outside memory. State, cycles and pipeline of the core are then as if it had stepped.
  void run(uint64_t* budget);
  // The machine was reset: nothing counts any more. Blocks stay.
  void restart();
  // Anything may have changed in memory: drops all blocks before the next one begins.
  void forget() { stale_ = true; }
  // These bytes have changed: the same if a block was made of them.
  void written(uint32_t address, uint64_t bytes) { stale_ = stale_ || depends_on(address, bytes); }
  // Stores to these bytes, at most 8, are left to the step.
  void watch(uint32_t address, uint32_t bytes);
  // A hardware loop may end at `address`: blocks end there.
  void add_loop_end(uint32_t address);
  // Adds what the blocks counted.
  void add_to(Counters& counters) const;

 private:
  struct Frame;
  template <bool kChained>
  struct Semantics;
  // What a handler needs of an instruction. 16 bytes: four to a cache line.
  struct Slot : Operands {
    const void* handler;
  };
  // Straight-line code up to a jump, branch, lp.* or loop end, or up to an instruction to be stepped.
  struct Block {
    int64_t account = 0;  // cycles of one run, its branch not taken, less its instructions << 32
    const Slot* slots = nullptr;
    uint64_t runs = 0, taken_runs = 0;
    Block* next = nullptr;     // falling through, and
    Block* taken = nullptr;    // the target, once known; of loops the last one
    int64_t taken_cycles = 0;  // of a taken branch, more than not taken
    uint32_t pc = 0, end = 0;  // addresses of the first instruction and behind the last
    uint32_t insns = 0, cycles = 0;
    uint32_t target = 0;                             // of a branch or jal
    bool next_stalls = false, taken_stalls = false;  // a load-use stall across the edge (not of branches and jumps)
    bool crosses = false;                            // as a target it costs a cycle,
    bool hides_crossing = false;     // unless the jalr at the end of the block before waits longer than its bubble takes
    bool divides_in_shadow = false;  // behind the branch is a division, whose divisor matters when it is taken
    bool shadow_signed = false;
    uint8_t shadow_rs2 = 0;
    std::vector<Insn> code;
    std::vector<Slot> ops;
    Counters profile;  // of one run
  };
  struct Pair {
    Op first, second;
    bool chained;  // the second reads as rs1 what the first writes
    const void* handler;
  };
  static uint32_t pair_key(Op first, Op second, bool chained) {
    return uint32_t(first) << 16 | uint32_t(second) << 1 | (chained ? 1 : 0);
  }
  // Handlers beyond the rows of isa.inc, behind them in handlers_.
  enum Extra { kConstant = kOps, kFallThrough, kLoopEnd, kStep };

  // What stores to words of the first region of memory must know; to all others they are left to the step, which knows itself.
  enum Source : uint8_t { kData, kCode, kReadOnly };

  // Whether blocks were made of any of these bytes, or they are watched.
  bool depends_on(uint32_t address, uint64_t bytes) const;
  void depend(uint32_t address, uint32_t bytes) { mark(address, bytes, kCode); }
  void mark(uint32_t address, uint64_t bytes, Source source);
  Block* find(uint32_t pc);
  std::unique_ptr<Block> build(uint32_t pc);
  Slot translate(const Insn& insn, uint32_t pc) const;
  void measure(Block& block) const;
  // Load-use stalls of `next` right behind `block`: 0 or 1; -1 when what they have to do with each other is not that simple.
  int edge(const Block& block, const Block& next) const;
  // Takes back the account of a block of which only that many instructions were executed; returns the address of the next one.
  uint32_t unwind(Block& block, size_t executed, uint64_t cycles, bool last_was_misaligned);
  void clear();

  Machine& machine_;
  const void* const* handlers_ = nullptr;                 // by Op, then Extra
  std::unordered_map<uint32_t, const void*> pairs_;       // by first and second Op
  std::unordered_map<uint32_t, const void*> loop_tails_;  // two Ops in front of bne
  bool stale_ = false;
  std::vector<uint8_t> sources_;                      // a Source for words of memory; from its end on all are data
  uint64_t elsewhere_begin_ = 0, elsewhere_end_ = 0;  // addresses between which blocks of other regions lie
  uint32_t watched_ = 0, watched_bytes_ = 0;
  std::unordered_map<uint32_t, std::unique_ptr<Block>> blocks_;
  std::array<Block*, 1024> recent_{};  // targets of indirect jumps, by address
  std::unordered_set<uint32_t> loop_ends_;
};

}  // namespace bitloom::mpic
