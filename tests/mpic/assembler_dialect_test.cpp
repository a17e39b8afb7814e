// What people and compilers write for the GNU assembler, beyond the bytes that assembler_gas_test.cpp compares.
#include "core/io.h"
#include "mpic/program/assembler/sources.h"
#include "mpic/program/disassembler.h"
#include "mpic/sim/core.h"
#include "tests/support/assembler_cases.h"
#include "tests/support/assembly.h"

namespace bitloom::mpic {
namespace {

using testing::code_lines;
using testing::error_of;
using testing::expect_bytes;
using testing::expect_errors;
using testing::word_at;
using Lines = std::vector<std::string>;

// Not in gas: RI5CY's manual, PULP's binutils and core-v-verif write letters of mnemonics large.
TEST(AssemblerDialect, MnemonicsInTheManualsCase) {
  EXPECT_EQ(code_lines(assemble(
                "p.addN a0,a1,a2,3\np.adduRNr a0,a1,a2\np.mulsN a0,a1,a2,4\npv.shuffleI0.sci.b a0,a1,5\nP.LW t0, 4(a0!)")),
            (Lines{"p.addn a0, a1, a2, 3", "p.addurnr a0, a1, a2", "p.mulsn a0, a1, a2, 4", "pv.shufflei0.sci.b a0, a1, 5",
                   "p.lw t0, 4(a0!)"}));
}

TEST(AssemblerDialect, WithoutEffectOrContents) {
  expect_bytes({{".macro m a, b\n\\a\n\\a nop\n\\a \\b\n.endm\nm", "13000000"},
                {R"(#if the flag is set, skip
#define x 1
.file 0 "/tmp" "a.c" md5 0x37b0b7a1c2c6b2a0f1d2c3b4a5968778
.file 1 "a.c"
.option push; .option norelax; .option arch, +c; .option pop
.attribute arch, "rv32i2p0_m2p0_c2p0"
.hidden f; .internal f; .protected f; .addrsig; .addrsig_sym f
nop
.loc 1 3 5 view .LVU2
.cfi_startproc; .cfi_def_cfa_offset 16; .cfi_endproc
.ident "GCC"
.section .debug_loclists,"",@progbits
.uleb128 .LVU2
.section .note.GNU-stack,"",@progbits
)",
                 "13000000"},
                {"unimp", "0000"},
                {".section .sbss,\"aw\",@nobits\nx: .word 0\n.bss\n.byte 0, 0\n.ascii \"\\0\"\n.fill 2, 4, 0", ""}});
  expect_errors({{".bss\n.byte 1", "t.s:2: .bss has no contents, only zeros"},
                 {".section .sbss,\"aw\",@nobits\nnop", "t.s:2: an instruction in .sbss"}});
}

TEST(AssemblerDialect, WhatNeedsThePreprocessorIsCalledDotLargeS) {
  EXPECT_EQ(error_of([] { assemble("nop\n#include <stdio.h>", "t.S"); }).find("t.S:2: #include needs the C preprocessor"), 0u);
  EXPECT_EQ(error_of([] { assemble("nop\n#include <stdio.h>", "t.s"); }), "");
}

// As gas has it: the opposite branch over a jal. Longer ways of jumps are the linker's in the GNU tools.
TEST(AssemblerDialect, FarBranchesGrow) {
  const auto first = [](const std::string& text, size_t count) {
    Lines lines;
    const Image image = assemble(text);
    for (uint32_t at = kMemoryBase; lines.size() < count;) {
      lines.push_back(disassemble(word_at(image, at)));
      at += is_compressed(word_at(image, at)) ? 2 : 4;
    }
    return lines;
  };
  const std::string near = "\n.space 4090\nfar: ret", far = "\n.space 5000\nfar: ret", farther = "\n.space 2000000\nfar: ret";
  EXPECT_EQ(first("beq a0, a1, far" + near, 1), (Lines{"beq a0, a1, 4094"}));
  EXPECT_EQ(first("beq a0, a1, far\n.space 4092\nfar: ret", 2), (Lines{"bne a0, a1, 8", "jal zero, 4096"}));
  EXPECT_EQ(first("bltu a0, a1, far" + far, 2), (Lines{"bgeu a0, a1, 8", "jal zero, 5004"}));
  EXPECT_EQ(first("p.beqimm a0, -3, far" + far, 2), (Lines{"p.bneimm a0, -3, 8", "jal zero, 5004"}));
  EXPECT_EQ(first("c.beqz a0, far\n.space 1000\nfar: ret", 1), (Lines{"beq a0, zero, 1004"}));
  EXPECT_EQ(first("c.bnez a0, far" + far, 2), (Lines{"beq a0, zero, 8", "jal zero, 5004"}));
  EXPECT_EQ(first("c.j far" + far, 1), (Lines{"jal zero, 5004"}));
  EXPECT_EQ(first("call far" + far, 1), (Lines{"jal ra, 5004"}));
  EXPECT_EQ(first("call far" + farther, 2), (Lines{"auipc ra, 0x1e8", "jalr ra, 1160(ra)"}));
  EXPECT_EQ(first("tail far" + farther, 2), (Lines{"auipc t1, 0x1e8", "jalr zero, 1160(t1)"}));
  EXPECT_EQ(first("jump far, t0" + farther, 2), (Lines{"auipc t0, 0x1e8", "jalr zero, 1160(t0)"}));
  EXPECT_EQ(first("jal t0, far" + farther, 2), (Lines{"auipc t0, 0x1e8", "jalr t0, 1160(t0)"}));
  // One that grows pushes the target of the other out of reach.
  EXPECT_EQ(first("bnez a0, 1f\nbnez a1, far\n.space 4086\n1: nop\n.space 2\nfar: nop", 4),
            (Lines{"beq a0, zero, 8", "jal zero, 4098", "beq a1, zero, 8", "jal zero, 4096"}));
  expect_errors({{"j far\n.space 2000000\nfar:", "t.s:1: jal: distance 2000004 is outside"},
                 {"lp.setupi x0, 3, far\n.space 100\nfar: nop", "t.s:1: lp.setupi: distance 104 is outside"}});
}

TEST(AssemblerDialect, SizesFollowFromDifferencesOfLabels) {
  expect_bytes({{".uleb128 y - x\nx: .space 200, 1\ny:", ("c801" +
                                                          [] {
                                                            std::string ones;
                                                            for (int i = 0; i < 200; ++i) ones += "01";
                                                            return ones;
                                                          }())
                                                             .c_str()}});
  const Image image = assemble("a: beqz a0, far\n.space 6000\nfar: .balign 4\n.word far - a, . - a\n");
  EXPECT_EQ(word_at(image, kMemoryBase + 6008), 6008u);
  EXPECT_EQ(word_at(image, kMemoryBase + 6012), 6012u);
}

TEST(AssemblerDialect, SeveralTextsMakeOneProgram) {
  const Image image = assemble(
      {{"a.s",
        ".globl _start\n_start: call f\nlocal: la a0, buffer\nj local\n.globl f\n.weak g\n.weak nowhere\n.word nowhere\n"
        ".comm buffer, 8\n.weak both\nboth: nop\n"},
       {"b.s", ".data\nlocal: .word local, g\n.text\n.globl f, both\nf: ret\nboth: ret\n.comm buffer, 64\n.weak g\ng: ret\n"}});
  EXPECT_EQ(image.entry, kMemoryBase);
  EXPECT_EQ(disassemble(word_at(image, kMemoryBase)), "jal ra, 24") << "f is in the other text";
  EXPECT_EQ(word_at(image, kMemoryBase + 16), 0u) << "a weak symbol that is nowhere";
  EXPECT_EQ(word_at(image, kMemoryBase + 36), kMemoryBase + 36) << "each text has its own local";
  EXPECT_EQ(word_at(image, kMemoryBase + 40), kMemoryBase + 32);
  const auto error = [](const char* a, const char* b) { return error_of([&] { assemble({{"a.s", a}, {"b.s", b}}); }); };
  EXPECT_EQ(error("nop\nj f", "f: nop"), "a.s:2: symbol 'f' is not defined");
  EXPECT_EQ(error(".globl f\nf: nop", ".globl f\nf: nop"), "b.s: symbol 'f' is also defined in a.s");
  EXPECT_EQ(error("nop", "nop\nfoo"), "b.s:2: unknown instruction 'foo'");
}

// mpic/runtime and the symbols of its link.ld.
TEST(AssemblerDialect, TheRunTimeSystemAssembles) {
  const auto source = [](const std::string& name) { return SourceText{name, read_text("mpic/runtime/" + name)}; };
  const Image image =
      assemble({source("crt0.S"), {"main.s", ".globl main\nmain: li a0, 7\nret\n.bss\n.space 5"}, source("services.S")});
  EXPECT_EQ(image.entry, kMemoryBase) << ".text.start comes first";
  ASSERT_NE(image.find("bitloom_rdcycle"), nullptr);
  EXPECT_EQ(disassemble(word_at(image, image.find("bitloom_rdcycle")->address)), "csrrs a1, cycleh, zero");
}

// crt0.S calls them before main, as it does where GNU ld has put them together.
TEST(AssemblerDialect, ConstructorsOfSeveralTextsAreCalledInTheirOrder) {
  const auto source = [](const std::string& name) { return SourceText{name, read_text("mpic/runtime/" + name)}; };
  const auto adds = [](int digit) {
    return str(
        ".section .init_array, \"aw\", @init_array\n.word f\n.text\nf: la t0, number\nlw t1, 0(t0)\nli t2, 10\n"
        "mul t1, t1, t2\naddi t1, t1, ",
        digit, "\nsw t1, 0(t0)\nret\n");
  };
  const Image image = assemble({source("crt0.S"),
                                {"a.s", adds(4)},
                                {"main.s", adds(2) + ".globl main, number\nmain: lw a0, number\nret\n.bss\nnumber: .space 4"},
                                source("services.S")});
  Core core(kMemoryBase, kMemorySize);
  image.load(core.writable_memory());
  core.reset(image.entry);
  const RunResult result = core.run();
  EXPECT_EQ(result.reason, StopReason::kExit);
  EXPECT_EQ(result.exit_code, 42);
  const SourceText late{"late.s", ".section .init_array.00100, \"aw\"\n.word main\n.text\n.globl main\nmain: ret\n"};
  EXPECT_NE(error_of([&] {
              assemble({source("crt0.S"), late, source("services.S")});
            }).find("section .init_array.00100: what is in .init_array has no priorities here; leave the number out"),
            std::string::npos);
}

TEST(AssemblerDialect, MistakesInMacrosNameTheirUse) {
  expect_errors({
      {".macro m\nfoo\n.endm\n.macro n\nm\n.endm\nn",
       "t.s:2: unknown instruction 'foo' (in macro m of line 5, in macro n of line 7)"},
      {".rept 2\nfoo\n.endr", "t.s:2: unknown instruction 'foo' (in .rept of line 1)"},
      {".macro a b\n.macro c\n.endm\n", "t.s:1: .macro has no .endm"},
      {"\n.rept 3\nnop", "t.s:2: .rept has no .endr"},
      {"nop\n.if 1\nnop", "t.s:2: this condition has no .endif"},
      {".else", ".else without .if"},
      {".if 1\n.else\n.else\n.endif", "t.s:3: .else behind .else"},
      {".endm", ".endm without .macro"},
      {".exitm", ".exitm outside a macro"},
      {".purgem x", "there is no macro 'x' to purge"},
      {".macro m a a\n.endm", "two parameters are called 'a'"},
      {".macro m a:foo\n.endm", "a parameter is :req or :vararg, not :foo"},
      {".macro m\n.endm\n.macro m\n.endm", "t.s:3: macro 'm' is defined twice"},
      {".macro m a:req\n.endm\nm", "macro 'm' wants a value for 'a'"},
      {".macro m a\n.endm\nm 1, 2", "macro 'm' takes 1 arguments"},
      {".macro m a\n.endm\nm b=2", "macro 'm' has no parameter 'b'"},
      {".macro m a, b\n.endm\nm a=2, 3", "a positional argument behind one with a name"},
      {".macro m\n.if 1\n.endm\nm", "t.s:2: a condition begins in a macro or repetition and has no .endif there"},
      {".rept -1\n.endr", ".rept -1 times"},
      {".if x\n.endif", "this must be known here"},
      {".iffoo\n.endif", "unknown condition .iffoo"},
  });
}

TEST(AssemblerDialect, WhatIsNotUnderstoodSaysSo) {
  expect_errors({
      {".include \"x\"", ".include opens no file here"},
      {".incbin \"x\"", ".incbin opens no file here"},
      {".altmacro", ".altmacro is not understood"},
      {".error \"too big\"", "t.s:1: too big"},
      {"lui a0, %got_pcrel_hi(x)", "there is no global offset table; compile without position-independent code (-fno-pic)"},
      {"lui a0, %tprel_hi(x)", "%tprel_hi: there is no thread-local storage"},
      {"lui a0, %foo(1)", "unknown function %foo()"},
      {"lw a0, %pcrel_lo(x)(a1)\nx:", "%pcrel_lo wants the label of an instruction that has %pcrel_hi"},
      {".popsection", ".popsection without .pushsection"},
      {".equiv x, 1\n.equiv x, 2", "t.s:2: symbol 'x' is defined twice"},
      {".insn foo 1", "unknown format .insn foo"},
      {".insn r 0x33", ".insn r has other fields"},
      {".insn i 0x13, 0, a0, a1, 5000", ".insn: 5000 is outside -2048 to 2047"},
      {".insn 2, 0x13", ".insn: 0x13 has 4 bytes by its low bits"},
      {".float x", ".float: 'x' is no number"},
      {".fill 1, 9, 1", "a size is 0 to 8"},
      {"lw a0, 4", "lw takes 'rd, imm(rs1)'"},
      {"call a0, a1, a2", "call takes a label"},
      {".word 5 %% 2", "%2 wants '('"},
  });
}

// Inputs without an end, or with one that memory would not see.
TEST(AssemblerDialect, WhatItMakesOfItselfIsBounded) {
  expect_errors({
      {".macro m\nm\n.endm\nm", "macro m: macros and repetitions are nested more than 100 deep"},
      {".macro m\nm\nm\n.endm\nm", "nested more than 100 deep"},
      {".macro m a\nm \\a\\a\n.endm\nm xy", "macros and repetitions give more than 16 MiB of text"},
      {".rept 1000000000\nnop\n.endr", "macros and repetitions give more than 262144 statements"},
      {".rept 1000000000\n.if 0\n.endif\n.endr", "more than 262144 statements"},
      {".rept 1000000\n.rept 1000000\n.endr\n.endr", "more than 262144 statements"},
      {".fill 1000000000, 8, 1", "the program grows beyond 64 MiB"},
      {".fill 9223372036854775807, 8", "the program grows beyond 64 MiB"},
      {".org 0x7fffffffffffffff", "the program grows beyond 64 MiB"},
      {".data\n.space 60000000\n.section .a, \"aw\"\n.space 60000000", "t.s:4: the program grows beyond 64 MiB"},
      {".macro s\n.section .t\\@\n.align 16\n.byte 1\n.endm\n.rept 30000\ns\n.endr",
       "t.s: .t1024: the program grows beyond 64 MiB, with the gaps that alignment leaves"},
      {"x = x + 1\n.word x", "addresses still move after 100 passes"},
  });
  EXPECT_EQ(error_of([] { assemble(".rept 1000000000\n.endr\nnop", "t.s"); }), "");
}

// Blanks of an argument are not those of the text around it, of which nothing is left here.
TEST(AssemblerDialect, ArgumentsOfBlanksMakeNoStatement) {
  for (const char* blank : {"\v", "\f", "\r", "\v\f", " ", ""}) {
    const std::string text = str(".macro m x\n\\x\n.endm\nm \"", blank, "\"\nnop\n");
    EXPECT_EQ(assemble(text, "t.s").segments.at(0).bytes, assemble("nop", "t.s").segments.at(0).bytes) << text;
  }
}

// What is settled for one place that may grow is not taken for another's: the li has room for two, the branches are near.
TEST(AssemblerDialect, BranchesByAPlainNumberKeepTheirPlaceInLaterPasses) {
  const Image image = assemble("beq a0, a1, 8\n li a2, later\n bne a2, zero, out\n out: ret\n later = 5\n", "t.s");
  EXPECT_EQ(image.segments.at(0).bytes,
            assemble("beq a0, a1, 8\n li a2, 5\n addi a2, a2, 0\n bne a2, zero, 4\n ret\n", "t.s").segments.at(0).bytes);
}

}  // namespace
}  // namespace bitloom::mpic
