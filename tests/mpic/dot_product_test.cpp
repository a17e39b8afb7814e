// Dot products against a model written from the text of mpic/README.md, "Formats", and nothing of the simulator: every format,
// operation, form, first sub-group and skip, back to back, by both interpreters.
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/rng.h"
#include "tests/support/mpic.h"

namespace bitloom::mpic {
namespace {

// Widths of the elements of rs1 and rs2 by the value of CSR 0x00D.
struct Widths {
  int wide, narrow;
};
const Widths kFormats[11] = {{32, 32}, {16, 16}, {8, 8}, {4, 4}, {2, 2}, {4, 2}, {8, 2}, {16, 2}, {8, 4}, {16, 4}, {16, 8}};

// A dot product as it is written: the operation, what rs2 is, and the opcode's own width.
struct DotOp {
  bool accumulates, rs1_signed, rs2_signed;
  enum Form { kVector, kScalar, kImmediate } form;
  int width;            // of the opcode's lanes
  bool nibble_carrier;  // .n and .c: their .sc forms replicate only in the opcode's format
  Op op;
};

std::vector<DotOp> all_dot_ops() {
  std::vector<DotOp> ops;
  const char* const names[] = {"dotup", "dotusp", "dotsp"};
  const char* const forms[] = {"", ".sc", ".sci"};
  const char* const carriers[] = {".h", ".b", ".n", ".c"};
  for (const bool accumulates : {false, true})
    for (int sign = 0; sign < 3; ++sign)
      for (int form = 0; form < 3; ++form)
        for (int carrier = 0; carrier < (form == DotOp::kImmediate ? 2 : 4); ++carrier)
          ops.push_back({accumulates, sign == 2, sign != 0, DotOp::Form(form), 16 >> carrier, carrier >= 2,
                         find_op(str("pv.", accumulates ? "s" : "", names[sign], forms[form], carriers[carrier]))});
  return ops;
}

// The slicer and router (1.4) and the mixed-precision controller (1.5).
class Model {
 public:
  // Format 0 stands for XpulpV2: widths from the opcode, and no controller.
  Model(int format, int group, int skip) : format_(format), group_(group), skip_(skip) {}

  uint32_t dot(const DotOp& op, uint32_t rs1, uint32_t rs2, uint32_t rd) {
    const Widths widths = format_ == 0 ? Widths{op.width, op.width} : kFormats[format_];
    const int count = 32 / widths.wide;
    const bool mixed = widths.wide != widths.narrow;
    const bool replicates = op.form != DotOp::kVector && (format_ == 0 || op.form == DotOp::kImmediate || !op.nibble_carrier);
    if (replicates) rs2 = repeat(rs2, mixed ? 16 : widths.narrow);
    const int first = mixed ? group_ * count : 0;
    int64_t sum = op.accumulates ? rd : 0;
    for (int i = 0; i < count; ++i)
      sum += element(rs1, i, widths.wide, op.rs1_signed) * element(rs2, first + i, widths.narrow, op.rs2_signed);
    if (format_ != 0) advance(widths);
    return uint32_t(sum);
  }
  int group() const { return group_; }
  int counter() const { return counter_; }

 private:
  static int64_t element(uint32_t word, int index, int width, bool is_signed) {
    const int64_t size = int64_t(1) << width, value = int64_t(uint64_t(word) >> (index * width)) % size;
    return is_signed && value >= size / 2 ? value - size : value;
  }
  static uint32_t repeat(uint32_t word, int width) {
    uint32_t all = 0;
    for (int at = 0; at < 32; at += width) all |= uint32_t(element(word, 0, width, false)) << at;
    return all;
  }
  void advance(const Widths& widths) {
    if (counter_ + 1 < skip_) {
      ++counter_;
      return;
    }
    counter_ = 0;
    const int groups = widths.wide / widths.narrow;
    if (groups > 1) group_ = group_ >= groups - 1 ? 0 : group_ + 1;
  }

