// Programs from files, and where they go.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mpic/program/image.h"
#include "mpic/sim/core.h"

namespace bitloom::mpic {

struct LoadOptions {
  std::optional<uint32_t>
      base;  // of memory; default kMemoryBase, or for an ELF file with segments elsewhere the 64 KiB page of the first that is not only read
  std::optional<uint64_t> size;  // of memory; default kMemorySize
  std::string entry;             // an address or a symbol; empty: what the file says
};

// An image and the memory that it runs in.
struct Program {
  Image image;
  uint32_t memory_base = 0;
  uint64_t memory_size = 0;
  // Further memory: segments that are too far away, such as flash; together no more than the file's bytes and memory_size.
  std::vector<AddressRange> regions;

  // Puts the image into the memory of a core made with that base and size, and resets it to the entry, as Linux starts a program: sp points to argc,
  // then argv, at the end of memory, if that is not the program's data or heap; the heap begins behind its data. Where the program has a symbol `tohost`, the
  // core heeds it. Error when the arguments have no room.
  void start(Core& core, const std::vector<std::string>& arguments = {}) const;
};

// Whether the name is one of assembly: .s, .S.
bool is_assembly(const std::string& path);
// Reads an ELF file (recognized by content), assembly (.s, .S) or a flat binary (.bin: loaded and entered at the memory's base). Errors
// name the file; of a program that does not fit, the --mem that it wants.
Program load_program(const std::string& path, const LoadOptions& options = {});
// Several paths are assembly texts that make one program.
Program load_program(const std::vector<std::string>& paths, const LoadOptions& options = {});
// Only the image; assembly and flat binaries begin at `base`.
Image load_image(const std::string& path, uint32_t base);
// One program of assembly texts, whatever they are called.
Image assemble_files(const std::vector<std::string>& paths, uint32_t base);

// "64K", "1M", "0x1000": bytes. Error for what is no size.
uint64_t parse_size(const std::string& text);
// "0x80000000", "123". Error for what is no 32-bit address.
uint32_t parse_address(const std::string& text);

}  // namespace bitloom::mpic
