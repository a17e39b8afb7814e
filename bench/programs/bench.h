// What the benchmark programs share: pseudo-random inputs, a hash of the results, and the line that each prints.
#pragma once

#include "mpic/runtime/bitloom.h"

// Marsaglia's 32-bit xorshift (13, 17, 5).
static inline uint32_t next_random(uint32_t* state) {
  uint32_t x = *state;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return *state = x;
}

static inline void fill_random(int8_t* values, int count, uint32_t seed) {
  for (int i = 0; i < count; ++i) values[i] = (int8_t)(next_random(&seed) >> 24);
}

// FNV-1a over 32-bit words.
static inline uint32_t hash_words(const int32_t* words, int count) {
  uint32_t hash = 0x811c9dc5u;
  for (int i = 0; i < count; ++i) hash = (hash ^ (uint32_t)words[i]) * 0x01000193u;
  return hash;
}

// Makes the compiler believe that memory has changed, so that no repetition is taken for a copy of the one before.
static inline void forget(void) { __asm__ volatile("" : : : "memory"); }

// Prints `result` in hexadecimal. Returns the exit code of the program: 0 if it is the expected one.
static inline int report(uint32_t result, uint32_t expected) {
  char line[9];
  for (int i = 0; i < 8; ++i) line[i] = "0123456789abcdef"[(result >> (28 - 4 * i)) & 15];
  line[8] = '\n';
  bitloom_write(1, line, sizeof line);
  return result == expected ? 0 : 1;
}
