// One instruction at a time: the semantics of isa.inc over the architectural state, traps, CSRs, and calls to the host.
#include "mpic/sim/core.h"

#include <algorithm>
#include <iterator>

#include "core/error.h"
#include "mpic/sim/interpreter.h"
#include "mpic/sim/vector_unit.h"

namespace bitloom::mpic {

const char* to_string(StopReason reason) {
  constexpr const char* kNames[] = {"exit", "limit", "fault", "breakpoint", "interrupt"};
  return kNames[int(reason)];
}

Core::Core(uint32_t memory_base, uint64_t memory_size) : memory_(memory_base, memory_size) { reset(memory_base); }
Core::~Core() = default;

void Core::reset(uint32_t pc) {
  state_ = State{};
  state_.pc = pc;
#define CSR(name, address, reset, mask) state_.csr(Csr::name) = reset;
#include "mpic/isa/csr.inc"
  model_ = CycleModel{};
  interpreter_ = std::make_unique<Interpreter>(*this);
  time_ = 0;
  last_pc_ = pc;
}

Memory& Core::memory() {
  interpreter_->forget();  // the caller may write code
  return memory_;
}

Counters Core::counters() const {
  Counters all = model_.counters();
  interpreter_->add_to(all);
  all.cycles = model_.ready();
  return all;
}

bool Core::is_crossing(uint32_t target) const {
  uint32_t word = 0;
  return (target & 2) != 0 && memory_.fetch(target, &word) && !is_compressed(word);
}

// Hardware loops whose behaviour depends on more than the instructions of a basic block.
bool Core::loops_need_steps() const {
  return std::any_of(state_.loop, state_.loop + 2,
                     [&](const HardwareLoop& l) { return l.count > 1 && (l.start == l.end || is_crossing(l.start)); });
}

RunResult Core::run(uint64_t max_instructions) {
  constexpr uint64_t kPollInterval = 4096, kInterruptInterval = 1 << 24;
  RunResult result;
  interrupted_ = false;
  while (max_instructions > 0) {
    uint64_t slice = std::min(max_instructions, tohost_ != 0 ? kPollInterval : kInterruptInterval);
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
    if (stopped || (tohost_ != 0 && poll_tohost(&result))) return result;
  }
  result.reason = StopReason::kLimit;
  return result;
}

Core::Next Core::step(RunResult* result) {
  const uint32_t pc = state_.pc;
  uint32_t word = 0;
  if (!memory_.fetch(pc, &word)) return fault(pc % 2 != 0 ? "misaligned jump" : "execution outside memory", pc, pc, result);
  const Insn insn = decode(word);
  const Timing timing = insn.op == Op::illegal ? Timing::kSystem : row(insn.op).timing;
  Outcome outcome;
  if (timing == Timing::kDiv) outcome.divider = divider(insn);
  const uint64_t ready = model_.ready();
  time_ = model_.issue_time(insn);
  const Next next = execute(insn, &outcome, result);
  if (next == Next::kStop && (result->reason == StopReason::kFault || result->reason == StopReason::kBreakpoint))
    return next;  // it did not execute

  if (outcome.flow == Outcome::kNext) {
    for (HardwareLoop& loop : state_.loop) {
      if (loop.end != pc || loop.count < 2) continue;
      if (timing == Timing::kLoop && &loop == &state_.loop[insn.rd]) continue;  // what sets a loop is not in it yet
      // The manual forbids bodies of one instruction; the RTL repeats one only right after another instruction (dossier 7.2).
      if (loop.start == loop.end && last_pc_ == pc) continue;
      --loop.count;
      state_.pc = loop.start;
      outcome.flow = Outcome::kLoopBack;
      break;
    }
  }
  if (outcome.flow == Outcome::kRedirect || outcome.flow == Outcome::kLoopBack) outcome.crossing = is_crossing(state_.pc);
  if (outcome.flow == Outcome::kRedirect && timing == Timing::kBranch && memory_.fetch(pc + insn.length, &word)) {
    const Insn shadow = decode(word);
    if (shadow.op != Op::illegal && row(shadow.op).timing == Timing::kDiv) outcome.shadow_divider = divider(shadow);
  }
  model_.issue(insn, outcome);
  last_pc_ = timing == Timing::kLoop ? state_.pc : pc;
  if (observer_) observer_({pc, word, insn, time_, model_.ready() - ready});
  time_ = model_.ready();
  return next;
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
#define STORE(type, address, value)                             \
  const uint32_t to = (address);                                \
  outcome->misaligned = crosses_word(to, sizeof(type));         \
  if (memory_.contains(to, sizeof(type)))                       \
    memory_.store<type>(to, type(value));                       \
  else if (store_outside(to, value, pc, result) == Next::kStop) \
    return Next::kStop;
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
  if (writes) write_csr(uint32_t(IMM), value);                                       \
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
  switch (insn.op) {
    case Op::ecall:
      if (state_.csr(Csr::mtvec) == 0) return host_call(result);
      return trap(11, "ecall", pc, outcome, result);
    case Op::mret: {
      uint32_t& mstatus = state_.csr(Csr::mstatus);
      mstatus = (mstatus & ~0x88u) | 0x80 | (mstatus >> 4 & 8);  // MIE from MPIE, MPIE set
      state_.pc = state_.csr(Csr::mepc);
      outcome->flow = Outcome::kTrap;
      return Next::kGoOn;
    }
    case Op::fence_i: interpreter_->forget(); return Next::kGoOn;
    case Op::wfi: return Next::kGoOn;  // no interrupt exists that could end the wait, which the manual allows to be none
    default: break;                    // ebreak, c.ebreak
  }
  if (state_.csr(Csr::mtvec) != 0) return trap(3, "breakpoint", pc, outcome, result);
  state_.pc = pc;
  result->reason = StopReason::kBreakpoint;
  return Next::kStop;
}

Core::Next Core::trap(uint32_t cause, const char* name, uint32_t pc, Outcome* outcome, RunResult* result) {
  state_.pc = pc;
  if (state_.csr(Csr::mtvec) == 0) return fault(name, pc, pc, result);
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

Core::Next Core::host_call(RunResult* result) {
  const uint32_t a0 = state_.x[10], a1 = state_.x[11], a2 = state_.x[12];
  switch (state_.x[17]) {
    case kExitCall:
      result->reason = StopReason::kExit;
      result->exit_code = int(a0);
      return Next::kStop;
    case kPutcharCall: {
      const char c = char(a0);
      if (console_) console_(&c, 1);
      return Next::kGoOn;
    }
    case kWriteCall:
      if ((a0 != 1 && a0 != 2) || (a2 != 0 && !memory_.contains(a1, a2))) {
        state_.x[10] = uint32_t(-9);  // EBADF
      } else {
        if (console_ && a2 != 0) console_(reinterpret_cast<const char*>(memory_.data() + (a1 - memory_.base())), a2);
        state_.x[10] = a2;
      }
      return Next::kGoOn;
    default: state_.x[10] = uint32_t(-38); return Next::kGoOn;  // ENOSYS, as Linux says
  }
}

Core::Next Core::store_outside(uint32_t address, uint32_t value, uint32_t pc, RunResult* result) {
  if (address == kConsoleAddress) {
    const char c = char(value);
    if (console_) console_(&c, 1);
    return Next::kGoOn;
  }
  if (address != kExitAddress) return fault("store outside memory", address, pc, result);
  result->reason = StopReason::kExit;
  result->exit_code = int(value);
  return Next::kStop;
}

bool Core::poll_tohost(RunResult* result) {
  const uint32_t value = memory_.load<uint32_t>(tohost_);
  if (value % 2 == 0) return false;
  result->reason = StopReason::kExit;
  result->exit_code = int(value >> 1);
  return true;
}

void Core::set_tohost(uint32_t address) {
  BITLOOM_CHECK(memory_.contains(address, 4), "tohost at ", address, " is outside memory");
  tohost_ = address;
}

// Event counters of RI5CY's manual, in its order; stalls that it does not count separately count where they arise.
uint32_t Core::event(int index) const {
  const Counters c = counters();
  const auto issued = [&](Timing t) { return c.issued[int(t)]; };
  const auto stalls = [&](Stall s) { return c.stalls[int(s)]; };
  switch (index) {
    case 0: return uint32_t(time_);
    case 1: return uint32_t(c.instructions);
    case 2: return uint32_t(stalls(Stall::kLoadUse));
    case 3: return uint32_t(stalls(Stall::kJumpRegister));
    case 4: return uint32_t(stalls(Stall::kCrossingTarget));
    case 5: return uint32_t(issued(Timing::kLoad));
    case 6: return uint32_t(issued(Timing::kStore));
    case 7: return uint32_t(issued(Timing::kJump) + issued(Timing::kJumpRegister));
    case 8: return uint32_t(issued(Timing::kBranch));
    case 9: return uint32_t(c.taken);
    case 10: return uint32_t(c.compressed);
    default: return 0;
  }
}

bool Core::counts(int index) const { return (state_.csr(Csr::pcmr) & 1) != 0 && (state_.csr(Csr::pcer) >> index & 1) != 0; }

uint32_t Core::read_csr(uint32_t address) const {
  if (address >= 0x780 && address < 0x780 + std::size(state_.pccr)) {
    const int i = int(address - 0x780);
    return state_.pccr[i] + (counts(i) ? event(i) : 0);
  }
  switch (address) {
// clang-format off
#define CSR(name, address, reset, mask) case address: return state_.csr(Csr::name);
// clang-format on
#include "mpic/isa/csr.inc"
    case 0xcc0: return state_.csr(Csr::pcer);
    case 0xcc1: return state_.csr(Csr::pcmr);
    case 0x7c0:
    case 0x7c4: return state_.loop[address >> 2 & 1].start;
    case 0x7c1:
    case 0x7c5: return state_.loop[address >> 2 & 1].end;
    case 0x7c2:
    case 0x7c6: return state_.loop[address >> 2 & 1].count;
    // Beyond RI5CY, which reads 0: the standard counters, so that ordinary programs can time themselves.
    case 0xb00:
    case 0xc00: return uint32_t(time_);
    case 0xb80:
    case 0xc80: return uint32_t(time_ >> 32);
    case 0xb02:
    case 0xc02: return uint32_t(counters().instructions);
    case 0xb82:
    case 0xc82: return uint32_t(counters().instructions >> 32);
    default: return 0;
  }
}

void Core::write_csr(uint32_t address, uint32_t value) {
  if (address >= 0x780 && address < 0x780 + std::size(state_.pccr)) {
    const int i = int(address - 0x780);
    state_.pccr[i] = value - (counts(i) ? event(i) : 0);
    return;
  }
  HardwareLoop& loop = state_.loop[address >> 2 & 1];
  switch (address) {
    case 0x7c0:
    case 0x7c4: loop.start = value & ~1u; return;
    case 0x7c1:
    case 0x7c5: loop.end = value & ~1u; return interpreter_->add_loop_end(loop.end);
    case 0x7c2:
    case 0x7c6: loop.count = value; return;
    case 0xcc0: address = 0x7e0; break;
    case 0xcc1: address = 0x7e1; break;
    default: break;
  }
  const bool switches = address == 0x7e0 || address == 0x7e1;
  for (int i = 0; switches && i < int(std::size(state_.pccr)); ++i) state_.pccr[i] += counts(i) ? event(i) : 0;
  switch (address) {
// clang-format off
#define CSR(name, address, reset, mask) case address: state_.csr(Csr::name) = (state_.csr(Csr::name) & ~(mask)) | (value & (mask)); break;
// clang-format on
#include "mpic/isa/csr.inc"
    default: break;
  }
  for (int i = 0; switches && i < int(std::size(state_.pccr)); ++i) state_.pccr[i] -= counts(i) ? event(i) : 0;
}

}  // namespace bitloom::mpic
