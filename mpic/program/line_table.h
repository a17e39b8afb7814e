// Which line of which source file an instruction is of, as compilers note it with -g.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace bitloom::mpic {

class LineTable {
 public:
  // From .debug_line of an ELF32 file (DWARF 2 to 5, section 6.2, in 32-bit format). Trusts nothing in the file: what cannot be read has no lines. What it
  // takes is bounded by the file's size: each of its bytes makes at most one row, and all names of files together are no longer than it.
  explicit LineTable(const std::vector<uint8_t>& elf);
  LineTable() = default;

  bool empty() const { return rows_.empty(); }
  // "main.c:12"; "" where nothing is known.
  std::string place(uint32_t address) const;

 private:
  friend class LineReader;
  // From `address` up to the next row's. Line 0, or a file that is none of files_: to no source.
  struct Row {
    uint32_t address, file, line;
  };
  std::vector<Row> rows_;
  std::vector<std::string> files_;
};

}  // namespace bitloom::mpic
