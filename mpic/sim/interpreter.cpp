// Threaded dispatch over the blocks of blocks.cpp, with the semantics of isa.inc.
//
// A block is accounted as a whole when it is entered; what only execution knows (divisors, misaligned addresses, taken branches) is added as
// it happens. Anything rare leaves: the block is unwound to the instruction in question, and the core steps on from there. Frequent pairs of
// instructions have a handler of their own, made of their two semantics, which saves every second indirect jump.
#include "mpic/sim/interpreter.h"

#include <algorithm>
#include <cstring>

#include "mpic/sim/pairs.inc"
#include "mpic/sim/vector_unit.h"

#pragma GCC diagnostic ignored "-Wpedantic"  // labels as values

namespace bitloom::mpic {

// What handlers share; all of it in registers once they are inlined.
struct Interpreter::Frame {
  State& state;
  uint32_t* const x;
  uint8_t* const ram;
  const uint32_t base, bytes, halves, words;  // of ram
  int64_t account;                            // instructions left << 32 | cycles since run() began: one addition keeps both
  const Interpreter& interpreter;
  // Up to the end of all code that was translated and of what is read-only; the rest is data.
  uint32_t code_bytes = 0, data_bytes = 0, data_halves = 0, data_words = 0;
  Block* block = nullptr;            // the current one
  uint32_t target = 0;               // of an indirect jump
  uint32_t chained = 0;              // what the first of a pair wrote
  const Slot* misaligned = nullptr;  // the last misaligned access, and when it was
  int64_t misaligned_left = 0;
  uint64_t misaligned_stalls = 0, divider_stalls = 0;

