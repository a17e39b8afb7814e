// Threaded dispatch over the blocks of blocks.cpp, with the semantics of isa.inc.
//
// A block is accounted as a whole when it is entered; what only execution knows (divisors, misaligned addresses, taken branches) is added as
// it happens. Anything rare leaves: the block is unwound to the instruction in question, and the core steps on from there.
#include "mpic/interpreter.h"

#include <cstring>

#include "mpic/core.h"
#include "mpic/vector_unit.h"

#pragma GCC diagnostic ignored "-Wpedantic"  // labels as values

namespace bitloom::mpic {

#define RD x[ip->rd]
#define RS1 x[ip->rs1]
#define RS2 x[ip->rs2]
#define RS3 x[ip->rs3]
#define IMM ip->imm
#define IMM2 int8_t(ip->rs2)
#define FIELD_RS1 0
#define PC 0u  // targets are absolute
#define LINK block->end
#define POST(value) RS1 = (value);
#define IN_MEMORY(type, address)                                                                           \
  const uint32_t offset = (address)-base;                                                                  \
  constexpr uint32_t kShift = sizeof(type) == 4 ? 2 : sizeof(type) == 2 ? 1 : 0;                           \
  if (__builtin_expect(rotate_right(offset, kShift) >= size >> kShift, 0)) { /* outside, or not aligned */ \
    if (offset >= size || sizeof(type) > size - offset) goto unwind;                                       \
    if (crosses_word(offset, sizeof(type))) {                                                              \
      ++cycles;                                                                                            \
      ++misaligned_stalls;                                                                                 \
      misaligned = ip;                                                                                     \
      misaligned_left = left;                                                                              \
    }                                                                                                      \
  }
#define LOAD(type, address) \
  IN_MEMORY(type, address)  \
  type loaded;              \
  std::memcpy(&loaded, ram + offset, sizeof(type));
#define STORE(type, address, value) \
  IN_MEMORY(type, address)          \
  const type stored = type(value);  \
  std::memcpy(ram + offset, &stored, sizeof(type));
#define BRANCH_IF(condition)               \
  if (condition) {                         \
    Block* const to = block->taken;        \
    if (to == nullptr) goto resolve_taken; \
    cycles += block->taken_cycles;         \
    ++block->taken_runs;                   \
    ENTER(to);                             \
  }                                        \
  goto next_block
// A misaligned access hides part of the bubble of a jump right behind it: left to the step.
#define WAITED_FOR_MEMORY (misaligned == ip - 1 && misaligned_left == left)
#define JUMP                                          \
  if (block->taken == nullptr || WAITED_FOR_MEMORY) { \
    if (WAITED_FOR_MEMORY) goto unwind;               \
    goto resolve_jump;                                \
  }                                                   \
  ENTER(block->taken)
#define LINK_AND_JUMP_TO(address)     \
  const uint32_t to = (address);      \
  if (WAITED_FOR_MEMORY) goto unwind; \
  RD = LINK;                          \
  target = to;                        \
  goto jump_to
#define COUNT (ip->rs2 | uint32_t(ip->rs3) << 8)
#define DIVIDE(function, is_signed) (divided(is_signed), function(RS1, RS2))
#define LANES(lane, width, second, operand) (lanes<lane, width, second>(state, RS1, uint32_t(operand)))
#define DOT(signs, width, second, operand) (dot_product<signs, width, second>(state, RS1, uint32_t(operand)))
#define LOOP_START(address) state.loop[ip->rd].start = (address);
#define LOOP_END(address) state.loop[ip->rd].end = uint32_t(address);
#define LOOP_COUNT(value) state.loop[ip->rd].count = (value);
#define LOOP_DONE goto loop_set
#define CSR_ACCESS(...) goto unwind
#define SYSTEM goto unwind
#define ENTER(to)                                          \
  do {                                                     \
    block = (to);                                          \
    left -= block->insns;                                  \
    if (__builtin_expect(left < 0, 0)) goto out_of_budget; \
    cycles += block->cycles;                               \
    ++block->runs;                                         \
    ip = block->ops.data();                                \
    goto * ip->handler;                                    \
  } while (false)

void Interpreter::run(uint64_t* budget) {
  static const void* const kHandlers[] = {
#define INSN(id, ...) &&do_##id,
#define EXPAND(...) nullptr,
#define RESERVED(picture)
#include "mpic/isa.inc"
      &&do_constant, &&do_fall_through, &&do_loop_end, &&unwind};
  handlers_ = kHandlers;

  if (stale_) clear();
  State& state = core_.state_;
  if (core_.loops_need_steps()) return;
  Block* block = find(state.pc);
  if (block == nullptr || block->insns == 0 || block->insns > *budget || !core_.model_.is_settled(block->code[0])) return;

  uint32_t* const x = state.x;
  uint8_t* const ram = core_.memory_.data();
  const uint32_t base = core_.memory_.base(), size = core_.memory_.size();
  uint64_t cycles = core_.model_.ready(), misaligned_stalls = 0, divider_stalls = 0;
  int64_t left = int64_t(std::min<uint64_t>(*budget, uint64_t(1) << 62)), misaligned_left = 0;
  const uint64_t spare = *budget - uint64_t(left);
  const Slot *ip = nullptr, *misaligned = nullptr;
  uint32_t target = 0;
  const auto divided = [&](bool is_signed) {
    const uint64_t longer = uint64_t(divider_cycles(RS2, is_signed)) - 3;
    cycles += longer;
    divider_stalls += longer;
  };
  Counters& dynamic = core_.model_.counters();
  ENTER(block);

#define INSN(id, mnemonic, picture, operands, timing, ...) \
  do_##id : {                                              \
    __VA_ARGS__;                                           \
    ++ip;                                                  \
    goto * ip->handler;                                    \
  }
#define EXPAND(...)
#define RESERVED(picture)
#include "mpic/isa.inc"

do_constant : {
  RD = uint32_t(IMM);
  ++ip;
  goto * ip->handler;
}

do_fall_through:
next_block : {
  Block* to = block->next;
  if (to == nullptr) {
    to = find(block->end);
    const int stall = to == nullptr ? -1 : edge(*block, *to);
    if (stall < 0) {
      target = block->end;
      goto leave_behind;
    }
    block->next = to;
    block->next_stalls = stall != 0;
  }
  if (block->next_stalls) {
    ++cycles;
    ++dynamic.stalls[int(Stall::kLoadUse)];
  }
  ENTER(to);
}

do_loop_end : {
  HardwareLoop* loop = state.loop;
  if (loop->end != uint32_t(IMM) || loop->count < 2) ++loop;
  if (loop->end != uint32_t(IMM) || loop->count < 2) goto next_block;
  --loop->count;
  Block* to = block->taken;
  if (to == nullptr || to->pc != loop->start) {
    to = find(loop->start);
    const int stall = to == nullptr ? -1 : edge(*block, *to);
    if (stall < 0) {
      target = loop->start;
      goto leave_behind;
    }
    block->taken = to;
    block->taken_stalls = stall != 0;
  }
  if (block->taken_stalls) {
    ++cycles;
    ++dynamic.stalls[int(Stall::kLoadUse)];
  }
  ENTER(to);
}

loop_set:
  if (!core_.loops_need_steps()) goto next_block;
  target = block->end;
  goto leave_behind;

resolve_taken : {
  target = block->target;
  cycles += block->taken_cycles;
  ++block->taken_runs;
  if (block->divides_in_shadow) {  // never linked, because it takes as long as its divisor says
    const uint64_t longer = uint64_t(divider_cycles(x[block->shadow_rs2], block->shadow_signed)) - 1;
    cycles += longer;
    divider_stalls += longer;
  }
  Block* const to = find(target);
  if (to == nullptr) goto leave;
  if (!block->divides_in_shadow) block->taken = to;
  ENTER(to);
}

resolve_jump : {
  target = block->target;
  Block* const to = find(target);
  if (to == nullptr) goto leave;
  block->taken = to;
  ENTER(to);
}

jump_to : {
  Block*& recent = recent_[target >> 1 & (recent_.size() - 1)];
  Block* to = recent;
  if (to == nullptr || to->pc != target) {
    to = find(target);
    if (to == nullptr) {
      if (core_.is_crossing(target)) {
        ++cycles;
        ++dynamic.stalls[int(Stall::kCrossingTarget)];
      }
      goto leave;
    }
    recent = to;
  }
  if (to->crosses) {
    ++cycles;
    ++dynamic.stalls[int(Stall::kCrossingTarget)];
  }
  ENTER(to);
}

out_of_budget:
  left += block->insns;
  target = block->pc;
leave:  // nothing of what was executed still matters to timing
  core_.model_.restart(cycles);
  goto store;
leave_behind:  // the next instruction may wait for the last of the block
  ip = block->ops.data() + block->code.size();
  unwind(*block, block->code.size(), cycles, WAITED_FOR_MEMORY);
  goto store;
unwind : {
  const size_t executed = size_t(ip - block->ops.data());
  const bool waited = WAITED_FOR_MEMORY;
  left += int64_t(block->code.size() - executed);
  target = unwind(*block, executed, cycles, waited);
}
store:
  state.pc = target;
  dynamic.stalls[int(Stall::kMisaligned)] += misaligned_stalls;
  dynamic.stalls[int(Stall::kDivider)] += divider_stalls;
  *budget = spare + uint64_t(left);
}

}  // namespace bitloom::mpic
