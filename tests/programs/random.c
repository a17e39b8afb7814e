// Pseudo-random generators with published outputs: MT19937, PCG32, xorshift128, a 64-bit LCG; a histogram; pi by Monte Carlo.
#include "tests/programs/print.h"

static uint32_t twister[624];
static int twister_at;

static void seed_twister(uint32_t seed) {
  twister[0] = seed;
  for (uint32_t i = 1; i < 624; ++i) twister[i] = 1812433253u * (twister[i - 1] ^ twister[i - 1] >> 30) + i;
  twister_at = 624;
}

static uint32_t next_twister(void) {
  if (twister_at == 624) {
    for (int i = 0; i < 624; ++i) {
      const uint32_t y = (twister[i] & 0x80000000u) | (twister[(i + 1) % 624] & 0x7fffffffu);
      twister[i] = twister[(i + 397) % 624] ^ y >> 1 ^ (y & 1 ? 0x9908b0dfu : 0);
    }
    twister_at = 0;
  }
  uint32_t y = twister[twister_at++];
  y ^= y >> 11;
  y ^= y << 7 & 0x9d2c5680u;
  y ^= y << 15 & 0xefc60000u;
  return y ^ y >> 18;
}

static uint64_t pcg_state, pcg_increment;

static uint32_t next_pcg(void) {
  const uint64_t old = pcg_state;
  pcg_state = old * 6364136223846793005u + pcg_increment;
  const uint32_t shifted = (uint32_t)((old >> 18 ^ old) >> 27), turn = (uint32_t)(old >> 59);
  return shifted >> turn | shifted << (-turn & 31);
}

static void seed_pcg(uint64_t seed, uint64_t sequence) {
  pcg_state = 0;
  pcg_increment = sequence << 1 | 1;
  next_pcg();
  pcg_state += seed;
  next_pcg();
}

static uint32_t next_xorshift128(uint32_t s[4]) {
  const uint32_t t = s[0] ^ s[0] << 11;
  s[0] = s[1];
  s[1] = s[2];
  s[2] = s[3];
  return s[3] ^= s[3] >> 19 ^ t ^ t >> 8;
}

int main(void) {
  uint32_t xorshift[] = {123456789, 362436069, 521288629, 88675123};
  int histogram[8] = {0}, inside = 0, spread = 0;
  uint64_t lcg = 1;
  seed_twister(5489);
  const uint32_t first = next_twister();
  line_decimal("twister", first);
  for (int i = 0; i < 9998; ++i) next_twister();
  const uint32_t ten_thousandth = next_twister();
  line_decimal("its 10000th", ten_thousandth);
  seed_pcg(42, 54);
  const uint32_t pcg = next_pcg();
  line_hex("pcg", pcg);
  const uint32_t xorshift_first = next_xorshift128(xorshift);
  line_decimal("xorshift128", xorshift_first);
  for (int i = 0; i < 1000; ++i) lcg = lcg * 6364136223846793005u + 1442695040888963407u;
  line_hex64("lcg", lcg);
  for (int i = 0; i < 4000; ++i) {
    ++histogram[next_pcg() >> 29];
    const uint32_t x = next_twister() >> 17, y = next_xorshift128(xorshift) >> 17;
    inside += x * x + y * y < 1u << 30;
  }
  for (int i = 0; i < 8; ++i) {
    line_decimal("bucket", histogram[i]);
    spread += (histogram[i] - 500) * (histogram[i] - 500);
  }
  line_decimal("spread", spread);
  line_decimal("1000 pi", inside);
  return (first != 3499211612u) + (ten_thousandth != 4123659995u) + (pcg != 0xa15c02b7u) + (xorshift_first != 3701687786u);
}
