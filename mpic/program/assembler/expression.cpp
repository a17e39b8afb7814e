// Expressions of assembly text.
#include "mpic/program/assembler/expression.h"

#include <algorithm>
#include <string_view>

#include "core/error.h"

namespace bitloom::mpic {
namespace {

enum class Operator : uint8_t {
  kOr,
  kAnd,
  kEqual,
  kUnequal,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kAdd,
  kSubtract,
  kBitOr,
  kBitAnd,
  kBitXor,
  kBitOrNot,
  kMultiply,
  kDivide,
  kRemainder,
  kShiftLeft,
  kShiftRight
};

constexpr int kStrongest = 5;
constexpr struct {
  std::string_view text;
  Operator op;
  int strength;
} kOperators[] = {
    {"||", Operator::kOr, 0},        {"&&", Operator::kAnd, 1},        {"==", Operator::kEqual, 2},
    {"!=", Operator::kUnequal, 2},   {"<>", Operator::kUnequal, 2},    {"<", Operator::kLess, 2},
    {"<=", Operator::kLessEqual, 2}, {">", Operator::kGreater, 2},     {">=", Operator::kGreaterEqual, 2},
    {"+", Operator::kAdd, 3},        {"-", Operator::kSubtract, 3},    {"|", Operator::kBitOr, 4},
    {"&", Operator::kBitAnd, 4},     {"^", Operator::kBitXor, 4},      {"!", Operator::kBitOrNot, 4},
    {"*", Operator::kMultiply, 5},   {"/", Operator::kDivide, 5},      {"%", Operator::kRemainder, 5},
    {"<<", Operator::kShiftLeft, 5}, {">>", Operator::kShiftRight, 5},
};

int64_t shift(Operator op, int64_t value, int64_t by) {
  if (by > 63 || by < 0) return op == Operator::kShiftRight && value < 0 ? -1 : 0;
  return op == Operator::kShiftLeft ? int64_t(uint64_t(value) << by) : value >> by;
}

// Of two numbers; division by 0 gives 0.
int64_t compute(Operator op, int64_t a, int64_t b) {
  const uint64_t x = uint64_t(a), y = uint64_t(b);
  switch (op) {
    case Operator::kOr: return a != 0 || b != 0;
    case Operator::kAnd: return a != 0 && b != 0;
    case Operator::kEqual: return -int64_t(a == b);
    case Operator::kUnequal: return -int64_t(a != b);
    case Operator::kLess: return -int64_t(a < b);
    case Operator::kLessEqual: return -int64_t(a <= b);
    case Operator::kGreater: return -int64_t(a > b);
    case Operator::kGreaterEqual: return -int64_t(a >= b);
    case Operator::kAdd: return int64_t(x + y);
    case Operator::kSubtract: return int64_t(x - y);
    case Operator::kBitOr: return int64_t(x | y);
    case Operator::kBitAnd: return int64_t(x & y);
    case Operator::kBitXor: return int64_t(x ^ y);
    case Operator::kBitOrNot: return int64_t(x | ~y);
    case Operator::kMultiply: return int64_t(x * y);
    case Operator::kDivide: return b == 0 ? 0 : b == -1 ? int64_t(0 - x) : a / b;
    case Operator::kRemainder: return b == 0 || b == -1 ? 0 : a % b;
    case Operator::kShiftLeft:
    case Operator::kShiftRight: return shift(op, a, b);
  }
  return 0;
}

// Addresses go through + and -; what else is done to one is a number, once the address is known.
Value combine(Operator op, const Value& a, const Value& b) {
  Value result;
  result.known = a.known && b.known;
  result.number = compute(op, a.number, b.number);
  const bool is_within_section = a.is_address() && a.section == b.section;
  if (op == Operator::kAdd) {
    BITLOOM_CHECK(!(a.is_address() && b.is_address()) || !result.known, "an address is added to an address");
    result.section = a.is_address() ? a.section : b.section;
  } else if (op == Operator::kSubtract) {
    BITLOOM_CHECK(a.is_address() || !b.is_address() || !result.known, "an address is subtracted from a number");
    if (!b.is_address()) result.section = a.section;
    if (is_within_section) result.known = true;
  } else if (op >= Operator::kEqual && op <= Operator::kGreaterEqual) {
    if (is_within_section) result.known = true;
  } else if (result.known) {
    BITLOOM_CHECK(b.number != 0 || (op != Operator::kDivide && op != Operator::kRemainder), "division by 0");
    BITLOOM_CHECK(b.number >= 0 || (op != Operator::kShiftLeft && op != Operator::kShiftRight), "a shift by ", b.number);
  }
  return result;
}

class Parser {
 public:
  Parser(TokenRange tokens, Resolver& resolver) : at_(tokens.begin), end_(tokens.end), resolver_(resolver) {}

