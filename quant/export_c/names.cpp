// Checks names and puts them into C text.
#include "quant/export_c/names.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/quote.h"

namespace bitloom {
namespace {

const char* code_type(const QuantScheme& scheme) {
  return scheme.bits == 32 ? "int32_t" : scheme.is_signed ? "int8_t" : "uint8_t";
}

// Those of C and POSIX that a program is likely to include, which a file of ours beside it would hide.
const std::set<std::string> kHeaders = {"assert",  "complex", "ctype",  "errno",  "fenv",   "float",    "inttypes", "iso646",
                                        "limits",  "locale",  "math",   "setjmp", "signal", "stdalign", "stdarg",   "stdatomic",
                                        "stdbool", "stddef",  "stdint", "stdio",  "stdlib", "string",   "tgmath",   "threads",
                                        "time",    "uchar",   "unistd", "wchar",  "wctype", "arduino"};

void check_name(const std::string& name) {
  constexpr size_t kLongest = 48;
  const auto is_letter = [](unsigned char c) { return std::isalpha(c) != 0; };
  const auto is_part = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  BITLOOM_CHECK(is_letter(name[0]) && std::all_of(name.begin(), name.end(), is_part) && name.size() <= kLongest, "--name ",
                quote(name), ": functions begin with it; give a letter, and up to ", kLongest - 1,
                " letters, digits or _ behind it");
  std::string lower = name;
  for (char& c : lower) c = char(std::tolower(c));
  BITLOOM_CHECK(lower.rfind("bitloom", 0) != 0, "--name ", quote(name),
                ": what begins with bitloom is shared by all networks; give another name");
  BITLOOM_CHECK(kHeaders.count(lower) == 0, "--name ", quote(name), ": its file ", name,
                ".h would hide another header of that name; give another name");
}

}  // namespace

CNames::CNames(const IntegerGraph& graph, const std::string& own_name)
    : name(own_name),
      network(own_name),
      input(code_type(graph.layers.front().out)),
      output(code_type(graph.layers.back().out)) {
  if (name.empty()) {
    name = "bitloom";
    network = "bitloom_network";
  } else {
    check_name(name);
  }
  for (const char c : name) capitals += char(std::toupper(static_cast<unsigned char>(c)));
}

std::string CNames::fill(std::string text) const {
  const std::array<std::pair<std::string, const std::string&>, 5> holes = {
      {{"$name", name}, {"$NAME", capitals}, {"$network", network}, {"$input", input}, {"$output", output}}};
  for (const auto& [hole, word] : holes)
    for (size_t at = text.find(hole); at != std::string::npos; at = text.find(hole, at + word.size()))
      text.replace(at, hole.size(), word);
  return text;
}

}  // namespace bitloom
