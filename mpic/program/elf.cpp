// ELF32 files for RISC-V.
#include "mpic/program/elf.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "mpic/isa/names.h"

namespace bitloom::mpic {
namespace {

constexpr uint8_t kMagic[4] = {0x7f, 'E', 'L', 'F'};
constexpr uint64_t kHeaderSize = 52, kProgramHeaderSize = 32, kSectionHeaderSize = 40, kSymbolSize = 16;
constexpr uint64_t kAddressSpace = uint64_t(1) << 32;
constexpr size_t kMaxName = 1024;  // longer names are cut: many symbols may share one huge string

struct SectionHeader {
  uint32_t type = 0, flags = 0, address = 0, offset = 0, size = 0, link = 0, entry_size = 0;
};

class Parser {
 public:
  Parser(const std::vector<uint8_t>& file, const std::string& name) : file_(file), name_(name) {}

  Image run() {
    check_header();
    read_segments();
    check_segments();
    image_.entry = u32(24);
    const bool inside = std::any_of(image_.segments.begin(), image_.segments.end(), [&](const Image::Segment& s) {
      return image_.entry >= s.address && image_.entry < s.end();
    });
    BITLOOM_CHECK(inside, name_, ": the entry ", hex(image_.entry), " is outside every segment");
    read_sections();
    return std::move(image_);
  }

 private:
  // Fields of tables whose place check_range() has accepted.
  uint32_t u16(uint64_t at) const { return uint32_t(file_[at]) | uint32_t(file_[at + 1]) << 8; }
  uint32_t u32(uint64_t at) const { return u16(at) | u16(at + 2) << 16; }

  void check_range(uint64_t offset, uint64_t size, const std::string& what) const {
    BITLOOM_CHECK(offset <= file_.size() && size <= file_.size() - offset, name_, ": ", what, " at offset ", offset, " with ",
                  size, " bytes reaches beyond the end of the file of ", file_.size(), " bytes");
  }

  void check_header() const {
    BITLOOM_CHECK(is_elf(file_), name_, ": not an ELF file (no 7f 45 4c 46 at its beginning)");
    check_range(0, kHeaderSize, "the ELF header");
    BITLOOM_CHECK(file_[4] == 1, name_, file_[4] == 2 ? ": a 64-bit ELF file" : ": an ELF file of unknown class",
                  "; the core is 32-bit: compile with -march=rv32imc -mabi=ilp32");
    BITLOOM_CHECK(file_[5] == 1, name_, ": not a little-endian ELF file");
    BITLOOM_CHECK(file_[6] == 1 && u32(20) == 1, name_, ": ELF version ", u32(20), " is unknown");
    BITLOOM_CHECK(u16(18) == 243, name_, ": for machine ", u16(18), ", not for RISC-V (243)");
    check_abi(u32(36));
    BITLOOM_CHECK(u16(16) != 1, name_, ": an object file; link it first (-T mpic/runtime/link.ld)");
    BITLOOM_CHECK(u16(16) == 2, name_, ": ELF type ", u16(16), " is no executable (2); link with -static -no-pie");
  }

  // e_flags (RISC-V ELF psABI, chapter 8.1): 1 RVC, 2 and 4 float ABI, 8 RVE, 0x10 RVTSO.
  void check_abi(uint32_t flags) const {
    constexpr const char* kAdvice = "compile and link with -march=rv32imc -mabi=ilp32";
    constexpr const char* kFloat[] = {"", "ilp32f, floats in registers", "ilp32d, doubles in registers",
                                      "with quads in registers"};
    BITLOOM_CHECK((flags & 6) == 0, name_, ": for the ABI ", kFloat[flags >> 1 & 3], "; the core has no FPU: ", kAdvice);
    BITLOOM_CHECK((flags & 8) == 0, name_, ": for RV32E, the ABI of 16 registers (ilp32e); the core is RV32I: ", kAdvice);
  }

  void read_segments() {
    const uint64_t table = u32(28), count = u16(44);
    BITLOOM_CHECK(count > 0, name_, ": has no program headers, so nothing to load");
    BITLOOM_CHECK(u16(42) == kProgramHeaderSize, name_, ": program headers of ", u16(42), " bytes instead of ",
                  kProgramHeaderSize);
    check_range(table, count * kProgramHeaderSize, "the program header table");
    for (uint64_t i = 0; i < count; ++i) {
      constexpr uint32_t kLoad = 1, kInterpreter = 3;
      const uint64_t h = table + i * kProgramHeaderSize;
      BITLOOM_CHECK(u32(h) != kInterpreter, name_, ": wants a dynamic linker; link with -static");
      const uint64_t offset = u32(h + 4), runs_at = u32(h + 8), address = u32(h + 12), in_file = u32(h + 16),
                     size = u32(h + 20);
      const uint32_t flags = u32(h + 24);
      if (u32(h) != kLoad || size == 0) continue;
      const std::string what = str("segment ", i);
      BITLOOM_CHECK(in_file <= size, name_, ": ", what, " has ", in_file, " bytes in the file, but ", size, " in memory");
      check_range(offset, in_file, what);
      for (const uint64_t begin : {address, runs_at})
        BITLOOM_CHECK(begin + size <= kAddressSpace, name_, ": ", what, " with ", size, " bytes at ", hex(begin),
                      " ends above 4 GiB");
      loaded_ += in_file;
      BITLOOM_CHECK(loaded_ <= file_.size(), name_, ": the segments have more bytes than the file");
      constexpr uint32_t kExecutable = 1, kWritable = 2;
      const std::vector<uint8_t> bytes(file_.data() + offset, file_.data() + offset + in_file);
      const bool is_writable = (flags & kWritable) != 0;
      if (runs_at == address) {
        image_.segments.push_back({uint32_t(address), bytes, size, is_writable});
      } else {  // a ROM's: what is in the file stays there, and the program copies it to where it runs
        image_.segments.push_back({uint32_t(runs_at), {}, size, is_writable});
        if (in_file > 0) image_.segments.push_back({uint32_t(address), bytes, in_file, false});
      }
      if ((flags & kExecutable) != 0) image_.code.push_back({runs_at, runs_at + size});
    }
    BITLOOM_CHECK(!image_.segments.empty(), name_, ": has no segment to load");
  }

