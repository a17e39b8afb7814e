// Output of the test programs: text, numbers and named lines through bitloom_write.
#pragma once

#include "mpic/runtime/bitloom.h"

static inline void print(const char* text) {
  size_t size = 0;
  while (text[size]) ++size;
  bitloom_write(1, text, size);
}

// In base 2 to 16, with at least `digits` digits.
static inline void print_unsigned(uint64_t value, unsigned base, int digits) {
  char text[64];
  int first = 64;
  for (; value || digits > 0; value /= base, --digits) text[--first] = "0123456789abcdef"[value % base];
  bitloom_write(1, text + first, 64 - first);
}

static inline void print_decimal(int64_t value) {
  if (value < 0) print("-");
  print_unsigned(value < 0 ? -(uint64_t)value : (uint64_t)value, 10, 1);
}

static inline void print_hex(uint32_t value) { print_unsigned(value, 16, 8); }

static inline void print_hex64(uint64_t value) { print_unsigned(value, 16, 16); }

// "name 123" and the end of the line.
static inline void line_decimal(const char* name, int64_t value) {
  print(name);
  print(" ");
  print_decimal(value);
  print("\n");
}

static inline void line_hex(const char* name, uint32_t value) {
  print(name);
  print(" ");
  print_hex(value);
  print("\n");
}

static inline void line_hex64(const char* name, uint64_t value) {
  print(name);
  print(" ");
  print_hex64(value);
  print("\n");
}

// Marsaglia's 32-bit xorshift (13, 17, 5); the state must not be 0.
static inline uint32_t next_random(uint32_t* state) {
  uint32_t x = *state;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return *state = x;
}

// FNV-1a over bytes.
static inline uint32_t hash_bytes(const void* bytes, size_t size) {
  const unsigned char* byte = (const unsigned char*)bytes;
  uint32_t hash = 0x811c9dc5u;
  for (size_t i = 0; i < size; ++i) hash = (hash ^ byte[i]) * 0x01000193u;
  return hash;
}
