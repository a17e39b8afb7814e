// Names of registers and of control and status registers, and hexadecimal numbers, as assembler and disassembler write them.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace bitloom::mpic {

// The ABI name of register 0 to 31: "zero", "ra", "sp", ...
const char* register_name(int index);
// Its number, also by x0 .. x31 and fp; -1 for anything else.
int find_register(std::string_view name);

// The name that csr.inc gives the address; "0x7ff" for one without.
std::string csr_name(uint32_t address);
// Its address; -1 for an unknown name.
int find_csr(std::string_view name);

// "0x1f", with zeros in front up to that many digits.
std::string hex(uint64_t value, int digits = 1);

}  // namespace bitloom::mpic
