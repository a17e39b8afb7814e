// run, profile, asm and disasm as a user meets them.
#include <gtest/gtest.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "core/io.h"
#include "tests/support/program.h"

namespace bitloom {
namespace {

using testing::run_program;
using testing::TempFolder;

const char* const kHello = R"(
        .globl  _start
_start: li      a0, 0
        li      a1, 0
        lp.setupi x0, 10, last
        addi    a1, a1, 1
last:   add     a0, a0, a1
        mv      s0, a0
        li      a0, 1
        la      a1, text
        li      a2, 6
        li      a7, 64
        ecall
        la      t0, table
        p.lw    t1, 4(t0!)
        sw      t1, 0(t0)
        mv      a0, s0
        call    finish
finish: li      a7, 93
        ecall
        .data
text:   .ascii  "hello\n"
        .balign 4
table:  .word   0x12345678, 0
)";

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

TEST(RunCommand, TheGuestPrintsAndDecidesTheExitCode) {
  const TempFolder folder;
  write(folder / "hello.s", kHello);
  const auto o = run_program(folder.path(), "run hello.s");
  EXPECT_EQ(o.code, 55);
  EXPECT_EQ(o.out, "hello\n");
  EXPECT_EQ(o.err, "");
  write(folder / "negative.s", "li a0, -1\nli a7, 93\necall\n");
  EXPECT_EQ(run_program(folder.path(), "run negative.s").code, 255);
  write(folder / "store.s", "li t0, 0x10000000\nli t1, 'A'\nsb t1, 0(t0)\nli t0, 0x20000004\nli t1, 7\nsw t1, 0(t0)\n");
  const auto stored = run_program(folder.path(), "run store.s");
  EXPECT_EQ(stored.code, 7);
  EXPECT_EQ(stored.out, "A");
  write(folder / "tohost.s", "_start: la t0, tohost\nli t1, 7\nsw t1, 0(t0)\n1: j 1b\n.balign 8\ntohost: .word 0, 0\n");
  EXPECT_EQ(run_program(folder.path(), "run tohost.s").code, 3);
}

TEST(RunCommand, TheSignatureIsTheWordsBetweenItsSymbols) {
  const TempFolder folder;
  write(folder / "test.s",
        "_start: la t0, begin_signature\nli t1, 0xabc\nsw t1, 4(t0)\nli a0, 0\nli a7, 93\necall\n.data\n.balign 16\n"
        ".globl begin_signature\nbegin_signature: .word 0xdeadbeef, 0, 7\nend_signature: .word 9\n");
  EXPECT_EQ(run_program(folder.path(), "run test.s --signature sig").code, 0);
  EXPECT_EQ(read_text(folder / "sig"), "deadbeef\n00000abc\n00000007\n");
  write(folder / "none.s", "li a0, 0\nli a7, 93\necall\n");
  const auto o = run_program(folder.path(), "run none.s --signature none");
  EXPECT_EQ(o.code, 1);
  EXPECT_EQ(o.err, "error: --signature: the program has no symbols begin_signature and end_signature\n");
  EXPECT_FALSE(file_exists(folder / "none"));
  write(folder / "wrong.s", "li a0, 0\nli a7, 93\necall\nend_signature: nop\nbegin_signature: nop\n");
  EXPECT_NE(run_program(folder.path(), "run wrong.s --signature none").err.find("is no range of words in memory"),
            std::string::npos);
}

TEST(RunCommand, JsonIsAloneOnStdout) {
  const TempFolder folder;
  write(folder / "hello.s", kHello);
  const auto o = run_program(folder.path(), "run hello.s --format json");
  EXPECT_EQ(o.code, 55);
  EXPECT_EQ(o.err, "hello\n");
  const auto json = nlohmann::json::parse(o.out);
  EXPECT_EQ(json.at("exit_code"), 55);
  EXPECT_EQ(json.at("stop_reason"), "exit");
  EXPECT_EQ(json.at("instructions"), 38);
  const auto& counters = json.at("counters");
  int64_t issued = 0, stalls = 0;
  for (const auto& [name, count] : counters.at("instructions_by_class").items()) issued += count.get<int64_t>();
  for (const auto& [name, count] : counters.at("stall_cycles_by_cause").items()) stalls += count.get<int64_t>();
  EXPECT_EQ(issued, json.at("instructions"));
  EXPECT_EQ(issued + stalls, json.at("cycles"));
  EXPECT_EQ(counters.at("stall_cycles_by_cause").at("load_use"), 1);
  EXPECT_NEAR(json.at("energy_uj").get<double>(), json.at("cycles").get<double>() / 250e6 * 5.3825e-3 * 1e6, 1e-6);
  EXPECT_GT(json.at("mips"), 0);
  EXPECT_EQ(counters.at("branches_taken"), 0);
  EXPECT_EQ(counters.at("compressed"), 0);
}

TEST(RunCommand, FaultsAreOneLine) {
  const TempFolder folder;
  const struct {
    const char *source, *message, *json_cause;
  } cases[] = {
      {"_start: nop\nlw a0, 8(zero)\n", "load outside memory 0x00000008 at pc 0x80000004 (_start+0x4): lw a0, 8(zero)",
       "load outside memory"},
      {"_start: sw a0, 8(zero)\n", "store outside memory 0x00000008 at pc 0x80000000 (_start): sw a0, 8(zero)",
       "store outside memory"},
      {"_start: .word 0xffffffff\n", "illegal instruction at pc 0x80000000 (_start): .word 0xffffffff", "illegal instruction"},
      {"_start: jr zero\n", "execution outside memory at pc 0x00000000", "execution outside memory"},
  };
  for (const auto& c : cases) {
    write(folder / "fault.s", c.source);
    const auto o = run_program(folder.path(), "run fault.s");
    EXPECT_EQ(o.code, 1);
    EXPECT_EQ(o.err.compare(0, 7, "error: "), 0) << o.err;
    EXPECT_NE(o.err.find(c.message), std::string::npos) << o.err;
    EXPECT_EQ(std::count(o.err.begin(), o.err.end(), '\n'), 1) << o.err;
    const auto json = nlohmann::json::parse(run_program(folder.path(), "run fault.s --format json").out);
    EXPECT_EQ(json.at("stop_reason"), "fault");
    EXPECT_EQ(json.at("exit_code"), 1);
    EXPECT_EQ(json.at("fault").at("cause"), c.json_cause);
  }
  write(folder / "break.s", "_start: ebreak\n");
  EXPECT_NE(run_program(folder.path(), "run break.s").err.find("ebreak at 0x80000000 (_start)"), std::string::npos);
}

TEST(RunCommand, StopsAtTheLimitAndAtCtrlC) {
  const TempFolder folder;
  write(folder / "loop.s", "_start: j _start\n");
  const auto limited = run_program(folder.path(), "run loop.s --max-insns 1000 --format json");
  EXPECT_EQ(limited.code, 1);
  EXPECT_EQ(nlohmann::json::parse(limited.out).at("stop_reason"), "limit");
  EXPECT_EQ(nlohmann::json::parse(limited.out).at("instructions"), 1000);
  EXPECT_NE(limited.err.find("stopped after 1000 instructions (--max-insns) at _start"), std::string::npos);

  write(folder / "loop2.s", "_start: li t0, 0x10000000\nli t1, '\\n'\nsb t1, 0(t0)\n1: j 1b\n");
  testing::Program program(folder.path(), "run loop2.s --stats > out.txt");
  std::error_code missing;
  while (program.running() && std::filesystem::file_size(folder / "out.txt", missing) + 1 < 2) usleep(1000);
  program.signal(SIGINT);
  const auto o = program.wait();
  EXPECT_EQ(o.code, 130);
  EXPECT_NE(o.err.find("cycles per instruction"), std::string::npos) << o.err;
  EXPECT_NE(o.err.find("interrupted at _start"), std::string::npos) << o.err;
}

TEST(RunCommand, TheTraceHasALineForEveryInstruction) {
  const TempFolder folder;
  write(folder / "hello.s", kHello);
  ASSERT_EQ(run_program(folder.path(), "run hello.s --trace trace.txt").code, 55);
  std::ifstream file(folder / "trace.txt");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), 38u);
  EXPECT_EQ(lines[0], "         0 80000000 00000513 addi a0, zero, 0             | a0=00000000");
  EXPECT_EQ(lines[22].substr(29), "add a0, a0, a1               | a0=00000037");
  EXPECT_EQ(lines[32].substr(29), "p.lw t1, 4(t0!)              | t1=12345678 t0=8000005c [80000058]") << lines[32];
  EXPECT_EQ(lines[33].substr(29), "sw t1, 0(t0)                 | [8000005c]=12345678") << lines[33];
  EXPECT_NE(run_program(folder.path(), "run hello.s --trace - 2>&1").out.find("p.lw t1, 4(t0!)"), std::string::npos);
  EXPECT_NE(run_program(folder.path(), "run hello.s --trace /nowhere/t").err.find("cannot write the trace"), std::string::npos);
  EXPECT_NE(run_program(folder.path(), "run hello.s --trace /dev/full").err.find("cannot write the trace"), std::string::npos);
}

