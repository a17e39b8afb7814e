// Bytes as a file that has a path but is on no disk, for fuzz targets of readers that take a path.
#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/error.h"

namespace bitloom::testing {

class MemoryFile {
 public:
  MemoryFile(const uint8_t* data, size_t size) : fd_(memfd_create("fuzz", MFD_CLOEXEC)) {
    if (fd_ < 0 || write(fd_, data, size) != ssize_t(size)) std::abort();
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { close(fd_); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

// Every reader says in one printable line what is wrong with which file.
inline void check_message(const Error& error, const std::string& file) {
  const std::string message = error.what();
  if (message.find(file) == std::string::npos || message != printable(message)) std::abort();
}

}  // namespace bitloom::testing