  int format_, group_, skip_, counter_ = 0;
};

// x1 points to 64 source words and x2 to the results. A round loads x4 to x23, takes eight dot products in a row of them into x16 to x23,
// the later ones also of the earlier ones' results, and stores these.
constexpr uint32_t kSources = 0x8000, kResults = 0xa000;
constexpr int kRounds = 24, kDots = 8, kDotsAProgram = kRounds * kDots;

struct Dot {
  const DotOp* op;
  int rs1, rs2;  // registers
  int imm6;
};

Insn insn(Op op, int rd, int rs1, int rs2, int32_t imm) {
  Insn i = blank(op);
  i.rd = uint8_t(rd), i.rs1 = uint8_t(rs1), i.rs2 = uint8_t(rs2), i.imm = imm;
  return i;
}

// The source word that a round loads into a register.
int source_of(int round, int r) { return (round * 7 + r) % 64; }

struct Program {
  std::vector<uint32_t> words, sources;
  std::vector<std::vector<Dot>> rounds;
};

Program random_program(const std::vector<DotOp>& ops, Rng rng) {
  const uint32_t edges[] = {0, ~0u, 0x80808080, 0x7f7f7f7f, 0x80008000, 0x88888888, 0xaaaaaaaa, 0x55555555, 0x77777777};
  Program p;
  for (int i = 0; i < 64; ++i) p.sources.push_back(rng.below(4) == 0 ? edges[rng.below(9)] : uint32_t(rng.next_u64()));
  for (int round = 0; round < kRounds; ++round) {
    for (int r = 4; r < 24; ++r) p.words.push_back(encode(insn(Op::lw, r, 1, 0, 4 * source_of(round, r))));
    p.rounds.emplace_back();
    for (int k = 0; k < kDots; ++k) {
      const Dot dot{&ops[size_t(rng.below(int64_t(ops.size())))], 4 + int(rng.below(20)), 4 + int(rng.below(20)),
                    int(rng.below(64))};
      const bool immediate = dot.op->form == DotOp::kImmediate;
      const int32_t imm = !immediate ? 0 : dot.op->rs2_signed && dot.imm6 >= 32 ? dot.imm6 - 64 : dot.imm6;
      Insn word = insn(dot.op->op, 16 + k, dot.rs1, immediate ? 0 : dot.rs2, imm);
      word.rs3 = word.rd;
      p.words.push_back(encode(word));
      p.rounds.back().push_back(dot);
    }
    for (int k = 0; k < kDots; ++k) p.words.push_back(encode(insn(Op::p_sw_post, 0, 2, 16 + k, 4)));
  }
  p.words.push_back(encode(blank(Op::ebreak)));
  return p;
}

std::vector<uint32_t> expected_results(const Program& p, Model& model) {
  std::vector<uint32_t> results;
  for (int round = 0; round < kRounds; ++round) {
    uint32_t x[24] = {};
    for (int r = 4; r < 24; ++r) x[r] = p.sources[size_t(source_of(round, r))];
    for (int k = 0; k < kDots; ++k) {
      const Dot& dot = p.rounds[size_t(round)][size_t(k)];
      const bool immediate = dot.op->form == DotOp::kImmediate;
      const int imm = dot.op->rs2_signed && dot.imm6 >= 32 ? dot.imm6 - 64 : dot.imm6;
      x[16 + k] = model.dot(*dot.op, x[dot.rs1], immediate ? uint32_t(imm) : x[dot.rs2], x[16 + k]);
      results.push_back(x[16 + k]);
    }
  }
  return results;
}

class DotProducts {
 public:
  void run_program(const Program& p, int format, int group, int skip) {
    Model model(format, group, skip);
    const std::vector<uint32_t> want = expected_results(p, model);
    for (const bool stepping : {false, true}) {
      core_.load(p.words);
      core_.writable_memory().write(kSources, p.sources.data(), p.sources.size() * 4);
      if (format != 0) core_.mpic_mode(uint32_t(format), uint32_t(group), uint32_t(skip));
      core_.set_reg(1, kSources);
      core_.set_reg(2, kResults);
      const RunResult result = stepping ? core_.step_through() : core_.run();
      ASSERT_EQ(result.reason, StopReason::kBreakpoint) << result.fault.cause;
      const std::string where = str(stepping ? "stepping" : "fast", ", format ", format, ", group ", group, ", skip ", skip);
      for (size_t i = 0; i < want.size(); ++i) {
        const uint32_t got = core_.memory().load<uint32_t>(kResults + 4 * uint32_t(i));
        if (got != want[i]) {
          FAIL() << where << ", dot product " << i << ", " << row(p.rounds[i / kDots][i % kDots].op->op).mnemonic << ": "
                 << hex(got) << ", expected " << hex(want[i]);
        }
      }
      ASSERT_EQ(core_.read_csr(Csr::simd_group), uint32_t(model.group())) << where;
      ASSERT_EQ(core_.state().skipped, uint32_t(model.counter())) << where;
    }
  }

 private:
  TestCore core_;
};

TEST(DotProduct, MatchesTheText) {
  const std::vector<DotOp> ops = all_dot_ops();
  for (const DotOp& op : ops) ASSERT_NE(op.op, Op::illegal);
  const int64_t wanted = std::getenv("BITLOOM_FAST") ? 100'000 : 1'000'000;
  DotProducts test;
  int64_t done = 0;
  for (uint64_t pass = 0; done < wanted; ++pass) {
    for (int format = 0; format <= 10; ++format) {
      const int groups = format == 0 ? 1 : kFormats[format].wide / kFormats[format].narrow;
      for (int group = 0; group < (groups == 1 ? 2 : groups);
           ++group) {  // uniform formats keep a sub-group that they do not use
        for (const int skip : {0, 1, 2, 3, 8, 15}) {
          if (format == 0 && (group > 0 || skip > 0)) continue;
          const Program p = random_program(ops, Rng(pass).split("dots", uint64_t(format * 1000 + group * 100 + skip)));
          ASSERT_NO_FATAL_FAILURE(test.run_program(p, format, group, skip));
          done += kDotsAProgram;
        }
      }
    }
  }
  std::printf("%lld dot products\n", static_cast<long long>(done));
}

}  // namespace
}  // namespace bitloom::mpic
