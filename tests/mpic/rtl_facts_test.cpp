// Single facts about the RTL, rtl_facts.tsv, and its mixed-precision controller, rtl_mpc_errata.tsv: the prose of a row, translated to a
// program. Rows that no pattern knows are skipped and counted.
#include <gtest/gtest.h>

#include <regex>

#include "tests/support/mpic.h"

namespace bitloom::mpic {
namespace {

// Programs that leave their answers in t0 and t1.
const std::vector<Phrase> kFacts = {
    {"lp.setupi L([01]) count=([0-9]+).*",
     "lp.setupi $1, $2, last; addi t0, t0, 1; last: addi t0, t0, 1; csrr t1, 0x7c2 + 4 * $1"},
    {"csr lpcount0 write 0x7C2=([0-9]+) then read", "csrwi 0x7c2, $1; csrr t0, 0x7c2"},
    {"loop set through CSRs 0x7C0/1/2 count ([0-9]+), 1 nop before body",
     "la a0, body; csrw 0x7c0, a0; la a0, last; csrw 0x7c1, a0; csrwi 0x7c2, $1; nop; body: addi t0, t0, 1; last: addi t1, t1, "
     "1"},
    {"nested, same end instruction, outer ([0-9]+) inner ([0-9]+) .*",
     "lp.starti 1, outer; lp.endi 1, last; lp.counti 1, $1; outer: addi t1, t1, 1; lp.setupi 0, $2, last; addi t0, t0, 1;"
     "last: addi t0, t0, 1"},
    {"branch to the loop END.* out of the loop at 3rd iteration .*",
     "li a0, 3; lp.setupi 0, 5, last; addi t0, t0, 1; beq t0, a0, out; last: addi t1, t1, 1; out: nop"},
    {"csr (0x[0-9a-f]+) write ffffffff then read .*", "li a0, -1; csrrw t0, $1, a0; csrr t1, $1"},
    {"csr (0x[0-9a-f]+) reset value .*", "csrr t0, $1"},
    {"fmt=(1[1-5]) \\(reserved\\): .*", "csrwi 0x00d, $1; csrr t0, 0x00d"},
    {"p.bitrev radix field ([0-3]), rs1=(0x[0-9A-F]+)", "li a0, $2; p.bitrev t0, a0, 4, $1"},
    {"p.bitrev Is3=([0-3]) Is2=([0-9]+) rs1=(0x[0-9A-F]+)", "li a0, $3; p.bitrev t0, a0, $2, $1"},
};
const std::vector<Phrase> kIllegal = {
    {"Mac&Load opcode 0x77", ".word 0xa8001077"},
    {"VECOP funct5=17/F=1 .*", ".word 0x8c001057"},
};
const std::vector<Phrase> kNotCompared = {
    {"csr 0x010 read/write.*", "MPIC-RTL has no CSR 0x010; ours is Flex-V's"},
    {"csr 0x305 reset value.*", "mtvec is 0 at reset, which means that the host serves ecall"},
    {"fmt=0 .*", "a dot product in format 0 is undefined"},
    {"pv.qnt.*", "pv.qnt is no instruction of MPIC"},
};

TEST(RtlFacts, Facts) {
  const Table table = measured("rtl_facts");
  Tally tally("rtl_facts.tsv");
  for (size_t i = 0; i < table.size(); ++i) {
    const std::string& fact = table(i, "fact");
    const std::vector<std::string> rtl = words_of(table(i, "rtl"));
    if (const std::string reason = translate(kNotCompared, fact); !reason.empty()) {
      tally.skip(reason);
    } else if (const std::string word = translate(kIllegal, fact); !word.empty()) {
      tally.check(TestCore(word).run(1).fault.cause == "illegal instruction", table.line(i));
    } else if (const std::string program = translate(kFacts, fact); !program.empty()) {
      TestCore core(program + "\n ebreak");
      core.write_csr(Csr::simd_legacy, 0);
      core.run(1000);
      tally.check(core.x("t0") == from_hex(rtl[0]) && core.x("t1") == from_hex(rtl[1]),
                  str(table.line(i), ": t0 ", hex(core.x("t0")), " t1 ", hex(core.x("t1"))));
    } else {
      tally.skip("not understood: " + fact);
    }
  }
}

// What the cases of the errata table are made of. The operands of every dot product are a0 and a1.
const std::vector<Phrase> kPieces = {
    {"csrwi (0x00[DEF]), *([0-9]+)", "csrwi $1, $2"},
    {"csrr(w|s|c)i (0x00[DEF]), *([0-9]+)", "csrr$1i zero, $2, $3"},
    {"csrr t3, *(0x00[DEF])", "csrr t3, $1"},
    {"csrr (0x00[DEF])", "csrr t1, $1"},
    {"nop", "nop"},
    {"lw a0", "lw a0, 0(s0)"},
    {"mulh", "mulh s1, a0, a1"},
    {"div", "div s1, a0, a1"},
    {"lw misaligned", "lw s1, 2(s0)"},
    {"lw", "lw s1, 0(s0)"},
    {"taken branch over a dotp", "beq zero, zero, . + 8; pv.sdotusp.b s1, a0, a1"},
};

std::string replaced(const std::string& text, const char* pattern, const char* by) {
  return std::regex_replace(text, std::regex(pattern), by);
}
uint32_t found_number(const std::string& text, const char* pattern, uint32_t otherwise) {
  std::smatch match;
  return std::regex_search(text, match, std::regex(pattern)) ? uint32_t(std::stoul(match[1])) : otherwise;
}

// "fmt6 skip2: lw a0; 3 dotp (load-use stall on 1st)" as a program; "" when a piece is not understood. Wait states of the memory are none
// of the core's semantics and left out.
std::string errata_program(const std::string& text) {
  std::string steps =
      replaced(text, "\\([^)]*\\)|control: *|b2b|fmt[0-9]+|sbc[0-9]+|skip[0-9]+|(data|instr) (rvalid|gnt) \\+1:", "");
  steps = replaced(replaced(steps, " then ", ";"), "^[ :,]+|immediately", "");
  std::string program;
  int dots = 0;
  for (const std::string& part : split(steps, ';')) {
    const std::string piece = replaced(part, "^[ :,]+| +$", "");
    std::smatch match;
    if (std::regex_match(piece, match, std::regex("([0-9]*) *dotp"))) {
      for (int n = match[1].length() == 0 ? 1 : std::stoi(match[1]); n > 0; --n)
        program += str("pv.sdotusp.b t", dots++, ", a0, a1\n");
    } else if (const std::string code = translate(kPieces, piece); !code.empty()) {
      program += code + "\n";
    } else {
      return "";
    }
  }
  return program + "ebreak\n";
}

TEST(RtlFacts, MixedPrecisionController) {
  const Table table = measured("rtl_mpc_errata");
  Tally tally("rtl_mpc_errata.tsv");
  std::smatch operands;
  const std::string& head = table.name("case");
  ASSERT_TRUE(std::regex_search(head, operands, std::regex("rs1=([0-9a-f]+) rs2=([0-9a-f]+) rd=([0-9a-f]+)"))) << head;
  const uint32_t rs1 = from_hex(operands[1]), rs2 = from_hex(operands[2]), rd = from_hex(operands[3]);
  for (size_t i = 0; i < table.size(); ++i) {
    const std::string& text = table(i, "case");
    const std::string program = errata_program(text);
    if (program.empty()) {
      tally.skip("not understood: " + text);
      continue;
    }
    TestCore core(program);
    const bool from_zero = text.find("from 0") != std::string::npos;
    core.mpic_mode(from_zero ? 0 : found_number(text, "fmt([0-9]+)", 8), found_number(text, "sbc[ =]?([0-9])", 0),
                   found_number(text, "skip ?([0-9]+)", 0));
    core.writable_memory().store(0x8000, rs1);
    core.set_reg(8, 0x8000);  // s0
    core.set_reg(10, rs1);
    core.set_reg(11, rs2);
    for (const int t : {5, 6, 7}) core.set_reg(t, rd);
    core.run(1000);
    const bool agrees = table(i, "agree") == "yes";
    const std::vector<std::string> want = words_of(table(i, agrees ? "rtl" : "ideal"));
    const State& s = core.state();
    const uint32_t got[] = {s.x[5], s.x[6], s.x[7], core.read_csr(Csr::simd_group)};
    bool good = want.size() == 4;
    for (size_t k = 0; good && k < 4; ++k) good = got[k] == from_hex(want[k]);
    if (agrees) good = good && s.skipped == found_number(table(i, "note"), "skip_counter_final=([0-9]+)", s.skipped);
    tally.check(good, str(table.line(i), ": ", hex(got[0]), ' ', hex(got[1]), ' ', hex(got[2]), ' ', got[3], "\n", program),
                agrees ? "" : "compared with the ideal controller, not the RTL: E1 to E6");
  }
}

}  // namespace
}  // namespace bitloom::mpic
