// The Xpulp tests of riscv-tests' xpulp branch (xpulp_riscv_tests.tsv: a macro and its arguments a line), by both interpreters.
#include <gtest/gtest.h>

#include <map>
#include <regex>

#include "tests/support/mpic.h"

namespace bitloom::mpic {
namespace {

// What a macro expands to. In the text {i} is the instruction, {p} and {q} as many nops as the arguments say, others stand for themselves.
// x14 is {r} behind it and x13 {o} where there are such arguments, and 0 where there are not.
struct Macro {
  const char *name, *arguments, *text;
};
const Macro kMacros[] = {
    {"TEST_R_OP", "n i r a", "li x1, {a}\n {i} x14, x1"},
    {"TEST_R_SRC1_EQ_DEST", "n i r a", "li x14, {a}\n {i} x14, x14"},
    {"TEST_R_DEST_BYPASS", "n p i r a", "li x1, {a}\n {i} x6, x1\n {p} mv x14, x6"},
    {"TEST_RR_OP", "n i r a b", "li x1, {a}\n li x2, {b}\n {i} x14, x1, x2"},
    {"TEST_RR_SRC1_EQ_DEST", "n i r a b", "li x14, {a}\n li x2, {b}\n {i} x14, x14, x2"},
    {"TEST_RR_SRC2_EQ_DEST", "n i r a b", "li x1, {a}\n li x14, {b}\n {i} x14, x1, x14"},
    {"TEST_RR_SRC12_EQ_DEST", "n i r a", "li x14, {a}\n {i} x14, x14, x14"},
    {"TEST_RR_DEST_BYPASS", "n p i r a b", "li x1, {a}\n li x2, {b}\n {i} x6, x1, x2\n {p} mv x14, x6"},
    {"TEST_RR_SRC12_BYPASS", "n p q i r a b", "li x1, {a}\n {p} li x2, {b}\n {q} {i} x14, x1, x2"},
    {"TEST_RR_SRC21_BYPASS", "n p q i r a b", "li x2, {b}\n {p} li x1, {a}\n {q} {i} x14, x1, x2"},
    {"TEST_RR_ZEROSRC1", "n i r a", "li x1, {a}\n {i} x14, x0, x1"},
    {"TEST_RR_ZEROSRC2", "n i r a", "li x1, {a}\n {i} x14, x1, x0"},
    {"TEST_RR_ZEROSRC12", "n i r", "{i} x14, x0, x0"},
    {"TEST_RR_ZERODEST", "n i a b", "li x1, {a}\n li x2, {b}\n {i} x0, x1, x2\n mv x14, x0"},
    {"TEST_RRR_OP", "n i r a b d", "li x1, {a}\n li x2, {b}\n li x14, {d}\n {i} x14, x1, x2"},
    {"TEST_RRR_SRC1_EQ_DEST", "n i r a b", "li x14, {a}\n li x2, {b}\n {i} x14, x14, x2"},
    {"TEST_RRR_SRC2_EQ_DEST", "n i r a b", "li x1, {a}\n li x14, {b}\n {i} x14, x1, x14"},
    {"TEST_RRR_SRC12_EQ_DEST", "n i r a", "li x14, {a}\n {i} x14, x14, x14"},
    {"TEST_RRR_DEST_BYPASS", "n p i r a b d", "li x1, {a}\n li x2, {b}\n li x6, {d}\n {i} x6, x1, x2\n {p} mv x14, x6"},
    {"TEST_RRR_SRC12_BYPASS", "n p q i r a b d", "li x14, {d}\n li x1, {a}\n {p} li x2, {b}\n {q} {i} x14, x1, x2"},
    {"TEST_RRR_SRC21_BYPASS", "n p q i r a b d", "li x14, {d}\n li x2, {b}\n {p} li x1, {a}\n {q} {i} x14, x1, x2"},
    {"TEST_RRR_SRC3_BYPASS", "n p i r a b d", "li x1, {a}\n li x2, {b}\n li x14, {d}\n {p} {i} x14, x1, x2"},
    {"TEST_RRR_ZEROSRC1", "n i r b d", "li x2, {b}\n li x14, {d}\n {i} x14, x0, x2"},
    {"TEST_RRR_ZEROSRC2", "n i r a d", "li x1, {a}\n li x14, {d}\n {i} x14, x1, x0"},
    {"TEST_RRR_ZEROSRC3", "n i r a b", "li x1, {a}\n li x2, {b}\n li x14, 0\n {i} x14, x1, x2"},
    {"TEST_RRR_ZEROSRC12", "n i r d", "li x14, {d}\n {i} x14, x0, x0"},
    {"TEST_RRR_ZEROSRC123", "n i r", "li x14, 0\n {i} x14, x0, x0"},
    {"TEST_RRR_ZERODEST", "n i a b", "li x1, {a}\n li x2, {b}\n {i} x0, x1, x2\n mv x14, x0"},
    {"TEST_UIMM5_OP", "n i r a m", "li x1, {a}\n {i} x14, x1, {m}"},
    {"TEST_UIMM5_SRC1_EQ_DEST", "n i r a m", "li x14, {a}\n {i} x14, x14, {m}"},
    {"TEST_UIMM5_DEST_BYPASS", "n p i r a m", "li x1, {a}\n {i} x6, x1, {m}\n {p} mv x14, x6"},
    {"TEST_UIMM5_SRC1_BYPASS", "n p i r a m", "li x1, {a}\n {p} {i} x14, x1, {m}"},
    {"TEST_UIMM5_ZEROSRC1", "n i r m", "{i} x14, x0, {m}"},
    {"TEST_UIMM5_ZERODEST", "n i a m", "li x1, {a}\n {i} x0, x1, {m}\n mv x14, x0"},
    {"TEST_UIMM6_OP", "n i r a m", "li x1, {a}\n {i} x14, x1, {m}"},
    {"TEST_SIMM6_OP", "n i r a m", "li x1, {a}\n {i} x14, x1, {m}"},
    {"TEST_RR_UIMM6_OP", "n i r a m d", "li x1, {a}\n li x14, {d}\n {i} x14, x1, {m}"},
    {"TEST_RR_SIMM6_OP", "n i r a m d", "li x1, {a}\n li x14, {d}\n {i} x14, x1, {m}"},
    {"TEST_BRI_OP_TAKEN", "n i a m", "li x1, {a}\n {i} x1, {m}, good\n li x14, 1\n good: nop"},
    {"TEST_BRI_OP_NOTTAKEN", "n i a m", "li x1, {a}\n {i} x1, {m}, bad\n j good\n bad: li x14, 1\n good: nop"},
    {"TEST_BRI_SRC1_BYPASS", "n p i a m", "li x1, {a}\n {p} {i} x1, {m}, bad\n j good\n bad: li x14, 1\n good: nop"},
    {"TEST_LD_POST_OP", "n i r o l", "la x1, {l}\n {i} x14, {o}(x1!)\n la x2, {l}\n sub x13, x1, x2"},
    {"TEST_LD_POST_DEST1_BYPASS", "n p i r o l",
     "la x1, {l}\n {i} x6, {o}(x1!)\n {p} mv x14, x6\n la x2, {l}\n sub x13, x1, x2"},
    {"TEST_LD_POST_DEST2_BYPASS", "n p i o l", "la x1, {l}\n {i} x6, {o}(x1!)\n {p} mv x6, x1\n la x2, {l}\n sub x13, x6, x2"},
    {"TEST_LD_POST_SRC1_BYPASS", "n p i r o l", "la x1, {l}\n {p} {i} x14, {o}(x1!)\n la x2, {l}\n sub x13, x1, x2"},
    {"TEST_LD_POST_DEST1_WAW", "n i r l", "la x1, {l}\n {i} x14, 0(x1!)\n li x14, {r}"},
    {"TEST_LD_RR_OP", "n i r O l", "la x1, {l}\n li x2, {O}\n {i} x14, x2(x1)"},
    {"TEST_LD_RR_DEST_BYPASS", "n p i r O l", "la x1, {l}\n li x2, {O}\n {i} x6, x2(x1)\n {p} mv x14, x6"},
    {"TEST_LD_RR_SRC12_BYPASS", "n p q i r O l", "la x1, {l}\n {p} li x2, {O}\n {q} {i} x14, x2(x1)"},
    {"TEST_LD_RR_SRC21_BYPASS", "n p q i r O l", "li x2, {O}\n {p} la x1, {l}\n {q} {i} x14, x2(x1)"},
    {"TEST_LD_RR_DEST1_WAW", "n i r l", "la x1, {l}\n {i} x14, x0(x1)\n li x14, {r}"},
    {"TEST_LD_RR_POST_OP", "n i r o l", "la x1, {l}\n li x2, {o}\n {i} x14, x2(x1!)\n la x2, {l}\n sub x13, x1, x2"},
    {"TEST_LD_RR_POST_DEST_BYPASS", "n p i r o l",
     "la x1, {l}\n li x2, {o}\n {i} x6, x2(x1!)\n {p} mv x14, x6\n la x2, {l}\n sub x13, x1, x2"},
    {"TEST_LD_RR_POST_SRC12_BYPASS", "n p q i r o l",
     "la x1, {l}\n {p} li x2, {o}\n {q} {i} x14, x2(x1!)\n la x2, {l}\n sub x13, x1, x2"},
    {"TEST_LD_RR_POST_SRC21_BYPASS", "n p q i r o l",
     "li x2, {o}\n {p} la x1, {l}\n {q} {i} x14, x2(x1!)\n la x2, {l}\n sub x13, x1, x2"},
    {"TEST_LD_RR_POST_DEST1_WAW", "n i r l", "la x1, {l}\n {i} x14, x0(x1!)\n li x14, {r}"},
    {"TEST_ST_POST_OP", "n i L r o l",
     "la x1, {l}\n li x2, {r}\n {i} x2, {o}(x1!)\n la x3, {l}\n sub x13, x1, x3\n {L} x14, 0(x3)"},
    {"TEST_ST_POST_SRC12_BYPASS", "n p q i L r o l",
     "li x2, {r}\n {p} la x1, {l}\n {q} {i} x2, {o}(x1!)\n la x3, {l}\n sub x13, x1, x3\n {L} x14, 0(x3)"},
    {"TEST_ST_POST_SRC21_BYPASS", "n p q i L r o l",
     "la x1, {l}\n {p} li x2, {r}\n {q} {i} x2, {o}(x1!)\n la x3, {l}\n sub x13, x1, x3\n {L} x14, 0(x3)"},
    {"TEST_ST_RR_OP", "n i L r O l", "la x1, {l}\n li x2, {r}\n li x3, {O}\n {i} x2, x3(x1)\n {L} x14, {O}(x1)"},
    {"TEST_ST_RR_SRC12_BYPASS", "n p q i L r O l",
     "li x3, {O}\n li x2, {r}\n {p} la x1, {l}\n {q} {i} x2, x3(x1)\n {L} x14, {O}(x1)"},
    {"TEST_ST_RR_SRC21_BYPASS", "n p q i L r O l",
     "li x3, {O}\n la x1, {l}\n {p} li x2, {r}\n {q} {i} x2, x3(x1)\n {L} x14, {O}(x1)"},
    {"TEST_ST_RR_POST_OP", "n i L r o l",
     "la x1, {l}\n li x2, {r}\n li x3, {o}\n {i} x2, x3(x1!)\n la x3, {l}\n sub x13, x1, x3\n {L} x14, 0(x3)"},
    {"TEST_ST_RR_POST_SRC12_BYPASS", "n p q i L r o l",
     "li x3, {o}\n li x2, {r}\n {p} la x1, {l}\n {q} {i} x2, x3(x1!)\n la x3, {l}\n sub x13, x1, x3\n {L} x14, 0(x3)"},
    {"TEST_ST_RR_POST_SRC21_BYPASS", "n p q i L r o l",
     "li x3, {o}\n la x1, {l}\n {p} li x2, {r}\n {q} {i} x2, x3(x1!)\n la x3, {l}\n sub x13, x1, x3\n {L} x14, 0(x3)"},
};

using Arguments = std::map<std::string, std::string>;

// The table lacks the data that loads and stores work on. It follows from what they expect: loads find four values of the access's width,
// tdat or tdat0 to tdat3, each a pattern of 00, ff, 0f and f0; stores find ef, beef or deadbeef everywhere.
std::string data(const std::string& mnemonic) {
  const std::map<std::string, std::string> values = {
      {"p.lb", ".byte 0xff, 0x00, 0xf0, 0x0f"},
      {"p.lh", ".half 0x00ff, 0xff00, 0x0ff0, 0xf00f"},
      {"p.lw", ".word 0x00ff00ff, 0xff00ff00, 0x0ff00ff0, 0xf00ff00f"},
      {"p.sb", ".word 0xefefefef, 0xefefefef, 0xefefefef, 0xefefefef, 0xefefefef"},
      {"p.sh", ".word 0xbeefbeef, 0xbeefbeef, 0xbeefbeef, 0xbeefbeef, 0xbeefbeef, 0xbeefbeef"},
      {"p.sw",
       ".word 0xdeadbeef, 0xdeadbeef, 0xdeadbeef, 0xdeadbeef, 0xdeadbeef, 0xdeadbeef, 0xdeadbeef, 0xdeadbeef, 0xdeadbeef"}};
  const auto found = values.find(mnemonic.substr(0, 4));
  if (found == values.end()) return "";
  const int size = mnemonic[3] == 'b' ? 1 : mnemonic[3] == 'h' ? 2 : 4;
  std::string text = "\n .balign 4\n tdat: " + found->second;
  for (int i = 0; i <= 8; ++i) text += str("\n .equ tdat", i, ", tdat + ", i * size);
  return text;
}

// pv.insert's macro names no rd. Where it inserts nothing, rd is the result; the lane itself is made different.
std::string destination_before_insert(const Arguments& a) {
  const int bits = a.at("i").back() == 'h' ? 16 : 8;
  const uint32_t lane = ((1u << bits) - 1) << (bits * std::stoi(a.at("m")));
  return str("li x14, ", from_hex(a.at("r")) ^ lane, "\n");
}

std::string program_of(const Macro& macro, const Arguments& a) {
  std::string text = a.at("i").rfind("pv.insert", 0) == 0 ? destination_before_insert(a) : "";
  for (const char* p = macro.text; *p != 0; ++p) {
    if (*p != '{') {
      text += *p;
      continue;
    }
    const std::string name(1, p[1]);
    p += 2;
    if (name != "p" && name != "q") text += a.at(name);
    for (int n = name == "p" || name == "q" ? std::stoi(a.at(name)) : 0; n > 0; --n) text += "nop\n ";
  }
  return text + "\n ebreak" + data(a.at("i"));
}

uint32_t value(const Arguments& a, const char* name) {
  const auto found = a.find(name);
  return found == a.end() ? 0 : uint32_t(std::stoll(found->second, nullptr, 0));
}

TEST(Xpulp, RiscvTests) {
  const Table table = measured("xpulp_riscv_tests");
  Tally tally("xpulp_riscv_tests.tsv");
  std::map<std::string, const Macro*> macros;
  for (const Macro& macro : kMacros) macros[macro.name] = &macro;
  for (size_t i = 0; i < table.size(); ++i) {
    const auto macro = macros.find(table(i, "macro"));
    if (macro == macros.end()) {
      tally.skip("macro " + table(i, "macro"));
      continue;
    }
    const std::vector<std::string> names = words_of(macro->second->arguments), values = split(table(i, "args"), ',');
    if (names.size() != values.size()) {
      tally.skip("other arguments than the macro has: " + table.line(i));
      continue;
    }
    Arguments a;
    for (size_t k = 0; k < names.size(); ++k) a[names[k]] = values[k];
    const std::string program = program_of(*macro->second, a);
    std::string wrong;
    for (const bool stepping : {false, true}) {
      TestCore core(program);
      const RunResult result = stepping ? core.step_through(1000) : core.run(1000);
      if (result.reason != StopReason::kBreakpoint || core.x("x14") != value(a, "r") || core.x("x13") != value(a, "o"))
        wrong = str(table.line(i), stepping ? ", stepping" : "", ": x14 ", hex(core.x("x14")), " x13 ", hex(core.x("x13")), ' ',
                    result.fault.cause, "\n", program);
    }
    tally.check(wrong.empty(), wrong,
                a.at("i").rfind("pv.insert", 0) == 0 ? "rd before pv.insert deduced from the result" : "");
  }
}

}  // namespace
}  // namespace bitloom::mpic
