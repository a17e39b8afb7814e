// The bitloom program as a user meets it: a command line in, an exit code, two texts and files out. With a small task and one
// finished search on it, which tests share.
#pragma once
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/io.h"
#include "core/npz.h"
#include "core/rng.h"
#include "tests/support/files.h"

namespace bitloom::testing {

struct Outcome {
  int code;  // the exit code, or minus the signal that ended the program
  std::string out, err;
};

// `bitloom ARGUMENTS`, started in `folder` by the shell, which splits and quotes. `before` are shell commands ("ulimit -f 9;").
class Program {
 public:
  Program(const std::string& folder, const std::string& arguments, const std::string& before = "") {
    // Threads that spin at barriers would make a loaded machine a hundred times slower.
    const std::string command = "export OMP_WAIT_POLICY=passive; cd '" + folder + "'; " + before + " exec '" BITLOOM_PROGRAM "' >'" +
                                texts_ / "out" + "' 2>'" + texts_ / "err" + "' " + arguments;
    process_ = fork();
    if (process_ == 0) {
      execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
      _exit(127);
    }
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    signal(SIGKILL);
    wait();
  }

  bool running() {
    if (!ended_) ended_ = waitpid(process_, &status_, WNOHANG) == process_;
    return !ended_;
  }
  void signal(int number) {
    if (running()) kill(process_, number);
  }
  Outcome wait() {
    if (!ended_) ended_ = waitpid(process_, &status_, 0) == process_;
    return {WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_), text("out"), text("err")};
  }

 private:
  std::string text(const std::string& name) const { return file_exists(texts_ / name) ? read_text(texts_ / name) : ""; }

  const TempFolder texts_;
  pid_t process_ = -1;
  int status_ = 0;
  bool ended_ = false;
};

inline Outcome run_program(const std::string& folder, const std::string& arguments, const std::string& before = "") {
  return Program(folder, arguments, before).wait();
}

// Noisy images of four classes, each with a stripe of its own: `count` of 8x8x3 bytes and their labels.
inline std::pair<NpyArray, NpyArray> striped_images(int64_t count, uint64_t seed) {
  Rng rng(seed);
  NpyArray images{"|u1", {count, 8, 8, 3}, {}};
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < count; ++i) {
    labels.push_back(i % 4);
    for (int64_t k = 0; k < 8 * 8 * 3; ++k) images.bytes.push_back(uint8_t(rng.below(128) + (k / 48 == i % 4 ? 60 : 0)));
  }
  return {images, NpyArray::from(labels)};
}

inline Npz striped_task() {
  Npz arrays;
  std::tie(arrays["x_train"], arrays["y_train"]) = striped_images(256, 1);
  std::tie(arrays["x_test"], arrays["y_test"]) = striped_images(64, 2);
  return arrays;
}

// A search with every choice there is, over the task in task.npz; leaves the folder run.
constexpr const char* kSearch =
    "search --data task.npz --batch 32 --epochs 2 --search-epochs 2 --finetune-epochs 2 --weight-bits 0,2,4,8 --act-bits 2,4,8 "
    "--lambda 0.2 --seed 3 --out run";

// A folder with task.npz and run/, which the program made once for all tests; to be copied, not changed.
inline const std::string& finished_search() {
  static const TempFolder folder;
  static const Outcome outcome = [] {
    write_npz(folder / "task.npz", striped_task());
    return run_program(folder.path(), kSearch, "export OMP_NUM_THREADS=2;");
  }();
  if (outcome.code != 0) throw Error(str("the search that tests share ended with ", outcome.code, ": ", outcome.err));
  return folder.path();
}

// A new folder with copies of some of its files and folders.
class SearchCopy : public TempFolder {
 public:
  explicit SearchCopy(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      const std::filesystem::path from = finished_search() + "/" + name;
      std::filesystem::copy(from, *this / from.filename().string(), std::filesystem::copy_options::recursive);
    }
  }
};

}  // namespace bitloom::testing
