// Guest memory: a block of RAM for code and data, further regions where a program has them, and what the host sees of them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace bitloom::mpic {

class Memory {
 public:
  // `size` bytes from address `base`; Error for 0, for sizes that are no multiple of 4 or go past 4 GiB.
  Memory(uint32_t base, uint64_t size);

  // A further region, such as flash beside RAM; rules as for the first, and it must not overlap another.
  void add_region(uint32_t base, uint64_t size);
  // These bytes are read-only to programs (sim/core.h says when), not to the host.
  void protect(uint32_t address, uint64_t bytes);

  // Of the first region, which is where programs are fast (sim/interpreter.h).
  uint32_t base() const { return base_; }
  uint32_t size() const { return size_; }
  // Whether all of it is in one region.
  bool contains(uint32_t address, uint64_t bytes) const { return offset_of(address, bytes) != kNowhere; }
  bool is_read_only(uint32_t address, uint64_t bytes) const;
  struct Range {
    uint32_t address;
    uint64_t bytes;
  };
  const std::vector<Range>& read_only() const { return read_only_; }
  // Host access; Error when the range is not all in memory.
  void write(uint32_t address, const void* from, uint64_t bytes);
  void read(uint32_t address, void* to, uint64_t bytes) const;
  void fill(uint32_t address, uint8_t value, uint64_t bytes);

  // Guest access, little endian, any alignment; the caller has checked contains().
  template <class T>
  T load(uint32_t address) const {
    T value;
    std::memcpy(&value, at(address), sizeof(T));
    return value;
  }
  template <class T>
  void store(uint32_t address, T value) {
    std::memcpy(bytes_.data() + offset_of(address, sizeof(T)), &value, sizeof(T));
  }
  const uint8_t* at(uint32_t address) const { return bytes_.data() + offset_of(address, 1); }
  // All regions, one behind the other in the order in which they were made.
  uint8_t* data() { return bytes_.data(); }
  const uint8_t* data() const { return bytes_.data(); }
  // Where an address is in data(); kNowhere when that many bytes are not all in one region.
  static constexpr size_t kNowhere = ~size_t(0);
  size_t offset_of(uint32_t address, uint64_t bytes) const {
    const uint32_t offset = address - base_;
    return offset < size_ && bytes <= size_ - offset ? offset : offset_elsewhere(address, bytes);
  }
  // The same in all regions but the first.
  size_t offset_elsewhere(uint32_t address, uint64_t bytes) const;

  // The instruction word at `address`: its low half only where the second half is outside memory. False outside or at odd addresses.
  bool fetch(uint32_t address, uint32_t* word) const;

 private:
  struct Region {
    uint32_t base, size;
    size_t offset;  // in bytes_
  };

  uint32_t base_, size_;
  std::vector<Region> others_;
  std::vector<Range> read_only_;
  std::vector<uint8_t> bytes_;
};

}  // namespace bitloom::mpic
