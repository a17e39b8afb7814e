// Assembly text as statements, and statements as tokens.
#include "mpic/program/assembler/lexer.h"

#include <algorithm>
#include <cctype>

#include "core/error.h"

namespace bitloom::mpic {
namespace {

int digit(char c) { return std::isdigit(uint8_t(c)) != 0 ? c - '0' : std::isalpha(uint8_t(c)) != 0 ? (c | 32) - 'a' + 10 : 99; }

// Characters of a text, '\0' behind its end.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

 protected:
  bool at_end() const { return at_ >= text_.size(); }
  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  // One character of a quoted text, the escape that it may be written as resolved. \x takes all digits and keeps the low 8 bits.
  char escaped() {
    BITLOOM_CHECK(!at_end() && peek() != '\n', "a quoted text does not end on its line");
    const char c = text_[at_++];
    if (c != '\\') return c;
    const char e = peek();
    ++at_;
    switch (e) {
      case 'n': return '\n';
      case 't': return '\t';
      case 'r': return '\r';
      case 'b': return '\b';
      case 'f': return '\f';
      case '\\':
      case '"':
      case '\'': return e;
      default: break;
    }
    const int base = e == 'x' || e == 'X' ? 16 : 8;
    if (base == 8) --at_;
    BITLOOM_CHECK(digit(peek()) < base, "unknown escape \\", e);
    unsigned value = 0;
    for (int i = 0; (base == 16 || i < 3) && digit(peek()) < base; ++i)
      value = value * unsigned(base) + unsigned(digit(text_[at_++]));
    return char(uint8_t(value));
  }

  std::string_view text_;
  size_t at_ = 0;
};

class Splitter : Reader {
 public:
  Splitter(std::string_view text, bool for_preprocessor) : Reader(text), for_preprocessor_(for_preprocessor) {}

  std::vector<Line> run() {
    try {
      while (!at_end()) next();
    } catch (const Error& e) {
      throw Error(str(line_, ": ", e.what()));
    }
    end_statement();
    return std::move(lines_);
  }

 private:
  void next() {
    const char c = peek();
    if (c == '\n' || c == ';') {
      ++at_;
      end_statement();
      if (c == '\n') ++line_;
    } else if (c == '#') {
      if (for_preprocessor_) check_preprocessor();
      skip_line();
    } else if (c == '/' && peek(1) == '/') {
      skip_line();
    } else if (c == '/' && peek(1) == '*') {
      skip_comment();
      blank_ = true;
    } else if (std::isspace(uint8_t(c)) != 0) {
      ++at_;
      blank_ = true;
    } else if (c == '\'') {
      ++at_;
      add(std::to_string(int(uint8_t(escaped()))));
      if (peek() == '\'') ++at_;
    } else if (c == '"') {
      add(quoted());
    } else {
      ++at_;
      add(std::string_view(&c, 1));
    }
  }

  void add(std::string_view text) {
    const auto is_word = [](char c) { return continues_name(c) || c == '\\' || c == '?' || c == '"'; };
    std::string& to = current_.text;
    if (to.empty()) {
      current_.number = line_;
      is_first_word_ = true;
    } else if (blank_ && is_word(to.back()) && (is_first_word_ || is_word(text[0]))) {
      to += ' ';
      is_first_word_ = false;
    }
    if (text == ":") is_first_word_ = true;
    to += text;
    blank_ = false;
  }

  std::string quoted() {
    const size_t begin = at_++;
    while (peek() != '"' || at_end()) {
      BITLOOM_CHECK(!at_end() && peek() != '\n', "a quoted text does not end on its line");
      at_ += peek() == '\\' && peek(1) != '\n' ? 2 : 1;
    }
    ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  void end_statement() {
    if (!current_.text.empty()) lines_.push_back(std::move(current_));
    current_ = {};
    blank_ = false;
  }
  void skip_line() {
    while (!at_end() && peek() != '\n') ++at_;
  }
  void skip_comment() {
    const size_t end = text_.find("*/", at_ + 2);
    BITLOOM_CHECK(end != std::string_view::npos, "this comment never ends");
    line_ += int(std::count(text_.begin() + std::ptrdiff_t(at_), text_.begin() + std::ptrdiff_t(end), '\n'));
    at_ = end + 2;
  }
  void check_preprocessor() const {
    if (at_ != 0 && text_[at_ - 1] != '\n') return;
    for (const char* word : {"#include", "#define", "#undef", "#if", "#else", "#endif"})
      BITLOOM_CHECK(text_.compare(at_, std::string_view(word).size(), word) != 0, word,
                    " needs the C preprocessor: run `riscv64-unknown-elf-gcc -E` first");
  }

  bool for_preprocessor_;
  int line_ = 1;
  Line current_;
  bool blank_ = false, is_first_word_ = true;
  std::vector<Line> lines_;
};

class Tokenizer : Reader {
 public:
  explicit Tokenizer(std::string_view statement) : Reader(statement) {}

