// Passing and returning structures of every size class of the calling convention, bit-fields, unions, nested and packed data.
#include "tests/programs/print.h"

typedef struct {
  uint8_t a;
} One;
typedef struct {
  int16_t a;
  uint8_t b;
} Four;
typedef struct {
  int32_t x, y;
} Pair;
typedef struct {
  int32_t x, y, z;
} Triple;
typedef struct {
  uint8_t tag;
  uint64_t value;
} Wide;
typedef struct {
  unsigned low : 3, middle : 11, high : 18;
  int sign : 5;
} Fields;
typedef union {
  uint32_t word;
  uint8_t bytes[4];
  uint16_t halves[2];
} Views;
typedef struct __attribute__((packed)) {
  uint8_t tag;
  uint32_t word;
  uint16_t half;
  uint64_t wide;
} Packed;

static __attribute__((noinline)) One next(One one) { return (One){(uint8_t)(one.a + 1)}; }
static __attribute__((noinline)) Four swap(Four four) { return (Four){four.b, (uint8_t)four.a}; }
static __attribute__((noinline)) Pair turn(Pair p) { return (Pair){-p.y, p.x}; }
static __attribute__((noinline)) Triple cross(Triple a, Triple b) {
  return (Triple){a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
static __attribute__((noinline)) Wide scale(Wide wide, int factor) {
  wide.value *= (uint64_t)factor;
  ++wide.tag;
  return wide;
}

// More arguments than registers, with 64-bit ones that need an even pair or straddle into memory.
static __attribute__((noinline)) uint64_t many(int a, uint64_t b, int c, Pair d, uint64_t e, Triple f, char g, uint64_t h,
                                               One i) {
  return (uint64_t)a + b * 3 + (uint64_t)c * 5 + (uint64_t)(d.x * 7 + d.y * 11) + e * 13 +
         (uint64_t)(f.x * 17 + f.y * 19 + f.z * 23) + (uint64_t)g * 29 + h * 31 + i.a * 37u;
}

static void print_triple(const char* name, Triple t) {
  print(name);
  print(" ");
  print_decimal(t.x);
  print(" ");
  print_decimal(t.y);
  print(" ");
  print_decimal(t.z);
  print("\n");
}

int main(void) {
  One one = {250};
  for (int i = 0; i < 10; ++i) one = next(one);
  line_decimal("one", one.a);
  const Four four = swap(swap((Four){200, 77}));
  line_decimal("four", four.a * 1000 + four.b);
  Pair pair = {3, 4};
  for (int i = 0; i < 7; ++i) pair = turn(pair);
  line_decimal("pair", pair.x * 1000 + pair.y);
  print_triple("cross", cross((Triple){1, 2, 3}, (Triple){-4, 5, 60}));
  const Wide wide = scale(scale((Wide){9, 0x123456789abcull}, 1000), -3);
  line_hex64("wide", wide.value + wide.tag);
  line_hex64("many", many(1, 1ull << 40, -3, pair, ~0ull, (Triple){7, 8, 9}, 'x', 0x1122334455667788, one));

  Fields fields = {.low = 13 & 7, .middle = 1234, .high = 200000, .sign = -7};
  fields.middle += 1000;
  fields.sign -= 5;
  line_decimal("fields", fields.low + fields.middle * 10 + fields.high * 100000ll + fields.sign);
  Views views = {.word = 0x80c1f2e3};
  views.bytes[2] ^= 0xff;
  ++views.halves[0];
  line_hex("views", views.word);

  Packed packed[3];
  for (int i = 0; i < 3; ++i) {
    packed[i] = (Packed){(uint8_t)(0xa0 + i), 0x01020304u * (uint32_t)(i + 1), (uint16_t)(0xbeef + i),
                         0x1111111111111111ull * (uint64_t)i};
  }
  packed[1].word += packed[2].half;
  packed[2].wide -= packed[1].word;
  line_decimal("packed size", sizeof packed);
  line_hex("packed bytes", hash_bytes(packed, sizeof packed));
  return one.a;
}
