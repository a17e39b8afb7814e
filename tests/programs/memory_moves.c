// memcpy, memmove and memset at every alignment and overlap, and loads and stores of words and halves at odd addresses.
#include "tests/programs/print.h"

void* memcpy(void*, const void*, size_t);
void* memmove(void*, const void*, size_t);
void* memset(void*, int, size_t);
int memcmp(const void*, const void*, size_t);

static uint8_t source[64], target[64], expected[64];

static int check(void) { return memcmp(target, expected, sizeof target) != 0; }

static int copies(void) {
  int wrong = 0;
  for (int from = 0; from < 8; ++from) {
    for (int to = 0; to < 8; ++to) {
      for (int size = 0; size < 24; ++size) {
        for (int i = 0; i < 64; ++i) target[i] = expected[i] = 0xee;
        for (int i = 0; i < size; ++i) expected[to + i] = source[from + i];
        memcpy(target + to, source + from, (size_t)size);
        wrong += check();
      }
    }
  }
  return wrong;
}

static int overlapping_moves(void) {
  int wrong = 0;
  for (int from = 0; from < 20; from += 3) {
    for (int to = 0; to < 20; ++to) {
      for (int size = 0; size < 40; size += 7) {
        for (int i = 0; i < 64; ++i) target[i] = expected[i] = source[i];
        for (int i = 0; i < size; ++i) expected[to + i] = source[from + i];
        memmove(target + to, target + from, (size_t)size);
        wrong += check();
      }
    }
  }
  return wrong;
}

static int fills(void) {
  int wrong = 0;
  for (int to = 0; to < 8; ++to) {
    for (int size = 0; size < 40; ++size) {
      for (int i = 0; i < 64; ++i) target[i] = expected[i] = source[i];
      for (int i = 0; i < size; ++i) expected[to + i] = (uint8_t)(0x5a + size);
      memset(target + to, 0x35a + size, (size_t)size);
      wrong += check();
    }
  }
  return wrong;
}

#define DEFINE_LOAD(name)                                                         \
  static uint32_t name(const void* address) {                                     \
    uint32_t value;                                                               \
    __asm__ volatile(#name " %0, 0(%1)" : "=r"(value) : "r"(address) : "memory"); \
    return value;                                                                 \
  }
#define DEFINE_STORE(name)                                                        \
  static void name(void* address, uint32_t value) {                               \
    __asm__ volatile(#name " %0, 0(%1)" : : "r"(value), "r"(address) : "memory"); \
  }
DEFINE_LOAD(lw)
DEFINE_LOAD(lh)
DEFINE_LOAD(lhu)
DEFINE_LOAD(lb)
DEFINE_LOAD(lbu)
DEFINE_STORE(sw)
DEFINE_STORE(sh)
DEFINE_STORE(sb)

static int misaligned(void) {
  uint32_t hash = 1;
  int wrong = 0;
  for (int i = 0; i < 9; ++i) {
    const uint8_t* p = source + i;
    const uint32_t half = p[0] | (uint32_t)p[1] << 8;
    wrong += lw(p) != (half | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
    wrong += lhu(p) != half || lh(p) != (uint32_t)(int16_t)half;
    wrong += lbu(p) != *p || lb(p) != (uint32_t)(int8_t)*p;
    memset(target, 0, sizeof target);
    sw(target + i, 0x84838281u + (uint32_t)i);
    sh(target + i + 17, 0xbeefc0deu);
    sb(target + i + 31, 0x123456abu);
    hash = hash * 31 + hash_bytes(target, sizeof target) + lw(p) + lh(p) + lb(p);
  }
  line_hex("misaligned", hash);
  return wrong;
}

int main(void) {
  int wrong = 0;
  for (int i = 0; i < 64; ++i) source[i] = (uint8_t)(i * 37 + 11);
  wrong += copies();
  line_decimal("copies", wrong);
  wrong += overlapping_moves();
  line_decimal("moves", wrong);
  wrong += fills();
  line_decimal("fills", wrong);
  wrong += misaligned();
  line_decimal("order", memcmp("abc", "abd", 3) < 0 && memcmp("\xff", "a", 1) > 0 && memcmp("x", "y", 0) == 0);
  line_decimal("wrong", wrong);
  return wrong;
}
