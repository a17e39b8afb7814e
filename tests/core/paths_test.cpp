// The kernel paths of a portable program: each passes the tests of the kernels.
#include "core/paths.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "core/io.h"
#include "tests/support/files.h"

namespace bitloom {
namespace {

using testing::TempFolder;

// Runs this program's tests that match the filter on a kernel path; true if they pass. What it prints goes to `out`.
bool passes(const std::string& path, const std::string& filter, std::string* out) {
  const TempFolder folder;
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").string(), log = folder / "log";
  const std::string command =
      "env -u GTEST_TOTAL_SHARDS BITLOOM_PATH=" + path + " '" + program + "' --gtest_filter='" + filter + "' >" + log + " 2>&1";
  const bool passed = std::system(command.c_str()) == 0;
  *out = read_text(log);
  return passed;
}

TEST(KernelPaths, TheLastIsChosenUnlessAnotherIsAskedFor) {
  const std::vector<std::string> paths = kernel_paths();
  EXPECT_EQ(std::count(paths.begin(), paths.end(), kernel_path()), 1) << kernel_path();
  const char* wanted = std::getenv("BITLOOM_PATH");
  EXPECT_EQ(kernel_path(), paths.size() > 1 && wanted ? wanted : paths.back());
}

TEST(KernelPaths, AnUnknownOneIsRefused) {
  if (kernel_paths().size() == 1) GTEST_SKIP() << "this program has only one: make ARCH=portable";
  std::string out;
  EXPECT_FALSE(passes("i486", "KernelPaths.TheLast*", &out));
  EXPECT_NE(out.find("BITLOOM_PATH is 'i486', expected one of the kernel paths of this processor: x86-64, "), std::string::npos)
      << out;
}

TEST(KernelPaths, PassTheTestsOfTheKernels) {
  if (kernel_paths().size() == 1) GTEST_SKIP() << "this program has only one: make ARCH=portable";
  for (const std::string& path : kernel_paths()) {
    std::string out;
    EXPECT_TRUE(
        passes(path,
               "KernelPaths.TheLast*:Conv*:Depthwise.*:Gemm.*:BatchNorm.*:Pool.*:Elementwise.*:Softmax*:Kernels.*:Bits.*:"
               "Deferred.*:IntegerRunner.*:FakeQuantTest.*",
               &out))
        << path << ":\n"
        << out;
  }
}

}  // namespace
}  // namespace bitloom
