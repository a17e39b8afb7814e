// What both interpreters work on: memory, architectural state and pipeline of one core.
#pragma once
#include <algorithm>
#include <cstdint>

#include "mpic/program/memory.h"
#include "mpic/sim/cycle_model.h"
#include "mpic/sim/state.h"

namespace bitloom::mpic {

struct Machine {
  Machine(uint32_t memory_base, uint64_t memory_size) : memory(memory_base, memory_size) {}

  Memory memory;
  State state;
  CycleModel model;
  uint32_t last_pc = 0;  // of the instruction before; the pc itself behind lp.*

  // Whether the instruction at `target` lies across two words.
  bool is_crossing(uint32_t target) const {
    uint32_t word = 0;
    return (target & 2) != 0 && memory.fetch(target, &word) && !is_compressed(word);
  }
  // Hardware loops whose behaviour depends on more than the instructions of a basic block.
  bool loops_need_steps() const {
    return std::any_of(state.loop, state.loop + 2,
                       [&](const HardwareLoop& l) { return l.count > 1 && (l.start == l.end || is_crossing(l.start)); });
  }
};

}  // namespace bitloom::mpic
