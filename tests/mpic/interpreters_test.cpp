// The fast interpreter against stepping: random programs of all instructions end in the same state, memory, cycles and counters, also when
// they are stopped and continued at random points.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <numeric>
#include <string_view>

#include "mpic/program/disassembler.h"
#include "tests/support/random_program.h"

namespace bitloom::mpic {
namespace {

// The first instruction after which the two differ, for messages.
std::string first_difference(const RandomProgram& program, uint64_t most) {
  TestCore fast, stepped;
  for (uint64_t n = 1; n <= most; ++n) {
    program.load(fast);
    program.load(stepped);
    fast.run(n - 1);
    const uint32_t pc = fast.state().pc;
    uint32_t word = 0;
    fast.memory().fetch(pc, &word);
    program.load(fast);
    const RunResult a = fast.run(n), b = stepped.step_through(n);
    const std::string what = difference(a, b) + difference(fast, stepped);
    if (!what.empty())
      return str("after ", n, " instructions, ", hex(pc), ": ", disassemble_at(word, pc), ": ", what, " (fast or stepping)");
  }
  return "the two do not differ without pieces";
}

RunResult run_in_pieces(TestCore& core, uint64_t most, Rng rng) {
  RunResult result;
  for (uint64_t left = most; left > 0;) {
    const uint64_t piece = std::min<uint64_t>(left, uint64_t(1 + rng.below(int64_t(1) << rng.below(8))));
    result = rng.below(4) == 0 ? core.step_through(piece) : core.run(piece);
    if (result.reason != StopReason::kLimit) return result;
    left -= piece;
  }
  return result;
}

TEST(Interpreters, RandomPrograms) {
  const int programs = std::getenv("BITLOOM_FULL") ? 100'000 : std::getenv("BITLOOM_FAST") ? 500 : 5000;
  constexpr uint64_t kMost = 2000;
  TestCore fast, stepped, pieces;
  uint64_t executed = 0;
  std::map<std::string, int> ends;
  for (int i = 0; i < programs; ++i) {
    const RandomProgram program(Rng(2024).split("program", uint64_t(i)));
    program.load(stepped);
    const RunResult b = stepped.step_through(kMost);
    program.load(fast);
    program.load(pieces);
    const RunResult a = fast.run(kMost), c = run_in_pieces(pieces, kMost, Rng(uint64_t(i)));
    ASSERT_EQ(difference(a, b) + difference(fast, stepped), "") << "program " << i << "\n"
                                                                << program.listing() << first_difference(program, kMost);
    ASSERT_EQ(difference(c, b) + difference(pieces, stepped), "") << "in pieces, program " << i << "\n" << program.listing();
    const Counters counters = fast.counters();
    ASSERT_EQ(std::accumulate(counters.stalls.begin(), counters.stalls.end(), counters.instructions), counters.cycles);
    executed += counters.instructions;
    ++ends[b.reason == StopReason::kFault ? b.fault.cause : to_string(b.reason)];
  }
  std::printf("%llu instructions\n", static_cast<unsigned long long>(executed));
  for (const auto& [end, count] : ends) std::printf("  %d programs: %s\n", count, end.c_str());
}

// What waits across the edges of blocks, stopped after every instruction: loaded values used at the start of a loop, behind its end and at the
// target of a branch; jumps behind misaligned accesses; divisions behind taken branches; loops of one instruction.
TEST(Interpreters, StopAfterEveryInstruction) {
  const char* const programs[] = {
      "li s0, 0x8000\n lp.setupi 0, 5, last\n add t1, t0, t0\n last: p.lw t0, 4(s0!)\n add t2, t0, t1\n ebreak\n",
      "li s0, 0x8000\n lp.setupi 1, 3, outer\n lp.setupi 0, 4, outer\n add t1, t0, t0\n outer: lw t0, 2(s0)\n mul t2, t0, t1\n "
      "ebreak\n",
      "li s0, 0x8000\n li a0, 4\n again: lw t0, 6(s0)\n j next\n next: addi a0, a0, -1\n lw t0, 0(s0)\n bnez a0, again\n "
      "ebreak\n",
      "li a0, 9\n li a1, 3\n again: addi a0, a0, -1\n bnez a0, again\n div t0, a0, a1\n mulh t1, a1, a1\n j end\n end: "
      "ebreak\n",
      "lp.setupi 0, 6, only\n only: addi t0, t0, 1\n lp.counti 0, 6\n nop\n la t1, only\n jr t1\n",
      "la s0, address\n li a0, 3\n again: addi a0, a0, -1\n lw t0, 0(s0)\n jr t0\n c.nop\n target: bnez a0, again\n ebreak\n"
      ".balign 4\n address: .word target\n"};
  for (const char* program : programs) {
    for (uint64_t n = 1; n < 60; ++n) {
      TestCore fast(program), continued(program), stepped(program);
      const RunResult a = fast.run(n), b = stepped.step_through(n);
      ASSERT_EQ(difference(a, b) + difference(fast, stepped), "") << n << " instructions of\n" << program;
      continued.run(n);
      ASSERT_EQ(difference(continued.run(60), stepped.step_through(60)) + difference(continued, stepped), "")
          << "continued after " << n << " instructions of\n"
          << program;
    }
  }
}

// One instruction on registers that all hold `value`, in a format of MPIC's or, for 0, in XpulpV2 mode. The register `result` behind it, and a
// hash of the memory that it can reach.
using Effect = std::pair<uint32_t, size_t>;
Effect effect_of(TestCore& core, const Insn& insn, uint32_t value, int format, bool stepping, int result) {
  constexpr uint32_t kData = 0x4000, kBytes = 0x4400;
  core.reset(kTestEntry);
  if (format != 0) core.mpic_mode(uint32_t(format), 0, 2);
  for (uint32_t at = kData; at < kData + kBytes; at += 4) core.writable_memory().store(at, at * 0x9e3779b9);
  for (int r = 1; r < 32; ++r) core.set_reg(r, value);
  core.writable_memory().store(kTestEntry, encode(insn));
  const RunResult run = stepping ? core.step_through(1) : core.run(1);
  EXPECT_EQ(run.fault.cause, "") << disassemble(encode(insn));
  const char* const data = reinterpret_cast<const char*>(core.memory().data() + kData);
  return {core.state().x[result], std::hash<std::string_view>()({data, kBytes})};
}

// With all operands in one register an instruction gives what it gives with equal operands in several ones; x0 stays 0. Of every row that
// computes or accesses memory.
TEST(Interpreters, OneRegisterForEverything) {
  TestCore core;
  for (int i = 0; i < kOps; ++i) {
    const Row& r = row(Op(i));
    if (r.timing > Timing::kStore) continue;
    const bool is_memory = r.timing >= Timing::kLoad, by_register = is_memory && std::strpbrk(r.operands, "oq156") == nullptr;
    const int written = r.operands[0] == 'K' ? 2 : (r.access & kWritesRd) == 0 ? 11 : 13;
    for (int round = 0; round < 12; ++round) {
      const Rng rng = Rng(uint64_t(i)).split("operands", uint64_t(round));
      const uint32_t any = uint32_t(Rng(rng).split("value").next_u64());
      const uint32_t value = by_register ? 0x4100 : is_memory ? 0x8200 : round < 3 ? uint32_t(round) - 1 : any;
      const auto apart = with_operands(Op(i), {13, 11, 12, 14}, rng), same = with_operands(Op(i), {9, 9, 9, 9}, rng),
                 zero = with_operands(Op(i), {0, 9, 9, 9}, rng);
      for (const bool stepping : {false, true}) {
        const auto effect = [&](const Insn& insn, int result) {
          return effect_of(core, insn, value, round % 11, stepping, result);
        };
        if (apart && same) {
          EXPECT_EQ(effect(*same, written == 2 ? 2 : 9), effect(*apart, written))
              << disassemble(encode(*same)) << " of " << hex(value);
        }
        if (zero) {
          EXPECT_EQ(effect(*zero, 0).first, 0u) << disassemble(encode(*zero));
        }
      }
    }
  }
}

}  // namespace
}  // namespace bitloom::mpic
