// What every instruction changed, in the format of Spike's --log-commits, so that diff compares the two step by step.
#pragma once
#include <fstream>
#include <string>

#include "mpic/sim/core.h"

namespace bitloom {

class CommitLog {
 public:
  // Of the core from now on; Error when the file cannot be written.
  CommitLog(mpic::Core& core, const std::string& path);
  void add(const mpic::Core::Observed& o);
  // Error when not all of it could be written.
  void finish();

 private:
  const mpic::Core& core_;
  std::string path_;
  std::ofstream file_;
};

}  // namespace bitloom
