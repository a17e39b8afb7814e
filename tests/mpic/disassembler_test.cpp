// Decoder, encoder, disassembler and assembler against each other, against gas' own expectations, the XpulpV2 table and objdump.
#include "mpic/program/disassembler.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "mpic/isa/names.h"
#include "mpic/program/assembler.h"
#include "tests/support/assembly.h"
#include "tests/support/mpic.h"

namespace bitloom::mpic {
namespace {

using testing::random_operands;
using testing::random_word;

bool is_fast() { return std::getenv("BITLOOM_FAST") != nullptr; }

std::string text_of(const Insn& i) {
  return str(row(i.op).mnemonic, " rd=", int(i.rd), " rs1=", int(i.rs1), " rs2=", int(i.rs2), " rs3=", int(i.rs3),
             " imm=", i.imm, " imm2=", i.imm2);
}

bool same(const Insn& a, const Insn& b) {
  return a.op == b.op && a.executes == b.executes && a.length == b.length && a.rd == b.rd && a.rs1 == b.rs1 && a.rs2 == b.rs2 &&
         a.rs3 == b.rs3 && a.imm == b.imm && a.imm2 == b.imm2;
}

std::string without_blanks(const std::string& text) {
  std::string kept;
  for (const char c : text)
    if (c != ' ') kept += c;
  return kept;
}

TEST(Decoder, InvertsTheEncoderOnEveryRow) {
  std::mt19937 random(1);
  const int cases = is_fast() ? 50 : 500;
  for (int i = 0; i < kOps; ++i) {
    int encoded = 0;
    for (int k = 0; k < cases; ++k) {
      const Insn insn = random_operands(Op(i), random);
      uint32_t word = 0;
      try {
        word = encode(insn);
      } catch (const Error&) {
        continue;  // reserved
      }
      const Insn back = decode(word);
      if (back.op != insn.op) {  // a shorter spelling exists
        ASSERT_EQ(back.executes, insn.executes) << text_of(insn) << " became " << text_of(back);
        continue;
      }
      ASSERT_TRUE(same(insn, back)) << text_of(insn) << " became " << text_of(back);
      ++encoded;
    }
    const bool has_operands = row(Op(i)).operands[0] != 0 && row(Op(i)).operands[0] != '|';
    EXPECT_GE(encoded, has_operands ? cases / 2 : cases) << row(Op(i)).mnemonic;
  }
}

TEST(Disassembler, GivesTextThatAssemblesToTheSameWordForEveryRow) {
  std::mt19937 random(2);
  const int cases = is_fast() ? 5 : 50;
  for (int i = 0; i < kOps; ++i)
    for (int k = 0; k < cases; ++k) {
      const auto word = random_word(Op(i), random);
      if (!word) continue;
      const std::string text = disassemble(*word);
      ASSERT_EQ(text.substr(0, text.find(' ')), row(Op(i)).mnemonic);
      ASSERT_EQ(testing::error_of([&] { EXPECT_EQ(assemble_word(text), *word) << text; }), "") << text;
    }
}

// What is written for reading is the same instruction, compressed or not.
TEST(Disassembler, PlainTextAssemblesToTheSameInstructionForEveryRow) {
  std::mt19937 random(3);
  const int cases = is_fast() ? 5 : 50;
  for (int i = 0; i < kOps; ++i)
    for (int k = 0; k < cases; ++k) {
      const auto word = random_word(Op(i), random);
      if (!word) continue;
      const std::string text = disassemble(*word, Spelling::kPlain);
      uint32_t back = 0;
      ASSERT_EQ(testing::error_of([&] { back = assemble_word(text); }), "") << text << " for " << disassemble(*word);
      Insn own = decode(*word), other = decode(back);
      if (own.length == 2) own.op = own.executes, own.length = 4;
      if (own.op == Op::lui) own.imm &= 0xfffff;
      if (text.compare(0, 3, "mv ") == 0 && own.op == Op::add) continue;  // c.mv adds zero, mv is addi
      ASSERT_TRUE(same(own, other)) << text << ": " << text_of(own) << " became " << text_of(other);
    }
}

TEST(Disassembler, WritesPseudoInstructionsForReading) {
  const std::pair<const char*, const char*> cases[] = {{"jalr zero, 0(ra)", "ret"},
                                                       {"c.jr ra", "ret"},
                                                       {"jalr zero, 0(a0)", "jr a0"},
                                                       {"jalr ra, 0(a0)", "jalr a0"},
                                                       {"jalr ra, 4(a0)", "jalr ra, 4(a0)"},
                                                       {"addi zero, zero, 0", "nop"},
                                                       {"c.nop", "nop"},
                                                       {"addi a0, zero, 0", "li a0, 0"},
                                                       {"addi a0, zero, -5", "li a0, -5"},
                                                       {"addi a0, a1, 0", "mv a0, a1"},
                                                       {"c.mv a0, a1", "mv a0, a1"},
                                                       {"c.li a0, 7", "li a0, 7"},
                                                       {"c.addi16sp sp, -32", "addi sp, sp, -32"},
                                                       {"addi a0, a1, 10", "addi a0, a1, 10"},
                                                       {"xori a0, a1, -1", "not a0, a1"},
                                                       {"sub a0, zero, a1", "neg a0, a1"},
                                                       {"sltu a0, zero, a1", "snez a0, a1"},
                                                       {"sltiu a0, a1, 1", "seqz a0, a1"},
                                                       {"bge zero, a0, 8", "blez a0, 8"},
                                                       {"blt a0, zero, -8", "bltz a0, -8"},
                                                       {"blt a0, a1, 8", "blt a0, a1, 8"},
                                                       {"jal zero, -12", "j -12"},
                                                       {"jal ra, 16", "jal 16"},
                                                       {"csrrs a0, mstatus, zero", "csrr a0, mstatus"},
                                                       {"csrrw zero, mtvec, t0", "csrw mtvec, t0"},
                                                       {"csrrs a0, cycle, zero", "rdcycle a0"},
                                                       {"fence iorw, iorw", "fence"},
                                                       {"p.lw t1, 4(t0!)", "p.lw t1, 4(t0!)"},
                                                       {"ecall", "ecall"}};
  for (const auto& [exact, plain] : cases) {
    const uint32_t word = assemble_word(exact);
    EXPECT_EQ(disassemble(word), exact);
    EXPECT_EQ(disassemble(word, Spelling::kPlain), plain);
  }
  EXPECT_EQ(disassemble_at(assemble_word("jal zero, -12"), 0x80000014), "j -12  # 0x80000008");
  EXPECT_EQ(disassemble_at(assemble_word("c.jr ra"), 0, Spelling::kExact), "c.jr ra");
  EXPECT_EQ(disassemble(0xffffffff, Spelling::kPlain), ".word 0xffffffff");
}

TEST(Decoder, EveryCompressedWordIsOneInstructionOrIllegal) {
  int legal = 0;
  for (uint32_t word = 0; word < 0x10000; ++word) {
    if (!is_compressed(word)) continue;
    const Insn insn = decode(word);
    ASSERT_EQ(insn.length, 2) << hex(word, 4);
    ASSERT_TRUE(same(insn, decode(word | 0xabcd0000))) << hex(word, 4) << ": the upper half matters";
    const std::string text = disassemble(word);
    ASSERT_EQ(assemble_word(text), word) << text;
    if (insn.op == Op::illegal) continue;
    ++legal;
    ASSERT_EQ(encode(insn), word) << text;
  }
  EXPECT_EQ(legal, 28823);  // RV32C without F and D, HINTs included
  EXPECT_EQ(decode(0).op, Op::illegal);
}

TEST(Decoder, RandomWordsAreOneInstructionOrIllegal) {
  std::mt19937 random(3);
  const int words = is_fast() ? 200'000 : 10'000'000;
  int legal = 0;
  for (int i = 0; i < words; ++i) {
    const uint32_t word = random() | 3;
    const Insn insn = decode(word);
    ASSERT_EQ(insn.length, 4);
    if (insn.op == Op::illegal) continue;
    ++legal;
    ASSERT_EQ(encode(insn), word) << disassemble(word);
  }
  EXPECT_GT(legal, words / 5);
}

// The rule of isa.inc, by a search that does not know the decoder's index: of all rows that cover a word, the most specific one.
TEST(Decoder, TheMostSpecificRowWins) {
  std::mt19937 random(4);
  for (int i = 0; i < (is_fast() ? 2'000 : 100'000); ++i) {
    const uint32_t drawn = random(), word = is_compressed(drawn) ? drawn & 0xffff : drawn;
    int best = -1;
    bool unique = true;
    for (int r = 0; r < kOps; ++r) {
      const Row& candidate = row(Op(r));
      if (candidate.length != (is_compressed(word) ? 2 : 4) || (word & candidate.mask) != candidate.match) continue;
      const int bits = __builtin_popcount(candidate.mask);
      const int best_bits = best < 0 ? -1 : __builtin_popcount(row(Op(best)).mask);
      unique = bits != best_bits;
      if (bits > best_bits) best = r;
    }
    ASSERT_TRUE(unique) << hex(word, 8);
    const Op op = decode(word).op;
    if (op == Op::illegal) continue;  // no row, or a reserved one: the tests of encode() see those
    ASSERT_EQ(op, Op(best)) << hex(word, 8);
  }
}

TEST(Disassembler, WritesWhatLlvmWrites) {
  EXPECT_EQ(disassemble(0x00a50513), "addi a0, a0, 10");
  EXPECT_EQ(disassemble(0xfe0008e3), "beq zero, zero, -16");
  EXPECT_EQ(disassemble(0x12345537), "lui a0, 0x12345");
  EXPECT_EQ(disassemble(0x30001073), "csrrw zero, mstatus, zero");
  EXPECT_EQ(disassemble(0x00d51073), "csrrw zero, simd_format, a0");
  EXPECT_EQ(disassemble(0x7d051073), "csrrw zero, 0x7d0, a0");
  EXPECT_EQ(disassemble(0x0310000f), "fence rw, w");
  EXPECT_EQ(disassemble(0x0042a30b), "p.lw t1, 4(t0!)");
  EXPECT_EQ(disassemble(0x713d), "c.addi16sp sp, -32");
  EXPECT_EQ(disassemble(0xffffffff), ".word 0xffffffff");
  EXPECT_EQ(disassemble(0x12340000), ".half 0x0000");
  EXPECT_EQ(disassemble_at(0xfe0008e3, 0x80000100), "beqz zero, -16  # 0x800000f0");
  EXPECT_EQ(disassemble_at(0x00a2507b, 0x80000008), "lp.setupi x0, 10, 8  # 0x80000010");
}

TEST(GasPairs, AssembleAndDisassembleBothWays) {
  const Table table = measured("gas_pulp_encodings");
  int pairs = 0, aliases = 0, foreign = 0;
  for (size_t i = 0; i < table.size(); ++i) {
    const uint32_t word = from_hex(table(i, "hex"));
    const std::string& text = table(i, "asm");
    if (text.compare(0, 2, "p.") != 0 && text.compare(0, 3, "lp.") != 0 && text.compare(0, 3, "pv.") != 0) {
      ++foreign;  // floating point, which the core does not have
      continue;
    }
    ++pairs;
    EXPECT_EQ(assemble_word(text), word) << text;
    const std::string ours = disassemble(word);
    if (without_blanks(ours) == without_blanks(text)) continue;
    ++aliases;
    EXPECT_EQ(assemble_word(ours), word) << text << " and " << ours;
    EXPECT_EQ(text, text.substr(0, text.rfind(", 0")) + ", 0") << "only shift 0 has a shorter spelling: " << ours;
  }
  EXPECT_EQ(pairs, 236);
  std::printf("%d pairs, of which %d are disassembled as the form without a shift; %d floating point\n", pairs, aliases,
              foreign);
}

// Of two mnemonics for one encoding, what the disassembler writes.
std::string canonical(const std::string& mnemonic) {
  if (mnemonic.compare(0, 2, "p.") == 0) {
    for (int i = 0; i < kOps; ++i)
      if (mnemonic == row(Op(i)).mnemonic) return mnemonic;
    if (mnemonic.back() == 'i') return mnemonic.substr(0, mnemonic.size() - 1);
  }
  return mnemonic;
}

TEST(XpulpTable, EveryRowOfTheCoreDecodesToItsMnemonic) {
  const Table table = measured("xpulp_canonical");
  int rows = 0;
  std::map<std::string, int> skipped;
  std::mt19937 random(5);
  for (size_t i = 0; i < table.size(); ++i) {
    const std::string& mnemonic = table(i, "mnemonic");
    if (mnemonic.compare(0, 5, "pv.ml") == 0) {
      ++skipped["Mac&Load, of Flex-V and XpulpNN v2"];
      continue;
    }
    if (mnemonic.compare(0, 6, "pv.qnt") == 0) {
      ++skipped["quantization unit, of XpulpNN"];
      continue;
    }
    if (mnemonic == "p.elw") {
      ++skipped["event load, of the cluster"];
      continue;
    }
    ++rows;
    const uint32_t mask = from_hex(table(i, "mask")), match = from_hex(table(i, "match"));
    const std::string expected = canonical(mnemonic);
    int seen = 0;
    for (int k = 0; k < 64; ++k) {
      const uint32_t unused = mnemonic.compare(0, 3, "lp.") == 0 ? 0xf00 : 0;  // 0 in gas and in the RTL's tests
      const uint32_t word = match | (uint32_t(random()) & ~mask & ~unused);
      const std::string text = disassemble(word), got = text.substr(0, text.find(' '));
      const bool plain_spelling = "p." + got == expected;                    // p.lw d,o(s) is lw
      const bool shorter_spelling = got + "n" == expected;                   // shift 0
      const bool reserved_radix = expected == "p.bitrev" && got == ".word";  // of its shift field the core has two bits
      EXPECT_TRUE(got == expected || plain_spelling || shorter_spelling || reserved_radix) << mnemonic << ": " << text;
      seen += got == expected || plain_spelling;
    }
    EXPECT_GT(seen, 0) << mnemonic;
  }
  std::printf("%d rows decode", rows);
  for (const auto& [reason, count] : skipped) std::printf("; %d skipped (%s)", count, reason.c_str());
  std::printf("\n");
  int all = rows;
  for (const auto& [reason, count] : skipped) all += count;
  EXPECT_EQ(all, 496);
}

// What objdump prints of a word: the mnemonic, then numbers; register names are x-numbers with -M numeric.
struct Dumped {
  std::string mnemonic;
  std::vector<std::string> operands;
};

Dumped dumped(const std::string& line) {
  std::istringstream cells(line.substr(0, line.find('#')));
  std::string address, word;
  Dumped d;
  cells >> address >> word >> d.mnemonic;
  std::string operands, part;
  cells >> operands;
  for (const char c : operands + ",") {
    const bool ends = c == ',' || c == '(' || c == ')';
    if (!ends) part += c;
    if (ends && !part.empty()) d.operands.push_back(std::exchange(part, ""));
  }
  return d;
}

std::string objdump_operand(const Operand& o, const Insn& insn, uint32_t pc, const std::string& theirs) {
  const int32_t v = value(insn, o);
  if (o.is_register()) return "x" + std::to_string(v);
  if (o.role == Role::kTarget) return hex(pc + uint32_t(v));
  if (o.role == Role::kCsr && theirs.compare(0, 2, "0x") != 0)
    return find_csr(theirs) < 0 || find_csr(theirs) == v ? theirs : csr_name(uint32_t(v));
  if (o.role == Role::kPredecessors || o.role == Role::kSuccessors) return theirs;  // letters; the round trip has seen them
  const bool is_hex = theirs.compare(0, 2, "0x") == 0;
  const bool is_upper = o.letter == '4';
  return is_hex ? hex(uint32_t(v) & (is_upper ? 0xfffffu : ~0u)) : std::to_string(v);
}

TEST(Objdump, ReadsOurProgramsAsWeDo) {
  if (std::system("command -v riscv64-unknown-elf-objdump >/dev/null") != 0)
    GTEST_SKIP() << "riscv64-unknown-elf-objdump is missing";
  std::mt19937 random(6);
  Assembler a(0);
  std::vector<uint32_t> words;
  const int per_row = is_fast() ? 10 : 200;
  for (int i = 0; i < kOps; ++i) {
    const std::string mnemonic = row(Op(i)).mnemonic;
    if (mnemonic[0] == 'p' || mnemonic.compare(0, 3, "lp.") == 0) continue;  // what objdump does not know
    for (int k = 0; k < per_row; ++k)
      if (const auto word = random_word(Op(i), random)) words.push_back(*word);
  }
  std::shuffle(words.begin(), words.end(), random);
  std::string source;
  for (const uint32_t word : words) source += disassemble(word) + "\n";
  const Image image = assemble(source, "random.s", 0);

  const testing::TempFolder folder;
  testing::write_bytes(folder / "code.bin", image.segments.at(0).bytes);
  ASSERT_EQ(std::system(("riscv64-unknown-elf-objdump -D -z -b binary -m riscv:rv32 -M no-aliases,numeric " +
                         (folder / "code.bin") + " | grep -E '^ *[0-9a-f]+:' >" + (folder / "text"))
                            .c_str()),
            0);
  std::ifstream text(folder / "text");
  uint32_t pc = 0;
  size_t compared = 0;
  for (const uint32_t word : words) {
    const Insn insn = decode(word);
    std::string line;
    ASSERT_TRUE(bool(std::getline(text, line)));
    const Dumped theirs = dumped(line);
    pc += insn.length;
    if (theirs.mnemonic.find("64") != std::string::npos) continue;  // shifts by 0 are RV128's c.slli64, c.srli64, c.srai64
    if (std::string(row(insn.op).mnemonic).find("reserved") != std::string::npos)
      continue;  // what fences ignore, binutils does not know
    const bool no_operation = insn.op == Op::c_nop && theirs.mnemonic == "c.addi";
    EXPECT_TRUE(no_operation || theirs.mnemonic == row(insn.op).mnemonic) << disassemble(word) << " is" << line;
    size_t next = 0;
    for (const char* p = row(insn.op).operands; *p != 0 && *p != '|'; ++p) {
      const Operand* o = operand(*p);
      if (o == nullptr) continue;
      ASSERT_LT(next, theirs.operands.size()) << disassemble(word) << " is" << line;
      const std::string& their = theirs.operands[next++];
      ASSERT_EQ(objdump_operand(*o, insn, pc - insn.length, their), their) << disassemble(word) << " is" << line;
    }
    ++compared;
  }
  std::printf("%zu instructions agree with objdump\n", compared);
}

}  // namespace
}  // namespace bitloom::mpic
