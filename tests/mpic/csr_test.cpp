// Control and status registers: addresses by the manuals, and the rules of every row of csr.inc.
#include "mpic/isa/csr.h"

#include <gtest/gtest.h>

#include <set>
#include <type_traits>
#include <utility>

#include "tests/support/mpic.h"

namespace bitloom::mpic {
namespace {

// Reading memory cannot change what was made of the program.
static_assert(std::is_same_v<decltype(std::declval<Core&>().memory()), const Memory&>);

TEST(Csr, AddressesAreThoseOfTheManuals) {
  const std::pair<const char*, uint32_t> kAddresses[] = {
      // RISC-V privileged manual 2.2; RI5CY user manual rev. 4.1; RTL of MPIC and Flex-V
      {"mstatus", 0x300},    {"misa", 0x301},     {"mie", 0x304},         {"mtvec", 0x305},      {"mscratch", 0x340},
      {"mepc", 0x341},       {"mcause", 0x342},   {"mtval", 0x343},       {"mip", 0x344},        {"mhartid", 0xf14},
      {"mcycle", 0xb00},     {"mcycleh", 0xb80},  {"minstret", 0xb02},    {"minstreth", 0xb82},  {"cycle", 0xc00},
      {"cycleh", 0xc80},     {"time", 0xc01},     {"instret", 0xc02},     {"instreth", 0xc82},   {"lpstart0", 0x7c0},
      {"lpend0", 0x7c1},     {"lpcount0", 0x7c2}, {"lpstart1", 0x7c4},    {"lpend1", 0x7c5},     {"lpcount1", 0x7c6},
      {"pccr0", 0x780},      {"pccr11", 0x78b},   {"pcer", 0x7e0},        {"pcmr", 0x7e1},       {"privlv", 0xc10},
      {"uhartid", 0x014},    {"uepc", 0x041},     {"simd_format", 0x00d}, {"simd_group", 0x00e}, {"simd_skip", 0x00f},
      {"simd_legacy", 0x010}};
  for (const auto& [name, address] : kAddresses) {
    EXPECT_EQ(find_csr(name), int(address)) << name;
    EXPECT_EQ(csr_name(address), name);
    EXPECT_EQ(assemble_word(str("csrr a0, ", name)), assemble_word(str("csrr a0, ", address)));
  }
  EXPECT_EQ(find_csr("simd"), -1);
  EXPECT_EQ(csr_name(0x7ff), "0x7ff");
}

// After reset a register has its value; of all bits written it keeps those that can be.
TEST(Csr, EveryRowReadsAndWritesByItsRule) {
  std::set<uint32_t> addresses;
  for (const CsrRow& csr : kCsrs) {
    EXPECT_TRUE(addresses.insert(csr.address).second) << csr.name;
    for (const uint32_t written : {~0u, 0u, 0x5a5a5a5au}) {
      TestCore core;
      EXPECT_EQ(hex(core.read_csr(csr.address)), hex(csr.reset)) << csr.name;
      core.write_csr(csr.address, written);
      EXPECT_EQ(hex(core.read_csr(csr.address)), hex((csr.reset & ~csr.writable) | (written & csr.writable))) << csr.name;
    }
  }
}

TEST(Csr, UserCopiesOfTheEventSelectionAreTheSameRegisters) {
  TestCore core;
  core.write_csr(Csr::pcer_u, 0x123);
  core.write_csr(Csr::pcmr_u, 0);
  EXPECT_EQ(core.read_csr(Csr::pcer), 0x123u);
  EXPECT_EQ(core.read_csr(Csr::pcmr), 0u);
}

}  // namespace
}  // namespace bitloom::mpic
