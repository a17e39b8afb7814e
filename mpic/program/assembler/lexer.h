// Assembly text as statements of tokens; comments are gone.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace bitloom::mpic {

struct Token {
  enum Kind : uint8_t { kName, kNumber, kLocal, kString, kPunctuation };
  Kind kind = kName;
  std::string text;    // of names, strings (without quotes, escapes resolved) and punctuation; of a local label "b" or "f"
  int64_t number = 0;  // of numbers and local labels
  bool is(const char* expected) const { return (kind == kName || kind == kPunctuation) && text == expected; }
};

struct Statement {
  int line = 0;
  std::vector<Token> tokens;
};

// Statements end at the end of the line or at ';'. Comments: '#' and '//' up to the end of the line, '/*' to '*/'. Error with the line in
// front, "12: ...".
std::vector<Statement> split_statements(const std::string& text);

}  // namespace bitloom::mpic
