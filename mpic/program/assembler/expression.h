// Expressions of assembly text.
#pragma once
#include <cstdint>

#include "mpic/program/assembler/lexer.h"

namespace bitloom::mpic {

// A number or, in a section, an address. `known` is false while sections have no place yet, or for symbols that are defined further below.
struct Value {
  static constexpr int kNumber = -1;
  int64_t number = 0;
  int section = kNumber;
  bool known = true;
  bool is_address() const { return section != kNumber; }
  bool operator==(const Value& other) const {
    return number == other.number && section == other.section && known == other.known;
  }
};

// Tokens [begin, end).
struct TokenRange {
  const Token* begin = nullptr;
  const Token* end = nullptr;
  bool empty() const { return begin == end; }
  size_t size() const { return size_t(end - begin); }
};

// What an expression asks of the text around it.
class Resolver {
 public:
  virtual ~Resolver() = default;
  // The value of a name, "." or local label.
  virtual Value resolve(const Token& token) = 0;
  // What %pcrel_hi and other functions that depend on the place make of an address.
  virtual Value relocate(const std::string& function, const Value& of) = 0;
};

// Operators from strong to weak, as GNU as has them: - ~ ! (prefix); * / % << >>; | & ^ ! (or not); + -; == != <> < <= > >=, which are -1 or
// 0; &&; ||. %hi() and %lo() split an address for lui and a 12-bit offset. Arithmetic is modulo 2^64; >> keeps the sign. Error for what is
// no expression and for division by 0.
Value evaluate(TokenRange tokens, Resolver& resolver);

// The 20 bits of lui or auipc, and the signed 12 bits that are to be added.
uint32_t high_part(uint32_t value);
int32_t low_part(uint32_t value);

}  // namespace bitloom::mpic
