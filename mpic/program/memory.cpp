// Guest memory.
#include "mpic/program/memory.h"

#include "core/error.h"
#include "mpic/isa/isa.h"

namespace bitloom::mpic {

Memory::Memory(uint32_t base, uint64_t size) : base_(base), size_(uint32_t(size)) {
  BITLOOM_CHECK(size > 0 && size % 4 == 0 && size <= (uint64_t(1) << 31) && base + size <= (uint64_t(1) << 32),
                "memory: ", size, " bytes from ", base,
                " are not possible; sizes are multiples of 4 up to 2 GiB that end below 4 GiB");
  bytes_.resize(size);
}

void Memory::write(uint32_t address, const void* from, uint64_t bytes) {
  if (bytes == 0) return;
  BITLOOM_CHECK(contains(address, bytes), "memory: ", bytes, " bytes at ", address, " are outside");
  std::memcpy(bytes_.data() + (address - base_), from, bytes);
}

void Memory::read(uint32_t address, void* to, uint64_t bytes) const {
  if (bytes == 0) return;
  BITLOOM_CHECK(contains(address, bytes), "memory: ", bytes, " bytes at ", address, " are outside");
  std::memcpy(to, bytes_.data() + (address - base_), bytes);
}

void Memory::fill(uint32_t address, uint8_t value, uint64_t bytes) {
  if (bytes == 0) return;
  BITLOOM_CHECK(contains(address, bytes), "memory: ", bytes, " bytes at ", address, " are outside");
  std::memset(bytes_.data() + (address - base_), value, bytes);
}

bool Memory::fetch(uint32_t address, uint32_t* word) const {
  if (address % 2 != 0 || !contains(address, 2)) return false;
  *word = load<uint16_t>(address);
  if (is_compressed(*word)) return true;
  if (!contains(address, 4)) return false;
  *word = load<uint32_t>(address);
  return true;
}

}  // namespace bitloom::mpic
