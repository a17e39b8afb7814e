// The bitloom program as a user meets it.
#include "tests/support/program.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "core/io.h"
#include "core/rng.h"

namespace bitloom::testing {

namespace {

// Seconds and nanoseconds, zeros while it does not exist.
std::pair<int64_t, int64_t> written_at(const std::string& file) {
  struct stat status {};
  if (stat(file.c_str(), &status) != 0) return {0, 0};
  return {status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

}  // namespace

Program::Program(const std::string& folder, const std::string& arguments, const std::string& before) {
  // Threads that spin at barriers would make a loaded machine a hundred times slower.
  const std::string command = "export OMP_WAIT_POLICY=passive; cd '" + folder + "'; " + before +
                              " exec '" BITLOOM_PROGRAM "' >'" + texts_ / "out" + "' 2>'" + texts_ / "err" + "' " + arguments;
  process_ = fork();
  BITLOOM_CHECK(process_ >= 0, "cannot start a process");
  if (process_ == 0) {
    execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
}

Program::~Program() {
  signal(SIGKILL);
  wait();
}

bool Program::running() {
  if (!ended_) ended_ = waitpid(process_, &status_, WNOHANG) == process_;
  return !ended_;
}

void Program::signal(int number) {
  if (running()) kill(process_, number);
}

bool Program::handles(int number) {
  if (!running()) return false;
  const std::string status = read_text("/proc/" + std::to_string(process_) + "/status"),
                    key = "SigCgt:\t";  // proc(5): a mask in hexadecimal
  return std::stoull(status.substr(status.find(key) + key.size()), nullptr, 16) >> (number - 1) & 1;
}

bool Program::signal_after(const std::string& file, int64_t times, int64_t microseconds, int number) {
  for (auto last = written_at(file); times > 0; usleep(200)) {
    if (!running()) return false;
    const auto now = written_at(file);
    if (now != last) --times;
    last = now;
  }
  usleep(useconds_t(microseconds));
  const bool in_time = running();
  if (in_time) signal(number);
  return in_time;
}

Outcome Program::wait() {
  if (!ended_) ended_ = waitpid(process_, &status_, 0) == process_;
  const auto text = [this](const char* name) { return file_exists(texts_ / name) ? read_text(texts_ / name) : ""; };
  return {WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_), text("out"), text("err")};
}

Npz striped_task() {
  Npz arrays;
  for (const auto& [part, count] : {std::make_pair("train", 256), std::make_pair("test", 64)}) {
    Rng rng = Rng(1).split(part);
    NpyArray images{"|u1", {count, 8, 8, 3}, {}};
    std::vector<int64_t> labels;
    for (int i = 0; i < count; ++i) {
      labels.push_back(i % 4);
      for (int k = 0; k < 8 * 8 * 3; ++k) images.bytes.push_back(uint8_t(rng.below(128) + (k / 48 == i % 4 ? 60 : 0)));
    }
    arrays[std::string("x_") + part] = images;
    arrays[std::string("y_") + part] = NpyArray::from(labels);
  }
  return arrays;
}

const std::string& finished_search() {
  static const TempFolder folder;
  static const Outcome outcome = [] {
    write_npz(folder / "task.npz", striped_task());
    return run_program(folder.path(), kSearch, "export OMP_NUM_THREADS=2;");
  }();
  if (outcome.code != 0) throw Error(str("the search that tests share ended with ", outcome.code, ": ", outcome.err));
  return folder.path();
}

SearchCopy::SearchCopy(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const std::filesystem::path from = finished_search() + "/" + name;
    std::filesystem::copy(from, *this / from.filename().string(), std::filesystem::copy_options::recursive);
  }
}

}  // namespace bitloom::testing
