// Streaming reader of .tar.gz archives.
#include "datasets/archive.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/cancel.h"
#include "core/error.h"

namespace bitloom {
namespace {

constexpr int64_t kBlock = 512;

// ustar header fields: offset and length (POSIX.1-2017, pax, "ustar Interchange Format").
struct Field {
  size_t offset, size;
};
constexpr Field kName{0, 100}, kSize{124, 12}, kChecksum{148, 8}, kLink{157, 100}, kMagic{257, 5}, kPrefix{345, 155};
constexpr size_t kType = 156;
constexpr char kFile = '0', kOldFile = 0, kHardLink = '1', kGnuLongName = 'L', kGnuLongLink = 'K', kPaxHeader = 'x';

std::string text_field(const uint8_t* header, Field field) {
  const char* begin = reinterpret_cast<const char*>(header + field.offset);
  return std::string(begin, std::find(begin, begin + field.size, '\0'));
}

// An octal number ended by a space or NUL, or GNU's base-256 form for 8 GiB and more; -1 if it is neither.
int64_t number_field(const uint8_t* header, Field field) {
  const uint8_t *p = header + field.offset, *end = p + field.size;
  int64_t value = 0;
  if (*p == 0x80) {
    while (++p < end) {
      if (value >> 55) return -1;
      value = value << 8 | *p;
    }
    return value;
  }
  while (p < end && *p == ' ') ++p;
  for (; p < end && *p != ' ' && *p != 0; ++p) {
    if (*p < '0' || *p > '7') return -1;
    value = value << 3 | (*p - '0');
  }
  return value;
}

std::string stored_name(const uint8_t* header) {
  const bool ustar = std::memcmp(header + kMagic.offset, "ustar", kMagic.size) == 0;
  const std::string prefix = ustar ? text_field(header, kPrefix) : "";
  return prefix.empty() ? text_field(header, kName) : prefix + "/" + text_field(header, kName);
}

// What extended headers say about the file that follows them.
struct Overrides {
  std::string name, link;
  int64_t size = -1;
};

// A decimal number and nothing else; -1 when it is not.
int64_t decimal(const std::string& text) {
  constexpr size_t kMostDigits = 18;
  if (text.empty() || text.size() > kMostDigits || text.find_first_not_of("0123456789") != text.npos) return -1;
  return std::stoll(text);
}

// pax records: "LENGTH KEY=VALUE\n", the length being that of the whole record. False when they are malformed.
bool parse_pax(const std::string& text, Overrides& overrides) {
  for (size_t begin = 0; begin < text.size();) {
    const size_t space = std::min(text.find(' ', begin), text.size()), equals = text.find('=', begin);
    const int64_t length = decimal(text.substr(begin, std::min<size_t>(space - begin, 20)));
    if (length <= 0 || size_t(length) > text.size() - begin) return false;
    const size_t end = begin + size_t(length);
    if (equals == text.npos || space > equals || equals + 1 >= end || text[end - 1] != '\n') return false;
    const std::string key = text.substr(space + 1, equals - space - 1);
    if (key == "path" || key == "linkpath")
      (key == "path" ? overrides.name : overrides.link) = text.substr(equals + 1, end - equals - 2);
    if (key == "size") {
      overrides.size = decimal(text.substr(equals + 1, end - equals - 2));
      if (overrides.size < 0) return false;
    }
    begin = end;
  }
  return true;
}

std::string without_dot(std::string name) {
  if (name.compare(0, 2, "./") == 0) name.erase(0, 2);
  return name;
}

// What a file that is no tar archive is, judged by its first bytes; "" when that is not known.
std::string other_format(const std::string& start) {
  const std::pair<std::string_view, const char*> kinds[] = {{"PK\x03\x04", "a zip archive"},
                                                            {"BZh", "compressed by bzip2"},
                                                            {"\xfd"
                                                             "7zXZ",
                                                             "compressed by xz"},
                                                            {"\x28\xb5\x2f\xfd", "compressed by zstd"},
                                                            {"7z\xbc\xaf", "a 7z archive"},
                                                            {"Rar!", "a rar archive"},
                                                            {"\x93NUMPY", "a numpy array"}};
  for (const auto& [magic, kind] : kinds)
    if (start.compare(0, magic.size(), magic) == 0) return kind;
  const size_t text = start.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  std::string tag = text == start.npos ? "" : start.substr(text, 14);
  std::transform(tag.begin(), tag.end(), tag.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  for (const char* html : {"<!doctype html", "<html", "<head"})
    if (tag.compare(0, std::strlen(html), html) == 0) return "an HTML page, such as servers send instead of a file";
  return start.empty() ? "an empty file" : "";
}

// The sum of all header bytes, the checksum field counted as spaces.
bool checksum_holds(const uint8_t* header) {
  int64_t sum = 0;
  for (size_t i = 0; i < size_t(kBlock); ++i) sum += i - kChecksum.offset < kChecksum.size ? ' ' : header[i];
  return sum == number_field(header, kChecksum);
}

}  // namespace

struct TarGzReader::Stream {
  std::string path;
  gzFile file = nullptr;
  int64_t offset = 0;   // in the unpacked stream
  int64_t pending = 0;  // unread bytes of the current member, padding included

