// Guest memory: one block of RAM for code and data, and what the host sees of it.
#pragma once
#include <cstdint>
#include <cstring>
#include <vector>

namespace bitloom::mpic {

class Memory {
 public:
  // `size` bytes from address `base`; Error for 0, for sizes that are no multiple of 4 or go past 4 GiB.
  Memory(uint32_t base, uint64_t size);

  uint32_t base() const { return base_; }
  uint32_t size() const { return size_; }
  bool contains(uint32_t address, uint64_t bytes) const {
    const uint32_t offset = address - base_;
    return offset < size_ && bytes <= size_ - offset;
  }
  // Host access; Error when the range is not all in memory.
  void write(uint32_t address, const void* from, uint64_t bytes);
  void read(uint32_t address, void* to, uint64_t bytes) const;
  void fill(uint32_t address, uint8_t value, uint64_t bytes);

  // Guest access, little endian, any alignment; the caller has checked contains().
  template <class T>
  T load(uint32_t address) const {
    T value;
    std::memcpy(&value, bytes_.data() + (address - base_), sizeof(T));
    return value;
  }
  template <class T>
  void store(uint32_t address, T value) {
    std::memcpy(bytes_.data() + (address - base_), &value, sizeof(T));
  }
  uint8_t* data() { return bytes_.data(); }
  const uint8_t* data() const { return bytes_.data(); }

  // The instruction word at `address`: its low half only where the second half is outside memory. False outside or at odd addresses.
  bool fetch(uint32_t address, uint32_t* word) const;

 private:
  uint32_t base_, size_;
  std::vector<uint8_t> bytes_;
};

}  // namespace bitloom::mpic
