// CRC-32 (reflected polynomial 0xEDB88320, as in zlib) of 64 KiB by a table of 256 words, one byte at a time.
#include "bench/programs/bench.h"

#ifndef REPEAT
#define REPEAT 1500
#endif

enum { kBytes = 64 * 1024 };

static int8_t data[kBytes];
static uint32_t table[256];

static void build_table(void) {
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0xEDB88320u : 0);
    table[byte] = crc;
  }
}

static uint32_t crc32(const uint8_t* bytes, int count) {
  uint32_t crc = ~0u;
  for (int i = 0; i < count; ++i) crc = (crc >> 8) ^ table[(crc ^ bytes[i]) & 0xff];
  return ~crc;
}

int main(void) {
  uint32_t crc = 0;
  fill_random(data, kBytes, 5);
  build_table();
  for (int repeat = 0; repeat < REPEAT; ++repeat) {
    crc = crc32((const uint8_t*)data, kBytes);
    forget();
  }
  return report(crc, 0x342060a9u);
}
