// The passes.
#include "mpic/program/assembler/text_assembler.h"

#include "core/error.h"
#include "mpic/isa/names.h"

namespace bitloom::mpic {
namespace {

constexpr int kMaxPasses = 100;

bool has_suffix(const std::string& name, const std::string& suffix) {
  return name.size() >= suffix.size() && name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0;
}

// What concerns debuggers, linkers and listings, and nothing here.
bool is_without_effect(const std::string& directive) {
  static const std::set<std::string> kNames = {
      ".option",    ".file",   ".loc",         ".loc_mark_labels", ".ident",      ".attribute",    ".gnu_attribute",
      ".addrsig",   ".ln",     ".addrsig_sym", ".variant_cc",      ".hidden",     ".line",         ".internal",
      ".protected", ".symver", ".list",        ".nolist",          ".noaltmacro", ".version",      ".psize",
      ".title",     ".sbttl",  ".eject",       ".print",           ".warning",    ".build_version"};
  return directive.compare(0, 5, ".cfi_") == 0 || kNames.count(directive) != 0;
}

}  // namespace

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

bool is_register(TokenRange text) {
  return text.size() == 1 && text.begin->kind == Token::kName && find_register(text.begin->text) >= 0;
}

TextAssembler::TextAssembler(const std::vector<SourceText>& sources, uint32_t base) : base_(base) {
  for (const SourceText& source : sources) {
    Unit unit;
    unit.name = source.name;
    try {
      unit.lines = split_lines(source.text, has_suffix(source.name, ".S"));
    } catch (const Error& e) {
      throw Error(source.name + ":" + e.what());
    }
    units_.push_back(std::move(unit));
  }
}

Image TextAssembler::run() {
  begin_pass(Phase::kExpand);
  for (size_t u = 0; u < units_.size(); ++u) {
    begin_unit(u);
    expand_unit();
  }
  link_globals();
  for (int passes = 0; has_moved_; ++passes) {
    BITLOOM_CHECK(passes < kMaxPasses, units_.back().name, ": addresses still move after ", kMaxPasses,
                  " passes: a symbol or size depends on itself");
    place_sections();
    pass(Phase::kMeasure);
  }
  pass(Phase::kEmit);
  return image();
}

void TextAssembler::begin_pass(Phase phase) {
  phase_ = phase;
  ++pass_;
  has_moved_ = phase == Phase::kExpand;
  next_grown_ = next_assigned_ = 0;
  total_size_ = 0;
  for (Section& s : sections_) s.size = 0;
}

void TextAssembler::begin_unit(size_t unit) {
  unit_ = unit;
  locals_seen_.clear();
  section_stack_.clear();
  enter_section(".text", 0, "", false);
  previous_ = current_;
}

void TextAssembler::pass(Phase phase) {
  begin_pass(phase);
  for (size_t u = 0; u < units_.size(); ++u) {
    begin_unit(u);
    for (const Statement& s : unit().statements) {
      try {
        statement(s);
      } catch (const Error& e) {
        fail(s.place, e);
      }
    }
  }
}

void TextAssembler::expand_unit() {
  // The expression behind the first word of a condition or repetition.
  const auto number_behind = [this](const std::string& text) {
    const std::vector<Token> tokens = tokenize(text);
    return number_now({tokens.data() + 1, tokens.data() + tokens.size()});
  };
  const auto is_defined = [this](const std::string& name) {
    const auto symbol = unit().symbols.find(name);
    return symbol != unit().symbols.end() && symbol->second.is_defined();
  };
  Macros macros(std::move(unit().lines), {is_defined, number_behind});
  try {
    for (std::string text; macros.next(&text);) record(macros.place(), text);
  } catch (const Error& e) {
    unit().expansions = std::move(macros.expansions());
    fail(macros.place(), e);
  }
  unit().expansions = std::move(macros.expansions());
}

// "t.s:2: message (in macro quit, used in line 10)"
void TextAssembler::fail(const Place& place, const Error& error) const {
  std::string context;
  for (int e = place.expansion; e >= 0 && context.size() < 200; e = unit().expansions[size_t(e)].used.expansion) {
    const Expansion& expansion = unit().expansions[size_t(e)];
    context += str(context.empty() ? " (in " : ", in ", expansion.what, " of line ", expansion.used.line);
  }
  throw Error(str(unit().name, ":", place.line, ": ", error.what(), context, context.empty() ? "" : ")"));
}

// Keeps a statement for the further passes, and carries it out for the first time.
void TextAssembler::record(const Place& place, const std::string& text) {
  std::string rest;
  const std::string word = first_word(text, &rest);
  if (is_without_effect(word)) return;
  const bool is_label = text.back() == ':', is_assignment = rest[0] == '=';
  if (section().kind == SectionKind::kDropped && !is_label && !is_assignment && symbol_directives().count(word) == 0) return;
  Statement s{place, tokenize(text)};
  if (s.tokens.empty()) return;  // an argument of other blanks than ' '
  Token& first = s.tokens.front();
  if (first.kind == Token::kName &&
      (s.tokens.size() == 1 || !(s.tokens[1].is(":") || s.tokens[1].is("=") || s.tokens[1].is("=="))))
    first.text = lower_case(first.text);
  unit().statements.push_back(std::move(s));
  statement(unit().statements.back());
}

void TextAssembler::statement(const Statement& statement) {
  const Token* const t = statement.tokens.data();
  const Token* const end = t + statement.tokens.size();
  if (end - t == 2 && t[1].is(":")) return define_label(*t);
  BITLOOM_CHECK(t->kind == Token::kName, "an instruction, directive or label is expected");
  const TokenRange operands = {t + 1, end};
  if (!operands.empty() && (operands.begin->is("=") || operands.begin->is("==")))
    define_variable(t->text, {t + 2, end});
  else if (t->text[0] == '.')
    directive(t->text, operands);
  else
    instruction(t->text, operands);
}

size_t TextAssembler::settle(size_t needed) {
  if (next_grown_ == grown_.size()) grown_.push_back(needed);
  size_t& grown = grown_[next_grown_++];
  if (needed > grown) {
    grown = needed;
    has_moved_ = true;
  }
  return grown;
}

Image assemble(const std::vector<SourceText>& sources, uint32_t base) {
  BITLOOM_CHECK(!sources.empty(), "there is no text to assemble");
  return TextAssembler(sources, base).run();
}

Image assemble(const std::string& text, const std::string& name, uint32_t base) { return assemble({{name, text}}, base); }

uint32_t assemble_word(const std::string& instruction) {
  const Image image = assemble(instruction, "<instruction>", 0);
  BITLOOM_CHECK(image.segments.size() == 1 && image.segments[0].bytes.size() <= 4, "'", instruction,
                "' is not one instruction");
  uint32_t word = 0;
  for (size_t i = 0; i < image.segments[0].bytes.size(); ++i) word |= uint32_t(image.segments[0].bytes[i]) << 8 * i;
  return word;
}

}  // namespace bitloom::mpic