  std::vector<Token> run() {
    while (!at_end()) {
      if (std::isspace(uint8_t(peek())) != 0)
        ++at_;
      else
        tokens_.push_back(token());
    }
    return std::move(tokens_);
  }

 private:
  // Behind one, % is an operator.
  bool is_behind_value() const {
    return !tokens_.empty() && (tokens_.back().kind != Token::kPunctuation || tokens_.back().text == ")") && tokens_.size() > 1;
  }

  Token token() {
    const char c = peek();
    if (c == '%' && is_behind_value()) return punctuation();
    if (begins_name(c)) return name();
    if (std::isdigit(uint8_t(c)) != 0) return number();
    if (c == '"') return string();
    return punctuation();
  }

  Token punctuation() {
    static constexpr std::string_view kPairs[] = {"<<", ">>", "<=", ">=", "<>", "==", "!=", "&&", "||"};
    const bool is_pair = std::find(std::begin(kPairs), std::end(kPairs), text_.substr(at_, 2)) != std::end(kPairs);
    const char c = peek();
    BITLOOM_CHECK(std::string_view("+-*/%&|^~!(),:=<>").find(c) != std::string_view::npos, "unexpected character ",
                  std::isprint(uint8_t(c)) != 0 ? std::string("'") + c + "'" : str("with code ", int(uint8_t(c))));
    Token t;
    t.kind = Token::kPunctuation;
    t.text = text_.substr(at_, is_pair ? 2 : 1);
    at_ += t.text.size();
    return t;
  }

  Token name() {
    Token t;
    const size_t begin = at_++;
    while (continues_name(peek())) ++at_;
    t.text = text_.substr(begin, at_ - begin);
    return t;
  }

  // "0f1.5", "1.5", "2e-3".
  bool real(Token* t) {
    const size_t begin = at_;
    if (peek() == '0' && std::string_view("fdr").find(char(peek(1) | 32)) != std::string_view::npos &&
        (digit(peek(2)) < 10 || peek(2) == '-' || peek(2) == '+'))
      at_ += 2;
    const size_t digits = at_;
    if (peek() == '-' || peek() == '+') ++at_;
    while (digit(peek()) < 10) ++at_;
    const bool is_real = digits != begin || (peek() == '.' && digit(peek(1)) < 10) ||
                         ((peek() | 32) == 'e' && (digit(peek(1)) < 10 || peek(1) == '-' || peek(1) == '+'));
    if (!is_real) {
      at_ = begin;
      return false;
    }
    while (digit(peek()) < 10 || peek() == '.' || (peek() | 32) == 'e' ||
           ((peek() == '-' || peek() == '+') && (text_[at_ - 1] | 32) == 'e'))
      ++at_;
    t->kind = Token::kReal;
    t->text = text_.substr(digits, at_ - digits);
    return true;
  }

  // 12, 0x1f, 0b101, 017; 1b and 1f refer to local labels.
  Token number() {
    Token t;
    if (real(&t)) return t;
    t.kind = Token::kNumber;
    const size_t begin = at_;
    int base = 10;
    const char second = char(peek(1) | 32);
    if (peek() == '0' && (second == 'x' || (second == 'b' && digit(peek(2)) < 2))) {
      base = second == 'x' ? 16 : 2;
      at_ += 2;
      BITLOOM_CHECK(digit(peek()) < base, "a number ends after its prefix");
    } else if (peek() == '0' && digit(peek(1)) < 10) {
      base = 8;
    }
    uint64_t value = 0;
    for (; digit(peek()) < base; ++at_) {
      const uint64_t next = value * uint64_t(base) + uint64_t(digit(peek()));
      BITLOOM_CHECK(value <= ~uint64_t(0) / uint64_t(base) && next >= value, "a number does not fit into 64 bits");
      value = next;
    }
    t.number = int64_t(value);
    t.text = text_.substr(begin, at_ - begin);
    if (base == 10 && (peek() == 'b' || peek() == 'f') && !continues_name(peek(1))) {
      t.kind = Token::kLocal;
      t.text = std::string(1, text_[at_++]);
    }
    BITLOOM_CHECK(!continues_name(peek()), "'", peek(), "' in a number");
    return t;
  }

  Token string() {
    Token t;
    t.kind = Token::kString;
    for (++at_; peek() != '"' || at_end();) t.text += escaped();
    ++at_;
    return t;
  }

  std::vector<Token> tokens_;
};

}  // namespace

bool begins_name(char c) {
  return std::isalpha(uint8_t(c)) != 0 || (c != 0 && std::string_view("_.$%@").find(c) != std::string_view::npos);
}
bool continues_name(char c) { return std::isalnum(uint8_t(c)) != 0 || c == '_' || c == '.' || c == '$'; }

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = char(std::tolower(uint8_t(c)));
  return lower;
}

std::vector<Line> split_lines(const std::string& text, bool for_preprocessor) { return Splitter(text, for_preprocessor).run(); }

std::vector<Token> tokenize(std::string_view statement) { return Tokenizer(statement).run(); }

}  // namespace bitloom::mpic
