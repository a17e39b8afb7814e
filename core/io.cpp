// Whole files in and out, and folders that one process works in.
#include "core/io.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "core/cancel.h"
#include "core/error.h"

namespace bitloom {
namespace {

namespace fs = std::filesystem;

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

std::string folder_of(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

// Makes the renames in a folder last over a power failure. Folders that may be written but not read cannot be flushed, nor those
// of some file systems; their renames are as lasting as they get.
void sync_folder(const std::string& folder) {
  const FileDescriptor file(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file && fsync(file.get()) != 0)
    BITLOOM_CHECK(errno == EINVAL || errno == ENOTSUP || errno == EROFS, "cannot write the folder ", folder, ": ",
                  std::strerror(errno));
}

// ---- Temporary files.

constexpr std::string_view kTemporaryPrefix = ".bitloom-", kTemporarySuffix = ".tmp";
constexpr size_t kRandomDigits = 16;

std::string temporary_name() {
  uint64_t random = 0;
  BITLOOM_CHECK(getrandom(&random, sizeof random, 0) == sizeof random, "no random numbers: ", std::strerror(errno));
  char digits[kRandomDigits + 1];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(random));
  return std::string(kTemporaryPrefix).append(digits).append(kTemporarySuffix);
}

bool is_temporary_name(const std::string& name) {
  if (name.size() != kTemporaryPrefix.size() + kRandomDigits + kTemporarySuffix.size()) return false;
  const auto digits = name.begin() + kTemporaryPrefix.size();
  return name.compare(0, kTemporaryPrefix.size(), kTemporaryPrefix) == 0 &&
         std::all_of(digits, digits + kRandomDigits, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }) &&
         name.compare(kTemporaryPrefix.size() + kRandomDigits, std::string::npos, kTemporarySuffix) == 0;
}

// True when the lock was taken; false when another holds it, or with errno ENOTSUP when the file system has none.
bool try_lock(int fd) {
  int code = 0;
  do code = flock(fd, LOCK_EX | LOCK_NB);
  while (code != 0 && errno == EINTR);
  if (code != 0 && errno != EWOULDBLOCK) errno = ENOTSUP;
  return code == 0;
}

void remove_abandoned(const std::string& folder) {
  std::error_code reason;
  for (fs::directory_iterator entry(folder, reason), end; !reason && entry != end; entry.increment(reason)) {
    if (!is_temporary_name(entry->path().filename().string())) continue;
    // Written to, because network file systems grant exclusive locks to writers only; NONBLOCK, because a pipe would be waited for.
    const FileDescriptor file(open(entry->path().c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat status {};
    if (file && fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode) && try_lock(file.get()))
      unlink(entry->path().c_str());
  }
}

// A new locked temporary file; invalid, with errno set, when it cannot be created.
FileDescriptor create_temporary(const std::string& folder, std::string& path) {
  for (;;) {
    path = folder + "/" + temporary_name();
    FileDescriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
    if (!file) {
      if (errno == EEXIST) continue;
      return file;
    }
    // Between its creation and its lock it looks abandoned to others: then it is theirs to remove, and another is made.
    struct stat status {};
    const bool locked = try_lock(file.get()) || errno == ENOTSUP;
    if (locked && fstat(file.get(), &status) == 0 && status.st_nlink > 0) return file;
  }
}

// ---- Lock files.

constexpr const char* kLockName = ".bitloom-lock";
constexpr std::string_view kLockMagic = "bitloom at work: ";

// What the file holds; at most a line is ever written.
std::string start_of(int fd) {
  char text[512];
  const ssize_t got = pread(fd, text, sizeof text, 0);
  return std::string(text, size_t(std::max<ssize_t>(got, 0)));
}

std::string this_process() {
  char host[256] = "";
  if (gethostname(host, sizeof host - 1) != 0) host[0] = 0;
  return str("process ", getpid(), " on ", host[0] != 0 ? host : "this machine");
}

// Returns when a read would not wait for the other end of a pipe or for a terminal; throws Interrupted when that was asked first. Looks
// for it now and then, because the thread that waits need not be the one that is told.
void wait_to_read(int fd) {
  constexpr int kMilliseconds = 50;
  pollfd wanted{fd, POLLIN, 0};
  int ready = 0;
  do {
    check_cancel();
    ready = poll(&wanted, 1, kMilliseconds);
  } while (ready == 0 || (ready < 0 && errno == EINTR));
}

// Whether `path` still is the file that is open.
bool is_at(const std::string& path, int fd) {
  struct stat named {
  }, opened{};
  return lstat(path.c_str(), &named) == 0 && fstat(fd, &opened) == 0 && named.st_ino == opened.st_ino &&
         named.st_dev == opened.st_dev;
}

}  // namespace

std::vector<uint8_t> read_file(const std::string& path, size_t limit) {
  // NONBLOCK, because opening a pipe would wait for its writer.
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  BITLOOM_CHECK(file, "cannot open ", path, ": ", std::strerror(errno));
  struct stat status {};
  BITLOOM_CHECK(fstat(file.get(), &status) == 0, "cannot read ", path, ": ", std::strerror(errno));
  const auto check_limit = [&](size_t size) {
    BITLOOM_CHECK(size <= limit, "cannot read ", path, ": it has more than the ", limit, " bytes that such a file may have");
  };
  const size_t expected = S_ISREG(status.st_mode) ? size_t(status.st_size) : (size_t(1) << 16) - 1;
  if (S_ISREG(status.st_mode)) check_limit(expected);
  // One byte more than the size lets the loop see the end without growing; pipes have no size and grow.
  std::vector<uint8_t> bytes(expected + 1);
  size_t used = 0;
  for (;;) {
    if (used == bytes.size()) bytes.resize(bytes.size() * 2);
    wait_to_read(file.get());
    constexpr size_t kPiece = size_t(1) << 26;  // of a slow disk, between two looks
    const ssize_t got = read(file.get(), bytes.data() + used, std::min(kPiece, bytes.size() - used));
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    BITLOOM_CHECK(got >= 0, "cannot read ", path, ": ", std::strerror(errno));
    if (got == 0) break;
    used += size_t(got);
    check_limit(used);
  }
  bytes.resize(used);
  return bytes;
}

std::string read_text(const std::string& path, size_t limit) {
  const std::vector<uint8_t> bytes = read_file(path, limit);
  return std::string(bytes.begin(), bytes.end());
}

AtomicFiles::~AtomicFiles() {
  for (const Pending& p : pending_) unlink(p.temporary.c_str());
}

void AtomicFiles::write(const std::string& path, const void* data, size_t size) {
  // Renaming over a device (as root, /dev/null) would destroy it.
  struct stat status {};
  BITLOOM_CHECK(stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode), "cannot write ", path,
                ": it is not a regular file");
  const std::string folder = folder_of(path);
  remove_abandoned(folder);
  std::string temporary;
  FileDescriptor file = create_temporary(folder, temporary);
  BITLOOM_CHECK(file, "cannot write ", path, ": ", std::strerror(errno));
  pending_.push_back({path, temporary, size, std::move(file)});
  const int fd = pending_.back().file.get();
  BITLOOM_CHECK(write_all(fd, static_cast<const uint8_t*>(data), size) && fsync(fd) == 0, "cannot write ", path, " (", size,
                " bytes): ", std::strerror(errno));
}

