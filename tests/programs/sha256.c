// SHA-256 (FIPS 180-4) of the standard's examples and of 1000 bytes; the round constants are computed, from roots of primes.
#include "tests/programs/print.h"

static uint32_t round_constants[64], initial_state[8];

// The first 32 fractional bits of the square or cube root of a prime: the largest r with r^degree < number * 2^(32 degree).
static uint32_t root_fraction(uint32_t number, int degree) {
  uint64_t root = 0;
  for (uint64_t bit = (uint64_t)1 << 36; bit; bit >>= 1) {
    const uint64_t candidate = root | bit;
    // In limbs of 32 bits, since the cube needs more than 64.
    uint64_t limbs[4] = {1, 0, 0, 0};
    for (int i = 0; i < degree; ++i) {
      const uint64_t low = (uint32_t)candidate, high = candidate >> 32;
      uint64_t product[4] = {0, 0, 0, 0}, carry = 0;
      for (int j = 0; j < 4; ++j) {
        const uint64_t below = j ? limbs[j - 1] * high : 0;
        const uint64_t sum = (uint32_t)(limbs[j] * low) + (below & 0xffffffff) + carry;
        product[j] = (uint32_t)sum;
        carry = (sum >> 32) + (limbs[j] * low >> 32) + (below >> 32);
      }
      for (int j = 0; j < 4; ++j) limbs[j] = product[j];
    }
    if (limbs[degree] < number) root = candidate;
  }
  return (uint32_t)root;
}

static void compute_constants(void) {
  int found = 0;
  for (uint32_t candidate = 2; found < 64; ++candidate) {
    int prime = 1;
    for (uint32_t divisor = 2; divisor * divisor <= candidate; ++divisor) prime &= candidate % divisor != 0;
    if (!prime) continue;
    if (found < 8) initial_state[found] = root_fraction(candidate, 2);
    round_constants[found++] = root_fraction(candidate, 3);
  }
}

static uint32_t rotate(uint32_t x, int count) { return x >> count | x << (32 - count); }

static void compress(uint32_t state[8], const uint8_t block[64]) {
  uint32_t w[64], s[8];
  for (int i = 0; i < 16; ++i) {
    w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
  }
  for (int i = 16; i < 64; ++i) {
    const uint32_t a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + w[i - 7] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
  }
  for (int i = 0; i < 8; ++i) s[i] = state[i];
  for (int i = 0; i < 64; ++i) {
    const uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
    const uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
    const uint32_t first = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) + choice + round_constants[i] + w[i];
    const uint32_t second = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) + majority;
    for (int j = 7; j > 0; --j) s[j] = s[j - 1];
    s[4] += first;
    s[0] = first + second;
  }
  for (int i = 0; i < 8; ++i) state[i] += s[i];
}

static uint32_t print_digest(const char* name, const uint8_t* message, uint32_t size) {
  uint32_t state[8], done = 0;
  uint8_t block[64];
  for (int i = 0; i < 8; ++i) state[i] = initial_state[i];
  for (; size - done >= 64; done += 64) compress(state, message + done);
  uint32_t used = 0;
  for (; done < size; ++done) block[used++] = message[done];
  block[used++] = 0x80;
  if (used > 56) {
    while (used < 64) block[used++] = 0;
    compress(state, block);
    used = 0;
  }
  while (used < 56) block[used++] = 0;
  for (int i = 0; i < 8; ++i) block[56 + i] = (uint8_t)((uint64_t)size * 8 >> (56 - 8 * i));
  compress(state, block);
  print(name);
  print(" ");
  for (int i = 0; i < 8; ++i) print_hex(state[i]);
  print("\n");
  return state[0];
}

int main(void) {
  static uint8_t noise[1000];
  uint32_t random = 31;
  for (int i = 0; i < 1000; ++i) noise[i] = (uint8_t)next_random(&random);
  compute_constants();
  line_hex("constants", hash_bytes(round_constants, sizeof round_constants));
  int wrong = print_digest("empty", noise, 0) != 0xe3b0c442;
  wrong += print_digest("abc", (const uint8_t*)"abc", 3) != 0xba7816bf;
  wrong +=
      print_digest("alphabet", (const uint8_t*)"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56) != 0x248d6a61;
  print_digest("noise", noise, sizeof noise);
  return wrong;
}
