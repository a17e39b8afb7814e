// Traps, faults and the host: what happens to a program that leaves its ordinary course, the same by both interpreters.
#include "mpic/sim/core.h"

#include <gtest/gtest.h>

#include "tests/support/mpic.h"

namespace bitloom::mpic {
namespace {

// mtvec is set, interrupts are enabled, and `body` runs; behind the handler's mret a breakpoint cannot end the program, but exit does.
std::string with_handler(const std::string& body, const std::string& handler) {
  return "la t0, handler\n csrw mtvec, t0\n csrsi mstatus, 8\n" + body + "\n j exit\n .balign 4\n handler: " + handler +
         "\n mret\n exit: li t1, 0x20000004\n sw zero, 0(t1)\n";
}

TEST(Core, EcallTrapsToTheHandlerAndMretGoesBack) {
  in_both_ways(with_handler("trapping: ecall\n csrr s3, mstatus\n la s4, trapping",
                            "csrr s0, mepc\n csrr s1, mcause\n csrr s2, mstatus\n addi s5, s0, 4\n csrw mepc, s5"),
               [](TestCore& core, const RunResult& result) {
                 EXPECT_EQ(result.reason, StopReason::kExit);
                 EXPECT_EQ(core.x("s0"), core.x("s4"));
                 EXPECT_EQ(core.x("s1"), 11u);
                 EXPECT_EQ(core.x("s2"), 0x1880u);  // MPIE was MIE, and MIE is clear
                 EXPECT_EQ(core.x("s3"), 0x1888u);  // MIE is back
               });
}

TEST(Core, IllegalInstructionsAndBreakpointsTrap) {
  const struct {
    const char* text;
    uint32_t cause, length;
  } cases[] = {{".word 0xffffffff", 2, 4}, {".half 0", 2, 2}, {".word 0x0000702b", 2, 4}, {"ebreak", 3, 4}, {"c.ebreak", 3, 2}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    in_both_ways(with_handler(str("li s6, 1\n la s4, bad\n bad: ", c.text, "\n li s7, 2"),
                              str("csrr s0, mepc\n csrr s1, mcause\n addi s5, s0, ", c.length, "\n csrw mepc, s5")),
                 [&](TestCore& core, const RunResult& result) {
                   EXPECT_EQ(result.reason, StopReason::kExit) << result.fault.cause;
                   EXPECT_EQ(core.x("s0"), core.x("s4"));
                   EXPECT_EQ(core.x("s1"), c.cause);
                   EXPECT_EQ(core.x("s6") + core.x("s7"), 3u);
                 });
  }
}

// tests/data/rtl, "Timing": the first instruction of the handler issues 5 cycles after the one before the illegal instruction.
TEST(Core, TrapsFlushThePipeline) {
  TestCore core(with_handler("nop\n before: nop\n .word 0xffffffff", "csrr t0, mepc"));
  const Image image = assemble(with_handler("nop\n before: nop\n .word 0xffffffff", "csrr t0, mepc"), "program", kTestEntry);
  uint64_t before = 0, handler = 0;
  core.observe([&](const Core::Observed& o) {
    if (o.pc == image.find("before")->address) before = o.issued;
    if (o.pc == image.find("handler")->address) handler = o.issued;
  });
  core.run(10);
  EXPECT_EQ(handler - before, 5u);
}

TEST(Core, FaultsSayWhatAndWhere) {
  const struct {
    const char *text, *cause;
    uint32_t address;
  } cases[] = {{"lw s2, 0(s0)", "load outside memory", 0x10000},
               {"lb s2, -1(zero)", "load outside memory", 0xffffffff},
               {"lw s2, -2(s0)", "load outside memory", 0xfffe},
               {"p.lw s2, 4(s0!)", "load outside memory", 0x10000},
               {"p.lhu s0, s3(s0!)", "load outside memory", 0x10000},
               {"p.lw s2, s0(s0)", "load outside memory", 0x20000},
               {"sw s2, 0(s0)", "store outside memory", 0x10000},
               {"sh s2, -1(s0)", "store outside memory", 0xffff},
               {"p.sb s2, 1(s0!)", "store outside memory", 0x10000},
               {"p.sw s2, s3(s0!)", "store outside memory", 0x10000},
               {"c.lw s1, 4(s0)", "load outside memory", 0x10004},
               {".word 0xffffffff", "illegal instruction", 0},
               {".half 0", "illegal instruction", 0}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const std::string program = str("li s0, 0x10000\n li s2, 0x1234\n li s3, 8\n lw a0, 0(zero)\n bad: ", c.text, "\n nop\n");
    const uint32_t bad = assemble(program, "program", kTestEntry).find("bad")->address;
    in_both_ways(program, [&](TestCore& core, const RunResult& result) {
      EXPECT_EQ(result.reason, StopReason::kFault);
      EXPECT_EQ(result.fault.cause, c.cause);
      EXPECT_EQ(result.fault.pc, bad);
      EXPECT_EQ(result.fault.address, c.address == 0 ? bad : c.address);
      EXPECT_NE(result.fault.word, 0xffffu);
      // The instruction did nothing, and would do the same again.
      EXPECT_EQ(core.state().pc, bad);
      EXPECT_EQ(core.x("s0"), 0x10000u);
      EXPECT_EQ(core.x("s2"), 0x1234u);
      EXPECT_EQ(core.counters().instructions, (bad - kTestEntry) / 4);
      EXPECT_EQ(core.run(5).fault.cause, c.cause);
    });
  }
}

TEST(Core, ExecutionLeavesMemoryOrIsMisaligned) {
  in_both_ways("li t0, 0x12345679\n jr t0\n", [](TestCore&, const RunResult& result) {
    EXPECT_EQ(result.fault.cause, "execution outside memory");
    EXPECT_EQ(result.fault.pc, 0x12345678u);
    EXPECT_EQ(result.fault.word, 0u);
  });
  TestCore core("nop");
  core.set_pc(kTestEntry + 1);
  EXPECT_EQ(core.run(1).fault.cause, "misaligned jump");
  // The second half of the last instruction is outside.
  core.writable_memory().store<uint16_t>(kTestMemory - 2, 0x0013);
  core.set_pc(kTestMemory - 2);
  EXPECT_EQ(core.run(1).fault.cause, "execution outside memory");
}

TEST(Core, MemoryMayEndAtTheEndOfTheAddressSpace) {
  TestCore core(0xfffff000, 0x1000);
  const uint32_t word = assemble_word("lw t0, -2(zero)");
  core.writable_memory().store(0xfffffff0, word);
  core.reset(0xfffffff0);
  const RunResult result = core.run(1);
  EXPECT_EQ(result.fault.cause, "load outside memory");
  EXPECT_EQ(result.fault.address, 0xfffffffeu);
}

TEST(Core, HostCalls) {
  const std::string program =
      "la a1, text\n li a2, 5\n li a0, 1\n li a7, 64\n ecall\n mv s0, a0\n"            // write(1, text, 5)
      "li a0, 3\n ecall\n mv s1, a0\n"                                                 // no such file
      "li a0, 1\n li a1, 0xfffe\n ecall\n mv s2, a0\n"                                 // reaches out of memory
      "li a0, 2\n li a1, -1\n li a2, 0\n ecall\n mv s3, a0\n"                          // nothing, from anywhere
      "li a0, '!'\n li a7, 11\n ecall\n"                                               // putchar
      "li a7, 4242\n ecall\n mv s4, a0\n"                                              // unknown
      "li t0, 0x10000000\n li t1, '\\n'\n sb t1, 0(t0)\n li t1, 'x'\n sw t1, 0(t0)\n"  // the console's address
      "li a0, 42\n li a7, 93\n ecall\n"                                                // exit
      "text: .ascii \"hello\"\n";
  for (const bool stepping : {false, true}) {
    TestCore core(program);
    std::string text;
    core.set_console([&](const char* bytes, size_t size) { text.append(bytes, size); });
    const RunResult result = stepping ? core.step_through() : core.run();
    EXPECT_EQ(result.reason, StopReason::kExit);
    EXPECT_EQ(result.exit_code, 42);
    EXPECT_EQ(text, "hello!\nx");
    EXPECT_EQ(core.x("s0"), 5u);
    EXPECT_EQ(core.x("s1"), uint32_t(-9));
    EXPECT_EQ(core.x("s2"), uint32_t(-14));
    EXPECT_EQ(core.x("s3"), 0u);
    EXPECT_EQ(core.x("s4"), uint32_t(-38));
  }
  in_both_ways(program, [](TestCore&, const RunResult& result) { EXPECT_EQ(result.exit_code, 42); });  // no console set
}

TEST(Core, ExitAddressAndToHost) {
  in_both_ways("li t0, 0x20000004\n li t1, 7\n sw t1, 0(t0)", [](TestCore&, const RunResult& result) {
    EXPECT_EQ(result.reason, StopReason::kExit);
    EXPECT_EQ(result.exit_code, 7);
  });
  for (const bool stepping : {false, true}) {
    TestCore core("li t0, 0x8000\n li t1, 15\n sw t1, 0(t0)\n again: j again");
    core.set_tohost(0x8000);
    const RunResult result = stepping ? core.step_through() : core.run();
    EXPECT_EQ(result.reason, StopReason::kExit);
    EXPECT_EQ(result.exit_code, 7);
  }
  TestCore core;
  EXPECT_NE(testing::error_of([&] { core.set_tohost(0xfffe); }).find("outside memory"), std::string::npos);
}

// The store that ends the program is its last instruction, and is executed only once.
TEST(Core, ToHostEndsTheProgramAtTheStore) {
  const std::string program =
      "li t0, 0x8000\n li t1, 15\n li t2, 5\n again: sw t2, 4(t0)\n addi t2, t2, -1\n bnez t2, again\n sw t1, 0(t0)\n nop\n "
      "nop\n";
  for (const bool stepping : {false, true}) {
    TestCore core(program);
    core.set_tohost(0x8000);
    EXPECT_EQ((stepping ? core.step_through() : core.run()).exit_code, 7);
    EXPECT_EQ(core.counters().instructions, 3u + 5 * 3 + 1);
  }
}

TEST(Core, ToHostServesWrites) {
  const std::string program =
      "la s0, request\n li s1, 0x8000\n li s2, 0x8040\n sw s0, 0(s1)\n 1: lw s3, 0(s2)\n beqz s3, 1b\n lw s4, 0(s0)\n sw zero, "
      "0(s2)\n"
      "li t0, 63\n sw t0, 0(s0)\n sw s0, 0(s1)\n lw s5, 0(s0)\n lw s6, 4(s0)\n lw s7, 0(s1)\n li t0, 1\n sw t0, 0(s1)\n"
      ".balign 8\n request: .dword 64, 1, text, 3\n text: .ascii \"hi\\n\"\n";
  for (const bool stepping : {false, true}) {
    TestCore core(program);
    std::string text;
    core.set_console([&](const char* bytes, size_t size) { text.append(bytes, size); });
    core.set_tohost(0x8000, 0x8040);
    const RunResult result = stepping ? core.step_through(1000) : core.run(1000);
    EXPECT_EQ(result.reason, StopReason::kExit);
    EXPECT_EQ(text, "hi\n");
    EXPECT_EQ(core.x("s4"), 3u);             // bytes written
    EXPECT_EQ(core.x("s5"), uint32_t(-38));  // no other request is known,
    EXPECT_EQ(core.x("s6"), ~0u);            // in 64 bits
    EXPECT_EQ(core.x("s7"), 0u);
  }
  TestCore core("li t0, 0x8000\n li t1, 0x12340\n sw t1, 0(t0)");
  core.set_tohost(0x8000, 0x8040);
  EXPECT_EQ(core.run(10).fault.cause, "store to tohost that is no exit code and no request");
}

TEST(Core, FencesIgnoreReservedFields) {
  in_both_ways(".word 0x0ff0008f, 0x0ff0800f, 0x1ff0000f, 0x0010100f, 0x0000908f, 0xfff0100f\n li a0, 1\n ebreak",
               [](TestCore& core, const RunResult& result) {
                 EXPECT_EQ(result.reason, StopReason::kBreakpoint);
                 EXPECT_EQ(core.x("ra"), 0u);
                 EXPECT_EQ(core.x("a0"), 1u);
                 EXPECT_EQ(core.counters().issued[int(Timing::kFence)], 6u);
               });
}

// What an observer is told of a branch is the branch, taken or not.
TEST(Core, ObserversSeeTheWordThatExecuted) {
  TestCore core("li a0, 2\n 1: addi a0, a0, -1\n bnez a0, 1b\n addi a1, a1, 7\n");
  std::vector<uint32_t> words;
  core.observe([&](const Core::Observed& o) { words.push_back(o.word); });
  core.run(6);
  const uint32_t back = assemble_word("bne a0, zero, -4"), less = assemble_word("addi a0, a0, -1");
  EXPECT_EQ(words, (std::vector<uint32_t>{assemble_word("li a0, 2"), less, back, less, back, assemble_word("addi a1, a1, 7")}));
}

// Code that was executed before, also in the block that stores, is what was last stored.
TEST(Core, StoredCodeIsVisibleAtOnce) {
  in_both_ways(
      "la t0, patch\n la t1, new\n lw t1, 0(t1)\n call f\n mv s0, a0\n sw t1, 0(t0)\n call f\n mv s1, a0\n la t0, next\n sw "
      "t1, 0(t0)\n"
      "next: li a0, 9\n mv s2, a0\n ebreak\n f: nop\n patch: li a0, 1\n ret\n new: .word 0x00200513\n",
      [](TestCore& core, const RunResult&) {
        EXPECT_EQ(core.x("s0"), 1u);
        EXPECT_EQ(core.x("s1"), 2u);
        EXPECT_EQ(core.x("s2"), 2u);
      });
}

// A jump that had to wait for a division hides that its target lies across two words (tests/data/rtl, "Timing"); behind nothing it does not.
TEST(Core, WaitingJumpsHideTheCrossing) {
  for (const auto& [waits, crossings] : {std::pair<const char*, uint64_t>{"divu a0, a0, a1", 0}, {"nop", 1}}) {
    const std::string program = str("li a0, 1000\n li a1, -1\n la ra, target\n j f\n .balign 16\n f: ", waits,
                                    "\n c.jr ra\n .balign 4\n c.nop\n target: addi a0, zero, 0\n ebreak\n");
    in_both_ways(program, [&, waits = waits, crossings = crossings](TestCore& core, const RunResult&) {
      EXPECT_EQ(core.counters().stalls[int(Stall::kCrossingTarget)], crossings) << waits;
    });
  }
}

TEST(Core, FenceIMakesNewCodeVisible) {
  // A loop that adds t2 once, and after its instruction has been replaced, twice as often.
  in_both_ways(
      "la s0, place\n la s1, other\n lw t0, 0(s1)\n li t3, 2\n"
      "again: li t1, 10\n loop: place: addi t2, t2, 1\n addi t1, t1, -1\n bnez t1, loop\n"
      "sw t0, 0(s0)\n fence.i\n addi t3, t3, -1\n bnez t3, again\n ebreak\n other: addi t2, t2, 100\n",
      [](TestCore& core, const RunResult&) { EXPECT_EQ(core.x("t2"), 10u + 1000u); });
}

TEST(Core, TheHostMayWriteCodeBetweenRuns) {
  TestCore core("again: addi t0, t0, 1\n j again");
  core.run(20);
  core.writable_memory().store(kTestEntry, assemble_word("addi t0, t0, 3"));
  core.run(20);
  EXPECT_EQ(core.x("t0"), 10u + 30u);
  const uint32_t five = assemble_word("addi t0, t0, 5");
  core.write(kTestEntry, &five, 4);
  core.run(20);
  EXPECT_EQ(core.x("t0"), 10u + 30u + 50u);
}

TEST(Core, MisalignedAccesses) {
  in_both_ways(
      "li s0, 0x8001\n li t0, 0x80c3f1a2\n sw t0, 0(s0)\n lw t1, 0(s0)\n lh t2, 1(s0)\n lhu t3, 2(s0)\n lb t4, 3(s0)\n"
      "sh t0, 6(s0)\n lw t5, 5(s0)\n ebreak\n",
      [](TestCore& core, const RunResult&) {
        EXPECT_EQ(core.x("t1"), 0x80c3f1a2u);
        EXPECT_EQ(core.x("t2"), 0xffffc3f1u);
        EXPECT_EQ(core.x("t3"), 0x80c3u);
        EXPECT_EQ(core.x("t4"), 0xffffff80u);
        EXPECT_EQ(core.x("t5"), 0x00f1a200u);
        // sw, lw, lhu (from 0x8003) and the last lw and sh cross a word or not: 0x8001, 0x8001, 0x8003, 0x8007, 0x8006.
        EXPECT_EQ(core.counters().stalls[int(Stall::kMisaligned)], 5u);
      });
}

TEST(Core, CsrsKeepTheirBitsAndUnknownOnesReadZero) {
  in_both_ways(
      "li t0, -1\n csrw 0x00d, t0\n csrr s0, 0x00d\n csrw 0x00e, t0\n csrr s1, 0x00e\n csrw 0x00f, t0\n csrr s2, 0x00f\n"
      "csrw 0x010, t0\n csrr s3, 0x010\n csrw 0x123, t0\n csrr s4, 0x123\n csrw misa, zero\n csrr s5, misa\n"
      "csrrs s6, mscratch, t0\n csrrci s7, mscratch, 5\n csrr s8, mscratch\n csrw mepc, t0\n csrr s9, mepc\n ebreak\n",
      [](TestCore& core, const RunResult&) {
        const uint32_t expected[] = {15, 7, 15, 1, 0, 0x40801104, 0, ~0u, ~5u, ~1u};
        for (int i = 0; i < 10; ++i) EXPECT_EQ(hex(core.x(str("s", i))), hex(expected[i])) << "s" << i;
      });
}

TEST(Core, InterruptStopsARunThatWouldNotEnd) {
  TestCore core("again: ecall\n j again");
  uint64_t calls = 0;
  core.set_reg(17, kPutcharCall);
  core.set_console([&](const char*, size_t) {
    if (++calls == 1000) core.interrupt();
  });
  const RunResult result = core.run();
  EXPECT_EQ(result.reason, StopReason::kInterrupt);
  EXPECT_GE(calls, 1000u);
  EXPECT_EQ(core.run(10).reason, StopReason::kLimit);
}

TEST(Memory, ErrorsNameTheRange) {
  EXPECT_NE(testing::error_of([] { Memory(0, 0); }), "");
  EXPECT_NE(testing::error_of([] { Memory(0, 6); }), "");
  EXPECT_NE(testing::error_of([] { Memory(0xfffff000, 0x2000); }), "");
  EXPECT_NE(testing::error_of([] { Memory(0, uint64_t(3) << 30); }), "");
  Memory memory(0x1000, 0x100);
  uint32_t word = 0;
  for (const uint32_t at : {0xfffu, 0x10fdu, 0x1100u, 0u, ~0u}) {
    EXPECT_NE(testing::error_of([&] { memory.write(at, &word, 4); }), "") << at;
    EXPECT_NE(testing::error_of([&] { memory.read(at, &word, 4); }), "") << at;
    EXPECT_NE(testing::error_of([&] { memory.fill(at, 1, 4); }), "") << at;
    memory.write(at, &word, 0);  // nothing is nowhere
  }
  EXPECT_TRUE(memory.contains(0x1000, 0x100));
  EXPECT_FALSE(memory.contains(0x1000, 0x101));
  EXPECT_FALSE(memory.contains(0x10ff, ~uint64_t(0)));
  EXPECT_FALSE(memory.fetch(0x1001, &word));
}

}  // namespace
}  // namespace bitloom::mpic
