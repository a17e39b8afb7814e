// run, asm and disasm as a user meets them.
#include <gtest/gtest.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "core/io.h"
#include "tests/support/hello.h"
#include "tests/support/program.h"

namespace bitloom {
namespace {

using testing::kHello;
using testing::run_program;
using testing::TempFolder;

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

TEST(RunCommand, FaultsAreOneLineAndTheRegisters) {
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
    EXPECT_EQ(std::count(o.err.begin(), o.err.end(), '\n'), 1 + 9) << o.err << "one line, and the registers";
    const auto json = nlohmann::json::parse(run_program(folder.path(), "run fault.s --format json").out);
    EXPECT_EQ(json.at("stop_reason"), "fault");
    EXPECT_EQ(json.at("exit_code"), 1);
    EXPECT_EQ(json.at("fault").at("cause"), c.json_cause);
    EXPECT_EQ(json.at("registers").at("pc"), json.at("fault").at("pc"));
  }
  write(folder / "registers.s", "_start: li a0, -2\nli t6, 0x123\nebreak\n");
  const std::string registers = run_program(folder.path(), "run registers.s").err;
  EXPECT_NE(registers.find("\npc   0x80000008\nzero 0x00000000   ra   0x00000000   sp   0x"), std::string::npos) << registers;
  EXPECT_NE(registers.find("a0   0xfffffffe   a1   0x00000000\n"), std::string::npos) << registers;
  EXPECT_NE(registers.find("t6   0x00000123\n"), std::string::npos) << registers;
  EXPECT_NE(run_program(folder.path(), "run registers.s --max-insns 1").err.find("a0   0xfffffffe"), std::string::npos);
  write(folder / "break.s", "_start: ebreak\n");
  EXPECT_NE(run_program(folder.path(), "run break.s").err.find("ebreak at 0x80000000 (_start)"), std::string::npos);
}

// What may be behind a fault is said in the same line.
TEST(RunCommand, FaultsAreExplained) {
  const TempFolder folder;
  const struct {
    const char *source, *explanation;
  } cases[] = {
      {"main: li a0, 3\nret\n", "a program whose entry is a function such as main needs a start-up file (mpic/runtime/crt0.S)"},
      {"_start: la sp, _start+16\n1: addi sp, sp, -16\nsw ra, 12(sp)\nj 1b\n",
       "stack overflow: sp 0x7ffffff0 is outside memory, in _start"},
      {"_start: la sp, _start+0x100\ncall f\nf: addi sp, sp, -1024\nsw ra, 0(sp)\nret\n__heap_end: nop\n",
       "stack overflow: sp 0x7ffffd00 is below the stack, which begins at __heap_end"},
      {"_start: nop\n", "the program ran past the end of its code"},
      {"_start: lui t0, 0x40000\njr t0\n", ""},
      {"_start: lw a0, 8(zero)\n", ""},
  };
  for (const auto& c : cases) {
    write(folder / "fault.s", c.source);
    const std::string err = run_program(folder.path(), "run fault.s").err;
    if (c.explanation[0] == 0)
      EXPECT_EQ(err.substr(0, err.find('\n')).find(';'), std::string::npos) << err;
    else
      EXPECT_NE(err.substr(0, err.find('\n')).find(c.explanation), std::string::npos) << err;
  }
}

// Endless recursion over heap, data and its own code, which cannot be written.
TEST(RunCommand, StackOverflowIsNamed) {
  if (std::system("command -v riscv64-unknown-elf-gcc >/dev/null") != 0)
    GTEST_SKIP() << "riscv64-unknown-elf-gcc is not installed";
  const TempFolder folder;
  const std::string runtime = testing::source_path("mpic/runtime");
  const struct {
    const char *source, *message;
  } cases[] = {
      {"volatile int x; int deeper(int n) { volatile char b[256]; b[n & 255] = n; return n < 0 ? 0 : deeper(n + 1) + b[n & "
       "255]; }\n"
       "int main(void) { return deeper(1); }\n",
       "is below the stack, which begins at __heap_end = 0x8007c000, in deeper\n"},
      {"int main(void) { ((void (*)(void))((char*)main + 1))(); return 0; }\n",
       "is below the stack, which begins at __heap_end = 0x8007c000, in main\n"},
      {"const int table[4] = {1, 2, 3, 4}; int main(void) { *(volatile int*)&table[1] = 5; return 0; }\n",
       "store to read-only memory 0x8"},
  };
  for (const auto& c : cases) {
    write(folder / "main.c", c.source);
    ASSERT_EQ(
        std::system(("riscv64-unknown-elf-gcc -march=rv32imc -mabi=ilp32 -O1 -fno-optimize-sibling-calls -w -ffreestanding "
                     "-nostdlib -T" +
                     runtime + "/link.ld " + runtime + "/*.[Sc] " + (folder / "main.c") + " -lgcc -o " + (folder / "main.elf"))
                        .c_str()),
        0);
    const auto o = run_program(folder.path(), "run main.elf");
    EXPECT_EQ(o.code, 1);
    EXPECT_NE(o.err.find(c.message), std::string::npos) << o.err;
    EXPECT_NE(o.err.find("store to read-only memory 0x8"), std::string::npos) << o.err;
  }
}

TEST(RunCommand, ArgumentsInputAndUnknownCalls) {
  const TempFolder folder;
  // Prints argv[1], then its input, and makes a call that nobody serves.
  write(folder / "echo.s", R"(
_start: lw      s0, 0(sp)
        lw      a1, 8(sp)
        mv      a2, a1
1:      lbu     t0, 0(a2)
        addi    a2, a2, 1
        bnez    t0, 1b
        sub     a2, a2, a1
        addi    a2, a2, -1
        li      a0, 1
        li      a7, 64
        ecall
2:      li      a0, 0
        la      a1, room
        li      a2, 3
        li      a7, 63
        ecall
        mv      a2, a0
        beqz    a2, 3f
        li      a0, 1
        li      a7, 64
        ecall
        j       2b
3:      li      a7, 1000
        ecall
        mv      a0, s0
        li      a7, 93
        ecall
room:   .word   0
)");
  const auto o = run_program(folder.path(), "run echo.s --max-insns 1000 -- --flag x < input", "printf 'some input' > input;");
  EXPECT_EQ(o.code, 3);
  EXPECT_EQ(o.out, "--flagsome input");
  EXPECT_EQ(o.err, "warning: echo.s: ecall 1000 at _start+0x60 is not served here, 1 time: answered ENOSYS\n");
  const auto json = nlohmann::json::parse(run_program(folder.path(), "run echo.s word --format json < /dev/null").out);
  EXPECT_EQ(json.at("exit_code"), 2);
  EXPECT_EQ(json.at("unknown_calls").at(0).at("number"), 1000);
}

// Lines as Spike prints them (riscv/execute.cc, commit_log_print_insn), written by hand from its formats.
TEST(RunCommand, TheCommitLogIsSpikes) {
  const TempFolder folder;
  write(folder / "log.s", R"(
_start: auipc   t0, 0
        addi    t0, t0, handler-_start
        csrw    mtvec, t0
        li      a0, 0x12345
        la      a1, data
        sb      a0, 1(a1)
        sh      a0, 2(a1)
        lw      a2, 0(a1)
        csrrs   a3, mscratch, zero
        csrrsi  a4, mscratch, 5
        c.li    s1, -1
        c.swsp  s1, 0(sp)
        ecall
        .word   0xffffffff
        j       done
handler: csrr   t1, mepc
        addi    t1, t1, 4
        csrw    mepc, t1
        mret
done:   li      t2, 0x20000004
        sw      zero, 0(t2)
        .balign 4
data:   .word   0
)");
  ASSERT_EQ(run_program(folder.path(), "run log.s --commit-log log").code, 0);
  const std::string log = read_text(folder / "log");
  for (const char* line :
       {"core   0: 3 0x80000000 (0x00000297) x5  0x80000000\n", "(0x30529073) c773_mtvec 0x80000040\n",
        "(0x00a580a3) mem 0x8000005d 0x45\n", "(0x00a59123) mem 0x8000005e 0x2345\n",
        "(0x0005a603) x12 0x23454500 mem 0x8000005c\n", "(0x340026f3) x13 0x00000000\n",
        "(0x3402e773) x14 0x00000000 c832_mscratch 0x00000005\n", " (0x54fd) x9  0xffffffff\n",
        "(0x34131073) c833_mepc 0x80000038\n", "(0x30200073) c768_mstatus 0x00001880 c784_mstatush 0x00000000\n"})
    EXPECT_NE(log.find(line), std::string::npos) << line << log;
  EXPECT_EQ(log.find("(0x00000073)"), std::string::npos) << "what traps does not commit";
  EXPECT_EQ(log.find("(0xffffffff)"), std::string::npos);
  EXPECT_NE(run_program(folder.path(), "run log.s --commit-log /nowhere/log").err.find("cannot write the commit log"),
            std::string::npos);
  EXPECT_NE(run_program(folder.path(), "run log.s --commit-log /dev/full").err.find("cannot write the commit log"),
            std::string::npos);
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
  EXPECT_EQ(lines[0], "         0 80000000 00000513 li a0, 0                     | a0=00000000");
  EXPECT_EQ(lines[22].substr(29), "add a0, a0, a1               | a0=00000037");
  EXPECT_EQ(lines[32].substr(29), "p.lw t1, 4(t0!)              | t1=12345678 t0=8000005c [80000058]") << lines[32];
  EXPECT_EQ(lines[33].substr(29), "sw t1, 0(t0)                 | [8000005c]=12345678") << lines[33];
  write(folder / "more.s",
        "_start: la t0, handler\ncsrw mtvec, t0\nli a0, 0x11223344\nsb a0, 0x40(t0)\nsh a0, 0x40(t0)\necall\nj end\nhandler: "
        "csrr t1, "
        "mepc\naddi t1, t1, 4\ncsrw mepc, t1\nmret\nend: li t2, 0x20000004\nsw zero, 0(t2)\n.space 64\n");
  ASSERT_EQ(run_program(folder.path(), "run more.s --trace more.txt").code, 0);
  const std::string more = read_text(folder / "more.txt");
  for (const char* line : {"| mtvec=80000024\n", "| [80000064]=44\n", "| [80000064]=3344\n",
                           "ecall                        | mepc=8000001c mcause=0000000b ->80000024\n", "| mepc=80000020\n",
                           "mret                         | ->80000020\n", "| ->80000034\n"})
    EXPECT_NE(more.find(line), std::string::npos) << line << more;
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
  EXPECT_NE(listing.find("jal 4  # 0x80000048 <finish>"), std::string::npos) << listing;
  EXPECT_EQ(run_program(folder.path(), "disasm hello.bin").out.substr(0, 31), "80000000: 00000513  li a0, 0\n80");
  EXPECT_EQ(run_program(folder.path(), "disasm - < hello.hex").out, run_program(folder.path(), "disasm hello.bin").out);
  EXPECT_EQ(run_program(folder.path(), "disasm 0085a28b 4501 --base 0x100").out,
            "00000100: 0085a28b  p.lw t0, 8(a1!)\n00000104:     4501  li a0, 0\n");
  EXPECT_EQ(run_program(folder.path(), "disasm --no-aliases 4501 8082 --base 0x100").out,
            "00000100:     4501  c.li a0, 0\n00000102:     8082  c.jr ra\n");
}

}  // namespace
}  // namespace bitloom
