// Numbers of many digits: a factorial and its division, a Mersenne prime, a Fibonacci number, 200 decimals of e.
#include "tests/programs/print.h"

enum { kLimbs = 80, kBase = 1000000000 };
typedef struct {
  int count;
  uint32_t limbs[kLimbs];  // nine decimal digits each, the lowest first
} Number;

static void set(Number* n, uint32_t value) {
  n->count = 1;
  n->limbs[0] = value;
}

static void multiply_small(Number* n, uint32_t factor) {
  uint64_t carry = 0;
  for (int i = 0; i < n->count; ++i) {
    carry += (uint64_t)n->limbs[i] * factor;
    n->limbs[i] = (uint32_t)(carry % kBase);
    carry /= kBase;
  }
  if (carry) n->limbs[n->count++] = (uint32_t)carry;
}

static uint32_t divide_small(Number* n, uint32_t divisor) {
  uint64_t rest = 0;
  for (int i = n->count - 1; i >= 0; --i) {
    rest = rest * kBase + n->limbs[i];
    n->limbs[i] = (uint32_t)(rest / divisor);
    rest %= divisor;
  }
  while (n->count > 1 && n->limbs[n->count - 1] == 0) --n->count;
  return (uint32_t)rest;
}

static void add(Number* sum, const Number* n) {
  uint32_t carry = 0;
  for (int i = 0; i < n->count || i < sum->count || carry; ++i) {
    if (i == sum->count) sum->limbs[sum->count++] = 0;
    carry += sum->limbs[i] + (i < n->count ? n->limbs[i] : 0);
    sum->limbs[i] = carry % kBase;
    carry /= kBase;
  }
}

static void print_number(const char* name, const Number* n) {
  print(name);
  print(" ");
  print_decimal(n->limbs[n->count - 1]);
  for (int i = n->count - 2; i >= 0; --i) print_unsigned(n->limbs[i], 10, 9);
  print("\n");
}

int main(void) {
  static Number n, m, sum;
  set(&n, 1);
  for (uint32_t i = 2; i <= 100; ++i) multiply_small(&n, i);
  print_number("100!", &n);
  for (uint32_t i = 2; i <= 100; ++i) {
    if (divide_small(&n, i) != 0) return 1;
  }
  print_number("divided again", &n);

  set(&n, 1);
  for (int i = 0; i < 521; ++i) multiply_small(&n, 2);
  --n.limbs[0];
  print_number("2^521 - 1", &n);
  line_decimal("mod 1000003", divide_small(&n, 1000003));

  set(&n, 0);
  set(&m, 1);
  for (int i = 0; i < 150; ++i) {
    add(&n, &m);
    add(&m, &n);
  }
  print_number("fibonacci(300)", &n);

  set(&n, 1);
  for (int i = 0; i < 209; ++i) multiply_small(&n, 10);
  set(&sum, 0);
  for (uint32_t i = 1; n.count > 1 || n.limbs[0]; ++i) {
    add(&sum, &n);
    divide_small(&n, i);
  }
  divide_small(&sum, kBase);
  print_number("e", &sum);
  return 0;
}
