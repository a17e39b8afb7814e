// Cyclic redundancy checks of 8, 16 and 32 bits, by bits, nibbles and bytes, against the published checks of "123456789".
#include "tests/programs/print.h"

static uint8_t crc8(const uint8_t* bytes, int count) {
  uint8_t crc = 0;
  for (int i = 0; i < count; ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) crc = (uint8_t)(crc & 0x80 ? crc << 1 ^ 0x07 : crc << 1);
  }
  return crc;
}

static uint16_t crc16(const uint8_t* bytes, int count) {
  uint16_t crc = 0xffff;
  for (int i = 0; i < count; ++i) {
    crc ^= (uint16_t)(bytes[i] << 8);
    for (int bit = 0; bit < 8; ++bit) crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
  }
  return crc;
}

static uint32_t crc32_bits(const uint8_t* bytes, int count) {
  uint32_t crc = ~0u;
  for (int i = 0; i < count; ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (0xEDB88320u & -(crc & 1));
  }
  return ~crc;
}

static uint32_t crc32_table(const uint8_t* bytes, int count, int table_bits) {
  static uint32_t table[256];
  const uint32_t mask = (1u << table_bits) - 1;
  for (uint32_t i = 0; i <= mask; ++i) {
    table[i] = i;
    for (int bit = 0; bit < table_bits; ++bit) table[i] = table[i] >> 1 ^ (0xEDB88320u & -(table[i] & 1));
  }
  uint32_t crc = ~0u;
  for (int i = 0; i < count; ++i) {
    for (int bit = 0; bit < 8; bit += table_bits) {
      crc = crc >> table_bits ^ table[(crc ^ (uint32_t)bytes[i] >> bit) & mask];
    }
  }
  return ~crc;
}

int main(void) {
  static const uint8_t digits[] = "123456789";
  static uint8_t noise[1000];
  uint32_t state = 22;
  for (int i = 0; i < 1000; ++i) noise[i] = (uint8_t)next_random(&state);
  line_hex("crc8", crc8(digits, 9));
  line_hex("crc16", crc16(digits, 9));
  line_hex("crc32", crc32_bits(digits, 9));
  line_hex("noise8", crc8(noise, 1000));
  line_hex("noise16", crc16(noise, 1000));
  const uint32_t bits = crc32_bits(noise, 1000);
  line_hex("noise32", bits);
  line_hex("nibbles", crc32_table(noise, 1000, 4));
  line_hex("bytes", crc32_table(noise, 1000, 8));
  int wrong = crc8(digits, 9) != 0xf4;
  wrong += crc16(digits, 9) != 0x29b1;
  wrong += crc32_bits(digits, 9) != 0xcbf43926;
  wrong += crc32_table(noise, 1000, 4) != bits;
  wrong += crc32_table(noise, 1000, 8) != bits;
  return wrong;
}
