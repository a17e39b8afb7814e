// Tests of core/io: what is read back, and that a failed write leaves nothing behind.
#include "core/io.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <set>
#include <thread>

#include "core/cancel.h"
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

// A pipe is read to its end however late its writer opens it and however slowly it writes.
TEST(Io, ReadsAPipeToItsEnd) {
  const TempFolder folder;
  const std::string pipe = folder / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  std::string sent;
  for (int i = 0; i < 300000; ++i) sent += char('a' + i % 26);
  std::thread writer([&] {
    usleep(100000);
    std::ofstream out(pipe);
    out << sent.substr(0, 100) << std::flush;
    usleep(100000);
    out << sent.substr(100);
  });
  const std::string got = read_text(pipe);
  writer.join();
  EXPECT_EQ(got, sent);
}

TEST(Io, WaitingForAPipeEndsWhenAsked) {
  const TempFolder folder;
  const std::string pipe = folder / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  std::thread asks([] {
    usleep(50000);
    request_cancel();
  });
  EXPECT_THROW(read_file(pipe), Interrupted);
  asks.join();
  request_cancel(false);
}

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

TEST(Io, LimitsWhatIsRead) {
  const TempFolder folder;
  write_text_atomic(folder / "file", "12345");
  EXPECT_EQ(read_text(folder / "file", 5), "12345");
  EXPECT_EQ(error_of([&] { read_text(folder / "file", 4); }),
            "cannot read " + (folder / "file") + ": it has more than the 4 bytes that such a file may have");
  EXPECT_NE(error_of([&] { read_text("/dev/zero", 1000000); }).find("more than the 1000000 bytes"), std::string::npos);
}

