// Zip archives in memory.
#include "core/zip.h"

#include <zlib.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "core/cancel.h"
#include "core/error.h"
#include "core/io.h"

namespace bitloom {
namespace {

// Signatures and sizes of the zip records (APPNOTE 4.3.7, 4.3.12, 4.3.14 to 4.3.16).
constexpr uint32_t kLocalSignature = 0x04034b50, kCentralSignature = 0x02014b50, kEndSignature = 0x06054b50;
constexpr uint32_t kEnd64Signature = 0x06064b50, kLocator64Signature = 0x07064b50;
constexpr size_t kLocalSize = 30, kCentralSize = 46, kEndSize = 22, kEnd64Size = 56, kLocator64Size = 20;
constexpr uint64_t kMax32 = 0xffffffff;
constexpr int kVersion = 20;

uint64_t load_le(const uint8_t* p, int bytes) {
  uint64_t value = 0;
  for (int i = bytes - 1; i >= 0; --i) value = value << 8 | p[i];
  return value;
}

void append_le(std::vector<uint8_t>& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i, value >>= 8) out.push_back(uint8_t(value));
}

// One member as the central directory describes it.
struct Entry {
  std::string name;
  int method = 0;
  uint32_t crc = 0;
  uint64_t stored_size = 0, size = 0, offset = 0;
  bool encrypted = false;
};

}  // namespace

class ZipFile::Reader {
 public:
  explicit Reader(const std::string& path) : file_(read_file(path)), path_(path), entries_(read_directory()) {}

  const std::multimap<std::string, Entry>& entries() const { return entries_; }

  const Entry& find(const std::string& name) const {
    const auto found = entries_.equal_range(name);
    BITLOOM_CHECK(found.first != found.second, path_, ": there is no entry ", quote(name));
    BITLOOM_CHECK(std::next(found.first) == found.second, path_, ": two entries are named ", quote(name));
    return found.first->second;
  }

  // Contents of one entry, checked against its size and CRC.
  std::vector<uint8_t> content(const Entry& entry) const {
    BITLOOM_CHECK(!entry.encrypted, at(entry.offset), "entry ", quote(entry.name), " is encrypted");
    need(entry.offset, kLocalSize, "local header");
    BITLOOM_CHECK(load_le(&file_[entry.offset], 4) == kLocalSignature, at(entry.offset), "local header of ", quote(entry.name),
                  " missing");
    const uint64_t begin =
        entry.offset + kLocalSize + load_le(&file_[entry.offset + 26], 2) + load_le(&file_[entry.offset + 28], 2);
    need(begin, entry.stored_size, "entry data");
    const uint8_t* data = file_.data() + begin;
    std::vector<uint8_t> out;
    if (entry.method == uint16_t(Compression::kStored)) {
      BITLOOM_CHECK(entry.stored_size == entry.size, at(begin), "stored entry ", quote(entry.name), " has two sizes");
      out.assign(data, data + entry.size);
    } else {
      BITLOOM_CHECK(entry.method == uint16_t(Compression::kDeflated), at(entry.offset), "entry ", quote(entry.name),
                    " uses compression method ", entry.method, "; stored and deflated are supported");
      out = inflate_entry(entry, begin);
    }
    BITLOOM_CHECK(crc32_z(0, out.data(), out.size()) == entry.crc, at(begin), "CRC of ", quote(entry.name),
                  " is wrong: the file is damaged");
    return out;
  }

 private:
  std::multimap<std::string, Entry> read_directory() const {
    uint64_t end = find_end();
    uint64_t count = load_le(&file_[end + 10], 2), size = load_le(&file_[end + 12], 4), offset = load_le(&file_[end + 16], 4);
    if (count == 0xffff || size == kMax32 || offset == kMax32) {
      BITLOOM_CHECK(end >= kLocator64Size && load_le(&file_[end - kLocator64Size], 4) == kLocator64Signature, at(end),
                    "zip64 locator missing");
      const uint64_t locator = end - kLocator64Size;
      end = load_le(&file_[locator + 8], 8);
      need(end, kEnd64Size, "zip64 end record");
      BITLOOM_CHECK(load_le(&file_[end], 4) == kEnd64Signature, at(end), "zip64 end record missing");
      count = load_le(&file_[end + 32], 8), size = load_le(&file_[end + 40], 8), offset = load_le(&file_[end + 48], 8);
    }
    need(offset, size, "central directory");
    std::multimap<std::string, Entry> all;
    uint64_t position = offset, stored_total = 0;
    for (uint64_t i = 0; i < count; ++i) {
      const Entry entry = central_entry(position);
      // Members share no bytes in an honest file; overlapping ones are how a small file inflates without bound.
      stored_total += entry.stored_size;
      BITLOOM_CHECK(stored_total <= file_.size(), at(offset), "the entries claim more bytes than the file has");
      all.emplace(entry.name, entry);
    }
    return all;
  }

