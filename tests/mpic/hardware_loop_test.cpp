// Hardware loops: counts, nesting, set-up through instructions and CSRs, ways out. RI5CY user manual, "Hardware Loops", and tests/data/rtl.
#include <gtest/gtest.h>

#include "tests/support/mpic.h"

namespace bitloom::mpic {
namespace {

TEST(HardwareLoop, CountsOfZeroAndOneArePassedOnce) {
  for (const int loop : {0, 1}) {
    for (const int count : {0, 1, 2, 3, 10, 1000}) {
      const std::string body = "\n addi t0, t0, 1\n last: addi t1, t1, 1\n csrr s0, 0x7c2\n csrr s1, 0x7c6\n ebreak\n";
      const std::string setups[] = {
          str("lp.setupi ", loop, ", ", count, ", last", body), str("li a0, ", count, "\n lp.setup ", loop, ", a0, last", body),
          str("lp.counti ", loop, ", ", count, "\n lp.starti ", loop, ", first\n lp.endi ", loop, ", last\n first:", body),
          str("li a0, ", count, "\n lp.starti ", loop, ", first\n lp.endi ", loop, ", last\n lp.count ", loop,
              ", a0\n first:", body)};
      for (const std::string& program : setups) {
        SCOPED_TRACE(program);
        in_both_ways(program, [&](TestCore& core, const RunResult&) {
          const uint32_t passes = count == 0 ? 1 : uint32_t(count);
          EXPECT_EQ(core.x("t0"), passes);
          EXPECT_EQ(core.x("t1"), passes);
          EXPECT_EQ(core.x(loop == 0 ? "s0" : "s1"), count == 0 ? 0u : 1u);
          EXPECT_EQ(core.x(loop == 0 ? "s1" : "s0"), 0u);
        });
      }
    }
  }
}

TEST(HardwareLoop, Nested) {
  in_both_ways(
      "lp.setupi 1, 3, outer\n addi t0, t0, 1\n lp.setupi 0, 5, inner\n addi t1, t1, 1\n inner: addi t2, t2, 1\n outer: addi "
      "t3, t3, 1\n"
      "ebreak\n",
      [](TestCore& core, const RunResult&) {
        EXPECT_EQ(core.x("t0"), 3u);
        EXPECT_EQ(core.x("t1"), 15u);
        EXPECT_EQ(core.x("t2"), 15u);
        EXPECT_EQ(core.x("t3"), 3u);
        EXPECT_EQ(core.counters().cycles, 1u + 3 * (1 + 1 + 10 + 1));  // no cycle for a way back
      });
}

TEST(HardwareLoop, BothEndOnTheSameInstruction) {
  in_both_ways(
      "lp.setupi 1, 4, last\n addi t0, t0, 1\n lp.setupi 0, 6, last\n addi t1, t1, 1\n last: addi t2, t2, 1\n ebreak\n",
      [](TestCore& core, const RunResult&) {
        EXPECT_EQ(core.x("t0"), 4u);
        EXPECT_EQ(core.x("t1"), 24u);
        EXPECT_EQ(core.x("t2"), 24u);
      });
}

TEST(HardwareLoop, SetThroughCsrs) {
  in_both_ways(
      "la a0, first\n csrw 0x7c4, a0\n la a0, last\n csrw 0x7c5, a0\n csrwi 0x7c6, 7\n nop\n first: addi t0, t0, 1\n"
      "last: addi t1, t1, 1\n csrr s0, 0x7c4\n csrr s1, 0x7c5\n csrr s2, 0x7c6\n la s3, first\n ebreak\n",
      [](TestCore& core, const RunResult&) {
        EXPECT_EQ(core.x("t0"), 7u);
        EXPECT_EQ(core.x("t1"), 7u);
        EXPECT_EQ(core.x("s0"), core.x("s3"));
        EXPECT_EQ(core.x("s1"), core.x("s3") + 4);
        EXPECT_EQ(core.x("s2"), 1u);
      });
}

// A loop that was left counts on when its end is passed again.
TEST(HardwareLoop, LeftByABranchAndEnteredAgain) {
  in_both_ways(
      "li a0, 3\n lp.setupi 0, 10, last\n first: addi t0, t0, 1\n beq t0, a0, out\n last: addi t1, t1, 1\n ebreak\n"
      "out: csrr s0, 0x7c2\n j first\n",
      [](TestCore& core, const RunResult&) {
        EXPECT_EQ(core.x("s0"), 8u);
        EXPECT_EQ(core.x("t0"), 11u);
        EXPECT_EQ(core.x("t1"), 10u);
      });
}

TEST(HardwareLoop, CompressedBodiesAndBranchesInside) {
  in_both_ways(
      "lp.setupi 0, 20, last\n c.addi t0, 1\n andi t1, t0, 1\n beqz t1, even\n addi t2, t2, 1\n even: c.addi t3, 1\n last: "
      "c.nop\n ebreak\n",
      [](TestCore& core, const RunResult&) {
        EXPECT_EQ(core.x("t0"), 20u);
        EXPECT_EQ(core.x("t2"), 10u);
        EXPECT_EQ(core.x("t3"), 20u);
      });
}

TEST(HardwareLoop, AFunctionCalledInTheBody) {
  in_both_ways(
      "lp.setupi 0, 9, last\n addi t0, t0, 1\n jal ra, add\n last: addi t2, t2, 1\n ebreak\n add: addi t1, t1, 2\n ret\n",
      [](TestCore& core, const RunResult&) {
        EXPECT_EQ(core.x("t1"), 18u);
        EXPECT_EQ(core.x("t2"), 9u);
      });
}

// Code that has run before becomes the end of a loop.
TEST(HardwareLoop, AnEndInCodeThatIsKnownAlready) {
  in_both_ways(
      "li a0, 2\n again: addi t0, t0, 1\n middle: addi t1, t1, 1\n addi t2, t2, 1\n addi a0, a0, -1\n la a1, again\n"
      "csrw 0x7c0, a1\n la a1, middle\n csrw 0x7c1, a1\n csrwi 0x7c2, 5\n bnez a0, again\n ebreak\n",
      [](TestCore& core, const RunResult&) {
        EXPECT_EQ(core.x("t0"), 6u);
        EXPECT_EQ(core.x("t1"), 6u);
        EXPECT_EQ(core.x("t2"), 2u);
      });
}

}  // namespace
}  // namespace bitloom::mpic
