// Semihosting requests, as assembly makes them and as picolibc does where it is installed.
#include <gtest/gtest.h>

#include <fstream>

#include "core/io.h"
#include "mpic/sim/loader.h"
#include "tests/support/mpic.h"

namespace bitloom::mpic {
namespace {

const std::string kAsk = " .balign 4\n slli x0, x0, 31\n ebreak\n srai x0, x0, 7\n";

// The operation `a0` with `a1`, the block or what the operation has instead.
std::string ask(int operation, const std::string& block) { return str(" li a0, ", operation, "\n la a1, ", block, "\n", kAsk); }

std::string output_of(TestCore& core, RunResult* result) {
  std::string text;
  core.set_console([&](const char* more, size_t size) { text.append(more, size); });
  *result = core.run(10000);
  core.set_console(nullptr);
  return text;
}

TEST(Semihosting, ConsoleAndEnd) {
  RunResult result;
  TestCore core(ask(3, "letter") + ask(4, "word") + ask(5, "output") + " mv s0, a0\n" + ask(5, "elsewhere") + " mv s1, a0\n" +
                ask(1, "console") + " mv s2, a0\n" + ask(1, "file") + " mv s3, a0\n" + ask(9, "output") + " mv s4, a0\n" +
                ask(32, "done") +
                " letter: .ascii \"h\"\n word: .asciz \"ello\"\n .balign 4\n output: .word 2, world, 7\n elsewhere: .word 9, "
                "world, 7\n world: .ascii \", "
                "world\"\n .balign 4\n console: .word name, 4, 3\n name: .asciz \":tt\"\n .balign 4\n file: .word path, 0, "
                "11\n path: .asciz "
                "\"/etc/passwd\"\n .balign 4\n done: .word 0x20026, 42\n");
  EXPECT_EQ(output_of(core, &result), "hello, world");
  EXPECT_EQ(result.reason, StopReason::kExit);
  EXPECT_EQ(result.exit_code, 42);
  EXPECT_EQ(core.x("s0"), 0u);  // nothing is left to write
  EXPECT_EQ(core.x("s1"), 7u);  // no such handle
  EXPECT_EQ(core.x("s2"), 2u);
  EXPECT_EQ(core.x("s3"), 0xffffffffu);  // the host's files stay closed
  EXPECT_EQ(core.x("s4"), 1u);
}

TEST(Semihosting, TheOldEndHasOnlyAReason) {
  for (const auto& [reason, code] : {std::pair<const char*, int>{"0x20026", 0}, {"0x20023", 1}}) {
    TestCore core(str(" li a0, 0x18\n li a1, ", reason, "\n", kAsk));
    const RunResult result = core.run(100);
    EXPECT_EQ(result.reason, StopReason::kExit);
    EXPECT_EQ(result.exit_code, code);
  }
}

TEST(Semihosting, TimeIsTheCores) {
  TestCore core(ask(0x31, "block") + " mv s0, a0\n" + ask(0x30, "block") + ask(0x10, "block") +
                " ebreak\n .balign 4\n block: .word -1, -1\n");
  EXPECT_EQ(core.run(1000).reason, StopReason::kBreakpoint);
  EXPECT_EQ(core.x("s0"), 250000000u);
  const uint32_t block = core.x("a1");
  EXPECT_GT(core.memory().load<uint32_t>(block), 5u);
  EXPECT_LT(core.memory().load<uint32_t>(block), core.counters().cycles);
  EXPECT_EQ(core.memory().load<uint32_t>(block + 4), 0u);
  EXPECT_EQ(core.x("a0"), 0u);
}

// Also with a trap handler, which sees only the ebreaks that are no requests.
TEST(Semihosting, OnlyTheSequenceIsARequest) {
  TestCore core(" la t0, handler\n csrw mtvec, t0\n" + ask(4, "text") +
                " ebreak\n .balign 4\n handler: li a0, 0x18\n li a1, 0x20026\n" + kAsk + " text: .asciz \"x\"\n");
  RunResult result;
  EXPECT_EQ(output_of(core, &result), "x");
  EXPECT_EQ(result.reason, StopReason::kExit);
  EXPECT_EQ(core.read_csr(Csr::mcause), 3u);
}

TEST(Semihosting, WildPointersAreFaults) {
  for (const int operation : {1, 3, 4, 5, 6, 9, 0x15, 0x16, 0x20, 0x30}) {
    TestCore core(str(" li a0, ", operation, "\n li a1, 0xfffffffe\n", kAsk));
    const RunResult result = core.run(100);
    EXPECT_EQ(result.reason, StopReason::kFault) << operation;
    EXPECT_EQ(result.fault.cause, "semihosting request outside memory") << operation;
  }
  TestCore endless(ask(4, "0xfff0") + "\n");  // no NUL before the end of memory
  endless.write(0xfff0, "xxxxxxxxxxxxxxxx", 16);
  EXPECT_EQ(endless.run(100).reason, StopReason::kFault);
}

// Unless the program has a trap handler, and so the machine for itself.
TEST(Semihosting, ReadOnlyMemoryIsNotWritten) {
  const std::string requests =
      ask(0x30, "0x1000") + " mv s0, a0\n" + ask(0x16, "heap") + " mv s1, a0\n" + ask(0x15, "line") + " mv s2, a0\n" +
      ask(6, "input") + " mv s3, a0\n" + ask(1, "features") + " mv t0, a0\n la t1, read\n sw t0, 0(t1)\n" + ask(6, "read") +
      " mv s4, a0\n ebreak\n .balign 4\n heap: .word 0x1000\n line: .word 0x1000, 100\n input: .word 1, 0x1000, 4\n"
      " features: .word name, 0, 21\n read: .word 0, 0x1000, 5\n name: .asciz \":semihosting-features\"\n";
  for (const bool has_handler : {false, true}) {
    TestCore core((has_handler ? " la t0, 1f\n csrw mtvec, t0\n" : " nop\n") + requests + " .balign 4\n 1: j 1b\n");
    core.set_arguments({"prog"});
    core.set_input([](char* text, size_t) { return text[0] = 'x', size_t(1); });
    core.writable_memory().fill(0x1000, 0xaa, 64);
    core.writable_memory().protect(0x1000, 64);
    core.run(200);
    const uint32_t failed[] = {~0u, ~0u, ~0u, 4, 5}, served[] = {0, 0, 0, 3, 0};
    for (int i = 0; i < 5; ++i) EXPECT_EQ(core.x(str("s", i)), (has_handler ? served : failed)[i]) << "s" << i << has_handler;
    EXPECT_EQ(core.memory().load<uint32_t>(0x1000) == 0xaaaaaaaau, !has_handler);
  }
}

TEST(Semihosting, PicolibcPrintsAndReturns) {
  const testing::TempFolder folder;
  std::ofstream(folder / "hello.c")
      << "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
         "int main(int argc, char **argv) { (void)argv; char *s = malloc(100); strcpy(s, \"heap\");\n"
         "  printf(\"%s %d %.3f\\n\", s, argc < 2, 3.14159); return 0; }\n";
  const std::string compile =
      str("riscv64-unknown-elf-gcc --specs=picolibc.specs --oslib=semihost --crt0=hosted -march=rv32imc -mabi=ilp32 -Os ",
          folder / "hello.c", " -Wl,--defsym=__flash=0x80000000 -Wl,--defsym=__flash_size=0x40000 ",
          "-Wl,--defsym=__ram=0x80040000 -Wl,--defsym=__ram_size=0x40000 -o ", folder / "hello.elf", " 2>", folder / "log");
  if (std::system(compile.c_str()) != 0)
    GTEST_SKIP() << "picolibc for RISC-V is not installed: " << read_text(folder / "log").substr(0, 100);
  const Program program = load_program(folder / "hello.elf");
  Core core(program.memory_base, program.memory_size);
  program.start(core);
  std::string text;
  core.set_console([&](const char* more, size_t size) { text.append(more, size); });
  const RunResult result = core.run(10'000'000);
  EXPECT_EQ(result.reason, StopReason::kExit) << result.fault.cause;
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(text, "heap 1 3.142\n");
}

}  // namespace
}  // namespace bitloom::mpic
