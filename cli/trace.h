// One line for every instruction that a core executes.
#pragma once
#include <cstdint>
#include <fstream>
#include <string>
#include <unordered_map>

#include "mpic/sim/core.h"

namespace bitloom {

class Trace {
 public:
  // Of the core from now on; "-" writes to stderr. Error when the file cannot be written.
  Trace(mpic::Core& core, const std::string& path);
  void add(const mpic::Core::Observed& o);
  // Error when not all of it could be written.
  void finish();

  // The format, for help texts.
  static const char* const kFormat;

 private:
  const std::string& text_of(const mpic::Core::Observed& o);

  const mpic::Core& core_;
  std::string path_;
  std::ofstream file_;
  std::ostream& out_;
  std::unordered_map<uint32_t, std::string> texts_;  // disassembled words
};

}  // namespace bitloom
