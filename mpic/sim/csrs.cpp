// Reading and writing control and status registers by the rules of csr.inc.
#include "mpic/sim/core.h"
#include "mpic/sim/interpreter.h"

namespace bitloom::mpic {
namespace {

constexpr int kEvents = int(Csr::pccr11) - int(Csr::pccr0) + 1;

// A 64-bit counter is kept in two cells as what was written to it less what had passed by then.
uint64_t pair(const State& s, Csr low, Csr high) { return s.csr(low) | uint64_t(s.csr(high)) << 32; }
void set_pair(State& s, Csr low, Csr high, uint64_t value) {
  s.csr(low) = uint32_t(value);
  s.csr(high) = uint32_t(value >> 32);
}

}  // namespace

// The event counters of RI5CY's manual, in its order; stalls that it does not count separately count where they arise.
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

uint32_t Core::counted(int index) const {
  const State& s = state_;
  return (s.csr(Csr::pcmr) & 1) != 0 && (s.csr(Csr::pcer) >> index & 1) != 0 ? event(index) : 0;
}

#define CELL(name) s.csr(Csr::name)
#define LOOP(i) s.loop[i]
#define EVENTS(i) counted(i)
#define CYCLES (time_ + pair(s, Csr::mcycle, Csr::mcycleh))
#define INSTRUCTIONS (counters().instructions + pair(s, Csr::minstret, Csr::minstreth))
#define LOW(value) uint32_t(value)
#define HIGH(value) uint32_t((value) >> 32)

uint32_t Core::read_csr(uint32_t address) const {
  const State& s = state_;
  switch (address) {
// clang-format off
#define CSR(name, address, reset, mask) case address: return CELL(name);
#define COMPUTED(name, address, reset, mask, read, write) case address: return read;
// clang-format on
#include "mpic/isa/csr.inc"
    default: return 0;
  }
}

#define VALUE value
#define SET_LOOP_END(i, value) \
  s.loop[i].end = (value);     \
  interpreter_->add_loop_end(s.loop[i].end)
// What has passed stays in the counters when other events are selected.
#define SELECT_EVENTS(selection)                                               \
  for (int i = 0; i < kEvents; ++i) s.csrs[int(Csr::pccr0) + i] += counted(i); \
  selection;                                                                   \
  for (int i = 0; i < kEvents; ++i) s.csrs[int(Csr::pccr0) + i] -= counted(i)
// The written value is the one behind the instruction that writes (privileged manual 3.1.10), which counts as one more of either. One that
// writes the high half of minstret is not counted in the low one either (riscv-tests, rv64mi/instret_overflow.S).
#define SET_COUNTER(name, now, value) set_pair(s, Csr::name, Csr::name##h, pair(s, Csr::name, Csr::name##h) + (value) - (now))
#define SET_LOW(name, counter, value)       \
  const uint64_t now = (counter) + elapsed; \
  SET_COUNTER(name, now, (now >> 32 << 32) | (value))
#define SET_HIGH(name, counter, counted, value) \
  const uint64_t now = (counter) + elapsed;     \
  SET_COUNTER(name, now, uint64_t(value) << 32 | uint32_t((counter) + (counted)))

void Core::write_csr(uint32_t address, uint32_t written, uint32_t elapsed) {
  State& s = state_;
  switch (address) {
#define CSR(name, address, reset, mask)                       \
  case address:                                               \
    CELL(name) = (CELL(name) & ~(mask)) | (written & (mask)); \
    break;
#define COMPUTED(name, address, reset, mask, read, write)                                            \
  case address: {                                                                                    \
    [[maybe_unused]] const uint32_t value = ((read) & ~uint32_t(mask)) | (written & uint32_t(mask)); \
    write;                                                                                           \
    break;                                                                                           \
  }
#include "mpic/isa/csr.inc"
    default: break;
  }
}

}  // namespace bitloom::mpic