  void check_segments() {
    std::vector<Image::Segment>& all = image_.segments;
    std::sort(all.begin(), all.end(), [](const Image::Segment& a, const Image::Segment& b) { return a.address < b.address; });
    for (size_t i = 1; i < all.size(); ++i)
      BITLOOM_CHECK(all[i - 1].end() <= all[i].address, name_, ": the segments at ", hex(all[i - 1].address), " and ",
                    hex(all[i].address), " overlap");
  }

  SectionHeader section(uint64_t at) const {
    return {u32(at + 4), u32(at + 8), u32(at + 12), u32(at + 16), u32(at + 20), u32(at + 24), u32(at + 36)};
  }

  // Sections are optional. Those with code replace the executable segments, which may hold constants too.
  void read_sections() {
    const uint64_t table = u32(32), count = u16(48);
    if (table == 0 || count == 0) return;
    BITLOOM_CHECK(u16(46) == kSectionHeaderSize, name_, ": section headers of ", u16(46), " bytes instead of ",
                  kSectionHeaderSize);
    check_range(table, count * kSectionHeaderSize, "the section header table");
    std::vector<AddressRange> code;
    bool has_symbols = false;
    for (uint64_t i = 0; i < count; ++i) {
      constexpr uint32_t kContents = 1, kSymbols = 2, kAllocated = 2, kExecutable = 4;
      const SectionHeader s = section(table + i * kSectionHeaderSize);
      if (s.type == kContents && (s.flags & kAllocated) != 0 && (s.flags & kExecutable) != 0 && s.size > 0)
        code.push_back({s.address, uint64_t(s.address) + s.size});
      if (s.type != kSymbols || has_symbols) continue;
      has_symbols = true;  // the ABI allows one such table
      BITLOOM_CHECK(s.link < count, name_, ": the symbol table's strings are section ", s.link, " of ", count);
      read_symbols(s, section(table + s.link * kSectionHeaderSize));
    }
    if (!code.empty()) image_.code = std::move(code);
    std::sort(image_.code.begin(), image_.code.end(),
              [](const AddressRange& a, const AddressRange& b) { return a.begin < b.begin; });
  }

  void read_symbols(const SectionHeader& table, const SectionHeader& strings) {
    check_range(table.offset, table.size, "the symbol table");
    check_range(strings.offset, strings.size, "the symbol names");
    BITLOOM_CHECK(table.entry_size == kSymbolSize, name_, ": symbols of ", table.entry_size, " bytes instead of ", kSymbolSize);
    for (uint64_t at = table.offset; at + kSymbolSize <= uint64_t(table.offset) + table.size; at += kSymbolSize) {
      constexpr int kFunction = 2, kObject = 1, kNone = 0, kUndefined = 0;
      const int type = file_[at + 12] & 15;
      const uint32_t name_offset = u32(at);
      if ((type != kFunction && type != kObject && type != kNone) || u16(at + 14) == kUndefined || name_offset == 0) continue;
      BITLOOM_CHECK(name_offset < strings.size, name_, ": a symbol's name is at ", name_offset, " of ", strings.size,
                    " bytes of names");
      const char* text = reinterpret_cast<const char*>(&file_[0] + strings.offset + name_offset);
      std::string name(text, strnlen(text, std::min<size_t>(kMaxName, strings.size - name_offset)));
      constexpr uint32_t kAbsolute = 0xfff1;
      const bool is_mapping = name[0] == '$' || name.rfind(".L", 0) == 0;  // marks of the assembler
      if (name.empty() || is_mapping || (u16(at + 14) == kAbsolute && type == kNone)) continue;
      const SymbolKind kind = type == kFunction ? SymbolKind::kFunction
                              : type == kObject ? SymbolKind::kObject
                                                : SymbolKind::kLabel;
      image_.symbols.push_back({std::move(name), u32(at + 4), u32(at + 8), kind});
    }
    std::stable_sort(image_.symbols.begin(), image_.symbols.end(),
                     [](const Symbol& a, const Symbol& b) { return a.address < b.address; });
  }

  const std::vector<uint8_t>& file_;
  const std::string& name_;
  Image image_;
  uint64_t loaded_ = 0;
};

}  // namespace

bool is_elf(const std::vector<uint8_t>& file) {
  return file.size() >= sizeof kMagic && std::equal(std::begin(kMagic), std::end(kMagic), file.begin());
}

Image parse_elf(const std::vector<uint8_t>& file, const std::string& name) { return Parser(file, name).run(); }

}  // namespace bitloom::mpic
