// The issue-time rules of tests/data/rtl/README.md, "Timing".
#include "mpic/sim/cycle_model.h"

#include <algorithm>
#include <iterator>

#include "mpic/isa/csr.h"

namespace bitloom::mpic {
namespace {

// Whether an access to the CSR flushes the pipeline.
bool flushes(uint32_t address) {
  constexpr Csr kFlushing[] = {Csr::ustatus, Csr::uepc, Csr::mstatus, Csr::dcsr, Csr::dpc, Csr::dscratch0, Csr::dscratch1};
  return std::any_of(std::begin(kFlushing), std::end(kFlushing), [&](Csr csr) { return address_of(csr) == address; });
}

int execute_cycles(Timing timing, const Outcome& outcome) {
  switch (timing) {
    case Timing::kMulHigh: return 5;
    case Timing::kDiv: return outcome.divider;
    case Timing::kLoad:
    case Timing::kStore: return outcome.misaligned ? 2 : 1;
    default: return 1;
  }
}

// Cycles from issue until the next instruction is fetched when the pipeline is emptied; 1 when it is not.
int flush_cycles(const Insn& insn, Timing timing, const Outcome& outcome) {
  if (insn.op == Op::illegal || outcome.flow == Outcome::kTrap) return 4;
  if (timing == Timing::kFence) return 4;
  if (timing == Timing::kSystem) return insn.op == Op::mret ? 5 : 4;
  return timing == Timing::kCsr && flushes(uint32_t(insn.imm)) ? 4 : 1;
}

Timing timing_of(const Insn& insn) { return insn.op == Op::illegal ? Timing::kSystem : row(insn.op).timing; }
uint8_t access_of(const Insn& insn) { return insn.op == Op::illegal ? 0 : row(insn.op).access; }

bool reads(const Insn& insn, uint8_t reg) {
  const uint8_t access = access_of(insn);
  return reg != 0 && (((access & kReadsRs1) != 0 && insn.rs1 == reg) || ((access & kReadsRs2) != 0 && insn.rs2 == reg) ||
                      ((access & kReadsRs3) != 0 && insn.rs3 == reg));
}

// Through the port of the execute stage, which loads use for their pointer only. The RTL compares x0 like any other register here.
bool writes_early(const Insn& insn, uint8_t reg) {
  const uint8_t access = access_of(insn);
  if ((access & kWritesRs1) != 0) return insn.rs1 == reg;
  return (access & kWritesRd) != 0 && timing_of(insn) != Timing::kLoad && insn.rd == reg;
}

bool loads(const Insn& insn) { return timing_of(insn) == Timing::kLoad; }

}  // namespace

const char* to_string(Stall stall) {
  constexpr const char* kNames[kStalls] = {"load_use", "mulh",          "divider",         "misaligned", "branch_taken",
                                           "jump",     "jump_register", "crossing_target", "flush"};
  return kNames[int(stall)];
}

void Counters::add(const Counters& other, uint64_t times) {
  cycles += times * other.cycles;
  instructions += times * other.instructions;
  compressed += times * other.compressed;
  taken += times * other.taken;
  for (int i = 0; i < kTimings; ++i) issued[i] += times * other.issued[i];
  for (int i = 0; i < kStalls; ++i) stalls[i] += times * other.stalls[i];
}

bool Counters::operator==(const Counters& other) const {
  return cycles == other.cycles && instructions == other.instructions && compressed == other.compressed &&
         taken == other.taken && issued == other.issued && stalls == other.stalls;
}

int divider_cycles(uint32_t divisor, bool is_signed) {
  if (is_signed && int32_t(divisor) < 0) return (~divisor == 0 ? 32 : __builtin_clz(~divisor)) + 2;
  return (divisor == 0 ? 32 : __builtin_clz(divisor)) + 3;
}

// A jump reads its register in the decode stage: one cycle after an early write, two after a load.
uint64_t CycleModel::operand_ready(const Insn& insn) const {
  if (timing_of(insn) != Timing::kJumpRegister || insn.rs1 == 0) return 0;
  if (loads(last_.insn) && last_.insn.rd == insn.rs1) return last_.done + 2;
  if (writes_early(last_.insn, insn.rs1)) return last_.done + 1;
  return loads(last_but_one_.insn) && last_but_one_.insn.rd == insn.rs1 ? last_but_one_.done + 2 : 0;
}

uint64_t CycleModel::issue_time(const Insn& insn) const {
  const bool waits = loads(last_.insn) && (reads(insn, last_.insn.rd) || writes_early(insn, last_.insn.rd));
  return std::max({ready_, waits ? last_.done + 1 : 0, operand_ready(insn)});
}

void CycleModel::issue(const Insn& insn, const Outcome& outcome) {
  const Timing timing = timing_of(insn);
  const uint64_t time = issue_time(insn), done = time + uint64_t(execute_cycles(timing, outcome));
  const bool waited = time > fetched_;
  const auto stalled = [&](Stall why, uint64_t cycles) { counters_.stalls[int(why)] += cycles; };
  const bool is_jump = timing == Timing::kJump || timing == Timing::kJumpRegister;
  const uint64_t crossing = outcome.crossing ? 1 : 0;

  stalled(operand_ready(insn) == time && time > ready_ ? Stall::kJumpRegister : Stall::kLoadUse, time - ready_);
  uint64_t next = time + uint64_t(flush_cycles(insn, timing, outcome));
  if (outcome.flow == Outcome::kRedirect) {
    // The bubble of a jump overlaps with its own wait in the decode stage; a branch decides in the execute stage.
    if (is_jump) next = std::max(fetched_, operand_ready(insn)) + 2 + crossing;
    if (timing == Timing::kBranch) next = time + 3 + crossing + outcome.shadow_divider - 1;
  } else if (outcome.flow == Outcome::kLoopBack && !waited && !last_.waited) {
    next = std::max(next, time + 1 + crossing);
  }
  next = std::max(next, time + 1);
  const uint64_t ready = std::max(next, done);

  const uint64_t lost = ready - time - 1, across = next < ready ? 0 : std::min(crossing, lost);
  if (timing == Timing::kBranch && outcome.flow == Outcome::kRedirect) {
    stalled(Stall::kDivider, outcome.shadow_divider - 1u);
    stalled(Stall::kBranchTaken, lost - across - (outcome.shadow_divider - 1u));
  } else {
    const Stall why = is_jump                                               ? Stall::kJump
                      : timing == Timing::kMulHigh                          ? Stall::kMulHigh
                      : timing == Timing::kDiv                              ? Stall::kDivider
                      : timing == Timing::kLoad || timing == Timing::kStore ? Stall::kMisaligned
                                                                            : Stall::kFlush;
    stalled(why, lost - across);
  }
  stalled(Stall::kCrossingTarget, across);

  ++counters_.instructions;
  ++counters_.issued[int(timing)];
  counters_.compressed += insn.length == 2 ? 1 : 0;
  counters_.taken += timing == Timing::kBranch && outcome.flow == Outcome::kRedirect ? 1 : 0;
  last_but_one_ = last_;
  last_ = {insn, done, waited};
  fetched_ = next;
  ready_ = ready;
}

void CycleModel::restart(uint64_t cycles) {
  last_ = last_but_one_ = Issued{};
  last_.done = last_but_one_.done = fetched_ = ready_ = cycles;
}

bool CycleModel::is_settled(const Insn& next) const {
  return fetched_ == ready_ && !loads(last_.insn) && issue_time(next) == ready_;
}

}  // namespace bitloom::mpic