TEST(RunCommand, BadOptionsAreExplained) {
  const TempFolder folder;
  write(folder / "ok.s", "li a7, 93\necall\n");
  write(folder / "bad.s", "nop\nfoo\n");
  const struct {
    const char *arguments, *message;
  } cases[] = {
      {"run nowhere.elf", "nowhere.elf"},
      {"run bad.s", "error: bad.s:2: unknown instruction 'foo'"},
      {"run ok.s --mem 3Q", "'3Q' is no size"},
      {"run ok.s --mem 4", "use --mem 1K"},
      {"run ok.s --base main", "'main' is no 32-bit address"},
      {"run ok.s --entry main", "--entry main: the program has no such symbol"},
      {"run ok.s --max-insns 0", "--max-insns"},
      {"run ok.s --format xml", "--format"},
      {"run", "program is required"},
      {"asm ok.s", "name an output"},
      {"disasm xyz", "neither a file nor a word"},
  };
  for (const auto& c : cases) {
    const auto o = run_program(folder.path(), c.arguments);
    EXPECT_NE(o.code, 0) << c.arguments;
    EXPECT_NE(o.err.find(c.message), std::string::npos) << c.arguments << ": " << o.err;
  }
  EXPECT_EQ(run_program(folder.path(), "run ok.s --mem 64K --base 0x1000").code, 0);
}

