// Random programs out of all rows of the instruction table.
#include "tests/support/random_program.h"

#include <algorithm>

#include "mpic/program/disassembler.h"

namespace bitloom::mpic {
namespace {

constexpr uint32_t kHandler = 0x80, kData = 0x8000, kDataWords = 1024;
// sp, s0 and s1 point into the data; a0 and a1 are small: offsets and loop counts. Other instructions seldom write them.
bool is_kept(int r) { return r == 2 || (r >= 8 && r <= 11); }

const std::vector<Op>& ops_of(Timing timing) {
  static const std::vector<std::vector<Op>> by_timing = [] {
    std::vector<std::vector<Op>> ops(kTimings);
    for (int i = 0; i < kOps; ++i)
      if (Op(i) != Op::ebreak && Op(i) != Op::c_ebreak) ops[size_t(row(Op(i)).timing)].push_back(Op(i));
    return ops;
  }();
  return by_timing[size_t(timing)];
}

int64_t random_in(const Operand& o, int64_t lo, int64_t hi, Rng& rng) {
  const int64_t step = int64_t(1) << o.low_bit();
  lo = std::max(lo, o.lo()), hi = std::min(hi, o.hi());
  return lo + rng.below((hi - lo) / step + 1) * step;
}

// Any of csr.inc but the handler's address, or one that does not exist.
int64_t random_csr(Rng& rng) {
  const int64_t i = rng.below(kCsrCount + 1);
  return i == kCsrCount || Csr(i) == Csr::mtvec ? 0x7ff : int64_t(kCsrs[i].address);
}

}  // namespace

RandomProgram::RandomProgram(Rng rng) : rng_(rng) {
  traps_ = rng_.below(2) == 0;
  for (uint32_t i = 0; i < kDataWords; ++i) data_.push_back(uint32_t(rng_.next_u64()));
  for (int r = 1; r < 32; ++r) x_[r] = rng_.below(3) == 0 ? uint32_t(rng_.below(64) - 32) : uint32_t(rng_.next_u64());
  for (const int r : {2, 8, 9}) x_[r] = kData + 1024 + uint32_t(rng_.below(2048));
  if (rng_.below(8) == 0) x_[9] = kTestEntry + uint32_t(rng_.below(100));  // and sometimes into the code
  for (const int r : {10, 11}) x_[r] = uint32_t(rng_.below(9));
  for (int64_t n = 5 + rng_.below(60); n > 0; --n) add_random(random_op());
  Insn again = blank(Op::jal);
  again.imm = -int32_t(code_.size() * 2);
  add(again);
}

void RandomProgram::add(const Insn& insn) {
  const uint32_t word = encode(insn);
  code_.push_back(uint16_t(word));
  if (insn.length == 4) code_.push_back(uint16_t(word >> 16));
}

Op RandomProgram::random_op() {
  constexpr struct {
    Timing timing;
    int weight;
  } kWeights[] = {{Timing::kAlu, 14},  {Timing::kMul, 3},     {Timing::kMulHigh, 3}, {Timing::kDiv, 5},
                  {Timing::kMac, 4},   {Timing::kSimd, 8},    {Timing::kDot, 6},     {Timing::kLoad, 16},
                  {Timing::kStore, 8}, {Timing::kBranch, 10}, {Timing::kJump, 4},    {Timing::kJumpRegister, 3},
                  {Timing::kLoop, 6},  {Timing::kCsr, 4},     {Timing::kFence, 1},   {Timing::kSystem, 1}};
  int64_t at = 0;
  for (const auto& w : kWeights) at += w.weight;
  at = rng_.below(at);
  for (const auto& w : kWeights)
    if ((at -= w.weight) < 0) return random_of(w.timing);
  return Op::addi;
}

Op RandomProgram::random_of(Timing timing) {
  const std::vector<Op>& ops = ops_of(timing);
  return ops[size_t(rng_.below(int64_t(ops.size())))];
}

void RandomProgram::add_random(Op op) {
  const Timing timing = row(op).timing;
  const bool is_memory = timing == Timing::kLoad || timing == Timing::kStore;
  for (;;) {
    Insn insn = blank(op);
    for (const char* p = row(op).operands; *p != 0; ++p)
      if (const Operand* o = operand(*p); o != nullptr && o->fixed < 0) set_random(insn, *o, is_memory);
    if (timing == Timing::kJumpRegister) {  // to somewhere near
      Insn here = blank(Op::auipc), there = blank(Op::addi);
      here.rd = there.rd = there.rs1 = insn.rs1;
      there.imm = int32_t(rng_.below(60)) * 2 - 40;
      if (insn.rs1 == 0) continue;
      add(here), add(there);
      constexpr Timing kSlow[] = {Timing::kDiv, Timing::kMulHigh, Timing::kLoad};
      if (rng_.below(2) == 0) add_random(random_of(kSlow[rng_.below(3)]));  // for which the jump has to wait
      insn.imm &= 15;
    }
    try {
      return add(insn);
    } catch (const Error&) {
      // The operands are reserved, or spell another instruction: others.
    }
  }
}

int RandomProgram::random_register(const Operand& o, bool is_memory) {
  const bool is_written = o.role == Role::kRd || o.role == Role::kAccumulator || o.role == Role::kRdRs1;
  const int first = o.segments[0].width == 3 ? 8 : 0, count = first == 0 ? 32 : 8;
  if (is_memory && !is_written && rng_.below(50) != 0) {
    if (o.role == Role::kRs1) return 8 + int(rng_.below(2));
    if (o.role == Role::kRs3 || rng_.below(2) == 0) return 10 + int(rng_.below(2));
  }
  for (;;) {
    const int r = rng_.below(3) == 0 ? 12 + int(rng_.below(4)) : first + int(rng_.below(count));  // often the same few
    if (!is_written || !is_kept(r) || rng_.below(60) == 0) return r;
  }
}

void RandomProgram::set_random(Insn& insn, const Operand& o, bool is_memory) {
  const bool is_loop = row(insn.op).timing == Timing::kLoop;
  int64_t value = 0;
  if (o.is_register()) {
    value = is_loop ? 10 + rng_.below(2) : random_register(o, is_memory);
  } else if (o.role == Role::kCsr) {
    value = random_csr(rng_);
  } else if (o.role == Role::kTarget) {
    value = is_loop ? random_in(o, 0, 40, rng_) : random_in(o, -60, 60, rng_);
  } else if (is_memory) {
    value = random_in(o, -12, 12, rng_);
  } else {
    value = random_in(o, o.lo(), is_loop && o.role == Role::kImm2 ? 6 : o.hi(), rng_);
  }
  set_value(insn, o, int32_t(value));
}

void RandomProgram::load(TestCore& core) const {
  Memory& memory = core.writable_memory();
  memory.fill(memory.base(), 0, memory.size());
  memory.write(kTestEntry, code_.data(), code_.size() * 2);
  memory.write(kData, data_.data(), data_.size() * 4);
  core.reset(kTestEntry);
  for (int r = 1; r < 32; ++r) core.set_reg(r, x_[r]);
  if (!traps_) return;
  // The handler goes on behind the instruction, if it has 4 bytes.
  const uint32_t handler[] = {assemble_word("csrrs t6, mepc, zero"), assemble_word("addi t6, t6, 4"),
                              assemble_word("csrrw zero, mepc, t6"), assemble_word("mret")};
  memory.write(kHandler, handler, sizeof handler);
  core.write_csr(Csr::mtvec, kHandler);
}

std::string RandomProgram::listing() const {
  std::string text = traps_ ? "with a trap handler\n" : "without a trap handler\n";
  for (size_t i = 0; i < code_.size();) {
    const uint32_t word = code_[i] | (i + 1 < code_.size() ? uint32_t(code_[i + 1]) << 16 : 0),
                   pc = kTestEntry + uint32_t(i) * 2;
    text += str(hex(pc), ": ", disassemble_at(word, pc), "\n");
    i += is_compressed(word) ? 1 : 2;
  }
  return text;
}

std::optional<Insn> with_operands(Op op, const Registers& registers, Rng rng) {
  Insn insn = blank(op);
  const bool is_memory = row(op).timing == Timing::kLoad || row(op).timing == Timing::kStore;
  for (const char* p = row(op).operands; *p != 0; ++p) {
    const Operand* o = operand(*p);
    if (o == nullptr || o->fixed >= 0) continue;
    switch (o->role) {
      case Role::kRd:
      case Role::kAccumulator:
      case Role::kRdRs1: set_value(insn, *o, registers.rd); break;
      case Role::kRs1: set_value(insn, *o, registers.rs1); break;
      case Role::kRs2: set_value(insn, *o, registers.rs2); break;
      case Role::kRs3: set_value(insn, *o, registers.rs3); break;
      default: set_value(insn, *o, int32_t(random_in(*o, is_memory ? -64 : o->lo(), is_memory ? 64 : o->hi(), rng)));
    }
  }
  try {
    encode(insn);
    return insn;
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace bitloom::mpic
