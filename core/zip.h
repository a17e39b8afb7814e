// Zip archives in memory: stored and deflated entries, zip64, through zlib (PKWARE APPNOTE 6.3.10).
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace bitloom {

using ZipContents = std::map<std::string, std::vector<uint8_t>>;  // entry name -> contents

// An archive whose entries are unpacked when they are asked for. The central directory is the authority on sizes and offsets, as
// the format prescribes. Errors name the path, the entry and the byte offset. Memory grows with what an entry really unpacks to
// (at most 1032 times its size, deflate's limit), whatever the file claims.
class ZipFile {
 public:
  explicit ZipFile(const std::string& path);
  ZipFile(ZipFile&&) noexcept;
  ~ZipFile();

  // As stored, sorted; folders end in "/".
  std::vector<std::string> names() const;
  // Error also when two entries have that name.
  std::vector<uint8_t> read(const std::string& name) const;

 private:
  class Reader;
  std::unique_ptr<const Reader> reader_;
};

ZipContents read_zip(const std::string& path);  // every entry

enum class Compression : uint16_t { kStored = 0, kDeflated = 8 };  // as the format numbers them (APPNOTE.TXT 4.4.5)

// Writes atomically (core/io.h). Equal contents give equal files: the entries carry no time. Entries of 4 GiB or more are
// refused.
void write_zip(const std::string& path, const ZipContents& contents, Compression compression);

}  // namespace bitloom
