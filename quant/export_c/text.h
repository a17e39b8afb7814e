// Pieces of C text.
#pragma once
#include <cstdint>
#include <iomanip>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

namespace bitloom {

// C has no literal for the most negative int32_t.
inline std::string c_literal(int32_t value) { return value == INT32_MIN ? "INT32_MIN" : std::to_string(value); }
inline std::string c_literal(uint32_t word) {
  std::ostringstream out;
  out << "0x" << std::hex << std::setw(8) << std::setfill('0') << word << "u";
  return out.str();
}
inline std::string c_literal(float value) {
  std::ostringstream out;
  out << std::setprecision(9) << value;
  const std::string text = out.str();
  return text + (text.find_first_of(".e") == std::string::npos ? ".0f" : "f");
}
// What is not printable ASCII, the ? of a trigraph and the $ of a hole of CNames::fill(), as octal escapes of three digits.
inline std::string c_string(const std::string& text) {
  std::ostringstream out;
  out << '"' << std::oct << std::setfill('0');
  for (const unsigned char c : text) {
    if (c == '"' || c == '\\')
      out << '\\' << char(c);
    else if (c < 0x20 || c > 0x7e || c == '?' || c == '$')
      out << '\\' << std::setw(3) << int(c);
    else
      out << char(c);
  }
  out << '"';
  return out.str();
}

// "static const TYPE NAME[n] = {...};" in lines of bounded length.
template <class Integer>
void put_c_array(std::ostream& out, const char* type, const std::string& name, const std::vector<Integer>& values) {
  constexpr size_t kWidth = 120;
  out << "static const " << type << " " << name << "[" << values.size() << "] = {";
  std::string line = "\n   ";
  for (Integer value : values) {
    const std::string text = " " + c_literal(+value) + ",";
    if (line.size() + text.size() > kWidth) {
      out << line;
      line = "\n   ";
    }
    line += text;
  }
  out << line << "\n};\n";
}

}  // namespace bitloom
