// XXH64, named as in its specification.
#include "core/hash.h"

#include <cstring>

namespace bitloom {
namespace {

constexpr uint64_t kPrime1 = 0x9E3779B185EBCA87u, kPrime2 = 0xC2B2AE3D27D4EB4Fu, kPrime3 = 0x165667B19E3779F9u,
                   kPrime4 = 0x85EBCA77C2B2AE63u, kPrime5 = 0x27D4EB2F165667C5u;

uint64_t rotate_left(uint64_t x, int bits) { return x << bits | x >> (64 - bits); }

// A little-endian number of `size` bytes.
uint64_t number(const uint8_t* p, int size) {
  uint64_t value = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  std::memcpy(&value, p, size_t(size));
#else
  for (int i = 0; i < size; ++i) value |= uint64_t(p[i]) << (8 * i);
#endif
  return value;
}

uint64_t round(uint64_t accumulator, uint64_t lane) { return rotate_left(accumulator + lane * kPrime2, 31) * kPrime1; }
uint64_t merge(uint64_t hash, uint64_t accumulator) { return (hash ^ round(0, accumulator)) * kPrime1 + kPrime4; }

}  // namespace

uint64_t hash64(const void* bytes, int64_t size, uint64_t seed) {
  constexpr int64_t kStripe = 32;
  const uint8_t* p = static_cast<const uint8_t*>(bytes);
  int64_t left = size;
  uint64_t hash = seed + kPrime5;
  if (left >= kStripe) {
    uint64_t a = seed + kPrime1 + kPrime2, b = seed + kPrime2, c = seed, d = seed - kPrime1;
    for (; left >= kStripe; left -= kStripe, p += kStripe) {
      a = round(a, number(p, 8)), b = round(b, number(p + 8, 8));
      c = round(c, number(p + 16, 8)), d = round(d, number(p + 24, 8));
    }
    hash = rotate_left(a, 1) + rotate_left(b, 7) + rotate_left(c, 12) + rotate_left(d, 18);
    hash = merge(merge(merge(merge(hash, a), b), c), d);
  }
  hash += uint64_t(size);
  for (; left >= 8; left -= 8, p += 8) hash = rotate_left(hash ^ round(0, number(p, 8)), 27) * kPrime1 + kPrime4;
  for (; left >= 4; left -= 4, p += 4) hash = rotate_left(hash ^ number(p, 4) * kPrime1, 23) * kPrime2 + kPrime3;
  for (; left > 0; --left, ++p) hash = rotate_left(hash ^ *p * kPrime5, 11) * kPrime1;
  hash = (hash ^ hash >> 33) * kPrime2;
  hash = (hash ^ hash >> 29) * kPrime3;
  return hash ^ hash >> 32;
}

std::string hex64(uint64_t value) {
  std::string text(16, '0');
  for (size_t i = 16; i-- > 0; value >>= 4) text[i] = "0123456789abcdef"[value & 15];
  return text;
}

}  // namespace bitloom