  std::string at(uint64_t offset) const { return str(path_, ": byte ", offset, ": "); }

  void need(uint64_t offset, uint64_t size, const char* what) const {
    BITLOOM_CHECK(offset <= file_.size() && size <= file_.size() - offset, at(offset), what, " of ", size,
                  " bytes goes beyond the end of the file (", file_.size(), " bytes): truncated or not an .npz");
  }

  // The end record is last, followed only by a comment of at most 65535 bytes.
  uint64_t find_end() const {
    constexpr uint64_t kMaxComment = 0xffff;
    for (uint64_t comment = 0; comment <= kMaxComment && comment + kEndSize <= file_.size(); ++comment) {
      const uint64_t offset = file_.size() - kEndSize - comment;
      if (load_le(&file_[offset], 4) == kEndSignature && load_le(&file_[offset + 20], 2) == comment) return offset;
    }
    throw Error(str(path_, ": byte ", file_.size(), ": no zip end record: truncated or not an .npz"));
  }

  // Reads the record at `position` and moves past it.
  Entry central_entry(uint64_t& position) const {
    need(position, kCentralSize, "central directory entry");
    const uint8_t* p = &file_[position];
    BITLOOM_CHECK(load_le(p, 4) == kCentralSignature, at(position), "central directory entry missing");
    const uint64_t name = load_le(p + 28, 2), extra = load_le(p + 30, 2), comment = load_le(p + 32, 2);
    need(position, kCentralSize + name + extra + comment, "central directory entry");
    Entry entry;
    entry.name.assign(p + kCentralSize, p + kCentralSize + name);
    entry.encrypted = (load_le(p + 8, 2) & 1) != 0;
    entry.method = int(load_le(p + 10, 2));
    entry.crc = uint32_t(load_le(p + 16, 4));
    entry.stored_size = load_le(p + 20, 4);
    entry.size = load_le(p + 24, 4);
    entry.offset = load_le(p + 42, 4);
    zip64_sizes(p + kCentralSize + name, p + kCentralSize + name + extra, entry);
    position += kCentralSize + name + extra + comment;
    return entry;
  }

  // The zip64 extra field holds, in this order, those of the fields that are saturated (APPNOTE 4.5.3).
  void zip64_sizes(const uint8_t* p, const uint8_t* end, Entry& entry) const {
    while (end - p >= 4) {
      const uint64_t id = load_le(p, 2), size = load_le(p + 2, 2);
      p += 4;
      if (size > uint64_t(end - p)) break;
      const uint8_t *field = p, *field_end = p + size;
      p = field_end;
      if (id != 1) continue;
      for (uint64_t* value : {&entry.size, &entry.stored_size, &entry.offset}) {
        if (*value != kMax32) continue;
        BITLOOM_CHECK(field_end - field >= 8, path_, ": entry ", quote(entry.name), ": zip64 field is too short");
        *value = load_le(field, 8);
        field += 8;
      }
    }
  }

  std::vector<uint8_t> inflate_entry(const Entry& entry, uint64_t begin) const {
    // Deflate expands at most 1032 times (zlib's technical notes), so a larger claim is refused before allocating.
    constexpr uint64_t kMaxExpansion = 1032;
    BITLOOM_CHECK(entry.size / kMaxExpansion <= entry.stored_size, at(begin), "entry ", quote(entry.name), " claims ",
                  entry.size, " bytes from ", entry.stored_size);
    // A byte more shows data beyond the claimed size. What a claim beyond usual ratios asks for is given as the data come.
    constexpr uint64_t kUsualExpansion = 8, kLeast = 1 << 16;
    std::vector<uint8_t> out(std::min(entry.size + 1, std::max(kLeast, kUsualExpansion * entry.stored_size)));
    z_stream stream{};
    BITLOOM_CHECK(inflateInit2(&stream, -MAX_WBITS) == Z_OK, path_, ": out of memory");
    const std::unique_ptr<z_stream, int (*)(z_stream*)> ended(&stream, inflateEnd);
    // zlib counts in 32 bits.
    constexpr uint64_t kChunk = uint64_t(1) << 26;
    uint64_t in = 0, made = 0;
    int status = Z_OK;
    while (status == Z_OK) {
      check_cancel();
      if (made == out.size()) out.resize(std::min(entry.size + 1, 2 * made));
      stream.next_in = const_cast<uint8_t*>(file_.data() + begin + in);
      stream.avail_in = uInt(std::min(kChunk, entry.stored_size - in));
      stream.next_out = out.data() + made;
      stream.avail_out = uInt(std::min(kChunk, out.size() - made));
      const uInt in_before = stream.avail_in, out_before = stream.avail_out;
      status = inflate(&stream, Z_NO_FLUSH);
      in += in_before - stream.avail_in;
      made += out_before - stream.avail_out;
    }
    BITLOOM_CHECK(status == Z_STREAM_END && made == entry.size, at(begin + in), "compressed data of ", quote(entry.name),
                  " is damaged (", made, " of ", entry.size, " bytes)");
    out.resize(made);
    return out;
  }

