// Streaming reader of .tar.gz archives: POSIX ustar with pax and GNU long names, gunzipped by zlib (plain .tar works too).
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace bitloom {

// Visits the regular files of an archive in order, in one pass; folders and links are skipped:
//   TarGzReader archive(path);
//   while (archive.next()) if (archive.name() == wanted) use(archive.read());
// Errors name the path, the member and the offset in the unpacked stream: missing, not an archive, damaged, truncated.
class TarGzReader {
 public:
  explicit TarGzReader(const std::string& path);
  ~TarGzReader();

  // Moves to the next regular file, over what was not read of the current one. At the end, the rest of the compressed stream is
  // read too, which verifies its CRC, and false is returned.
  bool next();

  const std::string& name() const { return name_; }  // as stored, without a leading "./"
  int64_t size() const { return size_; }
  // The current file's contents; once for each file. Memory grows with what is there, not with what the header claims.
  std::vector<uint8_t> read();

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
  std::string name_;
  int64_t size_ = 0;
};

}  // namespace bitloom
