// Expressions of assembly text.
#pragma once
#include <cstdint>
#include <functional>

#include "mpic/program/assembler/lexer.h"

namespace bitloom::mpic {

// A number or, in a section, an address. `known` is false while sections have no place yet, or for symbols that are defined further below.
struct Value {
  static constexpr int kNumber = -1;
  int64_t number = 0;
  int section = kNumber;
  bool known = true;
  bool is_address() const { return section != kNumber; }
};

// Tokens [begin, end).
struct TokenRange {
  const Token* begin = nullptr;
  const Token* end = nullptr;
  bool empty() const { return begin == end; }
  size_t size() const { return size_t(end - begin); }
};

// The value of a name, "." or local label.
using Resolver = std::function<Value(const Token&)>;

// Operators from strong to weak, as GNU as has them: - ~ (prefix); * / << >>; | & ^; + -. %hi() and %lo() split an address for lui and a
// 12-bit offset. Arithmetic is modulo 2^64; >> keeps the sign. Error for what is no expression and for division by 0.
Value evaluate(TokenRange tokens, const Resolver& resolve);

}  // namespace bitloom::mpic
