// DWARF line tables. Numbers and names are those of the DWARF Debugging Information Format, version 5, sections 6.2 and 7.5.
#include "mpic/program/line_table.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

namespace bitloom::mpic {
namespace {

// Reads forwards in a range of bytes; behind its end all is 0 and `bad` is set.
struct Cursor {
  const uint8_t* at = nullptr;
  const uint8_t* end = nullptr;
  bool bad = false;

  size_t left() const { return size_t(end - at); }
  uint64_t number(int bytes) {
    if (left() < size_t(bytes)) return fail();
    uint64_t value = 0;
    for (int i = 0; i < bytes; ++i) value |= uint64_t(*at++) << 8 * i;
    return value;
  }
  uint64_t leb() {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      if (left() == 0) return fail();
      const uint8_t byte = *at++;
      if (shift < 64) value |= uint64_t(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
  }
  int64_t signed_leb() {
    uint64_t value = 0;
    for (int shift = 0;;) {
      if (left() == 0) return int64_t(fail());
      const uint8_t byte = *at++;
      if (shift < 64) value |= uint64_t(byte & 0x7f) << shift;
      shift += 7;
      if ((byte & 0x80) != 0) continue;
      if (shift < 64 && (byte & 0x40) != 0) value |= ~uint64_t(0) << shift;
      return int64_t(value);
    }
  }
  std::string text() {
    constexpr size_t kLongest = 4096;  // many may share one huge text
    const auto* zero = left() == 0 ? nullptr : static_cast<const uint8_t*>(std::memchr(at, 0, std::min(left(), kLongest)));
    if (zero == nullptr) return fail(), "";
    std::string value(reinterpret_cast<const char*>(at), size_t(zero - at));
    at = zero + 1;
    return value;
  }
  void skip(uint64_t bytes) {
    if (bytes > left())
      fail();
    else
      at += bytes;
  }
  // The next so many bytes, which are passed.
  Cursor part(uint64_t bytes) {
    const uint8_t* const begin = at;
    skip(bytes);
    return bad ? Cursor{} : Cursor{begin, at};
  }
  uint64_t fail() {
    bad = true;
    at = end;
    return 0;
  }
};

constexpr uint32_t kNoFile = ~0u;

std::string last_part(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

}  // namespace

class LineReader {
 public:
  LineReader(const std::vector<uint8_t>& elf, LineTable& table) : elf_(elf), table_(table) {}

  void read() {
    Cursor lines = section(".debug_line");
    line_strings_ = section(".debug_line_str");
    strings_ = section(".debug_str");
    while (!lines.bad && lines.left() > 4) {
      const uint64_t length = lines.number(4);
      Cursor unit = lines.part(length);  // the 64-bit format, length 0xffffffff, ends here
      if (!lines.bad) read_unit(unit);
    }
    // Where a sequence ends another may begin, wherever in the section it is.
    std::stable_sort(table_.rows_.begin(), table_.rows_.end(), [](const auto& a, const auto& b) {
      return a.address != b.address ? a.address < b.address : a.file == kNoFile && b.file != kNoFile;
    });
  }

 private:
  struct Header {
    uint64_t shortest = 1, line_range = 1, opcode_base = 1;
    int line_base = 0;
    std::vector<uint8_t> operands;  // of the standard opcodes
    std::vector<uint32_t> files;    // in table_.files_, as the unit numbers them
  };

  Cursor whole() const { return {elf_.data(), elf_.data() + elf_.size()}; }
  Cursor range(uint64_t offset, uint64_t size) const {
    Cursor c = whole();
    c.skip(offset);
    return c.bad ? Cursor{} : c.part(size);
  }

  // Empty when there is none, or it is compressed.
  Cursor section(const char* name) const {
    constexpr uint64_t kHeader = 52, kSection = 40, kCompressed = 0x800, kNoBits = 8;
    if (elf_.size() < kHeader) return {};
    const auto number = [&](uint64_t at, int bytes) { return range(at, uint64_t(bytes)).number(bytes); };
    const uint64_t table = number(32, 4), count = number(48, 2), names = table + number(50, 2) * kSection;
    const Cursor texts = range(number(names + 16, 4), number(names + 20, 4));
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t at = table + i * kSection, type = number(at + 4, 4), flags = number(at + 8, 4);
      Cursor text = texts;
      text.skip(number(at, 4));
      if (text.text() == name && type != kNoBits && (flags & kCompressed) == 0)
        return range(number(at + 16, 4), number(at + 20, 4));
    }
    return {};
  }

  static std::string text_at(Cursor strings, uint64_t offset) {
    strings.skip(offset);
    return strings.text();
  }

  // kNoFile when all names are longer than the file: many may be parts of one.
  uint32_t file_index(const std::string& path) {
    if (const auto found = indices_.find(path); found != indices_.end()) return found->second;
    if (path.size() > elf_.size() - name_bytes_) return kNoFile;
    name_bytes_ += path.size();
    table_.files_.push_back(path);
    return indices_[path] = uint32_t(table_.files_.size() - 1);
  }