void AtomicFiles::commit() {
  std::string synced;
  while (!pending_.empty()) {
    Pending& p = pending_.front();
    BITLOOM_CHECK(std::rename(p.temporary.c_str(), p.path.c_str()) == 0, "cannot write ", p.path, " (", p.size,
                  " bytes): ", std::strerror(errno));
    const std::string folder = folder_of(p.path);
    pending_.erase(pending_.begin());
    if (pending_.empty() || folder_of(pending_.front().path) != folder) sync_folder(folder);
  }
}

void write_file_atomic(const std::string& path, const void* data, size_t size) {
  AtomicFiles files;
  files.write(path, data, size);
  files.commit();
}

void write_text_atomic(const std::string& path, const std::string& text) { write_file_atomic(path, text.data(), text.size()); }

bool file_exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

void make_output_folder(const std::string& path) {
  std::error_code reason;
  // The folders that will be new; their entries are flushed as those of files are.
  std::vector<fs::path> created;
  for (fs::path folder = path; !folder.empty() && !fs::exists(folder, reason); folder = folder.parent_path())
    created.push_back(folder);
  fs::create_directories(path, reason);
  BITLOOM_CHECK(!reason, "cannot create the folder ", path, ": ", reason.message());
  BITLOOM_CHECK(access(path.c_str(), W_OK | X_OK) == 0, "cannot write into the folder ", path, ": ", std::strerror(errno));
  for (const fs::path& folder : created) sync_folder(folder_of(folder.string()));
  remove_abandoned(path);
}

FolderLock::FolderLock(const std::string& folder) : path_(folder + "/" + kLockName) {
  // A holder removes the file before it lets go: what was opened may be gone once it is locked.
  do {
    file_ = FileDescriptor(open(path_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666));
    BITLOOM_CHECK(file_, "cannot lock the folder ", folder, ": cannot open ", path_, ": ", std::strerror(errno));
    if (try_lock(file_.get())) continue;
    if (errno == ENOTSUP) break;
    const std::string holder = start_of(file_.get());
    throw Error(str("the folder ", folder, " is in use by another bitloom (",
                    holder.size() > kLockMagic.size() ? printable(holder.substr(kLockMagic.size()), 100) : "which just began",
                    "); wait until it has ended, or choose another folder"));
  } while (!is_at(path_, file_.get()));
  const std::string before = start_of(file_.get()), line = std::string(kLockMagic) + this_process();
  BITLOOM_CHECK(before.empty() || before.compare(0, kLockMagic.size(), kLockMagic) == 0, "cannot lock the folder ", folder,
                ": ", path_, " is not a lock of bitloom; move it away");
  // The line is for others to read; a full disk that has no room for it does no harm.
  if (ftruncate(file_.get(), 0) == 0) write_all(file_.get(), reinterpret_cast<const uint8_t*>(line.data()), line.size());
}

FolderLock::~FolderLock() {
  if (is_at(path_, file_.get())) unlink(path_.c_str());
}

}  // namespace bitloom
