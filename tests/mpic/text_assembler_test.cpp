// The text assembler: what it makes, what it says about mistakes, and GNU as beside it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "core/io.h"
#include "mpic/program/assembler.h"
#include "mpic/program/disassembler.h"
#include "tests/support/assembly.h"
#include "tests/support/files.h"

namespace bitloom::mpic {
namespace {

using testing::code_lines;
using testing::error_of;
using testing::word_at;
using Lines = std::vector<std::string>;

TEST(TextAssembler, PseudoInstructions) {
  const struct {
    const char *text, *instruction;
  } cases[] = {
      {"nop", "addi zero, zero, 0"},
      {"mv a0, a1", "addi a0, a1, 0"},
      {"not a0, a1", "xori a0, a1, -1"},
      {"neg a0, a1", "sub a0, zero, a1"},
      {"seqz a0, a1", "sltiu a0, a1, 1"},
      {"snez a0, a1", "sltu a0, zero, a1"},
      {"sltz a0, a1", "slt a0, a1, zero"},
      {"sgtz a0, a1", "slt a0, zero, a1"},
      {"beqz a0, 8", "beq a0, zero, 8"},
      {"bnez a0, 8", "bne a0, zero, 8"},
      {"blez a0, 8", "bge zero, a0, 8"},
      {"bgez a0, 8", "bge a0, zero, 8"},
      {"bltz a0, 8", "blt a0, zero, 8"},
      {"bgtz a0, 8", "blt zero, a0, 8"},
      {"bgt a0, a1, 8", "blt a1, a0, 8"},
      {"ble a0, a1, 8", "bge a1, a0, 8"},
      {"bgtu a0, a1, 8", "bltu a1, a0, 8"},
      {"bleu a0, a1, 8", "bgeu a1, a0, 8"},
      {"j -4", "jal zero, -4"},
      {"jal 8", "jal ra, 8"},
      {"call 8", "jal ra, 8"},
      {"tail 8", "jal zero, 8"},
      {"jr a0", "jalr zero, 0(a0)"},
      {"jalr a0", "jalr ra, 0(a0)"},
      {"jalr t0, a0", "jalr t0, 0(a0)"},
      {"jalr t0, a0, 4", "jalr t0, 4(a0)"},
      {"jalr t0, (a0)", "jalr t0, 0(a0)"},
      {"ret", "jalr zero, 0(ra)"},
      {"csrr a0, mcause", "csrrs a0, mcause, zero"},
      {"csrw 0x00d, a0", "csrrw zero, simd_format, a0"},
      {"csrs mstatus, a0", "csrrs zero, mstatus, a0"},
      {"csrc mstatus, a0", "csrrc zero, mstatus, a0"},
      {"csrwi simd_legacy, 0", "csrrwi zero, simd_legacy, 0"},
      {"csrsi mstatus, 8", "csrrsi zero, mstatus, 8"},
      {"csrci mstatus, 8", "csrrci zero, mstatus, 8"},
      {"rdcycle a0", "csrrs a0, cycle, zero"},
      {"rdinstret a0", "csrrs a0, instret, zero"},
      {"fence", "fence iorw, iorw"},
      {"li a0, 5", "addi a0, zero, 5"},
      {"li a0, 0x12345000", "lui a0, 0x12345"},
      {"p.lw a0, 4(a1)", "lw a0, 4(a1)"},
      {"p.sb x10, -1(x11)", "sb a0, -1(a1)"},
      {"p.lh a0, a2(a1)", "p.lh a0, a2(a1)"},
      {"p.lbu a0,a2(a1!)", "p.lbu a0, a2(a1!)"},
      {"p.extracti a0, a1, 7, 8", "p.extract a0, a1, 7, 8"},
      {"p.clipui a0, a1, 8", "p.clipu a0, a1, 8"},
      {"p.addurni a0, a1, a2, 3", "p.addurn a0, a1, a2, 3"},
      {"pv.sdotusp.v a0, a1, a2", "pv.sdotusp.b a0, a1, a2"},
      {"pv.dotsp.sc.v a0, a1, a2", "pv.dotsp.sc.b a0, a1, a2"},
      {"pv.add.sci.v a0, a1, -5", "pv.add.sci.b a0, a1, -5"},
      {"pv.cmpgtu.v a0, a1, a2", "pv.cmpgtu.b a0, a1, a2"},
      {"pv.abs.v a0, a1", "pv.abs.b a0, a1"},
      {"lp.setup 1, t0, 488", "lp.setup x1, t0, 488"},
      {"lw a0, (a1)", "lw a0, 0(a1)"},
      {"lw fp, 4(s0)", "lw s0, 4(s0)"},
      {"lui a0, %hi(0x12345fff)", "lui a0, 0x12346"},
      {"addi a0, a0, %lo(0x12345fff)", "addi a0, a0, -1"},
      {"lw a0, %lo(0x800)(a1)", "lw a0, -2048(a1)"},
      {"addi a0, a1, (1 << 4) - 3 * 2", "addi a0, a1, 10"},
      {"addi a0, a1, ~7 & 0xff", "addi a0, a1, 248"},
      {"addi a0, a1, 'a'", "addi a0, a1, 97"},
      {"addi a0, a1, '\\n' + 0b11 + 010", "addi a0, a1, 21"},
      {"addi a0, a1, -7 / 2 | 1", "addi a0, a1, -3"},
      {"c.lui a0, 0xfffe1", "c.lui a0, 0xfffe1"},
      {"c.lui a0, -31", "c.lui a0, 0xfffe1"},
      {"fence 0, 3", "fence 0, rw"},
  };
  for (const auto& c : cases) {
    std::string got;
    EXPECT_EQ(error_of([&] { got = disassemble(assemble_word(c.text)); }), "");
    EXPECT_EQ(got, c.instruction) << c.text;
  }
}

TEST(TextAssembler, AddressesAreLabelsNumbersAreOffsets) {
  const Image image = assemble(R"(
        .globl _start
        .equ   twice, 2 * count     # above its definition
        .set   count, 3
table:  .word  table, end - table, twice
_start: lp.endi x1, last
        lp.setupi x0, count, last
1:      addi   a0, a0, 1
last:   addi   a1, a1, 1
        bnez   a0, 1b
        beqz   a0, 1f
        j      . + 8
        li     a2, count
        li     a3, twice2            // known in the second pass only
        li     a4, table
        la     a5, end
        call   f
1:      ret; nop
f:      ret
        twice2 = 2 * count
end:
)",
                               "labels.s");
  Lines lines = code_lines(image);
  lines.erase(lines.begin(), lines.begin() + std::ptrdiff_t(lines.size()) - 18);
  EXPECT_EQ(word_at(image, kMemoryBase), kMemoryBase);
  EXPECT_EQ(word_at(image, kMemoryBase + 4), 12u + 4 * 18);
  EXPECT_EQ(word_at(image, kMemoryBase + 8), 6u);
  EXPECT_EQ(lines, (Lines{"lp.endi x1, 12", "lp.setupi x0, 3, 8", "addi a0, a0, 1", "addi a1, a1, 1", "bne a0, zero, -8",
                          "beq a0, zero, 40", "jal zero, 8", "addi a2, zero, 3", "addi a3, zero, 6", "addi a3, a3, 0",
                          "lui a4, 0x80000", "addi a4, a4, 0", "auipc a5, 0x0", "addi a5, a5, 24", "jal ra, 12",
                          "jalr zero, 0(ra)", "addi zero, zero, 0", "jalr zero, 0(ra)"}));
  EXPECT_EQ(image.entry, kMemoryBase + 12);
  EXPECT_EQ(image.find("f")->kind, SymbolKind::kFunction) << "it is called";
  EXPECT_EQ(image.find("last")->kind, SymbolKind::kLabel);
}

TEST(TextAssembler, SectionsFollowEachOther) {
  const Image image = assemble(R"(
        .data
        .byte   1, -1, 'x'
        .section .rodata.str1.4, "aMS", @progbits, 1
        .balign 4
text:   .asciz  "a\n\"\x41\101"
        .section .tohost, "aw", @progbits
        .ascii  "no", " zero"
        .bss
buffer: .space  10
        .comm   common, 8, 4
        .text
        lui     a0, %hi(buffer)
        lw      a0, %lo(buffer)(a0)
        c.nop
        .balign 8
        .org    0x18
        .size   _start, . - _start
        .data
        .align  2
        .half   0x1234, -2
        .dword  -2
        .word   common - buffer
        .text
        .type   _start, @function
_start: ebreak
)",
                               "sections.s");
  const auto& all = image.segments.at(0);
  EXPECT_EQ(all.size, 0x40u + 12 + 8);
  const std::vector<uint8_t> data(all.bytes.begin() + 0x1c, all.bytes.end());
  const std::vector<uint8_t> expected = {1,   255,  'x', 0,   0x34, 0x12, 254, 255, 254, 255,
                                         255, 255,  255, 255, 255,  255,  12,  0,   0,   0,  // .data
                                         'a', '\n', '"', 'A', 'A',  0,                       // .rodata.str1.4
                                         'n', 'o',  ' ', 'z', 'e',  'r',  'o'};              // .tohost
  EXPECT_EQ(data, expected);
  EXPECT_EQ(word_at(image, kMemoryBase + 8), 0x00010001u) << "c.nop, padded with c.nop";
  EXPECT_EQ(word_at(image, kMemoryBase + 12), 0x00000013u) << "padded with nop";
  EXPECT_EQ(word_at(image, kMemoryBase + 16), 0u) << ".org fills with 0";
  EXPECT_EQ(image.find("text")->address, kMemoryBase + 0x30);
  EXPECT_EQ(image.find("common")->address - image.find("buffer")->address, 12u);
  EXPECT_EQ(image.find("_start")->size, 0u);
  EXPECT_EQ(image.find("_start")->kind, SymbolKind::kFunction);
  EXPECT_EQ(image.entry, kMemoryBase + 0x18);
}

