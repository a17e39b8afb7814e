// A program ready for memory: what the assembler makes and what an ELF file holds.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mpic/program/memory.h"

namespace bitloom::mpic {

// Where programs live unless told otherwise: 512 KiB of data and code memory.
inline constexpr uint32_t kMemoryBase = 0x80000000;
inline constexpr uint64_t kMemorySize = 512 << 10;

enum class SymbolKind : uint8_t { kLabel, kFunction, kObject };
struct Symbol {
  std::string name;
  uint32_t address = 0, size = 0;  // size 0: unknown
  SymbolKind kind = SymbolKind::kLabel;
};

// Addresses [begin, end).
struct AddressRange {
  uint64_t begin = 0, end = 0;
};

struct Image {
  struct Segment {
    uint32_t address = 0;
    std::vector<uint8_t> bytes;
    uint64_t size = 0;  // in memory: from bytes.size() on it is zero
    bool is_writable = true;
    uint64_t end() const { return address + size; }
  };
  std::vector<Segment> segments;   // by address; none is empty, none overlaps another
  std::vector<AddressRange> code;  // where instructions are
  std::vector<Symbol> symbols;     // by address
  uint32_t entry = 0;

  // Copies the segments into memory, and protects what the program may not write. Error when one is outside.
  void load(Memory& memory) const;
  // The contents at an address, little endian: up to four bytes into *word; returns how many there are.
  int fetch(uint64_t address, uint32_t* word) const;
  // The first symbol of that name; nullptr when there is none.
  const Symbol* find(std::string_view name) const;
  // The function around the address, else the nearest label below it; nullptr when there is neither.
  const Symbol* symbol_at(uint32_t address) const;
  // "main+0x14", printable; "" where symbol_at() has nothing.
  std::string place(uint32_t address) const;
};

}  // namespace bitloom::mpic
