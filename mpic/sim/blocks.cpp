// Basic blocks: found, decoded, measured with the cycle model, and taken back.
#include <algorithm>
#include <cstring>

#include "mpic/sim/interpreter.h"

namespace bitloom::mpic {
namespace {

constexpr size_t kLongestBlock = 256;

Timing timing_of(const Insn& insn) { return row(insn.op).timing; }

bool jumps(const Insn& insn) { return timing_of(insn) == Timing::kJump || timing_of(insn) == Timing::kJumpRegister; }

// The last instruction of a block.
bool controls(const Insn& insn) {
  return timing_of(insn) == Timing::kBranch || timing_of(insn) == Timing::kLoop || jumps(insn);
}

// What the model is told before execution: branches not taken, no misaligned access, the quickest division.
Outcome expected(const Insn& insn, bool crossing) {
  Outcome outcome;
  if (jumps(insn)) outcome.flow = Outcome::kRedirect;
  outcome.crossing = crossing;
  return outcome;
}

}  // namespace

Interpreter::Interpreter(Machine& machine) : machine_(machine) {}
Interpreter::~Interpreter() = default;

Interpreter::Block* Interpreter::find(uint32_t pc) {
  if (stale_) return nullptr;
  std::unique_ptr<Block>& block = blocks_[pc];
  if (block == nullptr) block = build(pc);
  return stale_ ? nullptr : block.get();
}

std::unique_ptr<Interpreter::Block> Interpreter::build(uint32_t pc) {
  auto block = std::make_unique<Block>();
  block->pc = pc;
  block->crosses = machine_.is_crossing(pc);
  int ending = kFallThrough;
  uint32_t at = pc, word = 0;
  while (block->code.size() < kLongestBlock) {
    const Insn insn = machine_.memory.fetch(at, &word) ? decode(word) : Insn{};
    const bool ends_loop = loop_ends_.count(at) != 0;
    // What jumps at the end of a hardware loop is not for blocks either: the manual forbids it.
    if (needs_step(insn) || (ends_loop && controls(insn))) {
      ending = kStep;
      break;
    }
    block->code.push_back(insn);
    block->ops.push_back(translate(insn, at));
    if (ends_loop) {
      ending = kLoopEnd;
      break;
    }
    if (insn.op == Op::lp_endi || insn.op == Op::lp_setup || insn.op == Op::lp_setupi) add_loop_end(at + uint32_t(insn.imm));
    at += insn.length;
    if (controls(insn)) {
      block->target = at - insn.length + uint32_t(insn.imm);
      break;
    }
  }
  Slot end{};
  end.handler = handlers_[ending];
  end.imm = int32_t(at);
  if (ending == kLoopEnd) at += block->code.back().length;
  block->end = at;
  block->ops.push_back(end);
  // From the end, because its jumps are the harder to predict.
  size_t unpaired = block->code.size();
  if (unpaired >= 3 && block->code.back().executes == Op::bne) {
    const Insn* const tail = &block->code[unpaired - 3];
    const auto handler = loop_tails_.find(pair_key(tail[0].executes, tail[1].executes, false));
    if (handler != loop_tails_.end()) {
      block->ops[unpaired - 3].handler = handler->second;
      unpaired -= 3;
    }
  }
  for (size_t i = unpaired; i >= 2; --i) {
    const Insn &first = block->code[i - 2], &second = block->code[i - 1];
    const bool chained = (row(first.op).access & kWritesRd) != 0 && first.rd != 0 && first.rd == second.rs1;
    auto pair = pairs_.find(pair_key(first.executes, second.executes, chained));
    if (pair == pairs_.end()) pair = pairs_.find(pair_key(first.executes, second.executes, false));
    if (pair == pairs_.end()) continue;
    block->ops[i - 2].handler = pair->second;
    --i;
  }
  block->insns = uint32_t(block->code.size());
  block->slots = block->ops.data();
  measure(*block);
  // The word behind a branch and the beginning of a target matter to cycles.
  depend(pc, at - pc + (block->code.empty() ? 2 : controls(block->code.back()) ? 4 : 0));
  depend(block->target, 2);
  return block;
}

Interpreter::Slot Interpreter::translate(const Insn& insn, uint32_t pc) const {
  const bool constant = insn.executes == Op::lui || insn.executes == Op::auipc;
  return {operands_of(insn, pc), handlers_[constant ? int(kConstant) : int(insn.executes)]};
}

void Interpreter::measure(Block& block) const {
  if (block.code.empty()) return;
  CycleModel model;
  const Insn& last = block.code.back();
  for (const Insn& insn : block.code)
    model.issue(insn, expected(insn, &insn == &last && timing_of(insn) == Timing::kJump && machine_.is_crossing(block.target)));
  block.cycles = uint32_t(model.ready());
  block.account = int64_t(block.cycles) - (int64_t(block.insns) << 32);
  block.profile = model.counters();
  if (timing_of(last) == Timing::kJumpRegister) {
    CycleModel across;
    for (const Insn& insn : block.code) across.issue(insn, expected(insn, &insn == &last));
    block.hides_crossing = across.ready() == model.ready();
  }
  if (timing_of(last) != Timing::kBranch) return;
  block.taken_cycles = machine_.is_crossing(block.target) ? 3 : 2;
  uint32_t word = 0;
  if (!machine_.memory.fetch(block.end, &word)) return;
  const Insn shadow = decode(word);
  if (shadow.op == Op::illegal || timing_of(shadow) != Timing::kDiv) return;
  block.divides_in_shadow = true;
  block.shadow_rs2 = shadow.rs2;
  block.shadow_signed = shadow.op == Op::div_ || shadow.op == Op::rem;
}

int Interpreter::edge(const Block& block, const Block& next) const {
  const Insn& last = block.code.back();
  if (next.code.empty()) return -1;
  const bool memory = timing_of(last) == Timing::kLoad || timing_of(last) == Timing::kStore;
  if (memory && jumps(next.code[0])) return -1;
  CycleModel together;
  for (const Insn& insn : block.code) together.issue(insn, expected(insn, false));
  for (const Insn& insn : next.code) {
    const bool crossing = &insn == &next.code.back() && timing_of(insn) == Timing::kJump && machine_.is_crossing(next.target);
    together.issue(insn, expected(insn, crossing));
  }
  Counters apart = block.profile;
  apart.add(next.profile);
  if (apart.stalls == together.counters().stalls) return 0;
  apart.stalls[int(Stall::kLoadUse)] += 1;
  return apart.stalls == together.counters().stalls ? 1 : -1;
}

uint32_t Interpreter::unwind(Block& block, size_t executed, uint64_t cycles, bool last_was_misaligned) {
  CycleModel& model = machine_.model;
  --block.runs;
  cycles -= block.cycles;
  if (last_was_misaligned) {  // the model is told now, and counts it
    --cycles;
    --model.counters().stalls[int(Stall::kMisaligned)];
  }
  model.restart(cycles);
  uint32_t pc = block.pc;
  for (size_t i = 0; i < executed; ++i) {
    Outcome outcome = expected(block.code[i], i + 1 == block.code.size() && machine_.is_crossing(block.target));
    outcome.misaligned = last_was_misaligned && i + 1 == executed;
    model.issue(block.code[i], outcome);
    pc += block.code[i].length;
  }
  return pc;
}

void Interpreter::add_loop_end(uint32_t address) {
  if (!loop_ends_.insert(address).second) return;
  for (const auto& [pc, block] : blocks_)
    if (block != nullptr && address - block->pc < block->end - block->pc) stale_ = true;
}

void Interpreter::add_to(Counters& counters) const {
  Counters taken;
  taken.taken = 1;
  taken.stalls[int(Stall::kBranchTaken)] = 2;
  Counters crossing;
  crossing.stalls[int(Stall::kCrossingTarget)] = 1;
  for (const auto& [pc, block] : blocks_) {
    if (block == nullptr) continue;
    counters.add(block->profile, block->runs);
    counters.add(taken, block->taken_runs);
    if (block->taken_cycles == 3) counters.add(crossing, block->taken_runs);
  }
}

bool Interpreter::depends_on(uint32_t address, uint64_t bytes) const {
  const uint32_t offset = address - machine_.memory.base();
  if (offset >= machine_.memory.size()) return address < elsewhere_end_ && elsewhere_begin_ < address + bytes;
  const uint64_t end = std::min<uint64_t>(sources_.size(), (offset + bytes + 3) / 4);
  return offset / 4 < end && std::memchr(&sources_[offset / 4], kCode, size_t(end - offset / 4)) != nullptr;
}

void Interpreter::mark(uint32_t address, uint64_t bytes, Source source) {
  const Memory& memory = machine_.memory;
  if (bytes == 0 || !memory.contains(address, 1)) return;
  const uint32_t offset = address - memory.base();
  if (offset < memory.size()) {
    const uint64_t end = std::min<uint64_t>(memory.size() / 4, (offset + bytes + 3) / 4);
    if (sources_.size() < end) sources_.resize(end);
    std::memset(&sources_[offset / 4], source, size_t(end - offset / 4));
  } else if (source == kCode) {
    elsewhere_begin_ = elsewhere_end_ == 0 ? address : std::min<uint64_t>(elsewhere_begin_, address);
    elsewhere_end_ = std::max(elsewhere_end_, address + bytes);
  }
}

void Interpreter::watch(uint32_t address, uint32_t bytes) {
  watched_ = address;
  watched_bytes_ = bytes;
  depend(address, bytes);
}

void Interpreter::restart() {
  if (stale_) {
    blocks_.clear();
    loop_ends_.clear();
    clear();
  }
  for (const auto& [pc, block] : blocks_)
    if (block != nullptr) block->runs = block->taken_runs = 0;
}

void Interpreter::clear() {
  add_to(machine_.model.counters());
  blocks_.clear();
  recent_.fill(nullptr);
  sources_.clear();
  elsewhere_begin_ = elsewhere_end_ = 0;
  for (const Memory::Range& r : machine_.memory.read_only()) mark(r.address, r.bytes, kReadOnly);
  depend(watched_, watched_bytes_);
  stale_ = false;
}

}  // namespace bitloom::mpic
