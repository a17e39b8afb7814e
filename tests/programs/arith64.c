// 64-bit arithmetic on a 32-bit machine: products, quotients, remainders and shifts that libgcc or two registers provide.
#include "tests/programs/print.h"

static const uint64_t kOperands[] = {0,          1,          2,          3,           10,
                                     0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x100000001,
                                     0xdeadbeef, 1000000007, 0xfffffffb, 1ull << 62,  0x7fffffffffffffff,
                                     1ull << 63, ~0ull,      ~0ull - 1,  -10ull,      -0x100000001ull};
enum { kCount = sizeof kOperands / sizeof kOperands[0] };

static uint64_t mix(uint64_t hash, uint64_t value) { return (hash ^ value) * 0x100000001b3u; }

static void unsigned_pairs(void) {
  uint64_t sums = 1, products = 1, quotients = 1, remainders = 1;
  for (int i = 0; i < kCount; ++i) {
    for (int j = 0; j < kCount; ++j) {
      const uint64_t a = kOperands[i], b = kOperands[j];
      sums = mix(mix(sums, a + b), a - b);
      products = mix(products, a * b);
      if (b == 0) continue;
      quotients = mix(quotients, a / b);
      remainders = mix(remainders, a % b);
    }
  }
  line_hex64("sums", sums);
  line_hex64("products", products);
  line_hex64("quotients", quotients);
  line_hex64("remainders", remainders);
}

static void signed_pairs(void) {
  uint64_t quotients = 1, remainders = 1, order = 1;
  for (int i = 0; i < kCount; ++i) {
    for (int j = 0; j < kCount; ++j) {
      const int64_t a = (int64_t)kOperands[i], b = (int64_t)kOperands[j];
      order = mix(order, (a < b) + 2 * (kOperands[i] < kOperands[j]));
      if (b == 0 || (b == -1 && kOperands[i] == 1ull << 63)) continue;
      quotients = mix(quotients, (uint64_t)(a / b));
      remainders = mix(remainders, (uint64_t)(a % b));
    }
  }
  line_hex64("signed quotients", quotients);
  line_hex64("signed remainders", remainders);
  line_hex64("order", order);
}

static void shifts(void) {
  uint64_t left = 1, right = 1, arithmetic = 1;
  for (int i = 0; i < kCount; ++i) {
    for (int count = 0; count < 64; ++count) {
      left = mix(left, kOperands[i] << count);
      right = mix(right, kOperands[i] >> count);
      arithmetic = mix(arithmetic, (uint64_t)((int64_t)kOperands[i] >> count));
    }
  }
  line_hex64("left", left);
  line_hex64("right", right);
  line_hex64("arithmetic", arithmetic);
}

// Every quotient and remainder must give back the dividend.
static int random_divisions(void) {
  uint32_t state = 51;
  int wrong = 0;
  for (int i = 0; i < 300; ++i) {
    const uint64_t a = ((uint64_t)next_random(&state) << 32 | next_random(&state)) >> (next_random(&state) & 63);
    const uint64_t b = (((uint64_t)next_random(&state) << 32 | next_random(&state)) >> (next_random(&state) & 63)) | 1;
    const uint64_t quotient = a / b, remainder = a % b;
    wrong += remainder >= b || quotient * b + remainder != a;
  }
  line_decimal("wrong", wrong);
  return wrong;
}

int main(void) {
  unsigned_pairs();
  signed_pairs();
  shifts();
  line_decimal("smallest", INT64_MIN);
  line_decimal("largest", INT64_MAX);
  return random_divisions();
}