  ~Stream() {
    if (file) gzclose_r(file);
  }

  // Reads up to `size` bytes; fewer only at the end of the stream.
  int64_t read_some(uint8_t* out, int64_t size) {
    check_cancel();
    const int got = gzread(file, out, unsigned(size));
    int code = Z_OK;
    const char* reason = gzerror(file, &code);
    if (code == Z_ERRNO) reason = std::strerror(errno);
    BITLOOM_CHECK(got >= 0 && (code == Z_OK || code == Z_STREAM_END), path, ": unpacked byte ", offset, ": ", reason,
                  ": the archive is truncated or damaged; fetch it again");
    offset += got;
    return got;
  }

  void read_exactly(uint8_t* out, int64_t size) {
    BITLOOM_CHECK(read_some(out, size) == size, path, ": unpacked byte ", offset, ": the archive ends in the middle of a file");
  }

  void skip(int64_t size) {
    uint8_t scrap[16 * kBlock];
    for (int64_t step; size > 0; size -= step) {
      step = std::min<int64_t>(size, sizeof scrap);
      read_exactly(scrap, step);
    }
  }

  std::vector<uint8_t> take(int64_t size) {
    constexpr int64_t kStep = int64_t(1) << 20;
    std::vector<uint8_t> bytes;
    while (int64_t(bytes.size()) < size) {
      const int64_t have = int64_t(bytes.size()), step = std::min(kStep, size - have);
      bytes.resize(size_t(have + step));
      read_exactly(bytes.data() + have, step);
    }
    pending -= size;
    return bytes;
  }
};

TarGzReader::TarGzReader(const std::string& path) : stream_(std::make_unique<Stream>()) {
  stream_->path = path;
  errno = 0;
  stream_->file = gzopen(path.c_str(), "rb");
  BITLOOM_CHECK(stream_->file, "cannot open ", path, ": ", std::strerror(errno));
  gzbuffer(stream_->file, 1 << 17);
}

TarGzReader::~TarGzReader() = default;

bool TarGzReader::next() {
  Overrides overrides;
  for (;;) {
    stream_->skip(stream_->pending);
    stream_->pending = 0;
    uint8_t header[kBlock];
    const int64_t offset = stream_->offset, got = stream_->read_some(header, kBlock);
    const std::string at = str(stream_->path, ": unpacked byte ", offset, ": ");
    const bool empty_file = got == 0 && offset == 0;
    if (!empty_file &&
        (got == 0 || (got == kBlock && std::all_of(header, header + kBlock, [](uint8_t b) { return b == 0; })))) {
      while (stream_->read_some(header, kBlock) > 0) {
      }
      return false;
    }
    if (got < kBlock || !checksum_holds(header)) {
      const std::string kind = offset == 0 ? other_format({header, header + got}) : "";
      BITLOOM_CHECK(kind.empty(), stream_->path, ": is ", kind, "; a .tar.gz archive is expected");
      throw Error(at + "not a tar header");
    }
    const char type = char(header[kType]);
    // A link has no data, whatever size it is given (GNU tar, "Basic Tar Format": size is zero for links).
    size_ = type == kHardLink ? 0 : overrides.size >= 0 ? overrides.size : number_field(header, kSize);
    constexpr int64_t kMaxSize = int64_t(1) << 50, kMaxOverrides = 1 << 26;
    BITLOOM_CHECK(size_ >= 0 && size_ < kMaxSize, at, "bad size field");
    stream_->pending = (size_ + kBlock - 1) / kBlock * kBlock;
    if (type == kGnuLongName || type == kGnuLongLink || type == kPaxHeader) {
      BITLOOM_CHECK(size_ <= kMaxOverrides, at, "an extended header of ", size_, " bytes");
      const std::vector<uint8_t> bytes = stream_->take(size_);
      const std::string text(bytes.begin(), bytes.end());
      if (type == kPaxHeader)
        BITLOOM_CHECK(parse_pax(text, overrides), at, "bad pax header");
      else
        (type == kGnuLongName ? overrides.name : overrides.link) = text.substr(0, text.find('\0'));
    } else if (type == kFile || type == kOldFile || type == kHardLink) {
      name_ = without_dot(overrides.name.empty() ? stored_name(header) : overrides.name);
      link_.reset();
      if (type == kHardLink) link_ = without_dot(overrides.link.empty() ? text_field(header, kLink) : overrides.link);
      return true;
    } else {
      overrides = Overrides();
    }
  }
}

std::vector<uint8_t> TarGzReader::read(int64_t most) {
  const auto check_size = [&](int64_t size) {
    BITLOOM_CHECK(size <= most, stream_->path, ": ", quote(name_), " has ", size, " bytes, expected at most ", most);
  };
  if (!link_) {
    check_size(size_);
    return stream_->take(size_);
  }
  TarGzReader again(stream_->path);
  while (again.next()) {
    if (again.link_ || again.name_ != *link_) continue;
    check_size(again.size_);
    return again.stream_->take(again.size_);
  }
  throw Error(str(stream_->path, ": ", quote(name_), " is a hard link to ", quote(*link_), ", which is not in the archive"));
}

}  // namespace bitloom