TEST(AsmCommand, BinaryHexAndListingAreTheSameProgram) {
  const TempFolder folder;
  write(folder / "hello.s", kHello);
  const auto o = run_program(folder.path(), "asm hello.s -o hello.bin --listing - && \"$0\" true", "");
  ASSERT_EQ(run_program(folder.path(), "asm hello.s -o hello.bin --listing listing.txt").code, 0) << o.err;
  ASSERT_EQ(run_program(folder.path(), "asm hello.s -o hello.hex").code, 0);
  EXPECT_EQ(run_program(folder.path(), "run hello.bin").code, 55);
  const std::string listing = run_program(folder.path(), "disasm hello.s").out;
  EXPECT_NE(listing.find("last:\n80000010: 00b50533  add a0, a0, a1\n"), std::string::npos) << listing;
  EXPECT_NE(listing.find("jal ra, 4  # 0x80000048 <finish>"), std::string::npos) << listing;
  EXPECT_EQ(run_program(folder.path(), "disasm hello.bin").out.substr(0, 40), "80000000: 00000513  addi a0, zero, 0\n800");
  EXPECT_EQ(run_program(folder.path(), "disasm - < hello.hex").out, run_program(folder.path(), "disasm hello.bin").out);
  EXPECT_EQ(run_program(folder.path(), "disasm 0085a28b 4501 --base 0x100").out,
            "00000100: 0085a28b  p.lw t0, 8(a1!)\n00000104:     4501  c.li a0, 0\n");
}

TEST(ProfileCommand, CyclesByFunctionClassAndInstruction) {
  const TempFolder folder;
  write(folder / "hello.s", kHello);
  const auto text = run_program(folder.path(), "profile hello.s");
  EXPECT_EQ(text.code, 0) << "the profile succeeded, whatever the program's exit code";
  EXPECT_EQ(text.err, "hello\n");
  EXPECT_NE(text.out.find("finish"), std::string::npos) << text.out;
  const auto json = nlohmann::json::parse(run_program(folder.path(), "profile hello.s --format json --top 3").out);
  for (const char* part : {"functions", "classes"}) {
    int64_t cycles = 0, instructions = 0;
    for (const auto& entry : json.at(part)) {
      cycles += entry.at("cycles").get<int64_t>();
      instructions += entry.at("instructions").get<int64_t>();
    }
    EXPECT_EQ(cycles, json.at("cycles")) << part;
    EXPECT_EQ(instructions, json.at("instructions")) << part;
  }
  EXPECT_EQ(json.at("functions").size(), 2u);
  EXPECT_EQ(json.at("hottest").size(), 3u);
  EXPECT_EQ(json.at("hottest")[0].at("instruction"), "addi a1, a1, 1");
  EXPECT_EQ(json.at("hottest")[0].at("cycles"), 10);
}

}  // namespace
}  // namespace bitloom
