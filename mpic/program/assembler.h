// Two ways to machine code: class Assembler for programs that write programs, assemble() for text.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "mpic/isa/csr.h"
#include "mpic/isa/isa.h"
#include "mpic/program/image.h"

namespace bitloom::mpic {

struct Reg {
  uint8_t index;
};
namespace reg {
inline constexpr Reg zero{0}, ra{1}, sp{2}, gp{3}, tp{4}, t0{5}, t1{6}, t2{7}, s0{8}, s1{9}, a0{10}, a1{11}, a2{12}, a3{13},
    a4{14}, a5{15}, a6{16}, a7{17}, s2{18}, s3{19}, s4{20}, s5{21}, s6{22}, s7{23}, s8{24}, s9{25}, s10{26}, s11{27}, t3{28},
    t4{29}, t5{30}, t6{31};
}  // namespace reg

// A place in the program of one Assembler, known now or later.
class Label {
  friend class Assembler;
  int index = -1;
};

// An operand: a register, a number, a CSR, or a label for a jump, branch or loop.
class Argument {
 public:
  // Implicit, so that emit() reads like assembly.
  Argument(Reg r) : kind_(Kind::kRegister), value_(r.index) {}
  Argument(int64_t number) : kind_(Kind::kNumber), value_(number) {}
  Argument(Csr csr) : kind_(Kind::kNumber), value_(mpic::address_of(csr)) {}
  Argument(Label label) : kind_(Kind::kLabel), label_(label) {}

 private:
  friend class Assembler;
  enum class Kind : uint8_t { kRegister, kNumber, kLabel };
  Kind kind_;
  Label label_;
  int64_t value_ = 0;
};

// Writes code and data one behind the other:
//   Assembler a;
//   const Label loop = a.label(), last = a.label();
//   a.emit(Op::lp_setupi, 0, 100, last);                 // the label of a hardware loop names its last instruction
//   a.emit(Op::p_lw_post, reg::t0, 4, reg::a0);          // p.lw t0, 4(a0!): operands in the order of the text
//   a.bind(last);
//   a.emit(Op::pv_sdotsp_b, reg::a1, reg::t0, reg::t1);
//   const Image image = a.finish();
// Errors name the instruction, the operand, what it was and what is possible.
class Assembler {
 public:
  explicit Assembler(uint32_t base = kMemoryBase) : base_(base) {}

  uint32_t address() const { return base_ + uint32_t(bytes_.size()); }

  Label label();                         // not bound yet
  Label label(const std::string& name);  // appears among the symbols, as a function where `bind_function` binds it
  void bind(Label label);                // here; Error the second time
  void bind_function(Label label);
  void bind_last(Label label);  // to the instruction before, of 4 bytes: the end of a hardware loop
  Label here();                 // new, bound here

  // Registers and numbers in the order of the row's operand string; a target is a label or a byte offset from the instruction.
  template <class... Arguments>
  void emit(Op op, Arguments... arguments) {
    emit_list(op, {Argument(arguments)...});
  }
  void li(Reg rd, int32_t value);  // one or two instructions
  void la(Reg rd, Label label);    // two
  void align(uint32_t bytes);      // a power of two; gaps behind code are nops
  void byte(uint32_t value);
  void half(uint32_t value);
  void word(uint32_t value);
  void address_of(Label label);  // a word
  void data(const void* from, size_t bytes);
  void space(size_t bytes);
  // Takes back what stands from `address` on: code that refers to itself only, as it is wherever it is put. Labels in it are not bound any more.
  std::vector<uint8_t> take(uint32_t address);

  // The program; its entry is the base or where the label is bound. Error for labels that were used and never bound.
  Image finish() const;
  Image finish(Label entry) const;

 private:
  enum class Use : uint8_t { kTarget, kPair, kWord };  // kPair: auipc and addi
  struct LabelState {
    std::string name;
    int64_t offset = -1;
    bool is_function = false;
  };
  struct Reference {
    size_t offset;
    int label;
    Use use;
  };
  void emit_list(Op op, std::initializer_list<Argument> arguments);
  void check(Label label) const;
  void resolve(std::vector<uint8_t>& bytes, const Reference& reference) const;
  Image image(uint32_t entry) const;

  uint32_t base_;
  std::vector<uint8_t> bytes_;
  std::vector<LabelState> labels_;
  std::vector<Reference> references_;
};

// set_value() for a number of any size: Error when it is outside the operand's range. Of c.lui also 20 bits without sign are accepted.
void set_number(Insn& insn, const Operand& operand, int64_t number);
// The instructions of `li`: addi, lui, or both.
std::vector<Insn> load_immediate(Reg rd, int32_t value);
// auipc and addi: rd = pc + distance.
std::vector<Insn> load_address(Reg rd, int32_t distance);

// Assembles a text in the GNU assembler's syntax; mpic/program/assembler/README.md lists directives and pseudo-instructions. The sections .text,
// .data and .bss follow each other from `base`. The entry is the symbol _start, or else the base. Error
// "name:line: message" for the first mistake.
Image assemble(const std::string& text, const std::string& name = "<text>", uint32_t base = kMemoryBase);
// One instruction without labels, as a word.
uint32_t assemble_word(const std::string& instruction);

}  // namespace bitloom::mpic
