// Names of registers and CSRs.
#include "mpic/isa/names.h"

#include <cstdio>

#include "mpic/isa/csr.h"

namespace bitloom::mpic {
namespace {

constexpr const char* kRegisters[32] = {"zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
                                        "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
                                        "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};

}  // namespace

const char* register_name(int index) { return kRegisters[index & 31]; }

int find_register(std::string_view name) {
  if (name.size() >= 2 && name.size() <= 3 && name[0] == 'x') {
    int index = 0;
    for (const char c : name.substr(1)) index = c >= '0' && c <= '9' ? 10 * index + (c - '0') : 99;
    if (index < 32 && (name[1] != '0' || name.size() == 2)) return index;
  }
  for (int i = 0; i < 32; ++i)
    if (name == kRegisters[i]) return i;
  return name == "fp" ? 8 : -1;
}

std::string csr_name(uint32_t address) {
  for (const CsrRow& csr : kCsrs)
    if (csr.address == address) return csr.name;
  return hex(address, 3);
}

int find_csr(std::string_view name) {
  for (const CsrRow& csr : kCsrs)
    if (name == csr.name) return int(csr.address);
  return -1;
}

std::string hex(uint64_t value, int digits) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%0*llx", digits, static_cast<unsigned long long>(value));
  return text;
}

}  // namespace bitloom::mpic