  // Version 5: what an entry consists of, then the entries. Their indices, in order, unless they are directories.
  void read_entries(Cursor& c, std::vector<uint32_t>* files) {
    enum Form {
      kData2 = 5,
      kData4 = 6,
      kData8 = 7,
      kText = 8,
      kBlock = 9,
      kData1 = 0xb,
      kStrings = 0xe,
      kUdata = 0xf,
      kData16 = 0x1e,
      kLineStrings = 0x1f
    };
    constexpr uint64_t kPath = 1;
    std::vector<std::pair<uint64_t, uint64_t>> format(c.number(1));
    for (auto& [content, form] : format) {
      content = c.leb();
      form = c.leb();
    }
    const uint64_t count = c.leb();
    if (format.empty()) return;
    for (uint64_t i = 0; i < count && !c.bad; ++i) {
      std::string path;
      for (const auto& [content, form] : format) {
        std::string text;
        switch (form) {
          case kText: text = c.text(); break;
          case kStrings: text = text_at(strings_, c.number(4)); break;
          case kLineStrings: text = text_at(line_strings_, c.number(4)); break;
          case kUdata: c.leb(); break;
          case kData1: c.skip(1); break;
          case kData2: c.skip(2); break;
          case kData4: c.skip(4); break;
          case kData8: c.skip(8); break;
          case kData16: c.skip(16); break;
          case kBlock: c.skip(c.leb()); break;
          default: c.fail();
        }
        if (content == kPath) path = last_part(text);
      }
      if (files != nullptr) files->push_back(file_index(path));
    }
  }

  void read_files(Cursor& c, uint64_t version, Header& header) {
    if (version >= 5) {
      read_entries(c, nullptr);
      return read_entries(c, &header.files);
    }
    while (!c.bad && !c.text().empty()) {
    }
    header.files.push_back(file_index("?"));  // numbers begin with 1
    for (std::string path; !c.bad && !(path = c.text()).empty();) {
      header.files.push_back(file_index(last_part(path)));
      for (int i = 0; i < 3; ++i) c.leb();  // directory, time, length
    }
  }

  void read_unit(Cursor unit) {
    const uint64_t version = unit.number(2);
    if (version < 2 || version > 5) return;
    if (version >= 5) unit.skip(2);  // sizes of addresses and segment selectors
    Cursor c = unit.part(unit.number(4));
    if (unit.bad) return;
    Header header;
    header.shortest = c.number(1);
    if (version >= 4) c.skip(1);  // operations in a VLIW instruction
    c.skip(1);                    // whether rows are statements
    header.line_base = int8_t(c.number(1));
    header.line_range = c.number(1);
    header.opcode_base = c.number(1);
    for (uint64_t i = 1; i < header.opcode_base; ++i) header.operands.push_back(uint8_t(c.number(1)));
    read_files(c, version, header);
    if (!c.bad && header.line_range != 0 && header.opcode_base != 0) execute(unit, header);
  }

  // The line number program (6.2.5).
  void execute(Cursor c, const Header& header) {
    enum Standard { kExtended, kCopy, kAdvancePc, kAdvanceLine, kSetFile, kConstAddPc = 8, kFixedAdvancePc };
    enum Extended { kEndSequence = 1, kSetAddress };
    uint64_t address = 0, file = 1, line = 1;
    size_t first_row = table_.rows_.size();  // of the sequence
    const auto advance = [&](uint64_t special) { address += special / header.line_range * header.shortest; };
    const auto emit = [&](bool is_end) {
      const uint32_t index = is_end || file >= header.files.size() ? kNoFile : header.files[file];
      table_.rows_.push_back({uint32_t(address), index, uint32_t(line)});
    };
    while (!c.bad && c.left() > 0) {
      const uint64_t opcode = c.number(1);
      if (opcode >= header.opcode_base) {
        advance(opcode - header.opcode_base);
        line += uint64_t(header.line_base + int64_t((opcode - header.opcode_base) % header.line_range));
        emit(false);
        continue;
      }
      switch (opcode) {
        case kExtended: {
          Cursor operation = c.part(c.leb());
          const uint64_t kind = operation.number(1);
          if (kind == kSetAddress) address = operation.number(int(std::min<size_t>(operation.left(), 8)));
          if (kind != kEndSequence) break;
          while (table_.rows_.size() > first_row && table_.rows_.back().address == uint32_t(address)) table_.rows_.pop_back();
          emit(true);
          address = 0, file = 1, line = 1, first_row = table_.rows_.size();
          break;
        }
        case kCopy: emit(false); break;
        case kAdvancePc: address += c.leb() * header.shortest; break;
        case kAdvanceLine: line += uint64_t(c.signed_leb()); break;
        case kSetFile: file = c.leb(); break;
        case kConstAddPc: advance(255 - header.opcode_base); break;
        case kFixedAdvancePc: address += c.number(2); break;
        default:
          for (int i = 0; i < header.operands[opcode - 1]; ++i) c.leb();
      }
    }
  }

  const std::vector<uint8_t>& elf_;
  LineTable& table_;
  Cursor line_strings_, strings_;
  std::map<std::string, uint32_t> indices_;  // of files
  size_t name_bytes_ = 0;                    // of them all
};

LineTable::LineTable(const std::vector<uint8_t>& elf) { LineReader(elf, *this).read(); }

std::string LineTable::place(uint32_t address) const {
  auto row = std::upper_bound(rows_.begin(), rows_.end(), address, [](uint32_t a, const Row& r) { return a < r.address; });
  if (row == rows_.begin()) return "";
  --row;
  return row->line == 0 || row->file >= files_.size() ? "" : files_[row->file] + ":" + std::to_string(row->line);
}

}  // namespace bitloom::mpic
