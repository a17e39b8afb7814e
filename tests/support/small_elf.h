// A small ELF executable, written byte by byte, for tests and the fuzzer to damage.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bitloom::testing {

// Writes a little-endian number of that many bytes, and makes room for it.
inline void put(std::vector<uint8_t>& file, size_t at, uint32_t value, int bytes) {
  if (file.size() < at + size_t(bytes)) file.resize(at + size_t(bytes));
  for (int i = 0; i < bytes; ++i) file[at + size_t(i)] = uint8_t(value >> 8 * i);
}

// Where its parts lie in the file, and the code in memory.
namespace elf_layout {
constexpr size_t kText = 0x100, kData = 0x110, kSymbols = 0x120, kNames = 0x160, kSections = 0x180;
constexpr uint32_t kBase = 0x80000000;
}  // namespace elf_layout

// Two segments (code; data with 16 bytes of zeros behind), three symbols, four sections.
inline std::vector<uint8_t> small_elf() {
  using namespace elf_layout;
  std::vector<uint8_t> file = {0x7f, 'E', 'L', 'F', 1, 1, 1};
  put(file, 16, 2, 2);    // executable
  put(file, 18, 243, 2);  // RISC-V
  put(file, 20, 1, 4);
  put(file, 24, kBase, 4);  // entry
  put(file, 28, 52, 4);     // program headers
  put(file, 32, kSections, 4);
  put(file, 40, 52, 2);
  put(file, 42, 32, 2);
  put(file, 44, 2, 2);
  put(file, 46, 40, 2);
  put(file, 48, 4, 2);
  const auto segment = [&](size_t at, uint32_t offset, uint32_t address, uint32_t in_file, uint32_t size, uint32_t flags) {
    const uint32_t fields[8] = {1, offset, address, address, in_file, size, flags, 4};
    for (size_t i = 0; i < 8; ++i) put(file, at + 4 * i, fields[i], 4);
  };
  segment(52, kText, kBase, 16, 16, 5);
  segment(84, kData, kBase + 0x1000, 8, 24, 6);
  const uint32_t code[4] = {0x02a00513, 0x05d00893, 0x00000073, 0x00000013};  // exit(42)
  for (size_t i = 0; i < 4; ++i) put(file, kText + 4 * i, code[i], 4);
  put(file, kData, 0x11223344, 4);
  put(file, kData + 4, 0x55667788, 4);
  const auto symbol = [&](size_t index, uint32_t name, uint32_t address, uint32_t size, uint32_t type, uint32_t section) {
    put(file, kSymbols + 16 * index, name, 4);
    put(file, kSymbols + 16 * index + 4, address, 4);
    put(file, kSymbols + 16 * index + 8, size, 4);
    put(file, kSymbols + 16 * index + 12, type, 1);
    put(file, kSymbols + 16 * index + 14, section, 2);
  };
  symbol(1, 1, kBase, 12, 2, 1);           // main, function
  symbol(2, 6, kBase + 0x1000, 8, 1, 2);   // table, object
  symbol(3, 12, kBase + 0x1010, 0, 0, 2);  // tohost
  const char names[] = "\0main\0table\0tohost";
  for (size_t i = 0; i < sizeof names; ++i) put(file, kNames + i, uint8_t(names[i]), 1);
  const auto section = [&](size_t index, uint32_t type, uint32_t flags, uint32_t address, uint32_t offset, uint32_t size,
                           uint32_t link, uint32_t entry) {
    const uint32_t fields[10] = {0, type, flags, address, offset, size, link, 0, 4, entry};
    for (size_t i = 0; i < 10; ++i) put(file, kSections + 40 * index + 4 * i, fields[i], 4);
  };
  section(0, 0, 0, 0, 0, 0, 0, 0);
  section(1, 1, 6, kBase, kText, 12, 0, 0);
  section(2, 2, 0, 0, kSymbols, 64, 3, 16);
  section(3, 3, 0, 0, kNames, sizeof names, 0, 0);
  return file;
}

}  // namespace bitloom::testing
