// What a program and the host read about its performance.
#include <gtest/gtest.h>

#include <numeric>

#include "tests/support/mpic.h"

namespace bitloom::mpic {
namespace {

// Two loads with one use at once, a store, a jump, three branches of which one is taken, a jalr that waits, two compressed instructions.
constexpr const char* kWorkload =
    "lw t0, 0(s0)\n add t1, t0, t0\n lw t0, 4(s0)\n c.nop\n c.nop\n sw t0, 8(s0)\n beq s0, zero, away\n bne s0, s0, away\n"
    "beq s0, s0, near\n nop\n near: j far\n nop\n far: auipc t2, 0\n addi t2, t2, 12\n jr t2\n";
enum Event {
  kCycles,
  kInstructions,
  kLoadStalls,
  kJumpStalls,
  kMisses,
  kLoads,
  kStores,
  kJumps,
  kBranches,
  kTaken,
  kCompressed
};

// Stops the counters and stores them.
std::string read_counters() {
  std::string text = "csrwi 0x7e1, 0\n";
  for (int i = 0; i <= kCompressed; ++i) text += str("csrr a0, ", 0x780 + i, "\n sw a0, ", 4 * i, "(s1)\n");
  return text;
}
uint32_t counter(TestCore& core, Event event) { return core.memory().load<uint32_t>(0x9000 + 4 * uint32_t(event)); }

TEST(Counters, EventsAreCountedAsSelected) {
  const std::string all = "li s0, 0x8000\n li s1, 0x9000\n li t0, 0xfff\n csrw 0x7e0, t0\n";
  in_both_ways(all + kWorkload + read_counters() + "ebreak\n away: ebreak\n", [](TestCore& core, const RunResult&) {
    EXPECT_EQ(counter(core, kLoads), 2u);
    EXPECT_EQ(counter(core, kStores), 1u);
    EXPECT_EQ(counter(core, kLoadStalls), 1u);
    EXPECT_EQ(counter(core, kJumpStalls), 1u);
    EXPECT_EQ(counter(core, kJumps), 2u);
    EXPECT_EQ(counter(core, kBranches), 3u);
    EXPECT_EQ(counter(core, kTaken), 1u);
    EXPECT_EQ(counter(core, kCompressed), 2u);
  });
  // Events that are not selected stay at 0, and those behind a write of PCMR stop.
  in_both_ways(
      "li s0, 0x8000\n li s1, 0x9000\n csrwi 0x7e0, 2\n" + std::string(kWorkload) + read_counters() + "ebreak\n away: ebreak\n",
      [](TestCore& core, const RunResult&) {
        EXPECT_EQ(counter(core, kCycles), 0u);
        EXPECT_EQ(counter(core, kLoads), 0u);
        EXPECT_EQ(counter(core, kInstructions), 14u);  // 13 of the workload and the csrwi that starts or the one that ends it
      });
}

TEST(Counters, CanBeWritten) {
  in_both_ways(
      "li t0, 100\n csrw 0x781, t0\n csrr s0, 0x781\n csrwi 0x7e0, 2\n nop\n nop\n csrr s1, 0x781\n csrwi 0x781, 5\n"
      "nop\n csrr s2, 0x781\n ebreak\n",
      [](TestCore& core, const RunResult&) {
        EXPECT_EQ(core.x("s0"), 100u);
        EXPECT_EQ(core.x("s1"), 103u);
        EXPECT_EQ(core.x("s2"), 7u);
      });
}

TEST(Counters, CycleAndInstret) {
  in_both_ways(
      "li a0, 100\n li a1, 7\n rdcycle s0\n nop\n div t0, a0, a1\n nop\n rdcycle s1\n rdinstret s2\n nop\n nop\n rdinstret s3\n"
      "csrr s4, mcycle\n csrr s5, cycleh\n ebreak\n",
      [](TestCore& core, const RunResult&) {
        EXPECT_EQ(core.x("s1") - core.x("s0"), 1u + 1 + 32 + 1);
        EXPECT_EQ(core.x("s3") - core.x("s2"), 3u);
        EXPECT_EQ(core.x("s4") - core.x("s1"), 5u);
        EXPECT_EQ(core.x("s5"), 0u);
      });
}

// What is written is what the next instruction reads (privileged manual 3.1.10), in either half; the user's copies follow and cannot be written.
TEST(Counters, CycleAndInstretCanBeWritten) {
  in_both_ways(
      "nop\n nop\n csrwi mcycle, 0\n nop\n csrr s0, mcycle\n li t0, 1000\n csrw minstret, t0\n csrr s1, minstret\n csrr s2, "
      "instret\n"
      "csrwi mcycleh, 7\n csrr s3, cycleh\n csrr s4, mcycle\n li t0, -1\n csrw minstret, t0\n nop\n csrr s5, minstret\n csrr "
      "s6, minstreth\n"
      "csrwi minstreth, 5\n csrr s8, minstret\n csrr s9, minstreth\n"
      "csrwi cycle, 0\n csrr s7, mcycleh\n ebreak\n",
      [](TestCore& core, const RunResult&) {
        EXPECT_EQ(core.x("s0"), 1u);
        EXPECT_EQ(core.x("s1"), 1000u);
        EXPECT_EQ(core.x("s2"), 1001u);
        EXPECT_EQ(core.x("s3"), 7u);
        EXPECT_EQ(core.x("s4"), 8u);
        EXPECT_EQ(core.x("s5"), 0u);
        EXPECT_EQ(core.x("s6"), 1u);
        EXPECT_EQ(core.x("s8"), 2u) << "its own increment is suppressed";
        EXPECT_EQ(core.x("s9"), 5u);
        EXPECT_EQ(core.x("s7"), 7u);
        EXPECT_LT(core.counters().cycles, 50u);  // what the host reads is since reset
      });
}

// Reading the time does not depend on what was executed in blocks before.
TEST(Counters, TimeInALoopIsExact) {
  in_both_ways("li s0, 50\n rdcycle s1\n loop: addi s0, s0, -1\n rdcycle s2\n bnez s0, loop\n sub s3, s2, s1\n ebreak\n",
               [](TestCore& core, const RunResult&) { EXPECT_EQ(core.x("s3"), 2u + 49 * (1 + 1 + 3)); });
}

TEST(Counters, ClassesAndStallsAddUp) {
  in_both_ways("li s0, 0x8000\n" + std::string(kWorkload) +
                   "mulh a0, s0, s0\n pv.add.b a1, s0, s0\n p.mac a1, s0, s0\n lw a2, 2(s0)\n"
                   "pv.sdotsp.b a1, s0, s0\n fence\n ebreak\n away: ebreak\n",
               [](TestCore& core, const RunResult&) {
                 const Counters c = core.counters();
                 EXPECT_EQ(std::accumulate(c.issued.begin(), c.issued.end(), uint64_t(0)), c.instructions);
                 EXPECT_EQ(std::accumulate(c.stalls.begin(), c.stalls.end(), c.instructions), c.cycles);
                 EXPECT_EQ(c.stalls[int(Stall::kLoadUse)], 1u);
                 EXPECT_EQ(c.stalls[int(Stall::kMulHigh)], 4u);
                 EXPECT_EQ(c.stalls[int(Stall::kMisaligned)], 1u);
                 EXPECT_EQ(c.stalls[int(Stall::kBranchTaken)], 2u);
                 EXPECT_EQ(c.stalls[int(Stall::kJump)], 2u);
                 EXPECT_EQ(c.stalls[int(Stall::kJumpRegister)], 1u);
                 EXPECT_EQ(c.issued[int(Timing::kDot)], 1u);
                 EXPECT_EQ(c.issued[int(Timing::kSimd)], 1u);
                 EXPECT_EQ(c.issued[int(Timing::kMac)], 1u);
                 EXPECT_EQ(c.issued[int(Timing::kFence)], 1u);
               });
}

}  // namespace
}  // namespace bitloom::mpic