  [[gnu::always_inline]] int64_t left() const { return account >> 32; }
  // A misaligned access hides part of the bubble of a jump right behind it; that is left to the step.
  [[gnu::always_inline]] bool waited_for_memory(const Slot* ip) const {
    return misaligned == ip - 1 && misaligned_left == left();
  }
  [[gnu::always_inline]] void divides(uint32_t divisor, bool is_signed, int expected) {
    const int longer = divider_cycles(divisor, is_signed) - expected;
    account += longer;
    divider_stalls += uint64_t(longer);
  }
  [[gnu::always_inline]] void find_data() {
    code_bytes = uint32_t(interpreter.sources_.size()) * 4;
    data_bytes = bytes - code_bytes;
    data_halves = data_bytes / 2;
    data_words = data_bytes / 4;
  }
  // Offset of an access into ram. False when it is not all inside, or stores to what blocks depend on, is read-only or in a further region.
  template <class T, bool kStores>
  [[gnu::always_inline]] bool locate(uint32_t address, const Slot* ip, uint32_t* offset) {
    constexpr uint32_t kShift = sizeof(T) == 4 ? 2 : sizeof(T) == 2 ? 1 : 0;
    const uint32_t size = sizeof(T) == 4   ? (kStores ? data_words : words)
                          : sizeof(T) == 2 ? (kStores ? data_halves : halves)
                                           : (kStores ? data_bytes : bytes);
    *offset = address - base;
    if (__builtin_expect(rotate_right(kStores ? *offset - code_bytes : *offset, kShift) < size, 1))
      return true;  // aligned and inside
    if (*offset >= bytes || sizeof(T) > bytes - *offset) {
      if (kStores) return false;
      const size_t elsewhere = interpreter.machine_.memory.offset_elsewhere(address, sizeof(T));
      if (elsewhere == Memory::kNowhere) return false;
      *offset = uint32_t(elsewhere);
    } else if (kStores && (is_source(*offset) || is_source(*offset + sizeof(T) - 1))) {
      return false;
    }
    if (crosses_word(*offset, sizeof(T))) {
      ++account;
      ++misaligned_stalls;
      misaligned = ip;
      misaligned_left = left();
    }
    return true;
  }
  [[gnu::always_inline]] bool is_source(uint32_t offset) const {
    return offset / 4 < interpreter.sources_.size() && interpreter.sources_[offset / 4] != kData;
  }
};

// The semantics of every row as a function: true when a branch is taken, false when an access must be left to the step.
// kChained: rs1 is what the instruction before has just written, still in a register of the host.
template <bool kChained>
struct Interpreter::Semantics {
#define RD f.x[ip->rd]
#define RS1 (kChained ? f.chained : f.x[ip->rs1])
#define RS2 f.x[ip->rs2]
#define RS3 f.x[ip->rs3]
#define IMM ip->imm
#define IMM2 ip->imm2()
#define COUNT ip->count()
#define FIELD_RS1 ip->rs1
#define PC 0u  // targets are absolute
#define LINK f.block->end
#define POST(value) f.x[ip->rs1] = (value);
#define LOAD(type, address)                                         \
  uint32_t offset;                                                  \
  if (!f.locate<type, false>((address), ip, &offset)) return false; \
  type loaded;                                                      \
  std::memcpy(&loaded, f.ram + offset, sizeof(type));
#define STORE(type, address, value)                                \
  uint32_t offset;                                                 \
  if (!f.locate<type, true>((address), ip, &offset)) return false; \
  const type stored = type(value);                                 \
  std::memcpy(f.ram + offset, &stored, sizeof(type));
#define BRANCH_IF(condition) return (condition)
#define JUMP return true
#define LINK_AND_JUMP_TO(address) \
  f.target = (address);           \
  RD = LINK
#define DIVIDE(function, is_signed) (f.divides(RS2, is_signed, 3), function(RS1, RS2))
#define LANES(lane, width, second, operand) (lanes<lane, width, second>(f.state, RS1, uint32_t(operand)))
#define DOT(signs, width, second, operand) (dot_product<signs, width, second>(f.state, RS1, uint32_t(operand)))
#define LOOP_START(address) f.state.loop[ip->rd].start = (address);
#define LOOP_END(address) f.state.loop[ip->rd].end = uint32_t(address);
#define LOOP_COUNT(value) f.state.loop[ip->rd].count = (value);
#define LOOP_DONE
#define CSR_ACCESS(source, value, writes)                    \
  uint32_t& cell = f.state.csrs[ip->imm];                    \
  const uint32_t old = cell, mask = kCsrs[ip->imm].writable; \
  [[maybe_unused]] const uint32_t operand = (source);        \
  if (writes) cell = (cell & ~mask) | ((value)&mask);        \
  RD = old
#define SYSTEM
#define INSN(id, mnemonic, picture, operands, timing, ...)                                            \
  [[gnu::always_inline]] static bool id([[maybe_unused]] Frame& f, [[maybe_unused]] const Slot* ip) { \
    __VA_ARGS__;                                                                                      \
    return true;                                                                                      \
  }
#define EXPAND(...)
#define RESERVED(picture)
#include "mpic/isa/isa.inc"
};

#define DISPATCH goto*(ip->handler)
#define ENTER(to)                                               \
  do {                                                          \
    f.block = (to);                                             \
    f.account += f.block->account;                              \
    if (__builtin_expect(f.account < 0, 0)) goto out_of_budget; \
    ++f.block->runs;                                            \
    ip = f.block->slots;                                        \
    DISPATCH;                                                   \
  } while (false)

// The stall belongs to the instruction that waits: if that is not executed any more, the model has to see it.
#define ENTER_BEHIND(to, waits)             \
  if (waits) {                              \
    if (f.account + (to)->account < 0) {    \
      f.target = (to)->pc;                  \
      goto leave_behind;                    \
    }                                       \
    ++f.account;                            \
    ++dynamic.stalls[int(Stall::kLoadUse)]; \
  }                                         \
  ENTER(to)

// How handlers end, by timing class.
#define END_PLAIN_AS(id, chained)                  \
  if (!Semantics<chained>::id(f, ip)) goto unwind; \
  ++ip;                                            \
  DISPATCH;
#define END_BRANCH_AS(id, chained)               \
  if (Semantics<chained>::id(f, ip)) {           \
    Block* const to = f.block->taken;            \
    if (to == nullptr) goto resolve_taken;       \
    f.account += f.block->taken_cycles;          \
    ++f.block->taken_runs;                       \
    ENTER(to);                                   \
  }                                              \
  if (f.block->next == nullptr) goto next_block; \
  ENTER(f.block->next);
#define END_PLAIN(id) END_PLAIN_AS(id, false)
#define END_BRANCH(id) END_BRANCH_AS(id, false)
#define END_kAlu END_PLAIN
#define END_kMul END_PLAIN
#define END_kMulHigh END_PLAIN
#define END_kDiv END_PLAIN
#define END_kMac END_PLAIN
#define END_kSimd END_PLAIN
#define END_kDot END_PLAIN
#define END_kLoad END_PLAIN
#define END_kStore END_PLAIN
#define END_kFence END_PLAIN
#define END_kBranch END_BRANCH
#define END_kJump(id)                               \
  if (f.waited_for_memory(ip)) goto unwind;         \
  Semantics<false>::id(f, ip);                      \
  if (f.block->taken == nullptr) goto resolve_jump; \
  ENTER(f.block->taken);
#define END_kJumpRegister(id)               \
  if (f.waited_for_memory(ip)) goto unwind; \
  Semantics<false>::id(f, ip);              \
  goto jump_to_target;
#define END_kLoop(id)          \
  Semantics<false>::id(f, ip); \
  goto loop_set;
#define END_kCsr END_PLAIN
#define END_kSystem(id) goto unwind;

void Interpreter::run(uint64_t* budget) {
  static const void* const kHandlers[] = {
#define INSN(id, ...) &&do_##id,
#define EXPAND(...) nullptr,
#define RESERVED(picture)
#include "mpic/isa/isa.inc"
      &&do_constant, &&next_block, &&loop_end, &&unwind};
#define PAIR(a, b) {Op::a, Op::b, false, &&pair_##a##_##b},
#define CHAIN(a, b) {Op::a, Op::b, true, &&chain_##a##_##b},
#define TAIL(a, b) {Op::a, Op::b, false, &&tail_##a##_##b},
  static const Pair kPairs[] = {FOR_PLAIN_PAIRS(PAIR) FOR_BRANCH_PAIRS(PAIR) FOR_PLAIN_CHAINS(CHAIN) FOR_BRANCH_CHAINS(CHAIN)};
  static const Pair kLoopTails[] = {FOR_LOOP_TAILS(TAIL)};
#undef PAIR
#undef CHAIN
#undef TAIL
  if (handlers_ == nullptr) {
    handlers_ = kHandlers;
    for (const Pair& pair : kPairs) pairs_[pair_key(pair.first, pair.second, pair.chained)] = pair.handler;
    for (const Pair& pair : kLoopTails) loop_tails_[pair_key(pair.first, pair.second, false)] = pair.handler;
  }

  if (stale_) clear();
  if (machine_.loops_need_steps()) return;
  Block* const first = find(machine_.state.pc);
  if (first == nullptr || first->insns == 0 || first->insns > *budget || !machine_.model.is_settled(first->code[0])) return;

  constexpr uint64_t kMost = 1 << 24;  // of them cannot take more cycles than the account holds
  Memory& memory = machine_.memory;
  Frame f{machine_.state, machine_.state.x,  memory.data(),     memory.base(),
          memory.size(),  memory.size() / 2, memory.size() / 4, int64_t(std::min(*budget, kMost)) << 32,
          *this};
  f.find_data();
  const auto look_up = [&](uint32_t pc) __attribute__((always_inline)) {
    Block* const block = find(pc);
    f.find_data();
    return block;
  };
  const uint64_t spare = *budget - uint64_t(f.left()), begin = machine_.model.ready();
  Counters& dynamic = machine_.model.counters();
  const Slot* ip = nullptr;
  ENTER(first);

#define INSN(id, mnemonic, picture, operands, timing, ...) do_##id : {END_##timing(id)}
#define EXPAND(...)
#define RESERVED(picture)
#include "mpic/isa/isa.inc"
#define PAIR(a, b)                                \
  pair_##a##_##b : {                              \
    if (!Semantics<false>::a(f, ip)) goto unwind; \
    ++ip;                                         \
    END_PLAIN(b)                                  \
  }
  FOR_PLAIN_PAIRS(PAIR)
#undef PAIR
#define PAIR(a, b)                                \
  pair_##a##_##b : {                              \
    if (!Semantics<false>::a(f, ip)) goto unwind; \
    ++ip;                                         \
    END_BRANCH(b)                                 \
  }
  FOR_BRANCH_PAIRS(PAIR)
