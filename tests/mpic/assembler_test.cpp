// The assembler for programs that write programs.
#include "mpic/program/assembler.h"

#include <gtest/gtest.h>

#include <random>

#include "mpic/sim/core.h"
#include "tests/support/assembly.h"
#include "tests/support/files.h"

namespace bitloom::mpic {
namespace {

using testing::code_lines;
using testing::error_of;
using testing::word_at;
using Lines = std::vector<std::string>;

TEST(Assembler, EmitsOperandsInTheOrderOfTheText) {
  Assembler a;
  a.emit(Op::p_lw_post, reg::t0, 4, reg::a0);
  a.emit(Op::p_sw_rr_post, reg::t0, reg::t1, reg::a1);
  a.emit(Op::pv_sdotsp_b, reg::a1, reg::t0, reg::t1);
  a.emit(Op::csrrw, reg::zero, 0x00d, reg::a0);
  a.emit(Op::c_lwsp, reg::a0, 8, reg::sp);
  a.emit(Op::ecall);
  EXPECT_EQ(code_lines(a.finish()), (Lines{"p.lw t0, 4(a0!)", "p.sw t0, t1(a1!)", "pv.sdotsp.b a1, t0, t1",
                                           "csrrw zero, simd_format, a0", "c.lwsp a0, 8(sp)", "ecall"}));
}

TEST(Assembler, LabelsBeforeAndBehind) {
  Assembler a;
  const Label top = a.here(), last = a.label(), end = a.label("end"), table = a.label("table");
  a.la(reg::a0, table);
  a.emit(Op::lp_setupi, 0, 100, last);
  a.emit(Op::addi, reg::t0, reg::t0, 1);
  a.bind(last);
  a.emit(Op::addi, reg::t1, reg::t1, 2);
  a.emit(Op::beq, reg::t0, reg::t1, end);
  a.emit(Op::c_j, top);
  a.bind_function(end);
  a.emit(Op::jal, reg::zero, top);
  a.align(4);
  a.bind(table);
  a.word(7);
  a.address_of(end);
  a.byte(1);
  a.align(2);
  a.half(3);
  const Image image = a.finish(end);
  Lines lines = code_lines(image);
  lines.resize(9);
  EXPECT_EQ(lines, (Lines{"auipc a0, 0x0", "addi a0, a0, 32", "lp.setupi x0, 100, 8", "addi t0, t0, 1", "addi t1, t1, 2",
                          "beq t0, t1, 6", "c.j -24", "jal zero, -26", "c.nop"}));
  EXPECT_EQ(word_at(image, kMemoryBase + 0x20), 7u);
  EXPECT_EQ(word_at(image, kMemoryBase + 0x24), kMemoryBase + 0x1a);
  EXPECT_EQ(word_at(image, kMemoryBase + 0x28), 0x00030001u);
  EXPECT_EQ(image.entry, kMemoryBase + 0x1a);
  EXPECT_EQ(image.place(kMemoryBase + 0x1c), "end+0x2");
  ASSERT_NE(image.find("table"), nullptr);
}

// What is taken is the same wherever it stood, and is gone; a label bound where it began stays.
TEST(Assembler, TakesCodeBack) {
  Assembler a;
  a.emit(Op::ecall);
  std::vector<uint8_t> first, second;
  for (std::vector<uint8_t>* taken : {&first, &second}) {
    const Label before = a.here(), last = a.label();
    const uint32_t begin = a.address();
    a.emit(Op::lp_setup, 0, reg::t0, last);
    a.emit(Op::addi, reg::t0, reg::t0, 1);
    a.emit(Op::addi, reg::t1, reg::t1, 1);
    a.bind_last(last);
    *taken = a.take(begin);
    EXPECT_EQ(a.address(), begin);
    a.emit(Op::jal, reg::zero, before);
  }
  EXPECT_EQ(first.size(), 12u);
  EXPECT_EQ(first, second);
  EXPECT_EQ(code_lines(a.finish()), (Lines{"ecall", "jal zero, 0", "jal zero, 0"}));
  const Label outside = a.label();
  const uint32_t begin = a.address();
  a.la(reg::a0, outside);
  EXPECT_NE(error_of([&] { a.take(begin); }).find("refers to label"), std::string::npos);
}

TEST(Assembler, ImmediatesAreLoadedByTheShortestSequence) {
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    const int32_t edges[] = {0, 1, -1, 2047, 2048, -2048, -2049, 0x7ffff7ff, 0x7ffff800, INT32_MAX, INT32_MIN, 0x12345000};
    const int32_t value = i < 12 ? edges[i] : int32_t(random()) >> (random() % 32);
    Assembler a;
    a.li(reg::a0, value);
    a.emit(Op::addi, reg::a7, reg::zero, 93);
    a.emit(Op::ecall);
    const Image image = a.finish();
    const bool small = value >= -2048 && value < 2048, round = (value & 0xfff) == 0;
    ASSERT_EQ(image.segments[0].bytes.size(), small || round ? 12u : 16u) << value;
    Core core(kMemoryBase, 4096);
    image.load(core.writable_memory());
    core.reset(image.entry);
    core.run();
    ASSERT_EQ(int32_t(core.state().x[10]), value);
  }
}

TEST(Assembler, MistakesAreNamed) {
  const struct {
    void (*make)(Assembler& a);
    const char* message;
  } cases[] = {
      {[](Assembler& a) { a.emit(Op::add, reg::a0, reg::a1); }, "add: wants rd, rs1, rs2, got 2 operands"},
      {[](Assembler& a) { a.emit(Op::ecall, 1); }, "got 1 operands"},
      {[](Assembler& a) { a.emit(Op::add, reg::a0, reg::a1, 5); }, "add: operand 3 is a number"},
      {[](Assembler& a) { a.emit(Op::addi, reg::a0, reg::a1, reg::a2); }, "addi: operand 3 is a register"},
      {[](Assembler& a) { a.emit(Op::addi, reg::a0, reg::a1, 2048); }, "2048 is outside -2048 to 2047"},
      {[](Assembler& a) { a.emit(Op::addi, reg::a0, reg::a1, int64_t(1) << 32); }, "4294967296 is outside"},
      {[](Assembler& a) { a.emit(Op::beq, reg::a0, reg::a1, 3); }, "must be a multiple of 2"},
      {[](Assembler& a) { a.emit(Op::c_lwsp, reg::a0, 4, reg::a1); }, "can only be x2"},
      {[](Assembler& a) { a.emit(Op::c_sub, reg::a6, reg::a0); }, "16 does not fit"},
      {[](Assembler& a) { a.emit(Op::c_mv, reg::a0, reg::zero); }, "reserved"},
      {[](Assembler& a) { a.emit(Op::addi, reg::a0, reg::a1, a.here()); }, "operand 3 is a label"},
      {[](Assembler& a) { a.emit(Op::jal, reg::ra, Label()); }, "a label that"},
      {[](Assembler& a) { a.emit(Op::jal, reg::ra, a.label("later")); }, "label 'later', used at offset 0, was never bound"},
      {[](Assembler& a) {
         const Label l = a.here();
         a.bind(l);
       },
       "bound twice"},
      {[](Assembler& a) {
         a.byte(0);
         a.emit(Op::ecall);
       },
       "odd address"},
      {[](Assembler& a) { a.align(3); }, "no power of two"},
      {[](Assembler& a) {
         const Label far = a.label("far");
         a.emit(Op::beq, reg::a0, reg::a1, far);
         a.space(4096);
         a.bind(far);
       },
       "(to label 'far' from offset 0)"},
  };
  for (const auto& c : cases) {
    const std::string message = error_of([&] {
      Assembler a;
      c.make(a);
      a.finish();
    });
    EXPECT_NE(message.find(c.message), std::string::npos) << "got '" << message << "', expected '" << c.message << "'";
  }
}

}  // namespace
}  // namespace bitloom::mpic
