// The cycles of short sequences on the RTL, rtl_timing.tsv. The rows are prose; most are put together from pieces, some are written out.
// A sequence takes from the issue of its first instruction to the issue of the one behind its last.
#include <gtest/gtest.h>

#include <functional>
#include <regex>

#include "tests/support/mpic.h"

namespace bitloom::mpic {
namespace {

// Sequences run behind this. s0 points to zeros, s1 to the address of `end`; a1 is 7, the divisor where none is named.
constexpr const char* kBefore =
    "li s0, 0x8000\n la s1, pointer\n li a0, 0x1234\n li a1, 7\n li a2, 0x8100\n mv s2, s0\n addi s3, s0, 2\n nop\n nop\n "
    "nop\n nop\n start:\n";
constexpr const char* kBehind = "\n nop\n nop\n ebreak\n .balign 4\n pointer: .word end\n";

std::string repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text + "\n";
  return all;
}

// Instructions, the last of them named `last`.
std::string body(std::vector<std::string> lines) {
  std::string all;
  for (size_t i = 0; i < lines.size(); ++i) all += (i + 1 == lines.size() ? "last: " : "") + lines[i] + "\n";
  return all;
}
std::string plain_body(int instructions) { return body(std::vector<std::string>(size_t(instructions), "addi t0, t0, 1")); }

// What begins at a halfword ends with another one where that is needed to end at a word.
std::string shifted(const std::string& setup, const std::string& sizes) {
  std::vector<std::string> lines;
  size_t bytes = 2 + 4;
  for (const char size : sizes) {
    lines.emplace_back(size == 'C' ? "c.addi t0, 1" : "addi t0, t0, 1");
    bytes += size == 'C' ? 2 : 4;
  }
  return "c.nop\n" + setup + body(lines) + (bytes % 4 != 0 ? "c.nop\n" : "");
}

std::string starti(int count) { return str("lp.starti 0, first\n lp.endi 0, last\n lp.counti 0, ", count, "\n"); }
std::string setup(const std::string& how, int count) {
  if (how == "lp.setupi") return str("lp.setupi 0, ", count, ", last\n");
  return str("lp.setup 0, a3, last\n");  // a3: see program_of
}

struct Loop {
  const char* pattern;
  std::function<std::string(const std::smatch&)> program;
};
int number(const std::smatch& match, int group) { return std::stoi(match[size_t(group)]); }
const std::vector<Loop> kLoops = {
    {"(lp.setupi|lp.setup)(?:\\(reg\\))? count=([0-9]+), ([0-9]+)x32-bit body",
     [](const std::smatch& m) { return setup(m[1], number(m, 2)) + plain_body(number(m, 3)); }},
    {"(lp.setupi|lp.setup)(?:\\(reg\\))? count=([0-9]+) body ([CW]+) halfword-shifted",
     [](const std::smatch& m) { return shifted(setup(m[1], number(m, 2)), m[3]); }},
    {"([0-9]+)x ([0-9]+)x32-bit body, start halfword-shifted .*",
     [](const std::smatch& m) { return shifted(setup("lp.setupi", number(m, 1)), std::string(size_t(number(m, 2)), 'W')); }},
    {"lp.setup ([0-9]+)x ([0-9]+)x32-bit body, shifted",
     [](const std::smatch& m) { return shifted(setup("lp.setup", number(m, 1)), std::string(size_t(number(m, 2)), 'W')); }},
    {"lp.starti/endi/counti=([0-9]+) then ([0-9]+)-instr body immediately",
     [](const std::smatch& m) { return starti(number(m, 1)) + "first:" + plain_body(number(m, 2)); }},
    {"counti; starti; endi; ([0-9]+)-instr body immediately",
     [](const std::smatch& m) {
       return "lp.counti 0, 5\n lp.starti 0, first\n lp.endi 0, last\n first:" + plain_body(number(m, 1));
     }},
    {"starti/endi/counti=([0-9]+), ([0-9]+) nops, ([0-9]+)-instr body",
     [](const std::smatch& m) {
       return starti(number(m, 1)) + repeat("nop", number(m, 2)) + "first:" + plain_body(number(m, 3));
     }},
    {"1-instr body, starti/endi/counti=([0-9]+), ([0-9]+) nops between",
     [](const std::smatch& m) {
       return starti(number(m, 1)) + repeat("nop", number(m, 2)) + "first:" + plain_body(1) + repeat("nop", 2);
     }},
    {"nested: outer ([0-9]+)x \\(lp.setupi L0 \\+ inner ([0-9]+)x([0-9]+) \\+ ([0-9]+) post\\)",
     [](const std::smatch& m) {
       const int post = number(m, 4);
       return str("lp.setupi 1, ", number(m, 1), post > 0 ? ", outer_last\n" : ", last\n", "lp.setupi 0, ", number(m, 2),
                  ", last\n") +
              plain_body(number(m, 3)) + repeat("nop", post - 1) + (post > 0 ? "outer_last: nop\n" : "");
     }},
};

// Bodies of "10x {...}", by name.
const std::vector<Phrase> kBodies = {
    {"p.lw; add uses it", "p.lw t0, 4(s2!)|add t1, t0, a1"},
    {"p.lw; p.lw; sdotp", "p.lw t0, 4(s2!)|p.lw t1, 4(s0!)|pv.sdotsp.b t2, t0, t1"},
    {"nop; lw misaligned last", "nop|lw t0, 2(s0)"},
    {"sdotp x4", "pv.sdotsp.b t0, a0, a1|pv.sdotsp.b t1, a0, a1|pv.sdotsp.b t2, a0, a1|pv.sdotsp.b t3, a0, a1"},
    {"addi; addi; beq NOT taken last", "addi t0, t0, 1|addi t1, t1, 1|beq a0, a1, end"},
    {"addi; lw last", "addi t0, t0, 1|lw t1, 0(s0)"},
    {"addi; div d=7 last", "addi t0, t0, 1|div t1, a0, a1"},
};

// Sequences that are no lists, or lists whose pieces refer to each other.
const std::vector<Phrase> kSequences = {
    {"([0-9]+)x nop", "#$1 nop"},
    {"c.nop \\+ ([0-9]+)x32-bit .*", "c.nop\n #$1 nop\n c.nop"},
    {"add dep chain x([0-9]+)", "#$1 add t0, t0, a1"},
    {"32-bit crossing, ([0-9]+) in a row then jal to aligned", "c.nop\n #$1 nop\n c.nop\n j end\n nop"},
    {"lw; lw; add uses 2nd", "lw t0, 0(s0)\n lw t1, 4(s0)\n add t2, t1, a1"},
    {"p.lw x4 two pointers", "p.lw t0, 4(s2!)\n p.lw t1, 4(s0!)\n p.lw t2, 4(s2!)\n p.lw t3, 4(s0!)"},
    {"beq taken to aligned 32-bit", "beq zero, zero, end\n nop"},
    {"add; beq dep on add, taken", "add t0, a1, zero\n beq t0, a1, end\n nop"},
    {"beq taken to halfword-aligned 32-bit .*", "c.nop\n beq zero, zero, target\n nop\n target: nop"},
    {"taken branch, (dotp|div) in shadow", "beq zero, zero, end\n @$1"},
    {"taken; shadow = ([^,]*),nop; target nop", "beq zero, zero, target\n @$1\n nop\n target: nop"},
    {"taken; shadow = nop,([^,]*); target nop", "beq zero, zero, target\n nop\n @$1\n target: nop"},
    {"taken; shadow = nop,nop,div; target nop", "beq zero, zero, target\n nop\n nop\n @div\n target: nop"},
    {"taken; shadow = (jal|lp.setupi),nop", "beq zero, zero, target\n @$1\n nop\n target: nop"},
    {"taken; shadow1=nop; shadow2=div d=0", "beq zero, zero, target\n nop\n div t0, a0, zero\n target: nop"},
    {"lw; beq taken; shadow div using loaded", "lw t1, 0(s0)\n beq zero, zero, target\n div t0, a0, t1\n target: nop"},
    {"taken branch to jal", "beq zero, zero, target\n nop\n target: j end\n nop"},
    {"jal forward aligned", "j end\n nop"},
    {"jal to halfword-aligned RVC", "j target\n c.nop\n target: c.nop"},
    {"jal to word-aligned RVC then 32-bit crossing", "j target\n nop\n target: c.nop\n nop\n c.nop"},
    {"auipc,3nop,addi a4; nop; jalr a4", "pc: auipc a4, 0\n #3 nop\n addi a4, a4, end - pc\n nop\n jr a4\n nop"},
    {"lw a4; ([0-9]+) nop; jalr a4", "lw a4, 0(s1)\n #$1 nop\n jr a4\n nop"},
    {"jal; ret .* pair, callee 1 nop", "jal ra, callee\n j end\n callee: nop\n ret"},
    {"lw t0; jal t0 .*", "lw t0, 0(s0)\n jal t0, end\n nop"},
    {"mul; mulh; mul .*", "mul t0, a0, a1\n mulh t1, a0, a1\n mul t2, a0, a1"},
    {"p.mac chain x([0-9]+) same rd", "#$1 p.mac t0, a0, a1"},
    {"p.clip; p.addn; p.extract; p.ff1; p.cnt",
     "p.clip t0, a0, 5\n p.addn t1, t0, a1, 3\n p.extract t2, t1, 3, 4\n p.ff1 t3, t2\n p.cnt t4, t3"},
    {"(div|divu|rem|remu) n=(0x[0-9a-f]+) d=(0x[0-9a-f]+)", "li a0, $2\n li t1, $3\n nop\n nop\n start: $1 t0, a0, t1"},
    {"(lw|sw) misaligned x2", "$1 t0, 2(s0)\n $1 t1, 6(s0)"},
    {"fmt=([0-9]+): 8x sdotusp different rd back to back",
     "csrwi 0x00d, $1\n nop\n start: pv.sdotusp.b t0, a0, a1\n pv.sdotusp.b t1, a0, a1\n pv.sdotusp.b t2, a0, a1\n"
     "pv.sdotusp.b t3, a0, a1\n pv.sdotusp.b t4, a0, a1\n pv.sdotusp.b t5, a0, a1\n pv.sdotusp.b t6, a0, a1\n pv.sdotusp.b a5, "
     "a0, a1"},
    {"dotup -> result as rs1 of next dotup", "pv.dotup.b t0, a0, a1\n pv.dotup.b t1, t0, a1"},
    {"pv.add; pv.max; pv.srl; pv.shuffle; pv.pack",
     "pv.add.b t0, a0, a1\n pv.max.b t1, t0, a1\n pv.srl.b t2, t1, a1\n pv.shuffle.b t3, t2, a1\n pv.pack t4, t3, a1"},
    {"lw x0; c.nop", "lw zero, 0(s0)\n c.nop\n c.nop"},
};

// What the other lists are made of. Results go to t0, and what "uses it" reads t0.
const std::vector<Phrase> kPieces = {
    {"nop|c.nop|fence|fence.i", "$&"},
    {"lb|lbu|lh|lhu|lw", "$& t0, 0(s0)"},
    {"lw (x0|a0)", "lw $1, 0(s0)"},
    {"lw misaligned", "lw t0, 2(s0)"},
    {"(lw|lh|lhu|sw|sh) addr&3=([0-3])", "$1 t0, $2(s0)"},
    {"sw|sw data(=it)?", "sw t0, 4(s0)"},
    {"sw base=it", "sw a0, 0x700(t0)"},
    {"p.lw", "p.lw t0, 4(s2!)"},
    {"p.lw rr", "p.lw t0, zero(s0)"},
    {"p.lw misaligned", "p.lw t0, 4(s3!)"},
    {"p.lw rd==rs1 .*", "p.lw s2, 4(s2!)"},
    {"p.lw post-inc whose pointer == loaded rd .*", "p.lw t1, 0(t0!)"},
    {"p.sw post|p.sw post-inc on s0, imm", "p.sw a1, 4(s2!)"},
    {"alu writes pointer", "addi s2, s0, 4"},
    {"add( uses (it|data))?|dep add|add rs1=it", "add t1, t0, a1"},
    {"add rs2=it", "add t1, a1, t0"},
    {"add uses (updated )?pointer", "add t1, s2, a1"},
    {"add uses it after loop", "add t2, t1, a1"},
    {"add t0,x0,a1", "add t0, zero, a1"},
    {"addi same rd .*", "addi t0, a0, 1"},
    {"(mul|mulh|div|p.mac|p.min|p.max) uses it", "$1 t1, t0, a1"},
    {"mul|mulh|mulhsu|mulhu|div|divu|rem|remu", "$& t0, a0, a1"},
    {"(div|divu|rem|remu) d=7", "$1 t0, a0, a1"},
    {"p.mac rd=it .*", "p.mac t0, a0, a1"},
    {"p.abs with rs2 field 0", "p.abs t1, a0"},
    {"beq|beq not taken", "beq a0, a1, end"},
    {"p.bneimm not taken", "nop\n p.bneimm a1, 7, end\n nop"},
    {"two not-taken in a row", "beq a0, a1, end\n beq a0, a1, end\n nop"},
    {"beq taken", "beq zero, zero, end\n nop"},
    {"jal", "jal zero, after\n nop\n after:"},
    {"lp.setupi", "lp.setupi 0, 2, end"},
    {"dotp|pv.sdotusp", "pv.sdotusp.b t1, a0, a1"},
    {"pv.sdotusp rs1=it", "pv.sdotusp.b t1, t0, a1"},
    {"pv.sdotusp rs2=it", "pv.sdotusp.b t1, a1, t0"},
    {"pv.sdotusp rd\\(acc\\)=it", "pv.sdotusp.b t0, a0, a1"},
    {"pv.dotup rd=x0", "pv.dotup.b zero, a1, a1"},
    {"pv.add.sci .* not using", "pv.add.sci.b t1, a0, 5"},
    {"csrwi (0x00[DEF])", "csrwi $1, 2"},
    {"csrw mstatus", "csrw mstatus, zero"},
    {"csrw uepc 0x041", "csrw 0x041, zero"},
    {"csrw uses it", "csrw mscratch, t0"},
    {"csrr", "csrr t0, mscratch"},
    {"csrr mstatus", "csrr t0, mstatus"},
    {"csrr mcycle-like PCCR0 0x780", "csrr t0, 0x780\n nop"},
};

// "#3 nop" and "@div" of the tables above, line by line.
std::string expanded(const std::string& text) {
  std::string all;
  for (std::string line : split(text, '\n')) {
    line.erase(0, line.find_first_not_of(' '));
    int times = 1;
    if (line[0] == '#') {
      times = std::stoi(line.substr(1));
      line.erase(0, line.find(' ') + 1);
    }
    if (line[0] == '@') {
      line = translate(kPieces, line.substr(1));
      if (line.empty()) return "";
    }
    all += repeat(line, times);
  }
  return all;
}

// "5x {addi; lw last}; add uses it after loop" and "loop 10x {sdotp x4}".
std::string named_loop(const std::string& sequence) {
  std::smatch match;
  if (!std::regex_match(sequence, match, std::regex("(?:loop )?([0-9]+)x \\{(.*)\\}(?:; (.*))?"))) return "";
  const std::string lines = translate(kBodies, match[2]);
  std::string behind = match[3].length() > 0 ? translate(kPieces, match[3]) : "";
  if (lines.empty() || (match[3].length() > 0 && behind.empty())) return "";
  if (lines.find("beq") != std::string::npos) behind += "nop\n nop";
  return str("lp.setupi 0, ", match[1], ", last\n") + body(split(lines, '|')) + behind;
}

// The sequence as a program; "" when it is not understood.
std::string program_of(const std::string& sequence) {
  std::smatch match;
  for (const Loop& loop : kLoops)
    if (std::regex_match(sequence, match, std::regex(loop.pattern))) return loop.program(match);
  if (const std::string loop = named_loop(sequence); !loop.empty()) return loop;
  if (const std::string text = translate(kSequences, sequence); !text.empty()) return expanded(text);
  std::string all;
  for (std::string part : split(sequence, ';')) {
    part.erase(0, part.find_first_not_of(' '));
    const std::string piece = translate(kPieces, part);
    if (piece.empty()) return "";
    all += piece + "\n";
  }
  return all;
}

// Cycles from the issue at `start` to the first issue at `end`.
uint64_t cycles_of(const std::string& sequence, const std::string& program) {
  std::string text = kBefore;
  if (program.find("start:") != std::string::npos) text.erase(text.find("start:"));
  const Image image = assemble(text + program + "\n end:" + kBehind, "sequence", kTestEntry);
  TestCore core;
  image.load(core.writable_memory());
  core.reset(kTestEntry);
  core.mpic_mode(2);
  std::smatch count;
  if (std::regex_search(sequence, count, std::regex("count=([0-9]+)|lp.setup ([0-9]+)x")))
    core.set_reg(13, uint32_t(std::stoi(count[count[1].matched ? 1 : 2])));  // a3
  const uint32_t start = image.find("start")->address, end = image.find("end")->address;
  uint64_t begin = 0, cycles = 0;
  bool ended = false;
  core.observe([&](const Core::Observed& o) {
    if (o.pc == start && begin == 0) begin = o.issued;
    if (o.pc == end && !ended) ended = true, cycles = o.issued - begin;
  });
  core.run(10000);
  return cycles;
}

TEST(RtlTiming, Sequences) {
  const Table table = measured("rtl_timing");
  Tally tally("rtl_timing.tsv");
  for (size_t i = 0; i < table.size(); ++i) {
    const std::string &sequence = table(i, "sequence"), &rtl = table(i, "cycles_rtl");
    const std::string program = program_of(sequence);
    if (rtl.empty() || rtl.find_first_not_of("0123456789") != std::string::npos) {
      tally.skip("no cycle count: " + sequence);
    } else if (program.empty()) {
      tally.skip("not understood: " + sequence);
    } else {
      const uint64_t cycles = cycles_of(sequence, program);
      tally.check(cycles == std::stoull(rtl), str(table.line(i), ": ", cycles, " cycles\n", program));
    }
  }
}

}  // namespace
}  // namespace bitloom::mpic
