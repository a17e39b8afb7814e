// Bit tricks, each in two ways that must agree: counting, zeros, reversal, parity, Gray code, interleaving, roots, rotations.
#include "tests/programs/print.h"

static int population(uint32_t x) {
  x -= x >> 1 & 0x55555555u;
  x = (x & 0x33333333u) + (x >> 2 & 0x33333333u);
  return (int)(((x + (x >> 4)) & 0x0f0f0f0fu) * 0x01010101u >> 24);
}

static uint32_t reverse(uint32_t x) {
  x = (x >> 1 & 0x55555555u) | (x & 0x55555555u) << 1;
  x = (x >> 2 & 0x33333333u) | (x & 0x33333333u) << 2;
  x = (x >> 4 & 0x0f0f0f0fu) | (x & 0x0f0f0f0fu) << 4;
  x = (x >> 8 & 0x00ff00ffu) | (x & 0x00ff00ffu) << 8;
  return x >> 16 | x << 16;
}

static uint32_t spread(uint32_t x) {
  x &= 0xffff;
  x = (x | x << 8) & 0x00ff00ffu;
  x = (x | x << 4) & 0x0f0f0f0fu;
  x = (x | x << 2) & 0x33333333u;
  return (x | x << 1) & 0x55555555u;
}

static uint32_t gray_to_binary(uint32_t x) {
  for (int shift = 16; shift; shift /= 2) x ^= x >> shift;
  return x;
}

static uint32_t square_root(uint32_t x) {
  uint32_t root = 0;
  for (uint32_t bit = 1u << 30; bit; bit >>= 2) {
    const uint32_t trial = root + bit;
    root >>= 1;
    if (x >= trial) {
      x -= trial;
      root += bit;
    }
  }
  return root;
}

static uint32_t rotate(uint32_t x, uint32_t count) { return x << (count & 31) | x >> (-count & 31); }

// The same facts bit by bit. Returns how many of them differ.
static int differences(uint32_t x) {
  int ones = 0, trailing = 0, leading = 0;
  uint32_t mirrored = 0, interleaved = 0;
  for (int i = 0; i < 32; ++i) {
    const uint32_t bit = x >> i & 1;
    ones += (int)bit;
    mirrored |= bit << (31 - i);
    if (i < 16) interleaved |= bit << 2 * i;
  }
  while (trailing < 32 && !(x >> trailing & 1)) ++trailing;
  while (leading < 32 && !(x << leading & 0x80000000u)) ++leading;
  int wrong = population(x) != ones || __builtin_popcount(x) != ones || __builtin_parity(x) != (ones & 1);
  wrong += reverse(x) != mirrored || spread(x) != interleaved;
  if (x) wrong += __builtin_ctz(x) != trailing || __builtin_clz(x) != leading;
  wrong += gray_to_binary(x ^ x >> 1) != x;
  wrong += __builtin_bswap32(x) != (x >> 24 | (x >> 8 & 0xff00) | (x & 0xff00) << 8 | x << 24);
  const uint64_t root = square_root(x);
  wrong += root * root > x || (root + 1) * (root + 1) <= x;
  wrong += rotate(rotate(x, 13), 19) != x || rotate(x, 0) != x;
  return wrong;
}

int main(void) {
  uint32_t state = 71, hash = 1;
  int wrong = differences(0) + differences(1) + differences(~0u) + differences(0x80000000u);
  for (int i = 0; i < 200; ++i) {
    const uint32_t x = next_random(&state) >> (i & 31);
    wrong += differences(x);
    hash = hash * 31 + (uint32_t)population(x);
    hash = hash * 31 + (reverse(x) ^ spread(x) ^ square_root(x) ^ rotate(x, x >> 5));
    hash =
        hash * 31 + (uint32_t)__builtin_clzll((uint64_t)x << 9 | 1) + (uint32_t)__builtin_ctzll((uint64_t)x << 20 | 1ull << 60);
  }
  line_hex("hash", hash);
  line_hex("reversed", reverse(0x12345678));
  line_hex("interleaved", spread(0xface) | spread(0xb0b0) << 1);
  line_decimal("root", square_root(4294836225u));
  line_decimal("wrong", wrong);
  return wrong;
}