#undef PAIR
#define CHAIN(a, b)                               \
  chain_##a##_##b : {                             \
    if (!Semantics<false>::a(f, ip)) goto unwind; \
    f.chained = f.x[ip->rd];                      \
    ++ip;                                         \
    END_PLAIN_AS(b, true)                         \
  }
  FOR_PLAIN_CHAINS(CHAIN)
#undef CHAIN
#define CHAIN(a, b)                               \
  chain_##a##_##b : {                             \
    if (!Semantics<false>::a(f, ip)) goto unwind; \
    f.chained = f.x[ip->rd];                      \
    ++ip;                                         \
    END_BRANCH_AS(b, true)                        \
  }
  FOR_BRANCH_CHAINS(CHAIN)
#undef CHAIN
#define TAIL(a, b)                                \
  tail_##a##_##b : {                              \
    if (!Semantics<false>::a(f, ip)) goto unwind; \
    ++ip;                                         \
    if (!Semantics<false>::b(f, ip)) goto unwind; \
    ++ip;                                         \
    END_BRANCH(bne)                               \
  }
  FOR_LOOP_TAILS(TAIL)
#undef TAIL

do_constant:
  f.x[ip->rd] = uint32_t(ip->imm);
  ++ip;
  DISPATCH;

next_block : {
  Block* to = f.block->next;
  if (to == nullptr) {
    to = look_up(f.block->end);
    const int stall = to == nullptr ? -1 : edge(*f.block, *to);
    if (stall < 0) {
      f.target = f.block->end;
      goto leave_behind;
    }
    f.block->next = to;
    f.block->next_stalls = stall != 0;
  }
  ENTER_BEHIND(to, f.block->next_stalls);
}

