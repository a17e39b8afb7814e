// Whole files in and out.
#include "core/io.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "core/error.h"

namespace bitloom {
namespace {

constexpr const char* kTemporary = ".tmp.";  // then the writer's process id

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }
  // Closing can be what reports a failed write (network file systems), so a writer closes explicitly.
  bool close_now() {
    const int fd = fd_;
    fd_ = -1;
    return close(fd) == 0;
  }

 private:
  int fd_;
};

bool write_all(int fd, const uint8_t* data, size_t size) {
  while (size > 0) {
    const ssize_t written = write(fd, data, std::min(size, size_t(1) << 30));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    data += written;
    size -= size_t(written);
  }
  return true;
}

bool is_abandoned(const std::string& name) {
  const size_t mark = name.rfind(kTemporary);
  if (mark == std::string::npos) return false;
  const long writer = std::strtol(name.c_str() + mark + std::strlen(kTemporary), nullptr, 10);
  return writer > 0 && kill(pid_t(writer), 0) != 0 && errno == ESRCH;
}

}  // namespace

std::vector<uint8_t> read_file(const std::string& path) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  BITLOOM_CHECK(file.get() >= 0, "cannot open ", path, ": ", std::strerror(errno));
  struct stat status {};
  BITLOOM_CHECK(fstat(file.get(), &status) == 0, "cannot read ", path, ": ", std::strerror(errno));
  // One byte more than the size lets the loop see the end without growing; pipes have size 0 and grow.
  std::vector<uint8_t> bytes(S_ISREG(status.st_mode) ? size_t(status.st_size) + 1 : size_t(1) << 16);
  size_t used = 0;
  for (;;) {
    if (used == bytes.size()) bytes.resize(bytes.size() * 2);
    const ssize_t got = read(file.get(), bytes.data() + used, bytes.size() - used);
    if (got < 0 && errno == EINTR) continue;
    BITLOOM_CHECK(got >= 0, "cannot read ", path, ": ", std::strerror(errno));
    if (got == 0) break;
    used += size_t(got);
  }
  bytes.resize(used);
  return bytes;
}

std::string read_text(const std::string& path) {
  const std::vector<uint8_t> bytes = read_file(path);
  return std::string(bytes.begin(), bytes.end());
}

void write_file_atomic(const std::string& path, const void* data, size_t size) {
  // Renaming over a device (as root, /dev/null) would destroy it.
  struct stat status {};
  BITLOOM_CHECK(stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode), "cannot write ", path,
                ": it is not a regular file");
  const std::string temporary = path + kTemporary + std::to_string(getpid());
  FileDescriptor file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  BITLOOM_CHECK(file.get() >= 0, "cannot write ", path, ": ", std::strerror(errno));
  const bool written = write_all(file.get(), static_cast<const uint8_t*>(data), size) && fsync(file.get()) == 0 &&
                       file.close_now() && std::rename(temporary.c_str(), path.c_str()) == 0;
  if (!written) {
    const int reason = errno;
    unlink(temporary.c_str());
    throw Error(str("cannot write ", path, " (", size, " bytes): ", std::strerror(reason)));
  }
}

void write_text_atomic(const std::string& path, const std::string& text) { write_file_atomic(path, text.data(), text.size()); }

bool file_exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

void make_output_folder(const std::string& path) {
  std::error_code reason;
  std::filesystem::create_directories(path, reason);
  BITLOOM_CHECK(!reason, "cannot create the folder ", path, ": ", reason.message());
  BITLOOM_CHECK(access(path.c_str(), W_OK | X_OK) == 0, "cannot write into the folder ", path, ": ", std::strerror(errno));
  for (const auto& entry : std::filesystem::directory_iterator(path, reason))
    if (is_abandoned(entry.path().filename().string())) unlink(entry.path().c_str());
}

}  // namespace bitloom
