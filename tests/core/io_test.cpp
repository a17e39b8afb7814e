// Tests of core/io: what is read back, and that a failed write leaves nothing behind.
#include "core/io.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/files.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::TempFolder;

TEST(Io, ReadsBackWhatWasWritten) {
  const TempFolder folder;
  for (size_t size : {size_t(0), size_t(1), size_t(65536), size_t(3000001)}) {
    std::vector<uint8_t> bytes(size);
    for (size_t i = 0; i < size; ++i) bytes[i] = uint8_t(i * 7 + i / 256);
    write_file_atomic(folder / "file", bytes.data(), size);
    EXPECT_EQ(read_file(folder / "file"), bytes) << size << " bytes";
  }
  write_text_atomic(folder / "text", "one\ntwo");
  EXPECT_EQ(read_text(folder / "text"), "one\ntwo");
}

TEST(Io, ReadsWhatHasNoSize) { EXPECT_NE(read_text("/proc/self/status").find("VmRSS"), std::string::npos); }

TEST(Io, NamesTheFileThatIsMissingOrUnreadable) {
  const TempFolder folder;
  EXPECT_EQ(error_of([&] { read_file(folder / "none"); }), "cannot open " + (folder / "none") + ": No such file or directory");
  EXPECT_EQ(error_of([&] { read_file(folder.path()); }), "cannot read " + folder.path() + ": Is a directory");
}

TEST(Io, RefusesTargetsThatAreNoFiles) {
  const TempFolder folder;
  EXPECT_NE(error_of([&] { write_text_atomic(folder.path(), "x"); }).find("not a regular file"), std::string::npos);
  EXPECT_NE(error_of([&] { write_text_atomic("/dev/null", "x"); }).find("not a regular file"), std::string::npos);
  EXPECT_NE(error_of([&] { write_text_atomic(folder / "none/file", "x"); }).find("No such file"), std::string::npos);
}

// A full disk, acted by the limit on the size of files, which fails in the same call.
TEST(Io, FailedWriteKeepsTheOldFileAndLeavesNoOther) {
  const TempFolder folder;
  const std::string path = folder / "checkpoint";
  write_text_atomic(path, "old");
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limited = before;
  limited.rlim_cur = 1000;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limited), 0);
  const std::string message = error_of([&] { write_text_atomic(path, std::string(5000, 'x')); });
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(message, "cannot write " + path + " (5000 bytes): File too large");
  EXPECT_EQ(read_text(path), "old");
  int files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) ++files;
  EXPECT_EQ(files, 1);
}

// What a writer killed between writing and renaming leaves, and what one that still runs is about to rename.
TEST(Io, FoldersAreClearedOfAbandonedTemporaryFiles) {
  const TempFolder folder;
  const pid_t writer = fork();
  if (writer == 0) _exit(0);
  ASSERT_EQ(waitpid(writer, nullptr, 0), writer);
  const std::string dead = folder / ("a.npz.tmp." + std::to_string(writer)),
                    alive = folder / ("b.npz.tmp." + std::to_string(getpid()));
  for (const std::string& file : {dead, alive, folder / "a.npz", folder / "c.tmp.", folder / "d.tmp.x"})
    write_text_atomic(file, "x");
  make_output_folder(folder.path());
  EXPECT_FALSE(file_exists(dead));
  for (const std::string& file : {alive, folder / "a.npz", folder / "c.tmp.", folder / "d.tmp.x"})
    EXPECT_TRUE(file_exists(file)) << file;
}

TEST(Io, MakesFoldersWithParents) {
  const TempFolder folder;
  make_output_folder(folder / "a/b/c");
  make_output_folder(folder / "a/b/c");
  EXPECT_TRUE(file_exists(folder / "a/b/c"));
  write_text_atomic(folder / "file", "");
  EXPECT_NE(error_of([&] { make_output_folder(folder / "file/sub"); }).find("cannot create the folder"), std::string::npos);
  EXPECT_NE(error_of([&] { make_output_folder(folder / "file"); }), "");
}

}  // namespace
}  // namespace bitloom
