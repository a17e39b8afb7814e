// Single instructions against the RTL: every row of rtl_scalar, rtl_lane_ops, rtl_dotp_sequences and rtl_memory.tsv, by both interpreters.
// Where the RTL is known to be defective (tests/data/rtl/README.md, "Semantics") the clean result that the row gives is expected instead.
#include <gtest/gtest.h>

#include "tests/support/mpic.h"

namespace bitloom::mpic {
namespace {

// The immediates of a row of a table: the fields at bits 29..25 and 24..20, or the 6 bits of a .sci form.
struct Fields {
  int32_t is3 = 0, is2 = 0, imm6 = 0;
};

// rd x7, rs1 x5, rs2 x6, and the immediates where the operand string has them.
uint32_t word_of(Op op, const Fields& fields) {
  Insn insn = blank(op);
  for (const char* p = row(op).operands; *p != 0; ++p) {
    const Operand* o = operand(*p);
    if (o == nullptr || o->fixed >= 0) continue;
    switch (o->role) {
      case Role::kRd:
      case Role::kAccumulator: set_value(insn, *o, 7); break;
      case Role::kRs1: set_value(insn, *o, 5); break;
      case Role::kRs2: set_value(insn, *o, 6); break;
      default: {
        const bool six_bits = o->hi() - o->lo() == 63;
        const int32_t imm6 = o->is_signed ? int32_t(uint32_t(fields.imm6) << 26) >> 26 : fields.imm6;
        set_value(insn, *o, six_bits ? imm6 : o->segments[0].at == 25 ? fields.is3 : fields.is2);
      }
    }
  }
  return encode(insn);
}

int32_t number(const std::string& text) { return text.empty() ? 0 : std::stoi(text); }

// What a row expects: the RTL's result, or, where it differs from the clean semantics, what is documented and the defect's name.
struct Expected {
  bool known;
  uint32_t value;
  std::string note;
};
Expected expected(const Table& table, size_t i, const std::string& defects) {
  const std::string& documented = table(i, "documented");
  if (table(i, "agree") != "0") return {true, from_hex(table(i, "rd_out")), ""};
  const std::string& defect = table(i, defects);
  return {!documented.empty(), from_hex(documented),
          "compared with the clean semantics, not the RTL: " + (defect.empty() ? "D6" : defect)};
}

void check_word(Tally& tally, TestCore& core, uint32_t word, const Expected& want, const std::string& line,
                const State& before) {
  uint32_t got[2];
  for (const bool stepping : {false, true}) {
    for (int r = 5; r <= 7; ++r) core.set_reg(r, before.x[r]);
    core.execute(word, stepping);
    got[stepping] = core.state().x[7];
  }
  tally.check(got[0] == want.value && got[1] == want.value, str(line, ": ", hex(got[0]), ", stepping ", hex(got[1])),
              want.note);
}

TEST(RtlVectors, Scalar) {
  const Table table = measured("rtl_scalar");
  Tally tally("rtl_scalar.tsv");
  TestCore core;
  for (size_t i = 0; i < table.size(); ++i) {
    const Op op = find_op(table(i, "mnemonic"));
    const Expected want = expected(table, i, "defect");
    if (op == Op::illegal) {
      tally.check(false, "unknown " + table(i, "mnemonic"));
    } else if (!want.known) {
      tally.skip(want.note);
    } else {
      core.reset(kTestEntry);
      core.mpic_mode(uint32_t(number(table(i, "csr_0x00D"))));
      State before;
      before.x[5] = from_hex(table(i, "rs1"));
      before.x[6] = from_hex(table(i, "rs2"));
      before.x[7] = from_hex(table(i, "rd_in"));
      const uint32_t word = word_of(op, {number(table(i, "Is3")), number(table(i, "Is2"))});
      check_word(tally, core, word, want, table.line(i), before);
    }
  }
}

TEST(RtlVectors, LaneOps) {
  const Table table = measured("rtl_lane_ops");
  Tally tally("rtl_lane_ops.tsv");
  TestCore core;
  for (size_t i = 0; i < table.size(); ++i) {
    const Op op = find_op(table(i, "mnemonic"));
    const Expected want = expected(table, i, "rtl_defect_applies");
    if (op == Op::illegal) {
      tally.check(false, "unknown " + table(i, "mnemonic"));
    } else if (!want.known) {
      tally.skip(want.note);
    } else if (table(i, "group") == "subword" && table(i, "documented").empty()) {
      tally.skip("D6: a lane of a width that is not the format's, without expectation");
    } else {
      core.reset(kTestEntry);
      core.mpic_mode(uint32_t(number(table(i, "fmt"))));
      State before;
      before.x[5] = from_hex(table(i, "rs1"));
      before.x[6] = from_hex(table(i, "rs2"));
      before.x[7] = from_hex(table(i, "rd_in"));
      check_word(tally, core, word_of(op, {0, 0, number(table(i, "imm6"))}), want, table.line(i), before);
    }
  }
}

// Steps of a sequence: op, form, rs1, rs2 or immediate, rd before and after.
struct DotStep {
  explicit DotStep(const std::string& text) {
    const std::vector<std::string> parts = split(text, ',');
    const std::string form = parts[1] == "v" ? "" : "." + parts[1];
    sci = parts[1] == "sci";
    is_unsigned = parts[0] == "dotup" || parts[0] == "sdotup";
    rs1 = from_hex(parts[2]), rs2 = from_hex(parts[3]), rd = from_hex(parts[4]), result = from_hex(parts[5]);
    word = word_of(find_op("pv." + parts[0] + form + ".b"), {0, 0, sci ? int32_t(rs2) : 0});
  }
  bool sci, is_unsigned;
  uint32_t word, rs1, rs2, rd, result;
  // I1: the RTL sign-extends the immediate of dotup.sci and sdotup.sci.
  bool has_defect() const { return sci && is_unsigned && rs2 >= 32; }
};

TEST(RtlVectors, DotProductSequences) {
  const Table table = measured("rtl_dotp_sequences");
  Tally steps("rtl_dotp_sequences.tsv, results"), groups("rtl_dotp_sequences.tsv, final sub-groups");
  TestCore core;
  for (size_t i = 0; i < table.size(); ++i) {
    const auto cell = [&](const char* name) { return uint32_t(number(table(i, name))); };
    if (table(i, "kind") == "illegal_sbc") {
      steps.skip("undefined: a first sub-group that the format does not have");
      continue;
    }
    for (const bool stepping : {false, true}) {
      core.reset(kTestEntry);
      core.mpic_mode(cell("fmt"), cell("sbc0"), cell("skip"));
      for (const std::string& text : split(table(i, "steps"), ';')) {
        const DotStep step(text);
        core.set_reg(5, step.rs1);
        core.set_reg(6, step.rs2);
        core.set_reg(7, step.rd);
        core.execute(step.word, stepping);
        if (step.has_defect()) {
          steps.skip("I1: the RTL sign-extends the immediate");
          continue;
        }
        steps.check(core.state().x[7] == step.result, str("row ", i + 2, ", ", text, ": ", hex(core.state().x[7])));
      }
      groups.check(core.read_csr(Csr::simd_group) == cell("sbc_final"),
                   str("row ", i + 2, ": ", core.read_csr(Csr::simd_group)));
    }
  }
}

// "p.lw", "d,t(s!)" and 28: the load, its operands in x7, x6, (x5), and the instruction that puts the offset where it belongs.
std::string access_text(const std::string& mnemonic, const std::string& shape, const std::string& offset) {
  const bool is_store = mnemonic[2] == 's', is_plain = shape == "d,o(s)" || shape == "t,q(s)";
  const bool by_register = is_store ? shape[2] == 'd' : shape[2] == 't';
  return (is_plain ? mnemonic.substr(2) : mnemonic) + " t2, " + (by_register ? "t1" : offset) +
         (shape.back() == ')' && shape[shape.size() - 2] == '!' ? "(t0!)" : "(t0)");
}

// The table does not have the memory's contents before. Of a load its bytes are known from the result, and the others are made different.
TEST(RtlVectors, Memory) {
  const Table table = measured("rtl_memory");
  Tally tally("rtl_memory.tsv");
  TestCore core(0x100000, 1 << 16);
  constexpr uint32_t kCode = 0x108000;
  for (size_t i = 0; i < table.size(); ++i) {
    const std::string &mnemonic = table(i, "mnemonic"), &shape = table(i, "operands"), &offset = table(i, "offset_or_reg");
    const bool is_store = mnemonic[2] == 's', same = table(i, "rd==rs1") == "1";
    const uint32_t at = from_hex(table(i, "effective_addr")), bytes = mnemonic[3] == 'w' ? 4 : mnemonic[3] == 'h' ? 2 : 1;
    const uint32_t base_after = from_hex(table(i, "rs1_out")), base_before = from_hex(table(i, "rs1_in"));
    const uint32_t data = is_store ? from_hex(table(i, "rd_or_store_val_in"))
                          : same   ? base_after
                                   : from_hex(table(i, "rd_out"));
    std::string text = access_text(mnemonic, shape, offset);
    if (same) text.replace(text.find("t2"), 2, "t0");
    const uint32_t word = assemble_word(text);
    for (const bool stepping : {false, true}) {
      core.writable_memory().fill(0x100000, 0x5a, 1 << 15);
      if (!is_store) core.writable_memory().write(at, &data, bytes);
      core.writable_memory().store(kCode, word);
      core.reset(kCode);
      core.mpic_mode(from_hex(table(i, "csr_0x00D")));
      core.set_reg(5, base_before);
      core.set_reg(6, uint32_t(std::stol(offset)));
      core.set_reg(7, is_store ? data : from_hex(table(i, "rd_or_store_val_in")));
      const RunResult result = stepping ? core.step_through(1) : core.run(1);
      uint32_t stored = 0x5a5a5a5a, wanted = is_store ? data : stored, around = 0;
      core.memory().read(at, &stored, bytes);
      core.memory().read(at + bytes, &around, 4);
      if (bytes < 4) wanted = (wanted & ((1u << bytes * 8) - 1)) | (0x5a5a5a5au << bytes * 8);
      const bool memory_good = !is_store || (stored == wanted && around == 0x5a5a5a5a);
      const bool registers_good = core.x("t0") == base_after && (is_store || core.x(same ? "t0" : "t2") == data);
      tally.check(result.reason == StopReason::kLimit && memory_good && registers_good,
                  str(table.line(i), ": t0 ", hex(core.x("t0")), " t2 ", hex(core.x("t2")), ' ', result.fault.cause));
    }
  }
}

}  // namespace
}  // namespace bitloom::mpic
