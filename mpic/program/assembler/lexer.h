// Assembly text as statements, and statements as tokens.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bitloom::mpic {

// One statement as text, such as "foo: lw a0,4(a1)".
struct Line {
  int number = 0;
  std::string text;
};

// Statements end at the end of the line or at ';'. Comments ('#' and '//' up to the end of the line, '/*' to '*/') are gone, 'a' is its code
// in decimal, and blanks are left only behind the first word and between words, as GNU as does before it looks at macros. With
// `for_preprocessor` a line that only the C preprocessor understands is an Error. Errors have the line in front, "12: ...".
std::vector<Line> split_lines(const std::string& text, bool for_preprocessor = false);

struct Token {
  enum Kind : uint8_t { kName, kNumber, kReal, kLocal, kString, kPunctuation };
  Kind kind = kName;
  std::string text;    // of names, numbers, strings (no quotes, escapes resolved), punctuation; of a local label "b" or "f"
  int64_t number = 0;  // of numbers and local labels
  bool is(const char* expected) const { return (kind == kName || kind == kPunctuation) && text == expected; }
};

std::vector<Token> tokenize(std::string_view statement);

// The characters of names; names may also begin with % and @.
bool begins_name(char c);
bool continues_name(char c);
std::string lower_case(std::string_view text);

}  // namespace bitloom::mpic
