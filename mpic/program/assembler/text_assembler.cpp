// The two passes: labels, symbols, sections.
#include "mpic/program/assembler/text_assembler.h"

#include <algorithm>

#include "core/error.h"
#include "mpic/isa/names.h"
#include "mpic/program/assembler.h"

namespace bitloom::mpic {

std::vector<TokenRange> split_operands(TokenRange tokens) {
  std::vector<TokenRange> operands;
  if (tokens.empty()) return operands;
  int depth = 0;
  const Token* begin = tokens.begin;
  for (const Token* t = tokens.begin; t != tokens.end; ++t) {
    depth += t->is("(") ? 1 : t->is(")") ? -1 : 0;
    if (depth != 0 || !t->is(",")) continue;
    operands.push_back({begin, t});
    begin = t + 1;
  }
  operands.push_back({begin, tokens.end});
  for (const TokenRange& o : operands) BITLOOM_CHECK(!o.empty(), "an operand is missing beside a comma");
  return operands;
}

const std::string& single_name(TokenRange tokens, const char* what) {
  BITLOOM_CHECK(tokens.size() == 1 && tokens.begin->kind == Token::kName, what, " is expected to be one name");
  return tokens.begin->text;
}

TextAssembler::TextAssembler(const std::string& text, const std::string& name, uint32_t base) : name_(name), base_(base) {
  try {
    statements_ = split_statements(text);
  } catch (const Error& e) {
    throw Error(name + ":" + e.what());
  }
}

Image TextAssembler::run() {
  pass();
  place_sections();
  second_pass_ = true;
  pass();
  return image();
}

void TextAssembler::pass() {
  current_ = kText;
  loads_seen_ = 0;
  locals_seen_.clear();
  for (Section& s : sections_) s.size = 0;
  for (const Statement& s : statements_) {
    try {
      statement(s);
    } catch (const Error& e) {
      throw Error(str(name_, ":", s.line, ": ", e.what()));
    }
  }
}

void TextAssembler::place_sections() {
  uint64_t at = base_;
  for (Section& s : sections_) {
    if (s.size == 0) s.alignment = 1;
    const uint64_t begin = (at + s.alignment - 1) / s.alignment * s.alignment;
    BITLOOM_CHECK(&s != &sections_[kText] || begin == at, name_, ": .text is aligned to ", s.alignment,
                  " bytes, but begins at ", hex(at), "; choose another base");
    s.base = begin;
    at = begin + s.size;
  }
  BITLOOM_CHECK(at <= uint64_t(1) << 32, name_, ": the program ends at ", hex(at), ", above 4 GiB");
}

Image TextAssembler::image() const {
  Image image;
  Image::Segment all;
  all.address = uint32_t(base_);
  all.bytes = sections_[kText].bytes;
  if (sections_[kData].size > 0) {
    all.bytes.resize(sections_[kData].base - base_);
    all.bytes.insert(all.bytes.end(), sections_[kData].bytes.begin(), sections_[kData].bytes.end());
  }
  const Section& bss = sections_[kBss];
  all.size = bss.size > 0 ? bss.base + bss.size - base_ : all.bytes.size();
  if (all.size > 0) image.segments.push_back(std::move(all));
  const Section& text = sections_[kText];
  if (text.size > 0) image.code.push_back({text.base, text.base + text.size});

  image.entry = uint32_t(base_);
  for (const auto& [name, state] : symbols_) {
    if (!state.is_label) continue;
    Symbol symbol{name, uint32_t(state.value.number + int64_t(sections_[state.value.section].base)), state.size, state.kind};
    if (name == "_start") image.entry = symbol.address;
    if (name.rfind(".L", 0) == 0) continue;
    const bool is_code = state.value.section == kText;
    if (symbol.kind == SymbolKind::kLabel && is_code && (state.is_global || called_.count(symbol.address) != 0))
      symbol.kind = SymbolKind::kFunction;
    if (symbol.kind == SymbolKind::kLabel && !is_code) symbol.kind = SymbolKind::kObject;
    image.symbols.push_back(std::move(symbol));
  }
  std::sort(image.symbols.begin(), image.symbols.end(),
            [](const Symbol& a, const Symbol& b) { return a.address != b.address ? a.address < b.address : a.name < b.name; });
  return image;
}

void TextAssembler::statement(const Statement& statement) {
  const Token* t = statement.tokens.data();
  const Token* const end = t + statement.tokens.size();
  while (end - t >= 2 && t[1].is(":")) {
    define_label(*t);
    t += 2;
  }
  if (t == end) return;
  BITLOOM_CHECK(t->kind == Token::kName, "an instruction, directive or label is expected");
  const TokenRange operands = {t + 1, end};
  if (!operands.empty() && operands.begin->is("="))
    define_variable(t->text, {t + 2, end});
  else if (t->text[0] == '.')
    directive(t->text, operands);
  else
    instruction(t->text, operands);
}

void TextAssembler::define_label(const Token& token) {
  const Value here{int64_t(section().size), current_, false};
  if (token.kind == Token::kNumber) {
    if (!is_second_pass()) locals_[token.number].push_back(here);
    ++locals_seen_[token.number];
    return;
  }
  BITLOOM_CHECK(token.kind == Token::kName, "'", token.text, "' cannot be a label");
  BITLOOM_CHECK(find_register(token.text) < 0, "'", token.text, "' is a register, not a label");
  SymbolState& state = symbols_[token.text];
  if (is_second_pass()) return;
  BITLOOM_CHECK(!state.is_label && !state.is_variable, "symbol '", token.text, "' is defined twice");
  state.is_label = true;
  state.value = here;
}

void TextAssembler::define_variable(const std::string& name, TokenRange expression) {
  BITLOOM_CHECK(find_register(name) < 0, "'", name, "' is a register, not a symbol");
  SymbolState& state = symbols_[name];
  BITLOOM_CHECK(!state.is_label, "symbol '", name, "' is defined twice");
  Value value = value_of(expression);
  if (is_second_pass() && value.is_address()) value.number -= int64_t(sections_[value.section].base);
  state.value = value;
  state.is_variable = true;
}

Value TextAssembler::resolve(const Token& token) const {
  Value value;
  if (token.kind == Token::kLocal) {
    const auto places = locals_.find(token.number);
    const auto seen = locals_seen_.find(token.number);
    const size_t above = seen == locals_seen_.end() ? 0 : seen->second;
    const size_t index = token.text == "b" ? above - 1 : above;  // wraps to a place that does not exist
    if (places == locals_.end() || index >= places->second.size()) {
      BITLOOM_CHECK(!is_second_pass(), "there is no label ", token.number, token.text == "b" ? " above" : " below");
      return {0, Value::kNumber, false};
    }
    value = places->second[index];
  } else if (token.is(".")) {
    value = {int64_t(section().size), current_, false};
  } else {
    BITLOOM_CHECK(find_register(token.text) < 0, "register ", token.text, " cannot be part of an expression");
    const auto found = symbols_.find(token.text);
    if (found == symbols_.end() || !(found->second.is_label || found->second.is_variable)) {
      BITLOOM_CHECK(!is_second_pass(), "symbol '", token.text, "' is not defined");
      return {0, Value::kNumber, false};
    }
    value = found->second.value;
    BITLOOM_CHECK(!is_second_pass() || value.known || value.is_address(), "symbol '", token.text,
                  "' is used above a definition that depends on addresses");
  }
  if (is_second_pass() && value.is_address()) {
    value.number += int64_t(sections_[value.section].base);
    value.known = true;
  }
  return value;
}

Value TextAssembler::value_of(TokenRange expression) const {
  return evaluate(expression, [this](const Token& t) { return resolve(t); });
}

int64_t TextAssembler::number_now(TokenRange expression) const {
  const Value value = value_of(expression);
  BITLOOM_CHECK(!value.is_address(), "a number is expected, not an address");
  BITLOOM_CHECK(value.known, "this must be known here: symbols in it have to be defined above");
  return value.number;
}

Image assemble(const std::string& text, const std::string& name, uint32_t base) {
  return TextAssembler(text, name, base).run();
}

uint32_t assemble_word(const std::string& instruction) {
  const Image image = assemble(instruction, "<instruction>", 0);
  BITLOOM_CHECK(image.segments.size() == 1 && image.segments[0].bytes.size() <= 4, "'", instruction,
                "' is not one instruction");
  uint32_t word = 0;
  for (size_t i = 0; i < image.segments[0].bytes.size(); ++i) word |= uint32_t(image.segments[0].bytes[i]) << 8 * i;
  return word;
}

}  // namespace bitloom::mpic