  const std::vector<uint8_t> file_;
  const std::string path_;
  const std::multimap<std::string, Entry> entries_;
};

ZipFile::ZipFile(const std::string& path) : reader_(std::make_unique<const Reader>(path)) {}
ZipFile::ZipFile(ZipFile&&) noexcept = default;
ZipFile::~ZipFile() = default;

std::vector<std::string> ZipFile::names() const {
  std::vector<std::string> all;
  for (const auto& [name, entry] : reader_->entries()) all.push_back(name);
  return all;
}

std::vector<uint8_t> ZipFile::read(const std::string& name) const { return reader_->content(reader_->find(name)); }

namespace {

std::vector<uint8_t> deflate_bytes(const std::vector<uint8_t>& content) {
  z_stream stream{};
  BITLOOM_CHECK(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK,
                "zip: out of memory");
  std::vector<uint8_t> out(deflateBound(&stream, content.size()));
  stream.next_in = const_cast<uint8_t*>(content.data());
  stream.avail_in = uInt(content.size());
  stream.next_out = out.data();
  stream.avail_out = uInt(out.size());
  const int status = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  BITLOOM_CHECK(status == Z_STREAM_END, "zip: compression failed");
  return out;
}

// The fields that local header and central directory share, from "version needed" to the name's length. The date is the
// format's first day, so that equal arrays give equal files.
void append_common(std::vector<uint8_t>& out, const Entry& entry) {
  constexpr int kFirstDay = 0x21;
  append_le(out, kVersion, 2);
  append_le(out, 0, 2);
  append_le(out, uint64_t(entry.method), 2);
  append_le(out, 0, 2);
  append_le(out, kFirstDay, 2);
  append_le(out, entry.crc, 4);
  append_le(out, entry.stored_size, 4);
  append_le(out, entry.size, 4);
  append_le(out, entry.name.size(), 2);
  append_le(out, 0, 2);
}

}  // namespace

ZipContents read_zip(const std::string& path) {
  const ZipFile file(path);
  ZipContents contents;
  for (const std::string& name : file.names()) contents[name] = file.read(name);
  return contents;
}

void write_zip(const std::string& path, const ZipContents& contents, Compression compression) {
  const bool compress = compression == Compression::kDeflated;
  std::vector<uint8_t> out, directory;
  for (const auto& [name, content] : contents) {
    BITLOOM_CHECK(content.size() < kMax32 && out.size() < kMax32 && name.size() <= 0xffff && contents.size() < 0xffff, path,
                  ": entry ", quote(name), " makes the file larger than 4 GiB, which is not supported");
    const std::vector<uint8_t> deflated = compress ? deflate_bytes(content) : std::vector<uint8_t>();
    const std::vector<uint8_t>& stored = compress ? deflated : content;
    Entry entry{name,          uint16_t(compression), uint32_t(crc32_z(0, content.data(), content.size())),
                stored.size(), content.size(),        out.size()};
    append_le(out, kLocalSignature, 4);
    append_common(out, entry);
    out.insert(out.end(), name.begin(), name.end());
    out.insert(out.end(), stored.begin(), stored.end());

    append_le(directory, kCentralSignature, 4);
    append_le(directory, kVersion, 2);
    append_common(directory, entry);
    append_le(directory, 0, 10);  // comment, disk, attributes
    append_le(directory, entry.offset, 4);
    directory.insert(directory.end(), name.begin(), name.end());
  }
  const uint64_t directory_offset = out.size();
  BITLOOM_CHECK(directory_offset < kMax32, path, ": files larger than 4 GiB are not supported");
  out.insert(out.end(), directory.begin(), directory.end());
  append_le(out, kEndSignature, 4);
  append_le(out, 0, 4);
  append_le(out, contents.size(), 2);
  append_le(out, contents.size(), 2);
  append_le(out, directory.size(), 4);
  append_le(out, directory_offset, 4);
  append_le(out, 0, 2);
  write_file_atomic(path, out.data(), out.size());
}

}  // namespace bitloom
