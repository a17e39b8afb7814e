// Conditions of assembly text.
#include "core/error.h"
#include "mpic/program/assembler/macros.h"

namespace bitloom::mpic {
namespace {

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t");
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

// "a, b": are they the same text?
bool is_same(const std::string& name, const std::string& rest) {
  size_t comma = 0;
  for (bool is_quoted = false; comma < rest.size() && (rest[comma] != ',' || is_quoted); ++comma) {
    if (rest[comma] == '"') is_quoted = !is_quoted;
    if (rest[comma] == '\\' && is_quoted) ++comma;
  }
  BITLOOM_CHECK(comma < rest.size(), name, " wants two texts");
  return trimmed(rest.substr(0, comma)) == trimmed(rest.substr(comma + 1));
}

bool is_condition(const std::string& name) {
  static const char* const kNames[] = {".if",   ".ifdef", ".ifndef", ".ifnotdef", ".ifeq", ".ifne", ".ifge",  ".ifgt",
                                       ".ifle", ".iflt",  ".ifb",    ".ifnb",     ".ifc",  ".ifnc", ".ifeqs", ".ifnes"};
  for (const char* known : kNames)
    if (name == known) return true;
  BITLOOM_CHECK(name.compare(0, 3, ".if") != 0, "unknown condition ", name);
  return false;
}

}  // namespace

bool Macros::holds(const std::string& name, const std::string& rest, const std::string& statement) {
  if (name == ".ifb" || name == ".ifnb") return trimmed(rest).empty() == (name == ".ifb");
  if (name == ".ifc" || name == ".ifeqs") return is_same(name, rest);
  if (name == ".ifnc" || name == ".ifnes") return !is_same(name, rest);
  if (name == ".ifdef" || name == ".ifndef" || name == ".ifnotdef") {
    BITLOOM_CHECK(!rest.empty(), name, " wants a symbol");
    return ask_.is_defined(trimmed(rest)) == (name == ".ifdef");
  }
  const int64_t value = ask_.evaluate(statement);
  if (name == ".ifeq") return value == 0;
  if (name == ".ifge") return value >= 0;
  if (name == ".ifgt") return value > 0;
  if (name == ".ifle") return value <= 0;
  if (name == ".iflt") return value < 0;
  return value != 0;  // .if, .ifne, .elseif
}

// Whether the statement is one of conditions, which is then carried out.
bool Macros::condition(const std::string& name, const std::string& rest, const std::string& statement) {
  if (name.compare(0, 3, ".if") == 0 && (is_skipping() || is_condition(name))) {
    const bool is_enclosed_active = !is_skipping();
    const bool is_active = is_enclosed_active && holds(name, rest, statement);
    conditions_.push_back({is_active, is_active, is_enclosed_active, false, place_.line});
    return true;
  }
  if (name != ".else" && name != ".elseif" && name != ".endif") return false;
  BITLOOM_CHECK(conditions_.size() > inputs_.back().open_conditions, name, " without .if");
  Condition& c = conditions_.back();
  if (name == ".endif") {
    conditions_.pop_back();
    return true;
  }
  BITLOOM_CHECK(!c.has_else, name, " behind .else");
  c.has_else = name == ".else";
  c.is_active = c.is_enclosed_active && !c.was_taken && (name == ".else" || holds(name, rest, statement));
  c.was_taken = c.was_taken || c.is_active;
  return true;
}

}  // namespace bitloom::mpic
