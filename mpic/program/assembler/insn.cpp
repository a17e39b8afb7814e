// .insn: an instruction by its format and fields (GNU as manual, "RISC-V Instruction Formats").
#include <string_view>

#include "core/error.h"
#include "mpic/isa/names.h"
#include "mpic/program/assembler/text_assembler.h"

namespace bitloom::mpic {
namespace {

// Fields of a format: a letter of kFields each, in the order of the text; '(' stands for the register in parentheses behind an offset.
struct Format {
  const char* name;
  int bytes;
  const char* fields;
};
constexpr Format kFormats[] = {
    {"r", 4, "O37dst"}, {"r", 4, "O32dstr"}, {"r4", 4, "O32dstr"}, {"i", 4, "O3dsi"},  {"i", 4, "O3di("},  {"s", 4, "O3tS("},
    {"sb", 4, "O3stb"}, {"sb", 4, "O3sS("},  {"b", 4, "O3stb"},    {"u", 4, "Odu"},    {"uj", 4, "Odj"},   {"j", 4, "Odj"},
    {"cr", 2, "o4dz"},  {"ci", 2, "ofdk"},   {"ciw", 2, "ofyw"},   {"css", 2, "ofzm"}, {"cl", 2, "ofyL)"}, {"cs", 2, "ofyL)"},
    {"ca", 2, "o6cxy"}, {"cb", 2, "ofxB"},   {"cj", 2, "ofJ"},
};

struct Field {
  char letter;
  enum Kind : uint8_t { kNumber, kRegister, kSmallRegister, kTarget } kind;
  bool is_signed;
  struct {
    uint8_t lsb, at, width;
  } pieces[8];
};
constexpr Field kFields[] = {
    {'O', Field::kNumber, false, {{0, 0, 7}}},
    {'o', Field::kNumber, false, {{0, 0, 2}}},
    {'3', Field::kNumber, false, {{0, 12, 3}}},
    {'7', Field::kNumber, false, {{0, 25, 7}}},
    {'2', Field::kNumber, false, {{0, 25, 2}}},
    {'4', Field::kNumber, false, {{0, 12, 4}}},
    {'6', Field::kNumber, false, {{0, 10, 6}}},
    {'c', Field::kNumber, false, {{0, 5, 2}}},
    {'f', Field::kNumber, false, {{0, 13, 3}}},
    {'d', Field::kRegister, false, {{0, 7, 5}}},
    {'s', Field::kRegister, false, {{0, 15, 5}}},
    {'(', Field::kRegister, false, {{0, 15, 5}}},
    {'t', Field::kRegister, false, {{0, 20, 5}}},
    {'r', Field::kRegister, false, {{0, 27, 5}}},
    {'z', Field::kRegister, false, {{0, 2, 5}}},
    {'x', Field::kSmallRegister, false, {{0, 7, 3}}},
    {')', Field::kSmallRegister, false, {{0, 7, 3}}},
    {'y', Field::kSmallRegister, false, {{0, 2, 3}}},
    {'i', Field::kNumber, true, {{0, 20, 12}}},
    {'S', Field::kNumber, true, {{0, 7, 5}, {5, 25, 7}}},
    {'u', Field::kNumber, false, {{0, 12, 20}}},
    {'k', Field::kNumber, true, {{0, 2, 5}, {5, 12, 1}}},
    {'w', Field::kNumber, false, {{0, 5, 8}}},
    {'m', Field::kNumber, false, {{0, 7, 6}}},
    {'L', Field::kNumber, false, {{0, 5, 2}, {2, 10, 3}}},
    {'b', Field::kTarget, true, {{1, 8, 4}, {5, 25, 6}, {11, 7, 1}, {12, 31, 1}}},
    {'j', Field::kTarget, true, {{1, 21, 10}, {11, 20, 1}, {12, 12, 8}, {20, 31, 1}}},
    {'B', Field::kTarget, true, {{1, 3, 2}, {3, 10, 2}, {5, 2, 1}, {6, 5, 2}, {8, 12, 1}}},
    {'J', Field::kTarget, true, {{1, 3, 3}, {4, 11, 1}, {5, 2, 1}, {6, 7, 1}, {7, 6, 1}, {8, 9, 2}, {10, 8, 1}, {11, 12, 1}}},
};

// Names of major opcodes (unprivileged manual, table 24.1) and of the quadrants of compressed ones; -1 for another name.
int opcode_named(std::string_view name) {
  static constexpr struct {
    std::string_view name;
    int opcode;
  } kOpcodes[] = {{"LOAD", 0x03},   {"LOAD_FP", 0x07},   {"CUSTOM_0", 0x0b}, {"MISC_MEM", 0x0f}, {"OP_IMM", 0x13},
                  {"AUIPC", 0x17},  {"OP_IMM_32", 0x1b}, {"STORE", 0x23},    {"STORE_FP", 0x27}, {"CUSTOM_1", 0x2b},
                  {"AMO", 0x2f},    {"OP", 0x33},        {"LUI", 0x37},      {"OP_32", 0x3b},    {"MADD", 0x43},
                  {"MSUB", 0x47},   {"NMSUB", 0x4b},     {"NMADD", 0x4f},    {"OP_FP", 0x53},    {"CUSTOM_2", 0x5b},
                  {"BRANCH", 0x63}, {"JALR", 0x67},      {"JAL", 0x6f},      {"SYSTEM", 0x73},   {"CUSTOM_3", 0x7b},
                  {"C0", 0},        {"C1", 1},           {"C2", 2}};
  for (const auto& o : kOpcodes)
    if (o.name == name) return o.opcode;
  return -1;
}

bool is_register_field(char letter) {
  for (const Field& f : kFields)
    if (f.letter == letter) return f.kind == Field::kRegister || f.kind == Field::kSmallRegister;
  return false;
}

// The operands as a format has them: an offset with a register behind it is two.
bool matches(const Format& format, std::vector<TokenRange>* operands) {
  const std::string_view fields = format.fields;
  if (fields.back() == '(' || fields.back() == ')') {
    const TokenRange last = operands->back();
    if (last.size() < 3 || !last.end[-3].is("(") || !last.end[-1].is(")") || !is_register({last.end - 2, last.end - 1}))
      return false;
    operands->back() = {last.begin, last.end - 3};
    operands->push_back({last.end - 2, last.end - 1});
  }
  if (operands->size() != fields.size()) return false;
  for (size_t i = 0; i < fields.size(); ++i)
    if (is_register((*operands)[i]) != is_register_field(fields[i])) return false;
  return true;
}

}  // namespace

// The bits that the text of a field sets in the word.
uint64_t TextAssembler::insn_field(char letter, TokenRange text) {
  const Field* field = kFields;
  while (field->letter != letter) ++field;
  int64_t number = 0;
  const int opcode = text.size() == 1 && text.begin->kind == Token::kName ? opcode_named(text.begin->text) : -1;
  if (field->kind == Field::kRegister || field->kind == Field::kSmallRegister) {
    number = find_register(text.begin->text) - (field->kind == Field::kSmallRegister ? 8 : 0);
    BITLOOM_CHECK(field->kind == Field::kRegister || (number >= 0 && number < 8), ".insn: ", text.begin->text,
                  " is none of s0, s1, a0 to a5");
  } else if ((letter == 'O' || letter == 'o') && opcode >= 0) {
    number = opcode;
  } else if (!text.empty()) {
    const Value value = value_of(text);
    if (!is_last_pass()) return 0;
    number = value.number - (field->kind == Field::kTarget && value.is_address() ? int64_t(address()) : 0);
  }
  int bits = 0;
  uint64_t word = 0;
  for (const auto& piece : field->pieces) {
    bits = std::max(bits, piece.lsb + piece.width);
    word |= (uint64_t(number) >> piece.lsb & ((uint64_t(1) << piece.width) - 1)) << piece.at;
  }
  const int64_t lo = field->is_signed ? -(int64_t(1) << (bits - 1)) : 0,
                hi = (int64_t(1) << (field->is_signed ? bits - 1 : bits)) - 1;
  BITLOOM_CHECK(number >= lo && number <= hi, ".insn: ", number, " is outside ", lo, " to ", hi);
  BITLOOM_CHECK(field->kind != Field::kTarget || number % 2 == 0, ".insn: the distance ", number, " is odd");
  return word;
}

// ".insn r OP, 0, 0, a0, a1, a2", ".insn 0x13", ".insn 4, 0x13".
void TextAssembler::insn(const std::string&, TokenRange operands) {
  BITLOOM_CHECK(!operands.empty(), ".insn wants a format and fields, or a word");
  const std::string format = lower_case(operands.begin->text);
  bool is_known = false;
  for (const Format& f : kFormats) {
    if (operands.begin->kind != Token::kName || format != f.name) continue;
    is_known = true;
    std::vector<TokenRange> fields = split_operands({operands.begin + 1, operands.end});
    if (fields.empty() || !matches(f, &fields)) continue;
    uint64_t word = 0;
    for (size_t i = 0; i < fields.size(); ++i) word |= insn_field(f.fields[i], fields[i]);
    return emit_word(word, f.bytes);
  }
  BITLOOM_CHECK(!is_known, ".insn ", format, " has other fields: see the GNU as manual, \"RISC-V Instruction Formats\"");
  const bool is_format =
      operands.begin->kind == Token::kName && operands.size() > 1 && operands.begin[1].kind != Token::kPunctuation;
  BITLOOM_CHECK(!is_format, "unknown format .insn ", format);
  const std::vector<TokenRange> values = split_operands(operands);
  BITLOOM_CHECK(values.size() <= 2, ".insn wants a format and fields, or a word, perhaps behind its length");
  const int64_t word = number_now(values.back());
  const int64_t length = (word & 3) == 3 ? 4 : 2;
  BITLOOM_CHECK(word >= 0 && word < int64_t(1) << 8 * length && (word & 0x1f) != 0x1f, ".insn: ", hex(uint64_t(word)),
                " is no instruction of 2 or 4 bytes");
  BITLOOM_CHECK(values.size() == 1 || number_now(values[0]) == length, ".insn: ", hex(uint64_t(word)), " has ", length,
                " bytes by its low bits");
  emit_word(uint64_t(word), int(length));
}

}  // namespace bitloom::mpic
