// Expressions of assembly text.
#include "mpic/program/assembler/expression.h"

#include <cstring>

#include "core/error.h"

namespace bitloom::mpic {
namespace {

// Addresses go through + and -; what else is done to one is a number, once the address is known.
Value combine(const std::string& op, const Value& a, const Value& b) {
  Value result;
  result.known = a.known && b.known;
  const uint64_t x = uint64_t(a.number), y = uint64_t(b.number);
  if (op == "+") {
    BITLOOM_CHECK(!(a.is_address() && b.is_address()) || !result.known, "an address is added to an address");
    result.section = a.is_address() ? a.section : b.section;
    result.number = int64_t(x + y);
    return result;
  }
  if (op == "-") {
    BITLOOM_CHECK(a.is_address() || !b.is_address() || !result.known, "an address is subtracted from a number");
    if (!b.is_address()) result.section = a.section;
    if (a.section == b.section && a.is_address()) result.known = true;
    result.number = int64_t(x - y);
    return result;
  }
  switch (op[0]) {
    case '*': result.number = int64_t(x * y); break;
    case '/':
      BITLOOM_CHECK(b.number != 0 || !result.known, "division by 0");
      if (b.number == -1)
        result.number = int64_t(0 - x);
      else if (b.number != 0)
        result.number = a.number / b.number;
      break;
    case '&': result.number = int64_t(x & y); break;
    case '|': result.number = int64_t(x | y); break;
    case '^': result.number = int64_t(x ^ y); break;
    default:
      BITLOOM_CHECK(b.number >= 0 || !result.known, "a shift by ", b.number);
      if (y > 63)
        result.number = op == ">>" && a.number < 0 ? -1 : 0;
      else
        result.number = op == "<<" ? int64_t(x << y) : a.number >> y;
  }
  return result;
}

class Parser {
 public:
  Parser(TokenRange tokens, const Resolver& resolve) : at_(tokens.begin), end_(tokens.end), resolve_(resolve) {}

  Value all() {
    const Value value = binary(0);
    BITLOOM_CHECK(at_ == end_, "'", at_->text, "' is unexpected here");
    return value;
  }

 private:
  static constexpr const char* kOperators[3] = {"+ - ", "| & ^ ", "* / << >> "};
  static constexpr int kMaxDepth = 100;

  bool is_operator(int level) const {
    if (at_ == end_ || at_->kind != Token::kPunctuation || at_->text == "(") return false;
    return std::strstr(kOperators[level], (at_->text + " ").c_str()) != nullptr;
  }

  Value binary(int level) {
    if (level == 3) return prefix();
    Value value = binary(level + 1);
    while (is_operator(level)) {
      const std::string& op = (at_++)->text;
      value = combine(op, value, binary(level + 1));
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
      value = combine("-", Value(), prefix());
    } else if (t.is("+")) {
      value = prefix();
    } else if (t.is("~")) {
      value = combine("^", prefix(), {-1});
    } else if (t.is("%hi") || t.is("%lo")) {
      BITLOOM_CHECK(at_ != end_ && at_->is("("), t.text, " wants '('");
      ++at_;
      value = part(t.text == "%hi", parenthesized());
    } else {
      BITLOOM_CHECK(t.kind == Token::kName || t.kind == Token::kLocal, "'", t.text, "' is no expression");
      value = resolve_(t);
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

  static Value part(bool high, const Value& of) {
    const uint32_t bits = uint32_t(of.number);
    const int32_t low = int32_t(bits << 20) >> 20;
    return {high ? int64_t((bits - uint32_t(low)) >> 12) : low, Value::kNumber, of.known};
  }

  const Token *at_, *end_;
  const Resolver& resolve_;
  int depth_ = 0;
};

}  // namespace

Value evaluate(TokenRange tokens, const Resolver& resolve) { return Parser(tokens, resolve).all(); }

}  // namespace bitloom::mpic
