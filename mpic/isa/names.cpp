// Names of registers and CSRs.
#include "mpic/isa/names.h"

#include <cstdio>

namespace bitloom::mpic {
namespace {

constexpr const char* kRegisters[32] = {"zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
                                        "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
                                        "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};

struct NamedCsr {
  const char* name;
  uint32_t address;
};
// Beyond csr.inc: counters and loops, which the core computes, and registers that programs for any RISC-V core name though they read 0 here.
constexpr NamedCsr kCsrs[] = {
#define CSR(name, address, reset, mask) {#name, address},
#include "mpic/isa/csr.inc"
    {"lpstart0", 0x7c0},  {"lpend0", 0x7c1},    {"lpcount0", 0x7c2},   {"lpstart1", 0x7c4}, {"lpend1", 0x7c5},
    {"lpcount1", 0x7c6},  {"cycle", 0xc00},     {"time", 0xc01},       {"instret", 0xc02},  {"cycleh", 0xc80},
    {"timeh", 0xc81},     {"instreth", 0xc82},  {"mcycle", 0xb00},     {"minstret", 0xb02}, {"mcycleh", 0xb80},
    {"minstreth", 0xb82}, {"mvendorid", 0xf11}, {"marchid", 0xf12},    {"mimpid", 0xf13},   {"mhartid", 0xf14},
    {"medeleg", 0x302},   {"mideleg", 0x303},   {"mcounteren", 0x306}, {"mip", 0x344},      {"satp", 0x180},
    {"stvec", 0x105},     {"pmpcfg0", 0x3a0},   {"pmpaddr0", 0x3b0},   {"mnstatus", 0x744}, {"uhartid", 0x014},
    {"pccr0", 0x780},     {"pccr1", 0x781},     {"pccr2", 0x782},      {"pccr3", 0x783},    {"pccr4", 0x784},
    {"pccr5", 0x785},     {"pccr6", 0x786},     {"pccr7", 0x787},      {"pccr8", 0x788},    {"pccr9", 0x789},
    {"pccr10", 0x78a},    {"pccr11", 0x78b},
};

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
  for (const NamedCsr& csr : kCsrs)
    if (csr.address == address) return csr.name;
  return hex(address, 3);
}

int find_csr(std::string_view name) {
  for (const NamedCsr& csr : kCsrs)
    if (name == csr.name) return int(csr.address);
  return -1;
}

std::string hex(uint64_t value, int digits) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%0*llx", digits, static_cast<unsigned long long>(value));
  return text;
}

}  // namespace bitloom::mpic