  Value all() {
    const Value value = binary(0);
    BITLOOM_CHECK(at_ == end_, "'", at_->text, "' is unexpected here");
    return value;
  }

 private:
  static constexpr int kMaxDepth = 100;

  const Operator* operator_of(int strength) const {
    if (at_ == end_ || at_->kind != Token::kPunctuation) return nullptr;
    for (const auto& o : kOperators)
      if (o.strength == strength && o.text == at_->text) return &o.op;
    return nullptr;
  }

  Value binary(int strength) {
    if (strength > kStrongest) return prefix();
    Value value = binary(strength + 1);
    while (const Operator* op = operator_of(strength)) {
      ++at_;
      value = combine(*op, value, binary(strength + 1));
    }
    return value;
  }

  Value prefix() {
    BITLOOM_CHECK(at_ != end_, "an expression ends too early");
    BITLOOM_CHECK(++depth_ < kMaxDepth, "an expression is nested too deeply");
    const Token& t = *at_++;
    Value value;
    if (t.kind == Token::kNumber) {
      value.number = t.number;
    } else if (t.is("(")) {
      value = parenthesized();
    } else if (t.is("-")) {
      value = combine(Operator::kSubtract, Value(), prefix());
    } else if (t.is("+")) {
      value = prefix();
    } else if (t.is("~")) {
      value = combine(Operator::kBitXor, prefix(), {-1});
    } else if (t.is("!")) {
      value = prefix();
      value = {value.number == 0, Value::kNumber, value.known};
    } else if (t.kind == Token::kName && t.text[0] == '%') {
      value = function(t.text);
    } else {
      BITLOOM_CHECK(t.kind == Token::kName || t.kind == Token::kLocal, "'", t.text, "' is no expression");
      value = resolver_.resolve(t);
      if (at_ != end_ && at_->is("@plt")) ++at_;
    }
    --depth_;
    return value;
  }

  Value parenthesized() {
    const Value value = binary(0);
    BITLOOM_CHECK(at_ != end_ && at_->is(")"), "')' is missing");
    ++at_;
    return value;
  }

  Value function(const std::string& name) {
    BITLOOM_CHECK(at_ != end_ && at_->is("("), name, " wants '('");
    ++at_;
    const Value of = parenthesized();
    if (name == "%hi") return {high_part(uint32_t(of.number)), Value::kNumber, of.known};
    if (name == "%lo") return {low_part(uint32_t(of.number)), Value::kNumber, of.known};
    return resolver_.relocate(name, of);
  }

  const Token *at_, *end_;
  Resolver& resolver_;
  int depth_ = 0;
};

}  // namespace

Value evaluate(TokenRange tokens, Resolver& resolver) { return Parser(tokens, resolver).all(); }

int32_t low_part(uint32_t value) { return int32_t(value << 20) >> 20; }
uint32_t high_part(uint32_t value) { return (value - uint32_t(low_part(value))) >> 12; }

}  // namespace bitloom::mpic
