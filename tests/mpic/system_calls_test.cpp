// Ecalls by Linux's numbers, read-only memory, and regions, by both interpreters where they may differ.
#include <gtest/gtest.h>

#include "mpic/sim/access.h"
#include "tests/support/mpic.h"

namespace bitloom::mpic {
namespace {

// Calls `number` with the arguments, and puts the answer into `answer`.
std::string call(int number, const std::string& arguments, const std::string& answer) {
  return arguments + str(" li a7, ", number, "\n ecall\n mv ", answer, ", a0\n");
}

TEST(SystemCalls, InputIsReadUntilItsEnd) {
  const std::string read = " li a0, 0\n la a1, room\n li a2, 4\n";
  TestCore core(call(63, read, "s0") + " lw s1, 0(a1)\n" + call(63, read, "s2") + " lw s3, 0(a1)\n" + call(63, read, "s4") +
                call(63, " li a0, 1\n", "s5") + call(63, " li a0, 0\n li a1, -8\n li a2, 4\n", "s6") +
                " ebreak\n .balign 4\n room: .word -1\n");
  std::string input = "abcdef";
  core.set_input([&](char* text, size_t size) {
    const size_t count = std::min(size, input.size());
    std::copy_n(input.begin(), count, text);
    input.erase(0, count);
    return count;
  });
  ASSERT_EQ(core.run(1000).reason, StopReason::kBreakpoint);
  EXPECT_EQ(core.x("s0"), 4u);
  EXPECT_EQ(core.x("s1"), 0x64636261u);
  EXPECT_EQ(core.x("s2"), 2u);
  EXPECT_EQ(core.x("s3"), 0x64636665u) << "two bytes, no more";
  EXPECT_EQ(core.x("s4"), 0u);
  EXPECT_EQ(int32_t(core.x("s5")), -9);
  EXPECT_EQ(int32_t(core.x("s6")), -14);
}

TEST(SystemCalls, TheBreakMovesBetweenDataAndStack) {
  TestCore core(call(214, " li a0, 0\n", "s0") + call(214, " li a0, 0x4000\n", "s1") + call(214, " li a0, 0x7fff\n", "s2") +
                call(214, " li a0, 0x2000\n", "s3") + call(214, " li a0, 0x3000\n", "s4") + " ebreak\n");
  core.set_break(0x3000);
  core.set_reg(2, 0x8000);
  ASSERT_EQ(core.run(1000).reason, StopReason::kBreakpoint);
  EXPECT_EQ(core.x("s0"), 0x3000u);
  EXPECT_EQ(core.x("s1"), 0x4000u);
  EXPECT_EQ(core.x("s2"), 0x4000u) << "the stack is there";
  EXPECT_EQ(core.x("s3"), 0x4000u) << "the data is there";
  EXPECT_EQ(core.x("s4"), 0x3000u);
  TestCore none(call(214, " li a0, 0\n", "s0") + " ebreak\n");
  none.run(100);
  EXPECT_EQ(int32_t(none.x("s0")), -12);
}

TEST(SystemCalls, FilesAndTime) {
  TestCore core(call(80, " li a0, 1\n li a1, 0x1000\n", "s0") + call(80, " li a0, 3\n", "s1") + call(57, " li a0, 2\n", "s2") +
                call(57, " li a0, 9\n", "s3") + call(62, " li a0, 1\n", "s4") + call(56, "", "s5") +
                call(169, " li a0, 0x2000\n", "s6") + call(403, " li a0, 0\n li a1, 0x2010\n", "s7") + call(172, "", "s8") +
                " ebreak\n");
  core.writable_memory().fill(0x1000, 0xff, 256);
  core.writable_memory().fill(0x2000, 0xff, 256);
  ASSERT_EQ(core.run(1000).reason, StopReason::kBreakpoint);
  const int32_t expected[] = {0, -9, 0, -9, -29, -13, 0, 0, 1};
  for (int i = 0; i < 9; ++i) EXPECT_EQ(int32_t(core.x(str("s", i))), expected[i]) << "s" << i;
  EXPECT_EQ(core.memory().load<uint32_t>(0x1010) & 0170000, 0020000u) << "a character device: isatty()";
  EXPECT_EQ(core.memory().load<uint32_t>(0x1068), ~0u) << "no more than struct stat64";
  EXPECT_EQ(core.memory().load<uint32_t>(0x2000), 0u);
  EXPECT_EQ(core.memory().load<uint32_t>(0x2008), 0u) << "microseconds of some 30 cycles";
  const uint32_t nanoseconds = core.memory().load<uint32_t>(0x2018);
  EXPECT_GT(nanoseconds, 4u * 20);
  EXPECT_LT(nanoseconds, 4u * core.counters().cycles);
}

TEST(SystemCalls, AStackAtTheBeginningOfMemoryLeavesNoRoomForTheBreak) {
  TestCore core(call(214, " li a0, 0x20000\n", "s0") + call(214, " li a0, 0x88\n", "s1") + " ebreak\n");
  core.set_break(0x80);
  core.set_reg(2, 0x90);
  ASSERT_EQ(core.run(1000).reason, StopReason::kBreakpoint);
  EXPECT_EQ(core.x("s0"), 0x80u);
  EXPECT_EQ(core.x("s1"), 0x80u);
}

// As stores: what a program may not write, nobody writes for it; with a trap handler it may.
TEST(SystemCalls, ReadOnlyMemoryIsNotWrittenForAProgram) {
  const std::string calls = call(63, " li a0, 0\n li a1, 0x1000\n li a2, 4\n", "s0") +
                            call(80, " li a0, 1\n li a1, 0x1000\n", "s1") + call(169, " li a0, 0x1000\n", "s2") +
                            call(403, " li a0, 0\n li a1, 0x1000\n", "s3") +
                            call(64, " li a0, 1\n li a1, 0x1000\n li a2, 4\n", "s4") +
                            call(64, " li a0, 1\n li a1, -8\n li a2, 4\n", "s5") + " ebreak\n";
  TestCore core(calls);
  core.set_input([](char* text, size_t) { return text[0] = 'x', size_t(1); });
  core.writable_memory().fill(0x1000, 0xaa, 256);
  core.writable_memory().protect(0x1000, 4);
  ASSERT_EQ(core.run(1000).reason, StopReason::kBreakpoint);
  for (const char* answer : {"s0", "s1", "s2", "s3", "s5"}) EXPECT_EQ(int32_t(core.x(answer)), -14) << answer;
  EXPECT_EQ(core.x("s4"), 4u) << "it can be read";
  for (uint32_t i = 0; i < 256; i += 4) EXPECT_EQ(core.memory().load<uint32_t>(0x1000 + i), 0xaaaaaaaau);
}

TEST(SystemCalls, EndsAndWhatIsUnknown) {
  EXPECT_EQ(TestCore(" li a0, 7\n li a7, 94\n ecall\n").run(100).exit_code, 7);
  EXPECT_EQ(TestCore(" li a0, 1\n li a1, 6\n li a7, 129\n ecall\n").run(100).exit_code, 134);
  TestCore core(" li s0, 3\n again: " + call(1234, "", "s1") + " addi s0, s0, -1\n bnez s0, again\n" + call(99, "", "s2") +
                " ebreak\n");
  core.run(1000);
  EXPECT_EQ(int32_t(core.x("s1")), -38);
  ASSERT_EQ(core.unknown_calls().size(), 2u);
  EXPECT_EQ(core.unknown_calls()[0].number, 1234u);
  EXPECT_EQ(core.unknown_calls()[0].count, 3u);
  EXPECT_EQ(core.unknown_calls()[0].pc, kTestEntry + 8);
  EXPECT_EQ(core.unknown_calls()[1].number, 99u);
  core.reset(kTestEntry);
  EXPECT_TRUE(core.unknown_calls().empty());
}

// Bytes next to what is read-only can be written, also in the same word; with a trap handler, all can.
TEST(ReadOnlyMemory, StoresAreFaultsUnlessTheProgramHandlesTraps) {
  const struct {
    const char* store;
    bool faults;
  } cases[] = {{"sb a0, 1(t0)", false},  {"sb a0, 2(t0)", true},   {"sh a0, 1(t0)", true}, {"sw a0, -2(t0)", false},
               {"sw a0, 0(t0)", true},   {"sw a0, 9(t0)", true},   {"sb a0, 9(t0)", true}, {"sb a0, 10(t0)", false},
               {"sw a0, 10(t0)", false}, {"p.sw a0, 4(t0!)", true}};
  for (const auto& c : cases) {
    for (const bool handled : {false, true}) {
      for (const bool stepping : {false, true}) {
        const std::string set = handled ? " csrw mtvec, a1\n" : " nop\n";
        TestCore core(" li t0, 0x1000\n li a1, 0x100\n" + set + " j go\n go: " + c.store + "\n ebreak\n");
        core.writable_memory().protect(0x1002, 8);
        const RunResult result = stepping ? core.step_through(5) : core.run(5);
        const bool faults = c.faults && !handled;
        EXPECT_EQ(result.reason, faults ? StopReason::kFault : StopReason::kLimit) << c.store << handled << stepping;
        EXPECT_EQ(result.fault.cause, faults ? "store to read-only memory" : "");
      }
    }
  }
}

// Code and constants in flash, data in RAM; and code that a second RAM holds is made anew when it is written.
TEST(Regions, ProgramsRunFromASecondRegion) {
  for (const bool stepping : {false, true}) {
    TestCore core;
    core.writable_memory().add_region(0x20000000, 0x1000);
    const Image image = assemble(
        " li s0, 0\n li s1, 3\n again: la t0, number\n lw t1, 0(t0)\n lhu t2, 1(t0)\n lw t3, 2(t0)\n add s0, s0, t1\n sw s0, "
        "0x400(zero)\n"
        " addi s1, s1, -1\n bnez s1, again\n ebreak\n number: .word 0x01020304, 0x05060708\n",
        "flash", 0x20000000);
    image.load(core.writable_memory());
    core.reset(0x20000000);
    const RunResult result = stepping ? core.step_through(1000) : core.run(1000);
    EXPECT_EQ(result.reason, StopReason::kBreakpoint);
    EXPECT_EQ(core.memory().load<uint32_t>(0x400), 3 * 0x01020304u);
    EXPECT_EQ(core.x("t2"), 0x0203u);
    EXPECT_EQ(core.x("t3"), 0x07080102u);
  }
}

TEST(Regions, BothInterpretersCountTheSame) {
  TestCore fast, stepped;
  for (TestCore* core : {&fast, &stepped}) {
    core->writable_memory().add_region(0x20000000, 0x1000);
    core->writable_memory().add_region(0x30000000, 0x1000);
    // Writes an instruction behind itself, in the second region, with another immediate each time; sums what it does.
    assemble(
        " li s0, 5\n li a0, 0\n lui s2, 0x30000\n again: la t0, patch\n lw t1, 0(t0)\n lui t2, 0x100\n add t1, t1, t2\n sw t1, "
        "0(t0)\n sw t1, 3(s2)\n"
        " patch: addi a0, a0, 0\n lw t3, 2(s2)\n addi s0, s0, -1\n bnez s0, again\n ebreak\n",
        "ram", 0x20000000)
        .load(core->writable_memory());
    core->reset(0x20000000);
  }
  EXPECT_EQ(fast.run(1000).reason, StopReason::kBreakpoint);
  EXPECT_EQ(stepped.step_through(1000).reason, StopReason::kBreakpoint);
  EXPECT_EQ(fast.x("a0"), 1u + 2 + 3 + 4 + 5);
  EXPECT_EQ(difference(fast, stepped), "");
  EXPECT_EQ(fast.memory().load<uint32_t>(0x30000003), stepped.memory().load<uint32_t>(0x30000003));
}

TEST(Regions, OverlapsAreErrorsAndNoAccessReachesAcross) {
  Memory memory(0x1000, 0x1000);
  memory.add_region(0x2000, 0x1000);
  EXPECT_NE(testing::error_of([&] { memory.add_region(0x2ffc, 8); }), "");
  EXPECT_NE(testing::error_of([&] { memory.add_region(0, 0x1004); }), "");
  EXPECT_TRUE(memory.contains(0x1ffc, 4));
  EXPECT_FALSE(memory.contains(0x1ffe, 4));
  EXPECT_TRUE(memory.contains(0x2ffc, 4));
  EXPECT_FALSE(memory.contains(0x2ffd, 4));
  memory.write(0x2000, "abcd", 4);
  EXPECT_EQ(memory.load<uint32_t>(0x2000), 0x64636261u);
}

TEST(Access, WidthsAndAddressesAreThoseOfTheInstruction) {
  const struct {
    const char* text;
    uint32_t address, bytes, stored;
    bool is_store;
  } cases[] = {{"lb a0, -1(s0)", 0xfff, 1, 0, false},
               {"lhu a0, 2(s0)", 0x1002, 2, 0, false},
               {"lw a0, 0(s0)", 0x1000, 4, 0, false},
               {"c.lw a0, 4(s0)", 0x1004, 4, 0, false},
               {"p.lbu a0, 1(s0!)", 0x1000, 1, 0, false},
               {"p.lh a0, s1(s0)", 0x1010, 2, 0, false},
               {"sb a1, 1(s0)", 0x1001, 1, 0x44, true},
               {"sh a1, 2(s0)", 0x1002, 2, 0x3344, true},
               {"c.sw a1, 0(s0)", 0x1000, 4, 0x11223344, true},
               {"p.sb a1, 1(s0!)", 0x1000, 1, 0x44, true},
               {"p.sh a1, s1(s0)", 0x1010, 2, 0x3344, true},
               {"c.swsp a1, 8(sp)", 0x108, 4, 0x11223344, true},
               {"add a0, a0, a1", 0, 0, 0, false}};
  State state;
  state.x[find_register("s0")] = 0x1000;
  state.x[find_register("s1")] = 0x10;
  state.x[find_register("sp")] = 0x100;
  state.x[find_register("a1")] = 0x11223344;
  for (const auto& c : cases) {
    const MemoryAccess access = access_of(decode(assemble_word(c.text)), state);
    EXPECT_EQ(hex(access.address), hex(c.address)) << c.text;
    EXPECT_EQ(access.bytes, c.bytes) << c.text;
    EXPECT_EQ(hex(access.stored), hex(c.stored)) << c.text;
    EXPECT_EQ(access.is_store, c.is_store) << c.text;
  }
}

}  // namespace
}  // namespace bitloom::mpic
