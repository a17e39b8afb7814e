// The assembler for programs that write programs.
#include "mpic/program/assembler.h"

#include <algorithm>

#include "core/error.h"
#include "mpic/program/disassembler.h"

namespace bitloom::mpic {
namespace {

void append(std::vector<uint8_t>& bytes, uint32_t value, int count) {
  for (int i = 0; i < count; ++i) bytes.push_back(uint8_t(value >> 8 * i));
}

uint32_t word_at(const std::vector<uint8_t>& bytes, size_t offset, size_t count) {
  uint32_t value = 0;
  for (size_t i = 0; i < count; ++i) value |= uint32_t(bytes[offset + i]) << 8 * i;
  return value;
}

void overwrite(std::vector<uint8_t>& bytes, size_t offset, uint32_t value, size_t count) {
  for (size_t i = 0; i < count; ++i) bytes[offset + i] = uint8_t(value >> 8 * i);
}

// Sets the target of a jump, branch or loop instruction; false when it has none.
bool set_target(Insn& insn, int32_t distance) {
  for (const char* p = row(insn.op).operands; *p != 0; ++p)
    if (const Operand* o = operand(*p); o != nullptr && o->role == Role::kTarget) {
      set_value(insn, *o, distance);
      return true;
    }
  return false;
}

Insn upper(Op op, Reg rd, uint32_t value) {
  Insn insn = blank(op);
  insn.rd = rd.index;
  insn.imm = int32_t(value >> 12);
  return insn;
}

Insn add_immediate(Reg rd, Reg rs1, int32_t value) {
  Insn insn = blank(Op::addi);
  insn.rd = rd.index;
  insn.rs1 = rs1.index;
  insn.imm = value;
  return insn;
}

int32_t low_part(int32_t value) { return int32_t(uint32_t(value) << 20) >> 20; }

}  // namespace

void set_number(Insn& insn, const Operand& o, int64_t number) {
  if (o.letter == '4' && number >= 0xfffe0 && number <= 0xfffff) number -= 1 << 20;
  BITLOOM_CHECK(number >= (o.is_register() ? 0 : o.lo()) && number <= (o.is_register() ? 31 : o.hi()), row(insn.op).mnemonic,
                ": ", o.role == Role::kTarget ? "distance " : "operand ", number, " is outside ", o.lo(), " to ", o.hi());
  set_value(insn, o, int32_t(number));
}

std::vector<Insn> load_immediate(Reg rd, int32_t value) {
  const int32_t low = low_part(value);
  if (low == value) return {add_immediate(rd, reg::zero, value)};
  std::vector<Insn> insns = {upper(Op::lui, rd, uint32_t(value) - uint32_t(low))};
  if (low != 0) insns.push_back(add_immediate(rd, rd, low));
  return insns;
}

std::vector<Insn> load_address(Reg rd, int32_t distance) {
  const int32_t low = low_part(distance);
  return {upper(Op::auipc, rd, uint32_t(distance) - uint32_t(low)), add_immediate(rd, rd, low)};
}

Label Assembler::label() { return label(""); }

Label Assembler::label(const std::string& name) {
  Label label;
  label.index = int(labels_.size());
  labels_.push_back({name});
  return label;
}

void Assembler::bind(Label label) {
  check(label);
  LabelState& state = labels_[size_t(label.index)];
  BITLOOM_CHECK(state.offset < 0, "assembler: label '", state.name, "' is bound twice");
  state.offset = int64_t(bytes_.size());
}

void Assembler::bind_last(Label label) {
  bind(label);
  labels_[size_t(label.index)].offset -= 4;
}

void Assembler::bind_function(Label label) {
  bind(label);
  labels_[size_t(label.index)].is_function = true;
}

Label Assembler::here() {
  const Label new_label = label();
  bind(new_label);
  return new_label;
}

void Assembler::check(Label label) const {
  BITLOOM_CHECK(label.index >= 0 && size_t(label.index) < labels_.size(),
                "assembler: a label that label() or here() of this assembler did not give");
}

void Assembler::emit_list(Op op, std::initializer_list<Argument> arguments) {
  BITLOOM_CHECK(op != Op::illegal, "assembler: Op::illegal is no instruction");
  const Row& r = row(op);
  Insn insn = blank(op);
  const Argument* next = arguments.begin();
  for (const char* p = r.operands; *p != 0 && *p != '|'; ++p) {
    const Operand* o = operand(*p);
    if (o == nullptr) continue;
    BITLOOM_CHECK(next != arguments.end(), r.mnemonic, ": wants ", describe_operands(r), ", got ", arguments.size(),
                  " operands");
    const size_t position = size_t(next - arguments.begin()) + 1;
    if (next->kind_ == Argument::Kind::kLabel) {
      BITLOOM_CHECK(o->role == Role::kTarget, r.mnemonic, ": operand ", position, " is a label, wants ", describe_operands(r));
      check(next->label_);
      references_.push_back({bytes_.size(), next->label_.index, Use::kTarget});
    } else {
      const bool is_register = next->kind_ == Argument::Kind::kRegister;
      BITLOOM_CHECK(is_register == o->is_register(), r.mnemonic, ": operand ", position,
                    is_register ? " is a register" : " is a number", ", wants ", describe_operands(r));
      BITLOOM_CHECK(o->fixed < 0 || next->value_ == o->fixed, r.mnemonic, ": operand ", position, " can only be ", "x",
                    int(o->fixed));
      set_number(insn, *o, next->value_);
    }
    ++next;
  }
  BITLOOM_CHECK(next == arguments.end(), r.mnemonic, ": wants ", describe_operands(r), ", got ", arguments.size(), " operands");
  BITLOOM_CHECK(bytes_.size() % 2 == 0, r.mnemonic, ": would begin at an odd address; align(2) first");
  append(bytes_, encode(insn), insn.length);
}

void Assembler::li(Reg rd, int32_t value) {
  for (const Insn& insn : load_immediate(rd, value)) append(bytes_, encode(insn), 4);
}

void Assembler::la(Reg rd, Label label) {
  check(label);
  references_.push_back({bytes_.size(), label.index, Use::kPair});
  for (const Insn& insn : load_address(rd, 0)) append(bytes_, encode(insn), 4);
}

void Assembler::align(uint32_t bytes) {
  BITLOOM_CHECK(bytes > 0 && (bytes & (bytes - 1)) == 0, "assembler: align(", bytes, ") is no power of two");
  constexpr uint32_t kNop = 0x00000013;
  constexpr uint32_t kShortNop = 0x0001;
  while ((address() & (bytes - 1)) != 0) {
    const int step = address() % 2 != 0 ? 1 : address() % 4 != 0 ? 2 : 4;
    append(bytes_, step == 4 ? kNop : step == 2 ? kShortNop : 0, step);
  }
}

void Assembler::byte(uint32_t value) { append(bytes_, value, 1); }
void Assembler::half(uint32_t value) { append(bytes_, value, 2); }
void Assembler::word(uint32_t value) { append(bytes_, value, 4); }

void Assembler::address_of(Label label) {
  check(label);
  references_.push_back({bytes_.size(), label.index, Use::kWord});
  word(0);
}

void Assembler::data(const void* from, size_t bytes) {
  const uint8_t* begin = static_cast<const uint8_t*>(from);
  bytes_.insert(bytes_.end(), begin, begin + bytes);
}

void Assembler::space(size_t bytes) { bytes_.resize(bytes_.size() + bytes); }

std::vector<uint8_t> Assembler::take(uint32_t address) {
  const size_t begin = address - base_;
  for (; !references_.empty() && references_.back().offset >= begin; references_.pop_back()) {
    const Reference& reference = references_.back();
    const LabelState& label = labels_[size_t(reference.label)];
    BITLOOM_CHECK(reference.use == Use::kTarget && label.offset >= int64_t(begin), "assembler: code at offset ",
                  reference.offset, " refers to label '", label.name, "' outside what is taken");
    resolve(bytes_, reference);
  }
  for (LabelState& label : labels_)  // not those at its beginning: they may be the end of what stands before
    if (label.offset > int64_t(begin)) label.offset = -1;
  const std::vector<uint8_t> taken(bytes_.begin() + int64_t(begin), bytes_.end());
  bytes_.resize(begin);
  return taken;
}

void Assembler::resolve(std::vector<uint8_t>& bytes, const Reference& reference) const {
  const LabelState& label = labels_[size_t(reference.label)];
  BITLOOM_CHECK(label.offset >= 0, "assembler: label '", label.name, "', used at offset ", reference.offset,
                ", was never bound");
  const int32_t distance = int32_t(label.offset - int64_t(reference.offset));
  switch (reference.use) {
    case Use::kWord: overwrite(bytes, reference.offset, base_ + uint32_t(label.offset), 4); return;
    case Use::kPair: {
      const Reg rd{decode(word_at(bytes, reference.offset, 4)).rd};
      const std::vector<Insn> pair = load_address(rd, distance);
      overwrite(bytes, reference.offset, encode(pair[0]), 4);
      overwrite(bytes, reference.offset + 4, encode(pair[1]), 4);
      return;
    }
    case Use::kTarget: {
      Insn insn = decode(word_at(bytes, reference.offset, std::min<size_t>(4, bytes.size() - reference.offset)));
      set_target(insn, distance);
      try {
        overwrite(bytes, reference.offset, encode(insn), insn.length);
      } catch (const Error& e) {
        throw Error(str(e.what(), " (to label '", label.name, "' from offset ", reference.offset, ")"));
      }
      return;
    }
  }
}

Image Assembler::finish() const { return image(base_); }

Image Assembler::finish(Label entry) const {
  check(entry);
  const LabelState& state = labels_[size_t(entry.index)];
  BITLOOM_CHECK(state.offset >= 0, "assembler: the entry label '", state.name, "' was never bound");
  return image(base_ + uint32_t(state.offset));
}

Image Assembler::image(uint32_t entry) const {
  Image image;
  image.entry = entry;
  if (bytes_.empty()) return image;
  std::vector<uint8_t> bytes = bytes_;
  for (const Reference& reference : references_) resolve(bytes, reference);
  const uint64_t size = bytes.size();
  image.segments.push_back({base_, std::move(bytes), size});
  image.code.push_back({base_, base_ + size});
  for (const LabelState& l : labels_)
    if (!l.name.empty() && l.offset >= 0)
      image.symbols.push_back(
          {l.name, base_ + uint32_t(l.offset), 0, l.is_function ? SymbolKind::kFunction : SymbolKind::kLabel});
  std::stable_sort(image.symbols.begin(), image.symbols.end(),
                   [](const Symbol& a, const Symbol& b) { return a.address < b.address; });
  return image;
}

}  // namespace bitloom::mpic