TEST(TextAssembler, MistakesNameTheLine) {
  const struct {
    const char *text, *message;
  } cases[] = {
      {"nop\nfoo a0", "t.s:2: unknown instruction 'foo'"},
      {".foo 1", "t.s:1: unknown directive .foo"},
      {"add a0, a1", "t.s:1: add takes 'rd, rs1, rs2'"},
      {"p.lw a0, a1, a2", "p.lw takes 'rd, imm(rs1!)' or 'rd, rs2(rs1)' or 'rd, rs2(rs1!)' or 'rd, imm(rs1)'"},
      {"lw a0, 4(a1!)", "lw takes 'rd, imm(rs1)'"},
      {"ecall a0", "ecall takes no operands"},
      {"mv a0", "mv takes 2 operands for 'addi @0, @1, 0'"},
      {"jalr a, . - 100",
       "jalr takes 'rd, imm(rs1)' or 1 operand for 'jalr ra, 0(@0)' or 1 operand for 'jalr ra, @0' or 2 operands for 'jalr @0, "
       "0(@1)'"},
      {".byte 1\nli a0, 5", "t.s:2: an instruction would begin at an odd address"},
      {"addi a0, a1, 2048", "t.s:1: addi: operand 2048 is outside -2048 to 2047"},
      {"addi a0, a1, a9", "symbol 'a9' is not defined"},
      {"addi a0, a1, a2", "addi takes"},
      {"addi a0, a1, 1 + a2", "register a2 cannot be part of an expression"},
      {"add a0, a1, x32", "symbol 'x32' is not defined"},
      {"beq a0, a1, nowhere", "t.s:1: symbol 'nowhere' is not defined"},
      {"beq a0, a1, 1f\n1: beq a0, a1, 2b", "t.s:2: there is no label 2 above"},
      {"\n\nj 1f", "t.s:3: there is no label 1 below"},
      {"x: beq a0, a1, 5004", "t.s:1: beq: distance 5004 is outside -4096 to 4094"},
      {"x: beq a0, a1, y\n.space 2000000\ny:", "t.s:1: jal: distance 2000004 is outside -1048576 to 1048574"},
      {"lp.setupi x0, 4, 100", "distance 100 is outside 0 to 62"},
      {"lp.setupi x2, 4, 8", "operand 2 is outside 0 to 1"},
      {"x: nop\nx: nop", "t.s:2: symbol 'x' is defined twice"},
      {"x: nop\n.equ x, 3", "defined twice"},
      {"a0: nop", "'a0' is a register, not a label"},
      {".word 1 << 33", "t.s:1: .word: 8589934592 does not fit into 32 bits"},
      {".half 65536", "does not fit into 16 bits"},
      {".byte -129", "does not fit into 8 bits"},
      {".word 1 +", "an expression ends too early"},
      {".word (1", "')' is missing"},
      {".word 1 2", "is unexpected here"},
      {".word 1,,2", "an operand is missing beside a comma"},
      {".word 1 / 0", "division by 0"},
      {"x: .word x + x", "an address is added to an address"},
      {"x: .word 4 - x", "an address is subtracted from a number"},
      {".align 20", "it wants the exponent, 0 to 16"},
      {".balign 3", "no power of two"},
      {".space x\nx:", "this must be known here"},
      {".space -1", "of -1 bytes"},
      {".space 1 << 40", "64 MiB"},
      {".zero 60000000\n.zero 60000000", "t.s:2: the program grows beyond 64 MiB"},
      {".org 8\n.org 4", "t.s:2: .org to offset 4 goes back from 8"},
      {".ascii 5", ".ascii wants a quoted text"},
      {".ascii \"abc", "t.s:1: a quoted text does not end on its line"},
      {".ascii \"\\q\"", "unknown escape \\q"},
      {"/* never", "t.s:1: this comment never ends"},
      {".bss\n.word 1", ".bss has no contents"},
      {".bss\nnop", "an instruction in .bss"},
      {".byte 1\nnop", "t.s:2: an instruction would begin at an odd address"},
      {"nop ?", "unexpected character '?'"},
      {"\x01", "unexpected character with code 1"},
      {".word 0x", "a number ends after its prefix"},
      {".word 99999999999999999999", "does not fit into 64 bits"},
      {".word 12ab", "in a number"},
      {"li a0, 0x100000000", "li: 4294967296 does not fit into 32 bits"},
      {"li 5, a0", "li takes a register and a value"},
      {"fence a, b", "fence orders i, o, r and w, not a"},
      {"c.lwsp a0, 4(a1)", "c.lwsp takes"},
      {"c.mv a0, zero", "reserved"},
      {"pv.shuffle.v a0, a1, a2", "unknown instruction 'pv.shuffle.v'"},
      {"3", "an instruction, directive or label is expected"},
  };
  for (const auto& c : cases) {
    const std::string message = error_of([&] { assemble(c.text, "t.s"); });
    EXPECT_NE(message.find(c.message), std::string::npos) << c.text << "\n  got: " << message;
    EXPECT_EQ(message.compare(0, 4, "t.s:"), 0) << message;
  }
}

