// Mnemonics: the row that fits the operands, and the pseudo-instructions, which are rewritten.
#include <algorithm>
#include <string_view>

#include "core/error.h"
#include "mpic/isa/names.h"
#include "mpic/program/assembler/pseudo.h"
#include "mpic/program/assembler/text_assembler.h"
#include "mpic/program/disassembler.h"

namespace bitloom::mpic {
namespace {

bool fits(const Operand& o, TokenRange text) {
  if (o.role == Role::kLoop) return true;
  return is_register(text) == o.is_register() && (o.fixed < 0 || find_register(text.begin->text) == o.fixed);
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

void TextAssembler::instruction(const std::string& mnemonic, TokenRange operands) {
  const std::vector<TokenRange> texts = split_operands(operands);
  if (mnemonic == "li" || mnemonic == "la" || mnemonic == "lla") return load_immediate_or_address(mnemonic, texts);
  // What an assembler for rv32imc gives: the word 0, which is no instruction.
  if (texts.empty() && (mnemonic == "unimp" || mnemonic == "c.unimp")) return emit_word(0, 2);
  if (jump_far(mnemonic, texts) || emit_row(mnemonic, texts) || access_symbol(mnemonic, texts)) return;
  std::string takes;
  const auto alternative = [&](const std::string& text) { takes += (takes.empty() ? "" : " or ") + text; };
  for (const Op op : rows_of(mnemonic)) {
    const std::string shape = describe_operands(row(op));
    alternative(shape.empty() ? "no operands" : "'" + shape + "'");
  }
  for (const Pseudo& pseudo : pseudos()) {
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
    std::vector<Binding> bindings;
    if (!bind_operands(row(op), operands, [&](const Operand& o, TokenRange text) { bindings.push_back({&o, text}); })) continue;
    Insn insn = blank(op);
    TokenRange target;
    for (const Binding& b : bindings) {
      if (b.operand->role == Role::kTarget && row(op).timing != Timing::kLoop)
        target = b.text;
      else
        set(insn, b);
    }
    if (!target.empty())
      jump(insn, target, insn.executes == Op::jal ? insn.rd : 0);
    else
      emit({insn});
    return true;
  }
  return false;
}

bool TextAssembler::emit_pseudo(const char* as, const std::vector<TokenRange>& operands) {
  for (const Line& line : split_lines(as)) {
    std::vector<Token> tokens;
    const std::vector<Token> written = tokenize(line.text);
    for (const Token& t : written) {
      const TokenRange text = t.text[0] == '@' ? operands[size_t(t.text[1] - '0')] : TokenRange{&t, &t + 1};
      tokens.insert(tokens.end(), text.begin, text.end);
    }
    if (!emit_row(tokens[0].text, split_operands({tokens.data() + 1, tokens.data() + tokens.size()}))) return false;
  }
  return true;
}

void TextAssembler::emit(const std::vector<Insn>& insns) {
  for (const Insn& insn : insns) emit_word(is_last_pass() ? encode(insn) : 0, insn.length);
}

void TextAssembler::emit_word(uint64_t word, int bytes) {
  BITLOOM_CHECK(section().size % 2 == 0, "an instruction would begin at an odd address");
  BITLOOM_CHECK(section().kind != SectionKind::kBss, "an instruction in ", section().name);
  section().alignment = std::max<uint64_t>(section().alignment, 2);
  put(word, bytes);
}

// Gives the instruction an operand; numbers only in the last pass, which alone knows them all.
void TextAssembler::set(Insn& insn, const Binding& binding) {
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
    if (!is_last_pass()) return;
    number = value.number;
    if (o.role == Role::kTarget && value.is_address()) number -= address();
    // 0xfffff803 is -2045 in a register of 32 bits.
    if (o.role != Role::kTarget && o.is_signed && number >> 31 == 1) number -= int64_t(1) << 32;
  }
  set_number(insn, o, number);
}

// The first pass chooses two instructions where it does not know the value yet, because all addresses below depend on it.
void TextAssembler::load_immediate_or_address(const std::string& mnemonic, const std::vector<TokenRange>& texts) {
  BITLOOM_CHECK(texts.size() == 2 && is_register(texts[0]), mnemonic, " takes a register and a value");
  const Reg rd{uint8_t(find_register(texts[0].begin->text))};
  const Value value = value_of(texts[1]);
  BITLOOM_CHECK(!value.known || (value.number >= -(int64_t(1) << 31) && value.number < int64_t(1) << 32), mnemonic, ": ",
                value.number, " does not fit into 32 bits");
  const int32_t number = int32_t(uint32_t(value.number));
  if (mnemonic != "li") return emit(load_address(rd, int32_t(uint32_t(number) - address())));
  std::vector<Insn> insns = load_immediate(rd, number);
  if (settle(value.known && !value.is_address() ? insns.size() : 2) > insns.size()) {
    Insn filler = blank(Op::addi);
    filler.rd = filler.rs1 = rd.index;
    insns.push_back(filler);
  }
  emit(insns);
}

// "lw a0, symbol" and "sw a0, symbol, t0": auipc and the access; false for anything else.
bool TextAssembler::access_symbol(const std::string& mnemonic, const std::vector<TokenRange>& texts) {
  const auto names_register = [](TokenRange text) {
    return std::any_of(text.begin, text.end, [](const Token& t) { return is_register({&t, &t + 1}); });
  };
  const std::vector<Op>& rows = rows_of(mnemonic);
  if (rows.empty() || mnemonic.compare(0, 2, "p.") == 0 || mnemonic.compare(0, 2, "c.") == 0) return false;
  const bool is_store = row(rows[0]).timing == Timing::kStore;
  if (!is_store && row(rows[0]).timing != Timing::kLoad) return false;
  if (texts.size() != (is_store ? 3 : 2) || !is_register(texts[0]) || names_register(texts[1])) return false;
  if ((is_store && !is_register(texts[2])) || (texts[1].size() == 1 && texts[1].begin->kind == Token::kNumber)) return false;
  const uint8_t at = uint8_t(find_register(texts.back().size() == 1 && is_store ? texts[2].begin->text : texts[0].begin->text));
  const uint32_t distance = uint32_t(value_of(texts[1]).number) - address();
  Insn access = blank(rows[0]);
  (is_store ? access.rs2 : access.rd) = uint8_t(find_register(texts[0].begin->text));
  access.rs1 = at;
  access.imm = low_part(distance);
  emit({load_address(Reg{at}, int32_t(distance))[0], access});
  return true;
}

}  // namespace bitloom::mpic
