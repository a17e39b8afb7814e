// Guest memory.
#include "mpic/program/memory.h"

#include <algorithm>

#include "core/error.h"
#include "mpic/isa/isa.h"

namespace bitloom::mpic {

namespace {

void check_region(uint64_t base, uint64_t size) {
  BITLOOM_CHECK(size > 0 && size % 4 == 0 && size <= (uint64_t(1) << 31) && base + size <= (uint64_t(1) << 32),
                "memory: ", size, " bytes from ", base,
                " are not possible; sizes are multiples of 4 up to 2 GiB that end below 4 GiB");
}

}  // namespace

Memory::Memory(uint32_t base, uint64_t size) : base_(base), size_(uint32_t(size)) {
  check_region(base, size);
  bytes_.resize(size);
}

void Memory::add_region(uint32_t base, uint64_t size) {
  check_region(base, size);
  const auto overlaps = [&](uint64_t begin, uint64_t length) { return base < begin + length && begin < base + size; };
  bool overlap = overlaps(base_, size_);
  for (const Region& other : others_) overlap = overlap || overlaps(other.base, other.size);
  BITLOOM_CHECK(!overlap, "memory: ", size, " bytes from ", base, " overlap another region");
  others_.push_back({base, uint32_t(size), bytes_.size()});
  bytes_.resize(bytes_.size() + size);
}

void Memory::protect(uint32_t address, uint64_t bytes) {
  const auto same = [&](const Range& r) { return r.address == address && r.bytes == bytes; };
  if (std::none_of(read_only_.begin(), read_only_.end(), same)) read_only_.push_back({address, bytes});
}

bool Memory::is_read_only(uint32_t address, uint64_t bytes) const {
  return std::any_of(read_only_.begin(), read_only_.end(),
                     [&](const Range& r) { return address < r.address + r.bytes && r.address < address + bytes; });
}

size_t Memory::offset_elsewhere(uint32_t address, uint64_t bytes) const {
  for (const Region& other : others_) {
    const uint32_t offset = address - other.base;
    if (offset < other.size && bytes <= other.size - offset) return other.offset + offset;
  }
  return kNowhere;
}

void Memory::write(uint32_t address, const void* from, uint64_t bytes) {
  if (bytes == 0) return;
  BITLOOM_CHECK(contains(address, bytes), "memory: ", bytes, " bytes at ", address, " are outside");
  std::memcpy(bytes_.data() + offset_of(address, bytes), from, bytes);
}

void Memory::read(uint32_t address, void* to, uint64_t bytes) const {
  if (bytes == 0) return;
  BITLOOM_CHECK(contains(address, bytes), "memory: ", bytes, " bytes at ", address, " are outside");
  std::memcpy(to, at(address), bytes);
}

void Memory::fill(uint32_t address, uint8_t value, uint64_t bytes) {
  if (bytes == 0) return;
  BITLOOM_CHECK(contains(address, bytes), "memory: ", bytes, " bytes at ", address, " are outside");
  std::memset(bytes_.data() + offset_of(address, bytes), value, bytes);
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
