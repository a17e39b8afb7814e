// ELF32 files for RISC-V, as gcc and clang link them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "mpic/program/image.h"

namespace bitloom::mpic {

bool is_elf(const std::vector<uint8_t>& file);

// The loadable segments of an executable, its code sections, functions, labels and entry. Trusts nothing in the
// file: what points outside of it, overlaps or ends above 4 GiB is an Error that begins with `name` and says what is wrong. Memory used is
// bounded by the size of the file. A segment whose physical address is another than its virtual one has its bytes at the former, read-only, and
// zeros at the latter, as it is with a ROM. Programs for another ABI than ilp32 are refused. Source: System V ABI, chapters 4 and 5; RISC-V ELF psABI.
Image parse_elf(const std::vector<uint8_t>& file, const std::string& name);

}  // namespace bitloom::mpic