TEST(TextAssembler, TheFirstMistakeIsReportedInOneLine) {
  const std::string message = error_of([] { assemble("nop\nbad\nworse\n", "t.s"); });
  EXPECT_EQ(message, "t.s:2: unknown instruction 'bad'");
}

// The same bytes as GNU as and ld make of it.
TEST(TextAssembler, AgreesWithGas) {
  if (std::system("command -v riscv64-unknown-elf-as >/dev/null") != 0) GTEST_SKIP() << "riscv64-unknown-elf-as is missing";
  std::mt19937 random(7);
  std::string source = R"(
        .option norelax
        .option norvc
        .equ    size, 48
        .globl  _start
_start: li      a0, 5
        li      a1, -2048
        li      a2, 0x12345678
        li      a3, 0xfffff000
        li      t0, size / 3 + 2 << 1
        li      t1, 3 | 4 + 8
        la      a4, table
        lla     a5, _start
        lui     t2, %hi(table)
        addi    t2, t2, %lo(table)
        sw      t2, %lo(table + 4)(a4)
1:      addi    a0, a0, -1
        bnez    a0, 1b
        bgtz    a0, 1f
        bleu    a0, a1, 1f
        j       table
1:      jalr    a0
        jalr    t0, 8(a0)
        offset = 4
        addi    a0, a0, offset
        .align  3
        .balign 16
table:  .word   table, _start + 4, end - table, size * 2, ~size & 0xff, -size
        .half   1, -1, 0x8000, 'A'
        .byte   1, 2, 3
        .ascii  "no zero"
        .asciz  "tab\t quote\" backslash\\ hex\x7f octal\101"
        .string "another"
        .zero   3
        .space  5, 0xaa
        .p2align 2
        .org    0x200
        .quad   0x1122334455667788
        .2byte  7
        .short  8
        .4byte  9
end:
)";
  std::string compressed = ".option rvc\n";  // gas would also shorten the others under it
  for (int i = 0; i < kOps; ++i) {
    const Row& r = row(Op(i));
    const std::string mnemonic = r.mnemonic;
    const bool is_ours = mnemonic[0] == 'p' || mnemonic.compare(0, 3, "lp.") == 0;
    const bool is_branch = std::string(r.operands).find_first_of("pJ78") != std::string::npos;
    if (is_ours || is_branch || r.timing == Timing::kCsr || r.timing == Timing::kFence) continue;
    for (int k = 0; k < 20; ++k)
      if (const auto word = testing::random_word(Op(i), random)) {
        const std::string text = disassemble(*word);
        const bool is_hint = r.length == 2 && text.rfind(", 0") == text.size() - 3;  // a shift by 0, which gas refuses
        if (!is_hint) (r.length == 2 ? compressed : source) += text + "\n";
      }
  }
  source += compressed;
  const testing::TempFolder folder;
  std::ofstream(folder / "x.s") << source;
  const std::string gnu = "riscv64-unknown-elf-";
  ASSERT_EQ(std::system((gnu + "as -mno-arch-attr -march=rv32imc_zicsr_zifencei -mabi=ilp32 " + (folder / "x.s") + " -o " +
                         (folder / "x.o") + " && " + gnu + "ld -m elf32lriscv --no-relax -Ttext=0x80000000 " +
                         (folder / "x.o") + " -o " + (folder / "x.elf") + " && " + gnu + "objcopy -O binary -j .text " +
                         (folder / "x.elf") + " " + (folder / "x.bin"))
                            .c_str()),
            0);
  std::vector<uint8_t> theirs = read_file(folder / "x.bin");
  const std::vector<uint8_t> ours = assemble(source, "x.s").segments.at(0).bytes;
  ASSERT_LT(theirs.size(), ours.size() + 16) << "gas fills the section up to its alignment";
  theirs.resize(std::min(theirs.size(), ours.size()));
  size_t at = 0;
  while (at < std::min(ours.size(), theirs.size()) && ours[at] == theirs[at]) ++at;
  EXPECT_TRUE(ours == theirs) << "first difference at offset " << at << " of " << ours.size() << " and " << theirs.size();
}

