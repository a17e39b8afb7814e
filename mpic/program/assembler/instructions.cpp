// Mnemonics: the row that fits the operands, and the pseudo-instructions, which are rewritten.
#include <algorithm>
#include <string_view>

#include "core/error.h"
#include "mpic/isa/names.h"
#include "mpic/program/assembler.h"
#include "mpic/program/assembler/text_assembler.h"
#include "mpic/program/disassembler.h"

namespace bitloom::mpic {
namespace {

// `name` with `count` operands is written `as`, where @0, @1, @2 are they.
struct Pseudo {
  const char* name;
  size_t count;
  const char* as;
};
constexpr Pseudo kPseudos[] = {
    {"nop", 0, "addi zero, zero, 0"},
    {"mv", 2, "addi @0, @1, 0"},
    {"not", 2, "xori @0, @1, -1"},
    {"neg", 2, "sub @0, zero, @1"},
    {"seqz", 2, "sltiu @0, @1, 1"},
    {"snez", 2, "sltu @0, zero, @1"},
    {"sltz", 2, "slt @0, @1, zero"},
    {"sgtz", 2, "slt @0, zero, @1"},
    {"sgt", 3, "slt @0, @2, @1"},
    {"sgtu", 3, "sltu @0, @2, @1"},
    {"zext.b", 2, "andi @0, @1, 255"},
    {"beqz", 2, "beq @0, zero, @1"},
    {"bnez", 2, "bne @0, zero, @1"},
    {"blez", 2, "bge zero, @0, @1"},
    {"bgez", 2, "bge @0, zero, @1"},
    {"bltz", 2, "blt @0, zero, @1"},
    {"bgtz", 2, "blt zero, @0, @1"},
    {"bgt", 3, "blt @1, @0, @2"},
    {"ble", 3, "bge @1, @0, @2"},
    {"bgtu", 3, "bltu @1, @0, @2"},
    {"bleu", 3, "bgeu @1, @0, @2"},
    {"j", 1, "jal zero, @0"},
    {"jal", 1, "jal ra, @0"},
    {"call", 1, "jal ra, @0"},
    {"tail", 1, "jal zero, @0"},
    {"jr", 1, "jalr zero, 0(@0)"},
    {"jalr", 1, "jalr ra, 0(@0)"},
    {"jalr", 2, "jalr @0, 0(@1)"},
    {"jalr", 3, "jalr @0, @2(@1)"},
    {"ret", 0, "jalr zero, 0(ra)"},
    {"fence", 0, "fence iorw, iorw"},
    {"csrr", 2, "csrrs @0, @1, zero"},
    {"csrw", 2, "csrrw zero, @0, @1"},
    {"csrs", 2, "csrrs zero, @0, @1"},
    {"csrc", 2, "csrrc zero, @0, @1"},
    {"csrwi", 2, "csrrwi zero, @0, @1"},
    {"csrsi", 2, "csrrsi zero, @0, @1"},
    {"csrci", 2, "csrrci zero, @0, @1"},
    {"rdcycle", 1, "csrrs @0, cycle, zero"},
    {"rdcycleh", 1, "csrrs @0, cycleh, zero"},
    {"rdinstret", 1, "csrrs @0, instret, zero"},
    {"rdinstreth", 1, "csrrs @0, instreth, zero"},
};

using Rows = std::vector<Op>;

const Rows& rows_named(const std::string& mnemonic) {
  static const std::unordered_map<std::string, Rows> index = [] {
    std::unordered_map<std::string, Rows> rows;
    for (int i = 0; i < kOps; ++i) rows[row(Op(i)).mnemonic].push_back(Op(i));
    return rows;
  }();
  static const Rows none;
  const auto found = index.find(mnemonic);
  return found == index.end() ? none : found->second;
}

bool ends_with(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// The rows that a mnemonic may mean. Beyond those of its name: p.lw is also a spelling of lw (and so on); the .v forms of vector instructions,
// whose lanes CSR simd_format chooses, are encoded as .b (the MPIC tools are not public; the RTL looks at bits 14 and 13 only); gas also has a final i where an operand is a number.
Rows rows_of(const std::string& mnemonic) {
  Rows rows = rows_named(mnemonic);
  if (mnemonic.compare(0, 2, "p.") == 0) {
    for (const Op op : rows_named(mnemonic.substr(2)))
      if (row(op).timing == Timing::kLoad || row(op).timing == Timing::kStore) rows.push_back(op);
    if (rows.empty() && ends_with(mnemonic, "i"))
      for (const Op op : rows_named(mnemonic.substr(0, mnemonic.size() - 1)))
        if ((row(op).access & kReadsRs2) == 0 || std::string_view(row(op).operands).find('n') != std::string_view::npos)
          rows.push_back(op);
  }
  if (mnemonic.compare(0, 3, "pv.") == 0 && ends_with(mnemonic, ".v")) {
    const std::string stem = mnemonic.substr(0, mnemonic.size() - 2);
    const std::string operation = stem.substr(0, stem.find('.', 3));
    if (!rows_named(operation + ".n").empty() || !rows_named(operation + ".sc.b").empty()) rows = rows_named(stem + ".b");
  }
  return rows;
}

bool is_register(TokenRange text) {
  return text.size() == 1 && text.begin->kind == Token::kName && find_register(text.begin->text) >= 0;
}

// "4(a0!)" in its parts; false when the text is not of that form.
bool split_memory(TokenRange text, bool post_increment, TokenRange* offset, TokenRange* base) {
  const std::ptrdiff_t tail = post_increment ? 4 : 3;
  if (text.end - text.begin < tail) return false;
  const Token* t = text.end - tail;
  if (!t[0].is("(") || !t[tail - 1].is(")") || (post_increment && !t[2].is("!"))) return false;
  *offset = {text.begin, t};
  *base = {t + 1, t + 2};
  return true;
}

bool fits(const Operand& o, TokenRange text) {
  if (o.role == Role::kLoop) return true;
  return is_register(text) == o.is_register() && (o.fixed < 0 || find_register(text.begin->text) == o.fixed);
}

// Finds the operands of a row in the text; false when it has other ones.
template <class Add>
bool bind_operands(const Row& r, const std::vector<TokenRange>& operands, Add add) {
  size_t next = 0;
  for (const char* p = r.operands; *p != 0 && *p != '|';) {
    if (*p == ',') ++p;
    if (next == operands.size()) return false;
    TokenRange text = operands[next++];
    const Operand& first = *operand(*p++);
    if (*p == '(') {
      const Operand& base = *operand(p[1]);
      const bool post_increment = p[2] == '!';
      p += post_increment ? 4 : 3;
      TokenRange inner;
      if (!split_memory(text, post_increment, &text, &inner) || !fits(base, inner)) return false;
      add(base, inner);
    }
    if (!fits(first, text)) return false;
    add(first, text);
  }
  return next == operands.size();
}

}  // namespace

void TextAssembler::instruction(const std::string& mnemonic, TokenRange operands) {
  const std::vector<TokenRange> texts = split_operands(operands);
  if (mnemonic == "li" || mnemonic == "la" || mnemonic == "lla") return load_immediate_or_address(mnemonic, texts);
  if (emit_row(mnemonic, texts)) return;
  std::string takes;
  const auto alternative = [&](const std::string& text) { takes += (takes.empty() ? "" : " or ") + text; };
  for (const Op op : rows_of(mnemonic)) {
    const std::string shape = describe_operands(row(op));
    alternative(shape.empty() ? "no operands" : "'" + shape + "'");
  }
  for (const Pseudo& pseudo : kPseudos) {
    if (mnemonic != pseudo.name) continue;
    if (pseudo.count == texts.size() && emit_pseudo(pseudo.as, texts)) return;
    alternative(str(pseudo.count, pseudo.count == 1 ? " operand" : " operands", " for '", pseudo.as, "'"));
  }
  BITLOOM_CHECK(!takes.empty(), "unknown instruction '", mnemonic, "'");
  throw Error(mnemonic + " takes " + takes);
}

// The first row of that mnemonic that has such operands; false when there is none.
bool TextAssembler::emit_row(const std::string& mnemonic, const std::vector<TokenRange>& operands) {
  for (const Op op : rows_of(mnemonic)) {
    Bindings bindings;
    if (!bind_operands(row(op), operands, [&](const Operand& o, TokenRange text) { bindings.push_back({&o, text}); })) continue;
    Insn insn = blank(op);
    for (size_t i = 0; is_second_pass() && i < bindings.size(); ++i) set(insn, bindings[i]);
    if (is_second_pass() && insn.executes == Op::jal && insn.rd == reg::ra.index)
      called_.insert(address() + uint32_t(insn.imm));
    emit({insn});
    return true;
  }
  return false;
}

bool TextAssembler::emit_pseudo(const char* as, const std::vector<TokenRange>& operands) {
  std::vector<Token> tokens;
  const std::vector<Statement> rewritten = split_statements(as);
  for (const Token& t : rewritten[0].tokens) {
    const TokenRange text = t.text[0] == '@' ? operands[size_t(t.text[1] - '0')] : TokenRange{&t, &t + 1};
    tokens.insert(tokens.end(), text.begin, text.end);
  }
  return emit_row(tokens[0].text, split_operands({tokens.data() + 1, tokens.data() + tokens.size()}));
}

void TextAssembler::emit(const std::vector<Insn>& insns) {
  BITLOOM_CHECK(section().size % 2 == 0, "an instruction would begin at an odd address");
  BITLOOM_CHECK(current_ != kBss, "an instruction in .bss");
  for (const Insn& insn : insns) put(is_second_pass() ? encode(insn) : 0, insn.length);
}

namespace {

// The letters of fence: "rw", "iorw", or 0.
int64_t ordering(TokenRange text) {
  if (text.size() == 1 && text.begin->kind == Token::kNumber) return text.begin->number;
  int64_t set = 0;
  for (const char c : single_name(text, "an operand of fence")) {
    const size_t bit = std::string_view("wroi").find(c);
    BITLOOM_CHECK(bit != std::string_view::npos, "fence orders i, o, r and w, not ", c);
    set |= int64_t(1) << bit;
  }
  return set;
}

}  // namespace

void TextAssembler::set(Insn& insn, const Binding& binding) const {
  const Operand& o = *binding.operand;
  const TokenRange text = binding.text;
  int64_t number = 0;
  if (o.is_register() || (o.role == Role::kLoop && is_register(text))) {
    number = find_register(text.begin->text);
  } else if (o.role == Role::kPredecessors || o.role == Role::kSuccessors) {
    number = ordering(text);
  } else if (o.role == Role::kCsr && text.size() == 1 && text.begin->kind == Token::kName && find_csr(text.begin->text) >= 0) {
    number = find_csr(text.begin->text);
  } else if (!text.empty()) {
    const Value value = value_of(text);
    number = value.number;
    if (o.role == Role::kTarget && value.is_address()) number -= address();
  }
  set_number(insn, o, number);
}

// The first pass chooses the length, because all addresses below depend on it: two instructions where it does not know the value yet.
void TextAssembler::load_immediate_or_address(const std::string& mnemonic, const std::vector<TokenRange>& texts) {
  BITLOOM_CHECK(texts.size() == 2 && is_register(texts[0]), mnemonic, " takes a register and a value");
  const Reg rd{uint8_t(find_register(texts[0].begin->text))};
  const Value value = value_of(texts[1]);
  BITLOOM_CHECK(!value.known || (value.number >= -(int64_t(1) << 31) && value.number < int64_t(1) << 32), mnemonic, ": ",
                value.number, " does not fit into 32 bits");
  const int32_t number = int32_t(uint32_t(value.number));
  if (mnemonic != "li") return emit(load_address(rd, int32_t(uint32_t(number) - address())));
  std::vector<Insn> insns = load_immediate(rd, number);
  if (!is_second_pass()) load_lengths_.push_back(value.known && !value.is_address() ? insns.size() : 2);
  if (load_lengths_[loads_seen_] > insns.size()) {
    Insn filler = blank(Op::addi);
    filler.rd = filler.rs1 = rd.index;
    insns.push_back(filler);
  }
  ++loads_seen_;
  emit(insns);
}

}  // namespace bitloom::mpic
