// Primes by a sieve of bits, by trial division and by Miller-Rabin, which must agree; twins, gaps and Goldbach pairs.
#include "tests/programs/print.h"

enum { kLimit = 8192 };
static uint32_t composite[kLimit / 32];

static int in_sieve(uint32_t n) { return !(composite[n / 32] >> n % 32 & 1); }

static void build_sieve(void) {
  composite[0] = 3;
  for (uint32_t n = 2; n * n < kLimit; ++n) {
    if (!in_sieve(n)) continue;
    for (uint32_t multiple = n * n; multiple < kLimit; multiple += n) composite[multiple / 32] |= 1u << multiple % 32;
  }
}

static int by_trial(uint32_t n) {
  if (n < 4) return n > 1;
  if (n % 2 == 0) return 0;
  for (uint32_t divisor = 3; divisor <= n / divisor; divisor += 2) {
    if (n % divisor == 0) return 0;
  }
  return 1;
}

static uint32_t power(uint32_t base, uint32_t exponent, uint32_t modulus) {
  uint64_t result = 1, square = base % modulus;
  for (; exponent; exponent >>= 1) {
    if (exponent & 1) result = result * square % modulus;
    square = square * square % modulus;
  }
  return (uint32_t)result;
}

// The witnesses 2, 3, 5 and 7 decide every n below 3,215,031,751.
static int by_miller_rabin(uint32_t n) {
  static const uint32_t witnesses[] = {2, 3, 5, 7};
  if (n < 2) return 0;
  for (int i = 0; i < 4; ++i) {
    if (n % witnesses[i] == 0) return n == witnesses[i];
  }
  const int twos = __builtin_ctz(n - 1);
  for (int i = 0; i < 4; ++i) {
    uint64_t x = power(witnesses[i], (n - 1) >> twos, n);
    int probable = x == 1 || x == n - 1;
    for (int j = 1; j < twos && !probable; ++j) {
      x = x * x % n;
      probable = x == n - 1;
    }
    if (!probable) return 0;
  }
  return 1;
}

int main(void) {
  int count = 0, twins = 0, pairs = 0, wrong = 0;
  uint32_t previous = 2, gap = 0, last = 0;
  build_sieve();
  for (uint32_t n = 0; n < kLimit; ++n) {
    wrong += in_sieve(n) != by_trial(n);
    if (n % 16 == 1) wrong += in_sieve(n) != by_miller_rabin(n);
    if (!in_sieve(n)) continue;
    ++count;
    twins += n > 2 && in_sieve(n - 2);
    if (n - previous > gap) gap = n - previous;
    previous = last = n;
  }
  for (uint32_t n = 2; n <= 2500; ++n) pairs += in_sieve(n) && in_sieve(5000 - n);
  line_decimal("primes below 8192", count);
  line_decimal("twins", twins);
  line_decimal("largest gap", gap);
  line_decimal("last", last);
  line_decimal("pairs of 5000", pairs);
  line_decimal("2147483647", by_miller_rabin(2147483647));
  line_decimal("2147483649", by_miller_rabin(2147483649u));
  line_decimal("strong pseudoprime 25326001", by_miller_rabin(25326001));
  line_decimal("wrong", wrong);
  return wrong;
}
