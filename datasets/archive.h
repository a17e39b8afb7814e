// Streaming reader of .tar.gz archives: POSIX ustar with pax and GNU long names and hard links, gunzipped by zlib (plain .tar works too).
#pragma once
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bitloom {

// Visits the files of an archive in order, in one pass; folders and symbolic links are skipped:
//   TarGzReader archive(path);
//   while (archive.next()) if (archive.name() == wanted) use(archive.read(most));
// A hard link is a file whose contents are stored under another name; reading it makes a second pass.
// Errors name the path, the member and the offset in the unpacked stream: missing, not an archive (and what it is instead),
// damaged, truncated.
class TarGzReader {
 public:
  explicit TarGzReader(const std::string& path);
  ~TarGzReader();

  // Moves to the next regular file, over what was not read of the current one. At the end, the rest of the compressed stream is
  // read too, which verifies its CRC, and false is returned.
  bool next();

  const std::string& name() const { return name_; }  // as stored, without a leading "./"
  // The current file's contents; once for each file. Error before anything is unpacked when they are more than `most` bytes.
  // Memory grows with what is there, not with what the header claims.
  std::vector<uint8_t> read(int64_t most = std::numeric_limits<int64_t>::max());

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
  std::string name_;
  std::optional<std::string> link_;  // of a hard link: the name of the file that it is
  int64_t size_ = 0;
};

}  // namespace bitloom
