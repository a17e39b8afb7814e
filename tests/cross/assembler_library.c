// What the programs of Embench take from a C library and from libgcc, besides mpic/runtime/memory.c: with whole numbers, so that nothing more is needed.
#include <stddef.h>
#include <stdint.h>

void bitloom_exit(int code);
void abort(void) { bitloom_exit(134); }

size_t strlen(const char* text) {
  size_t size = 0;
  while (text[size] != 0) ++size;
  return size;
}

char* strchr(const char* text, int character) {
  for (; *text != (char)character; ++text)
    if (*text == 0) return NULL;
  return (char*)text;
}

// newlib's table of ctype.h, for characters -1 to 255: upper 1, lower 2, digit 4, space 8, punctuation 16, control 32, hexadecimal 64, blank 128.
const char _ctype_[257] = {[1 + 0 ... 1 + 31] = 32,
                           [1 + '\t' ... 1 + '\r'] = 32 | 8,
                           [1 + ' '] = (char)(8 | 128),
                           [1 + '!' ... 1 + '/'] = 16,
                           [1 + '0' ... 1 + '9'] = 4,
                           [1 + ':' ... 1 + '@'] = 16,
                           [1 + 'A' ... 1 + 'F'] = 1 | 64,
                           [1 + 'G' ... 1 + 'Z'] = 1,
                           [1 + '[' ... 1 + '`'] = 16,
                           [1 + 'a' ... 1 + 'f'] = 2 | 64,
                           [1 + 'g' ... 1 + 'z'] = 2,
                           [1 + '{' ... 1 + '~'] = 16,
                           [1 + 127] = 32};

union bits {
  double value;
  struct {
    uint32_t low, high;
  } words;
};

// What wikisort needs of doubles: of integers that are not negative, and the root rounded down.
double __floatsidf(int number) {
  union bits b = {.words = {0, 0}};
  uint32_t exponent = 1023 + 31, fraction = (uint32_t)number;
  if (number <= 0) return b.value;
  for (; (fraction >> 31) == 0; fraction <<= 1) --exponent;
  fraction <<= 1;
  b.words.high = exponent << 20 | fraction >> 12;
  b.words.low = fraction << 20;
  return b.value;
}

int __fixdfsi(double number) {
  const union bits b = {.value = number};
  const int exponent = (int)(b.words.high >> 20) - 1023;
  const uint32_t fraction = b.words.high << 12 | b.words.low >> 20;
  return exponent < 0 ? 0 : exponent == 0 ? 1 : (int)(1u << exponent | fraction >> (32 - exponent));
}

double sqrt(double number) {
  const uint32_t of = (uint32_t)__fixdfsi(number);
  uint32_t root = 0;
  for (uint32_t bit = 1u << 15; bit != 0; bit >>= 1)
    if ((root | bit) * (root | bit) <= of) root |= bit;
  return __floatsidf((int)root);
}

// Shifts of 64 bits, which gcc -Os calls.
union halves {
  uint64_t whole;
  struct {
    uint32_t low, high;
  } words;
};

uint64_t __ashldi3(uint64_t value, int by) {
  union halves v = {.whole = value};
  if (by >= 32) {
    v.words.high = v.words.low << (by - 32);
    v.words.low = 0;
  } else if (by > 0) {
    v.words.high = v.words.high << by | v.words.low >> (32 - by);
    v.words.low <<= by;
  }
  return v.whole;
}

static uint64_t shift_right(uint64_t value, int by, uint32_t sign) {
  union halves v = {.whole = value};
  if (by >= 32) {
    v.words.low = by == 32 ? v.words.high : v.words.high >> (by - 32) | sign << (64 - by);
    v.words.high = sign;
  } else if (by > 0) {
    v.words.low = v.words.low >> by | v.words.high << (32 - by);
    v.words.high = v.words.high >> by | sign << (32 - by);
  }
  return v.whole;
}

uint64_t __lshrdi3(uint64_t value, int by) { return shift_right(value, by, 0); }
int64_t __ashrdi3(int64_t value, int by) { return (int64_t)shift_right((uint64_t)value, by, value < 0 ? ~0u : 0); }
