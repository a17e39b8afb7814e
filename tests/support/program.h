// The bitloom program as a user meets it: a command line in, an exit code, two texts and files out. With a small task and one
// finished search on it, which tests share.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

#include "core/npz.h"
#include "tests/support/files.h"

namespace bitloom::testing {

struct Outcome {
  int code;  // the exit code, or minus the signal that ended the program
  std::string out, err;
};

// `bitloom ARGUMENTS`, started in `folder` by the shell, which splits and quotes. `before` are shell commands ("ulimit -f 9;").
class Program {
 public:
  Program(const std::string& folder, const std::string& arguments, const std::string& before = "");
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();  // kills it if it still runs

  bool running();
  void signal(int number);
  bool handles(int number);  // whether it has a handler of that signal by now
  // Sends it some microseconds after `file` was written `times` times more. False if the program ended before.
  bool signal_after(const std::string& file, int64_t times, int64_t microseconds, int number);
  Outcome wait();

 private:
  const TempFolder texts_;  // what it prints
  pid_t process_ = -1;
  int status_ = 0;
  bool ended_ = false;
};

inline Outcome run_program(const std::string& folder, const std::string& arguments, const std::string& before = "") {
  return Program(folder, arguments, before).wait();
}

// 256 training and 64 test images of 8x8x3 bytes: noise, and a stripe whose place tells the four classes.
Npz striped_task();

// A search with every choice there is, over the task in task.npz; leaves the folder run.
constexpr const char* kSearch =
    "search --data task.npz --batch 32 --epochs 2 --search-epochs 2 --finetune-epochs 2 --weight-bits 0,2,4,8 --act-bits 2,4,8 "
    "--lambda 0.2 --seed 3 --out run";

// A folder with task.npz and run/, which the program made once for all tests; to be copied, not changed.
const std::string& finished_search();

// A new folder with copies of some of its files and folders.
class SearchCopy : public TempFolder {
 public:
  explicit SearchCopy(const std::vector<std::string>& names);
};

}  // namespace bitloom::testing