// Text that is nearly right, to see that nothing but Error comes back.
TEST(TextAssembler, GarbledTextsNeverDoMoreThanFail) {
  const std::string source =
      "_start: li a0, 5\n1: p.lw t0, 4(a1!)\n bnez a0, 1b\n.equ x, (1 << 3) + 2\n.word x, _start\n.asciz \"t\\n\"\n.align 2\n"
      ".section .data\n lp.setupi x0, 10, 2f\n2: pv.add.sci.b a0, a1, -3\n.space x, 1\n/* c */ c.addi a0, -1 # end\n";
  std::mt19937 random(8);
  const char alphabet[] = "\n:,()!.+-*/<>\"'\\#;0a1bfx% \t@$&|~^=\x80";
  int assembled = 0;
  const int cases = std::getenv("BITLOOM_FAST") ? 2000 : 20000;
  for (int i = 0; i < cases; ++i) {
    std::string text = source;
    for (uint32_t k = 0; k <= random() % 4; ++k) {
      const size_t at = random() % text.size();
      switch (random() % 3) {
        case 0: text[at] = alphabet[random() % (sizeof alphabet - 1)]; break;
        case 1: text.erase(at, random() % 8); break;
        default: text.insert(at, text.substr(random() % text.size(), random() % 12)); break;
      }
      if (text.empty()) text = "x";
    }
    assembled += error_of([&] { assemble(text, "t.s"); }).empty();
  }
  EXPECT_GT(assembled, 0);
  EXPECT_LT(assembled, cases);
}

}  // namespace
}  // namespace bitloom::mpic