std::set<std::string> names_in(const std::string& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

// A process that runs `work` with its end of a pipe and then waits to be killed; what it wrote into the pipe is in `said`.
class Other {
 public:
  template <class Work>
  explicit Other(Work work) {
    int pipe_ends[2];
    if (pipe(pipe_ends) != 0) throw Error("no pipe");
    pid_ = fork();
    if (pid_ == 0) {
      close(pipe_ends[0]);
      work([&](char word) {
        if (write(pipe_ends[1], &word, 1) != 1) _exit(1);
      });
      for (;;) pause();
    }
    close(pipe_ends[1]);
    if (read(pipe_ends[0], &said, 1) != 1) said = 0;
    close(pipe_ends[0]);
  }
  Other(const Other&) = delete;
  Other& operator=(const Other&) = delete;
  ~Other() { kill_now(); }
  void kill_now() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  pid_t pid() const { return pid_; }
  char said = 0;

 private:
  pid_t pid_ = 0;
};

// What another writer is about to rename is its own, whatever process id it has in whatever container; once killed, it is no one's.
TEST(Io, TemporariesOfTheLivingStayAndThoseOfTheDeadGo) {
  const TempFolder folder;
  for (const bool by_writing : {false, true}) {
    Other writer([&](auto say) {
      AtomicFiles files;
      files.write(folder / "a", "1");
      files.write(folder / "b", "2");
      say('w');
      for (;;) pause();
    });
    ASSERT_EQ(writer.said, 'w');
    const std::set<std::string> during = names_in(folder.path());
    make_output_folder(folder.path());
    write_text_atomic(folder / "mine", "x");
    std::set<std::string> expected = during;
    expected.insert("mine");
    EXPECT_EQ(names_in(folder.path()), expected);
    writer.kill_now();
    EXPECT_EQ(names_in(folder.path()), expected);
    by_writing ? write_text_atomic(folder / "mine", "y") : make_output_folder(folder.path());
    EXPECT_EQ(names_in(folder.path()), std::set<std::string>{"mine"});
  }
}

TEST(Io, FilesOfOthersStay) {
  const TempFolder folder;
  const std::set<std::string> names = {"notes.tmp.999999",
                                       "thesis.tmp.999999-report.docx",
                                       ".staging.999999",
                                       "a.tmp",
                                       ".bitloom-notes.tmp",
                                       ".bitloom-0123456789abcdeX.tmp",
                                       ".bitloom-0123456789abcdef.tmp2",
                                       "x.bitloom-0123456789abcdef.tmp",
                                       ".bitloom-0123456789ABCDEF.tmp"};
  for (const std::string& name : names) testing::write_bytes(folder / name, {1});
  // No temporary of ours either: a folder, a pipe, a link.
  std::filesystem::create_directory(folder / ".bitloom-0123456789abcde0.tmp");
  ASSERT_EQ(mkfifo((folder / ".bitloom-0123456789abcde1.tmp").c_str(), 0666), 0);
  std::filesystem::create_symlink("a.tmp", folder / ".bitloom-0123456789abcde2.tmp");
  const std::set<std::string> before = names_in(folder.path());
  make_output_folder(folder.path());
  EXPECT_EQ(names_in(folder.path()), before);
}

// Links planted at the names that earlier versions used, and the target itself being one.
TEST(Io, PlantedLinksAreNotFollowed) {
  const TempFolder folder;
  write_text_atomic(folder / "victim", "precious");
  std::filesystem::create_symlink("victim", folder / ("x.svg.tmp." + std::to_string(getpid())));
  std::filesystem::create_symlink("victim", folder / "y.svg");
  write_text_atomic(folder / "x.svg", "new");
  write_text_atomic(folder / "y.svg", "new");
  EXPECT_EQ(read_text(folder / "victim"), "precious");
  EXPECT_FALSE(std::filesystem::is_symlink(folder / "x.svg"));
  EXPECT_EQ(read_text(folder / "y.svg"), "new");
}

TEST(Io, NamesMayBeAsLongAsTheFileSystemAllows) {
  const TempFolder folder;
  const std::string name(255, 'n');
  write_text_atomic(folder / name, "x");
  EXPECT_EQ(names_in(folder.path()), std::set<std::string>{name});
  EXPECT_NE(error_of([&] { write_text_atomic(folder / std::string(256, 'n'), "x"); }).find("File name too long"),
            std::string::npos);
  EXPECT_EQ(names_in(folder.path()), std::set<std::string>{name});
}

TEST(Io, FilesOfASetAppearTogether) {
  const TempFolder folder;
  write_text_atomic(folder / "a", "old");
  {
    AtomicFiles files;
    files.write(folder / "a", "new");
    files.write(folder / "b", "new");
    EXPECT_NE(error_of([&] { files.write(folder.path(), "x"); }), "");
  }
  EXPECT_EQ(read_text(folder / "a"), "old");
  EXPECT_EQ(names_in(folder.path()), std::set<std::string>{"a"});
  AtomicFiles files;
  files.write(folder / "a", "new");
  files.write(folder / "b", "new");
  EXPECT_EQ(read_text(folder / "a"), "old");
  files.commit();
  EXPECT_EQ(read_text(folder / "a") + read_text(folder / "b"), "newnew");
  EXPECT_EQ(names_in(folder.path()), (std::set<std::string>{"a", "b"}));
}

// Writers that clean up after each other while they write lose nothing.
TEST(Io, WritersInOneFolderDoNotDisturbEachOther) {
  const TempFolder folder;
  std::vector<pid_t> writers;
  for (int w = 0; w < 4; ++w) {
    writers.push_back(fork());
    if (writers.back() != 0) continue;
    for (int i = 0; i < 100; ++i) {
      if (!error_of([&] { write_text_atomic(folder / std::to_string(w), std::to_string(i)); }).empty()) _exit(1);
    }
    _exit(0);
  }
  for (const pid_t writer : writers) {
    int status = 1;
    waitpid(writer, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(names_in(folder.path()), (std::set<std::string>{"0", "1", "2", "3"}));
}

TEST(FolderLock, HasOneHolder) {
  const TempFolder folder;
  {
    const FolderLock lock(folder.path());
    const std::string message = error_of([&] { FolderLock second(folder.path()); });
    EXPECT_EQ(message.find("the folder " + folder.path() + " is in use by another bitloom (process " +
                           std::to_string(getpid()) + " on "),
              0u)
        << message;
    EXPECT_EQ(message.find('\n'), std::string::npos);
  }
  EXPECT_TRUE(names_in(folder.path()).empty()) << "the file goes with the lock";
  const FolderLock again(folder.path());
  EXPECT_NE(error_of([&] { FolderLock{folder / "none"}; }).find("cannot lock the folder"), std::string::npos);
}

TEST(FolderLock, ItsFileIsTakenOverFromAKilledHolder) {
  const TempFolder folder;
  Other holder([&](auto say) {
    const FolderLock lock(folder.path());
    say('l');
    for (;;) pause();
  });
  ASSERT_EQ(holder.said, 'l');
  const std::string message = error_of([&] { FolderLock second(folder.path()); });
  EXPECT_NE(message.find("process " + std::to_string(holder.pid())), std::string::npos) << message;
  holder.kill_now();
  EXPECT_EQ(names_in(folder.path()).size(), 1u);
  { const FolderLock lock(folder.path()); }
  EXPECT_TRUE(names_in(folder.path()).empty());
}

TEST(FolderLock, FilesOfOthersAtItsNameStay) {
  const TempFolder folder;
  testing::write_bytes(folder / ".bitloom-lock", {'m', 'y', ' ', 'n', 'o', 't', 'e', 's'});
  EXPECT_NE(error_of([&] { FolderLock{folder.path()}; }).find("is not a lock of bitloom"), std::string::npos);
  EXPECT_EQ(read_text(folder / ".bitloom-lock"), "my notes");
  std::filesystem::remove(folder / ".bitloom-lock");
  write_text_atomic(folder / "victim", "precious");
  std::filesystem::create_symlink("victim", folder / ".bitloom-lock");
  EXPECT_NE(error_of([&] { FolderLock{folder.path()}; }), "");
  EXPECT_EQ(read_text(folder / "victim"), "precious");
}

// Whoever holds the lock finds the counter as the last holder left it.
TEST(FolderLock, ExcludesUnderContention) {
  const TempFolder folder;
  write_text_atomic(folder / "counter", "0");
  std::vector<pid_t> workers;
  for (int w = 0; w < 3; ++w) {
    workers.push_back(fork());
    if (workers.back() != 0) continue;
    for (int done = 0; done < 30;) {
      try {
        const FolderLock lock(folder.path());
        const int value = std::stoi(read_text(folder / "counter"));
        usleep(100);
        testing::write_bytes(folder / "counter", {});
        const std::string next = std::to_string(value + 1);
        testing::write_bytes(folder / "counter", {next.begin(), next.end()});
        ++done;
      } catch (const Error&) {
        usleep(200);
      } catch (...) {
        _exit(1);
      }
    }
    _exit(0);
  }
  for (const pid_t worker : workers) {
    int status = 1;
    waitpid(worker, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(read_text(folder / "counter"), "90");
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
