// Files for tests: a folder of their own, real data where it exists, numpy where it is installed, and the text of an error.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/error.h"

namespace bitloom::testing {

// A new empty folder, removed with all it holds.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "bitloom_test_XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw Error("cannot make " + pattern);
    path_ = pattern;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// The message of the Error that `f` throws; "" when it throws none.
template <class F>
std::string error_of(F f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

// Without the fsync of write_file_atomic, which thousands of small files would feel.
inline void write_bytes(const std::string& path, const std::vector<uint8_t>& bytes) {
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
}

// A file of the repository: the tests run in its root, or know where it is from the build.
#ifndef BITLOOM_SOURCE_DIR
#define BITLOOM_SOURCE_DIR "."
#endif
inline std::string source_path(const std::string& name) { return BITLOOM_SOURCE_DIR "/" + name; }

inline std::string from_environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value ? value : otherwise;
}

// A file among the data sets, or the reference models: where the environment says, else nowhere, and tests that want it skip.
inline std::string data_path(const std::string& name) { return from_environment("BITLOOM_DATA", "$BITLOOM_DATA") + "/" + name; }
inline std::string shared_path(const std::string& name) {
  return from_environment("BITLOOM_SHARED", "$BITLOOM_SHARED") + "/" + name;
}
// Weights and golden values of reference networks.
inline std::string model_path(const std::string& name) { return shared_path("data/models/" + name + ".npz"); }

// Runs a Python program with numpy and returns what it prints; "no numpy" when there is none.
inline std::string run_numpy(const std::string& program) {
  const std::string command =
      "python=/usr/bin/python3; $python -c 'import numpy' 2>/dev/null || { echo -n 'no numpy'; exit; }\n"
      "$python - 2>&1 <<'EOF'\nimport numpy as np\n" +
      program + "\nEOF\n";
  FILE* pipe = popen(command.c_str(), "r");
  std::string output;
  for (int c; pipe && (c = std::fgetc(pipe)) != EOF;) output += char(c);
  if (pipe) pclose(pipe);
  return output;
}

}  // namespace bitloom::testing

// Skips the test unless `path` exists.
#define BITLOOM_NEEDS(path) \
  if (!std::filesystem::exists(path)) GTEST_SKIP() << (path) << " is not there"
