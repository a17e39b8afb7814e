// One instruction at a time: the semantics of isa.inc over the architectural state, and traps.
#include "mpic/sim/core.h"

#include <algorithm>

#include "core/error.h"
#include "mpic/sim/interpreter.h"
#include "mpic/sim/vector_unit.h"

namespace bitloom::mpic {
const char* to_string(StopReason reason) {
  constexpr const char* kNames[] = {"exit", "limit", "fault", "breakpoint", "interrupt"};
  return kNames[int(reason)];
}

Core::Core(uint32_t memory_base, uint64_t memory_size)
    : machine_(memory_base, memory_size), interpreter_(std::make_unique<Interpreter>(machine_)) {
  reset(memory_base);
}
Core::~Core() = default;

void Core::reset(uint32_t pc) {
  state_ = State{};
  state_.pc = pc;
  for (int i = 0; i < kCsrCount; ++i) state_.csrs[i] = kCsrs[i].reset;
  model_ = CycleModel{};
  machine_.last_pc = pc;
  interpreter_->restart();
  time_ = 0;
  break_ = first_break_;
  features_read_ = 0;
  unknown_calls_.clear();
}

Memory& Core::writable_memory() {
  interpreter_->forget();
  return memory_;
}

Counters Core::counters() const {
  Counters all = model_.counters();
  interpreter_->add_to(all);
  all.cycles = model_.ready();
  return all;
}

RunResult Core::run(uint64_t max_instructions) {
  constexpr uint64_t kInterruptInterval = 1 << 24;
  RunResult result;
  interrupted_ = false;
  while (max_instructions > 0) {
    uint64_t slice = std::min(max_instructions, kInterruptInterval);
    const uint64_t before = slice;
    bool stopped = false;
    while (slice > 0 && !stopped) {
      if (interrupted_) {
        result.reason = StopReason::kInterrupt;
        return result;
      }
      if (!observer_) interpreter_->run(&slice);
      if (slice == 0) break;
      --slice;
      stopped = step(&result) == Next::kStop;
    }
    max_instructions -= before - slice;
    if (stopped) return result;
  }
  result.reason = StopReason::kLimit;
  return result;
}

Core::Next Core::step(RunResult* result) {
  const uint32_t pc = state_.pc;
  uint32_t word = 0, behind = 0;
  if (!memory_.fetch(pc, &word)) return fault(pc % 2 != 0 ? "misaligned jump" : "execution outside memory", pc, pc, result);
  const Insn insn = decode(word);
  const Timing timing = insn.op == Op::illegal ? Timing::kSystem : row(insn.op).timing;
  Outcome outcome;
  if (timing == Timing::kDiv) outcome.divider = divider(insn);
  const uint64_t ready = model_.ready();
  time_ = model_.issue_time(insn);
  const MemoryAccess access = observer_ ? access_of(insn, state_) : MemoryAccess{};
  const Next next = execute(insn, &outcome, result);
  if (next == Next::kStop && (result->reason == StopReason::kFault || result->reason == StopReason::kBreakpoint))
    return next;  // it did not execute

  if (outcome.flow == Outcome::kNext) {
    for (HardwareLoop& loop : state_.loop) {
      if (loop.end != pc || loop.count < 2) continue;
      if (timing == Timing::kLoop && &loop == &state_.loop[insn.rd]) continue;  // what sets a loop is not in it yet
      // The manual forbids bodies of one instruction; the RTL repeats one only right after another (tests/data/rtl, "Timing").
      if (loop.start == loop.end && machine_.last_pc == pc) continue;
      --loop.count;
      state_.pc = loop.start;
      outcome.flow = Outcome::kLoopBack;
      break;
    }
  }
  if (outcome.flow == Outcome::kRedirect || outcome.flow == Outcome::kLoopBack)
    outcome.crossing = machine_.is_crossing(state_.pc);
  if (outcome.flow == Outcome::kRedirect && timing == Timing::kBranch && memory_.fetch(pc + insn.length, &behind)) {
    const Insn shadow = decode(behind);
    if (shadow.op != Op::illegal && row(shadow.op).timing == Timing::kDiv) outcome.shadow_divider = divider(shadow);
  }
  model_.issue(insn, outcome);
  machine_.last_pc = timing == Timing::kLoop ? state_.pc : pc;
  if (observer_)
    observer_(
        {pc, word, insn, time_, model_.ready() - ready, outcome.flow == Outcome::kTrap && insn.executes != Op::mret, access});
  time_ = model_.ready();
  return next;
}

template <class T>
Core::Next Core::store(uint32_t address, T stored, uint32_t value, uint32_t pc, RunResult* result) {
  if (!memory_.contains(address, sizeof(T))) return store_outside(address, value, pc, result);
  if (!can_write(address, sizeof(T))) return fault("store to read-only memory", address, pc, result);
  memory_.store<T>(address, stored);
  interpreter_->written(address, sizeof(T));
  const bool is_tohost = tohost_ != 0 && address < tohost_ + 4 && tohost_ < address + sizeof(T);
  return is_tohost ? serve_tohost(pc, result) : Next::kGoOn;
}

uint8_t Core::divider(const Insn& insn) const {
  return uint8_t(divider_cycles(state_.x[insn.rs2], insn.op == Op::div_ || insn.op == Op::rem));
}

#define RD x[insn.rd == 0 ? 32 : insn.rd]
#define RS1 x[insn.rs1]
#define RS2 x[insn.rs2]
#define RS3 x[insn.rs3]
#define IMM insn.imm
#define IMM2 insn.imm2
#define FIELD_RS1 insn.rs1
#define PC pc
#define LINK (pc + insn.length)
#define POST(value) x[insn.rs1 == 0 ? 32 : insn.rs1] = (value);
#define LOAD(type, address)                                                                         \
  const uint32_t from = (address);                                                                  \
  if (!memory_.contains(from, sizeof(type))) return fault("load outside memory", from, pc, result); \
  const type loaded = memory_.load<type>(from);                                                     \
  outcome->misaligned = crosses_word(from, sizeof(type));
#define STORE(type, address, value)                     \
  const uint32_t to = (address);                        \
  outcome->misaligned = crosses_word(to, sizeof(type)); \
  if (store<type>(to, type(value), value, pc, result) == Next::kStop) return Next::kStop;
#define BRANCH_IF(condition) \
  if (condition) {           \
    JUMP;                    \
  }
#define JUMP                      \
  state_.pc = pc + uint32_t(IMM); \
  outcome->flow = Outcome::kRedirect
#define LINK_AND_JUMP_TO(address) \
  const uint32_t to = (address);  \
  RD = LINK;                      \
  state_.pc = to;                 \
  outcome->flow = Outcome::kRedirect
#define COUNT uint32_t(IMM2)
#define DIVIDE(function, is_signed) function(RS1, RS2)
#define LANES(lane, width, second, operand) (lanes<lane, width, second>(state_, RS1, uint32_t(operand)))
#define DOT(signs, width, second, operand) (dot_product<signs, width, second>(state_, RS1, uint32_t(operand)))
#define LOOP_START(address) state_.loop[insn.rd].start = (address);
#define LOOP_END(address)               \
  state_.loop[insn.rd].end = (address); \
  interpreter_->add_loop_end(state_.loop[insn.rd].end);
#define LOOP_COUNT(value) state_.loop[insn.rd].count = (value);
#define LOOP_DONE
#define CSR_ACCESS(source, value, writes)                                            \
  [[maybe_unused]] const uint32_t operand = (source), old = read_csr(uint32_t(IMM)); \
  if (writes) write_csr(uint32_t(IMM), value, 1);                                    \
  RD = old
#define SYSTEM return system(insn, outcome, result)

// The instruction's effects on state and memory; the pc moves on, or where a jump, branch or trap says.
Core::Next Core::execute(const Insn& insn, Outcome* outcome, RunResult* result) {
  uint32_t* const x = state_.x;
  const uint32_t pc = state_.pc;
  state_.pc = pc + insn.length;
  switch (insn.executes) {
#define INSN(id, mnemonic, picture, operands, timing, ...) \
  case Op::id: {                                           \
    __VA_ARGS__;                                           \
    break;                                                 \
  }
#define EXPAND(id, ...) case Op::id:
#define RESERVED(picture)
#include "mpic/isa/isa.inc"
    case Op::illegal: return trap(2, "illegal instruction", pc, outcome, result);
  }
  return Next::kGoOn;
}

Core::Next Core::system(const Insn& insn, Outcome* outcome, RunResult* result) {
  const uint32_t pc = state_.pc - insn.length;
  switch (insn.executes) {
    case Op::ecall:
      if (!has_handler()) return host_call(pc, result);
      return trap(11, "ecall", pc, outcome, result);
    case Op::mret: {
      uint32_t& mstatus = state_.csr(Csr::mstatus);
      mstatus = (mstatus & ~0x88u) | 0x80 | (mstatus >> 4 & 8);  // MIE from MPIE, MPIE set
      state_.pc = state_.csr(Csr::mepc);
      outcome->flow = Outcome::kTrap;
      return Next::kGoOn;
    }
    case Op::wfi: return Next::kGoOn;  // no interrupt exists that could end the wait, which the manual allows to be none
    default: break;                    // ebreak, c.ebreak
  }
  if (asks_debugger(pc)) return semihost(pc, result);
  if (has_handler()) return trap(3, "breakpoint", pc, outcome, result);
  state_.pc = pc;
  result->reason = StopReason::kBreakpoint;
  return Next::kStop;
}

Core::Next Core::trap(uint32_t cause, const char* name, uint32_t pc, Outcome* outcome, RunResult* result) {
  state_.pc = pc;
  if (!has_handler()) return fault(name, pc, pc, result);
  uint32_t& mstatus = state_.csr(Csr::mstatus);
  mstatus = (mstatus & ~0x88u) | (mstatus << 4 & 0x80);  // MPIE from MIE, MIE cleared
  state_.csr(Csr::mepc) = pc;
  state_.csr(Csr::mcause) = cause;
  state_.csr(Csr::mtval) = 0;
  state_.pc = state_.csr(Csr::mtvec) & ~3u;
  outcome->flow = Outcome::kTrap;
  return Next::kGoOn;
}

Core::Next Core::fault(const char* cause, uint32_t address, uint32_t pc, RunResult* result) {
  state_.pc = pc;
  result->reason = StopReason::kFault;
  result->fault = {cause, pc, 0, address};
  memory_.fetch(pc, &result->fault.word);
  return Next::kStop;
}

void Core::write(uint32_t address, const void* from, uint64_t bytes) {
  memory_.write(address, from, bytes);
  interpreter_->written(address, bytes);
}

}  // namespace bitloom::mpic
