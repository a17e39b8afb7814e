// Checks names and puts them into C text.
#include "quant/export_c/names.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <utility>

#include "core/ends_with.h"
#include "core/error.h"
#include "core/quote.h"

namespace bitloom {
namespace {

const char* code_type(const QuantScheme& scheme) {
  return scheme.bits == 32 ? "int32_t" : scheme.is_signed ? "int8_t" : "uint8_t";
}

// Words in lower case that a network's files, or the target that CMake builds of them, would take from others.
struct Taken {
  std::set<std::string> words;
  const char* why;
};
const std::array<Taken, 4> kTaken = {{
    // Of C, POSIX, C libraries (which include some in others) and the core of Arduino.
    {{"alloca",    "arduino", "assert", "binary",         "client",   "complex",   "ctype",   "endian",    "errno",   "fcntl",
      "features",  "fenv",    "float",  "hardwareserial", "inttypes", "ipaddress", "iso646",  "limits",    "locale",  "malloc",
      "math",      "memory",  "new",    "newlib",         "picolibc", "poll",      "print",   "printable", "pthread", "sched",
      "semaphore", "server",  "setjmp", "signal",         "spi",      "stdalign",  "stdarg",  "stdatomic", "stdbool", "stddef",
      "stdint",    "stdio",   "stdlib", "stream",         "string",   "strings",   "tgmath",  "threads",   "time",    "uchar",
      "udp",       "unistd",  "usbapi", "wchar",          "wctype",   "wire",      "wstring", "xlocale"},
     "its header would hide another one of that name"},
    {{"all", "all_build", "clean", "edit_cache", "help", "install", "package", "package_source", "preinstall", "rebuild_cache",
      "run_tests", "test", "zero_check"},
     "CMake has a target of its own of that name"},
    {{"c", "dl", "gcc", "m", "rt"}, "CMake would link it to programs that ask for the system's library of that name"},
    {{"aux", "con", "nul", "prn"}, "files of that name are devices of Windows"},
}};

// What stands behind the name in a network's files.
constexpr const char* kEndings[] = {"_front_end", "_selftest", "_network"};

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
  for (const Taken& taken : kTaken)
    BITLOOM_CHECK(taken.words.count(lower) == 0, "--name ", quote(name), ": ", taken.why, "; give another name");
  for (const char* ending : kEndings)
    BITLOOM_CHECK(!ends_with(lower, ending), "--name ", quote(name), ": what ends in ", ending,
                  " is a file of the network named by what is before it; give another name");
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
