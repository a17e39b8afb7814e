// Whole files in and out, how every output of the project is written: atomically, and folders that one process works in.
#pragma once
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "core/file_descriptor.h"

namespace bitloom {

// Errors name the path and the reason the system gives; a file above `limit` bytes is refused before it is read. Waiting for a pipe
// ends at request_cancel() too.
std::vector<uint8_t> read_file(const std::string& path, size_t limit = std::numeric_limits<size_t>::max());
std::string read_text(const std::string& path, size_t limit = std::numeric_limits<size_t>::max());

// Files that appear together. Each is first a temporary file beside its target; commit() puts all in place. On any failure (disk
// full, no permission), and without a commit(), the targets are as they were.
//
// A temporary is .bitloom-RANDOM.tmp, created by nobody else (O_EXCL) and locked (flock) for as long as its writer lives, in
// whatever container or on whatever machine of a network file system. One that is not locked was left by a killed writer, and the
// next write into its folder removes it; files of any other name are never removed.
class AtomicFiles {
 public:
  AtomicFiles() = default;
  AtomicFiles(const AtomicFiles&) = delete;
  AtomicFiles& operator=(const AtomicFiles&) = delete;
  ~AtomicFiles();

  // Flushed to the disk. Error when `path` is something else than a regular file.
  void write(const std::string& path, const void* data, size_t size);
  void write(const std::string& path, const std::string& text) { write(path, text.data(), text.size()); }
  void commit();

 private:
  struct Pending {
    std::string path, temporary;
    size_t size;
    FileDescriptor file;  // holds the lock
  };
  std::vector<Pending> pending_;
};

// One file by AtomicFiles.
void write_file_atomic(const std::string& path, const void* data, size_t size);
void write_text_atomic(const std::string& path, const std::string& text);

// A file yet to be written: what generators of code return.
struct TextFile {
  std::string name, text;
};

bool file_exists(const std::string& path);
// Creates the folder and its parents, and removes the temporary files that killed writers left in it. Error when it cannot be
// created or written into.
void make_output_folder(const std::string& path);

// The right to work in a folder, held by one FolderLock at a time: a lock (flock) on .bitloom-lock in it. The system releases it
// however the process ends, and the file goes with the lock, unless the process was killed: then the next holder takes the file
// over. File systems without locks do not exclude anyone.
class FolderLock {
 public:
  // Error, at once, when another holds it, with that one's process and host.
  explicit FolderLock(const std::string& folder);
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  ~FolderLock();

 private:
  std::string path_;
  FileDescriptor file_;
};

}  // namespace bitloom