loop_end : {
  HardwareLoop* loop = f.state.loop;
  if (loop->end != uint32_t(ip->imm) || loop->count < 2) ++loop;
  if (loop->end != uint32_t(ip->imm) || loop->count < 2) goto next_block;
  --loop->count;
  Block* to = f.block->taken;
  if (to == nullptr || to->pc != loop->start) {
    to = look_up(loop->start);
    const int stall = to == nullptr || to->crosses ? -1 : edge(*f.block, *to);
    if (stall < 0) {
      f.target = loop->start;
      goto leave_behind;
    }
    f.block->taken = to;
    f.block->taken_stalls = stall != 0;
  }
  ENTER_BEHIND(to, f.block->taken_stalls);
}

loop_set:
  if (!machine_.loops_need_steps()) goto next_block;
  f.target = f.block->end;
  machine_.last_pc = f.target;  // as step() leaves it behind lp.*
  goto leave_behind;

resolve_taken : {
  f.account += f.block->taken_cycles;
  ++f.block->taken_runs;
  // Never linked, because it takes as long as the divisor says.
  if (f.block->divides_in_shadow) f.divides(f.x[f.block->shadow_rs2], f.block->shadow_signed, 1);
  f.target = f.block->target;
  Block* const to = look_up(f.target);
  if (to == nullptr) goto leave;
  if (!f.block->divides_in_shadow) f.block->taken = to;
  ENTER(to);
}

resolve_jump : {
  f.target = f.block->target;
  Block* const to = look_up(f.target);
  if (to == nullptr) goto leave;
  f.block->taken = to;
  ENTER(to);
}

jump_to_target : {
  Block*& recent = recent_[f.target >> 1 & (recent_.size() - 1)];
  Block* to = recent;
  if (to == nullptr || to->pc != f.target) to = look_up(f.target);
  if (!f.block->hides_crossing && (to == nullptr ? machine_.is_crossing(f.target) : to->crosses)) {
    ++f.account;
    ++dynamic.stalls[int(Stall::kCrossingTarget)];
  }
  if (to == nullptr) goto leave;
  recent = to;
  ENTER(to);
}

out_of_budget:
  f.account -= f.block->account;
  f.target = f.block->pc;
leave:  // nothing of what was executed still matters to timing
  machine_.model.restart(begin + uint32_t(f.account));
  goto store;
leave_behind:  // the next instruction may wait for the last of the block
  unwind(*f.block, f.block->insns, begin + uint32_t(f.account), f.waited_for_memory(f.block->slots + f.block->insns));
  goto store;
unwind : {
  const size_t executed = size_t(ip - f.block->slots);
  const bool waited = f.waited_for_memory(ip);
  const uint64_t cycles = begin + uint32_t(f.account);
  f.account += int64_t(f.block->insns - executed) << 32;
  f.target = unwind(*f.block, executed, cycles, waited);
}
store:
  machine_.state.pc = f.target;
  dynamic.stalls[int(Stall::kMisaligned)] += f.misaligned_stalls;
  dynamic.stalls[int(Stall::kDivider)] += f.divider_stalls;
  *budget = spare + uint64_t(f.left());
}

}  // namespace bitloom::mpic
