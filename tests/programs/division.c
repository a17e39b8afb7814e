// The corner cases of div, divu, rem and remu, which C leaves undefined and RISC-V defines, and division by constants.
#include "tests/programs/print.h"

#define DEFINE(name, type)                                                 \
  static type name(type a, type b) {                                       \
    type result;                                                           \
    __asm__ volatile(#name " %0, %1, %2" : "=r"(result) : "r"(a), "r"(b)); \
    return result;                                                         \
  }
DEFINE(div, int32_t)
DEFINE(rem, int32_t)
DEFINE(divu, uint32_t)
DEFINE(remu, uint32_t)
DEFINE(mulh, int32_t)
DEFINE(mulhsu, int32_t)
DEFINE(mulhu, uint32_t)

static const uint32_t kCorners[] = {0, 1, 2, 7, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff};
enum { kCount = sizeof kCorners / sizeof kCorners[0] };

static void print_corners(uint32_t a, uint32_t b) {
  print_hex(a);
  print(" ");
  print_hex(b);
  print(":");
  const uint32_t results[] = {(uint32_t)div((int32_t)a, (int32_t)b), (uint32_t)rem((int32_t)a, (int32_t)b), divu(a, b),
                              remu(a, b)};
  for (int i = 0; i < 4; ++i) {
    print(" ");
    print_hex(results[i]);
  }
  print("\n");
}

// Compilers multiply by a reciprocal here.
static uint32_t by_constants(uint32_t x) {
  const int32_t y = (int32_t)x;
  const uint32_t sum = x / 3 + x % 7 + x / 10 + x / 641 + x % 1000000007u;
  return sum ^ (uint32_t)(y / 3 + y % 7 + y / -10 + y / 8 + y % 16 + y / 12345);
}

int main(void) {
  uint32_t high = 1, constants = 1, state = 61;
  int wrong = 0;
  for (int i = 0; i < kCount; ++i) {
    for (int j = 0; j < kCount; ++j) {
      const uint32_t a = kCorners[i], b = kCorners[j];
      print_corners(a, b);
      high = high * 31 + (uint32_t)mulh((int32_t)a, (int32_t)b);
      high = high * 31 + (uint32_t)mulhsu((int32_t)a, (int32_t)b);
      high = high * 31 + mulhu(a, b);
    }
  }
  line_hex("high products", high);
  for (int i = 0; i < 500; ++i) {
    const uint32_t a = next_random(&state), b = next_random(&state) >> (i & 31);
    constants = constants * 31 + by_constants(a);
    wrong += divu(a, b) * b + remu(a, b) != a;
    wrong += (uint32_t)div((int32_t)a, (int32_t)b) * b + (uint32_t)rem((int32_t)a, (int32_t)b) != a;
  }
  line_hex("constants", constants);
  line_decimal("wrong", wrong);
  return wrong;
}
