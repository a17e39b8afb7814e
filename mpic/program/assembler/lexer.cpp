// Assembly text as statements of tokens.
#include "mpic/program/assembler/lexer.h"

#include <cctype>
#include <string_view>

#include "core/error.h"

namespace bitloom::mpic {
namespace {

bool begins_name(char c) {
  return std::isalpha(uint8_t(c)) != 0 || (c != 0 && std::string_view("_.$%@").find(c) != std::string_view::npos);
}
bool continues_name(char c) { return std::isalnum(uint8_t(c)) != 0 || c == '_' || c == '.' || c == '$'; }
int digit(char c) { return std::isdigit(uint8_t(c)) != 0 ? c - '0' : std::isalpha(uint8_t(c)) != 0 ? (c | 32) - 'a' + 10 : 99; }

class Lexer {
 public:
  explicit Lexer(const std::string& text) : text_(text) {}

  std::vector<Statement> run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n' || c == ';') {
        ++at_;
        end_statement();
        if (c == '\n') ++line_;
      } else if (c == '#') {
        check_preprocessor();
        skip_line();
      } else if (c == '/' && peek(1) == '/') {
        skip_line();
      } else if (c == '/' && peek(1) == '*') {
        skip_comment();
      } else if (std::isspace(uint8_t(c)) != 0) {
        ++at_;
      } else {
        if (current_.tokens.empty()) current_.line = line_;
        current_.tokens.push_back(token());
      }
    }
    end_statement();
    return std::move(statements_);
  }

 private:
  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  void end_statement() {
    if (!current_.tokens.empty()) statements_.push_back(std::move(current_));
    current_ = {};
  }
  void skip_line() {
    while (at_ < text_.size() && text_[at_] != '\n') ++at_;
  }
  void skip_comment() {
    const int begin = line_;
    for (at_ += 2; !(peek() == '*' && peek(1) == '/'); ++at_) {
      BITLOOM_CHECK(at_ < text_.size(), begin, ": this comment never ends");
      if (text_[at_] == '\n') ++line_;
    }
    at_ += 2;
  }
  // A '#' begins a comment, but a file that was meant for the C preprocessor must not be misread.
  void check_preprocessor() const {
    if (at_ != 0 && text_[at_ - 1] != '\n') return;
    for (const char* word : {"#include", "#define", "#undef", "#if", "#else", "#endif"})
      BITLOOM_CHECK(text_.compare(at_, std::string_view(word).size(), word) != 0, line_, ": ", word,
                    " needs the C preprocessor: run `riscv64-unknown-elf-gcc -E` first");
  }

  Token token() {
    const char c = peek();
    if (begins_name(c)) return name();
    if (std::isdigit(uint8_t(c)) != 0) return number();
    if (c == '"') return string();
    if (c == '\'') return character();
    const bool is_shift = (c == '<' || c == '>') && peek(1) == c;
    BITLOOM_CHECK(is_shift || std::string_view("+-*/&|^~!(),:=").find(c) != std::string_view::npos, line_,
                  ": unexpected character ",
                  std::isprint(uint8_t(c)) != 0 ? std::string("'") + c + "'" : str("with code ", int(uint8_t(c))));
    Token t;
    t.kind = Token::kPunctuation;
    t.text = text_.substr(at_, is_shift ? 2 : 1);
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

  // 12, 0x1f, 0b101, 017; 1b and 1f refer to local labels.
  Token number() {
    Token t;
    t.kind = Token::kNumber;
    int base = 10;
    const char second = char(peek(1) | 32);
    if (peek() == '0' && (second == 'x' || (second == 'b' && digit(peek(2)) < 2))) {
      base = second == 'x' ? 16 : 2;
      at_ += 2;
      BITLOOM_CHECK(digit(peek()) < base, line_, ": a number ends after its prefix");
    } else if (peek() == '0' && digit(peek(1)) < 10) {
      base = 8;
    }
    uint64_t value = 0;
    for (; digit(peek()) < base; ++at_) {
      const uint64_t next = value * uint64_t(base) + uint64_t(digit(peek()));
      BITLOOM_CHECK(value <= ~uint64_t(0) / uint64_t(base) && next >= value, line_, ": a number does not fit into 64 bits");
      value = next;
    }
    t.number = int64_t(value);
    if (base == 10 && (peek() == 'b' || peek() == 'f') && !continues_name(peek(1))) {
      t.kind = Token::kLocal;
      t.text = std::string(1, text_[at_++]);
    }
    BITLOOM_CHECK(!continues_name(peek()), line_, ": '", peek(), "' in a number");
    return t;
  }

  char escaped() {
    BITLOOM_CHECK(at_ < text_.size() && peek() != '\n', line_, ": a quoted text does not end on its line");
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
    const int base = e == 'x' ? 16 : 8;
    if (base == 8) --at_;
    BITLOOM_CHECK(digit(peek()) < base, line_, ": unknown escape \\", e);
    int value = 0;
    for (int i = 0; i < (base == 16 ? 2 : 3) && digit(peek()) < base; ++i) value = value * base + digit(text_[at_++]);
    return char(value);
  }

  Token string() {
    Token t;
    t.kind = Token::kString;
    for (++at_; peek() != '"';) t.text += escaped();
    ++at_;
    return t;
  }

  Token character() {
    Token t;
    t.kind = Token::kNumber;
    ++at_;
    t.number = uint8_t(escaped());
    BITLOOM_CHECK(peek() == '\'', line_, ": a character wants a closing '");
    ++at_;
    return t;
  }

  const std::string& text_;
  size_t at_ = 0;
  int line_ = 1;
  Statement current_;
  std::vector<Statement> statements_;
};

}  // namespace

std::vector<Statement> split_statements(const std::string& text) { return Lexer(text).run(); }

}  // namespace bitloom::mpic
