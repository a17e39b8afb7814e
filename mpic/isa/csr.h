// The control and status registers of csr.inc, and the values of those that choose formats.
#pragma once
#include <cstdint>

namespace bitloom::mpic {

// One value per row of csr.inc.
enum class Csr : uint8_t {
#define CSR(name, address, reset, mask) name,
#include "mpic/isa/csr.inc"
};

struct CsrRow {
  const char* name;
  uint32_t address, reset, writable;
};
inline constexpr CsrRow kCsrs[] = {
#define CSR(name, address, reset, mask) {#name, address, reset, mask},
#include "mpic/isa/csr.inc"
};
inline constexpr int kCsrCount = int(sizeof kCsrs / sizeof kCsrs[0]);
constexpr uint32_t address_of(Csr csr) { return kCsrs[int(csr)].address; }

// Values of simd_format: widths of the lanes of rs1 and rs2; k2x8 is 2-bit rs2 with 8-bit rs1. Formats 11 to 15 are reserved.
enum SimdFormat : uint32_t { k32, k16, k8, k4, k2, k2x4, k2x8, k2x16, k4x8, k4x16, k8x16 };

}  // namespace bitloom::mpic
