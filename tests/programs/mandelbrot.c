// The Mandelbrot set in fixed point with 12 and with 28 fractional bits, drawn with letters; the area by counting.
#include "tests/programs/print.h"

enum { kWidth = 64, kHeight = 24, kLimit = 60 };

static int escape_short(int32_t x, int32_t y) {
  int32_t re = 0, im = 0;
  for (int i = 0; i < kLimit; ++i) {
    const int32_t re2 = re * re >> 12, im2 = im * im >> 12;
    if (re2 + im2 > 4 << 12) return i;
    im = (2 * re * im >> 12) + y;
    re = re2 - im2 + x;
  }
  return kLimit;
}

static int escape_long(int64_t x, int64_t y) {
  int64_t re = 0, im = 0;
  for (int i = 0; i < kLimit; ++i) {
    const int64_t re2 = re * re >> 28, im2 = im * im >> 28;
    if (re2 + im2 > 4ll << 28) return i;
    im = (2 * re * im >> 28) + y;
    re = re2 - im2 + x;
  }
  return kLimit;
}

int main(void) {
  static const char shades[] = " .,:;-=+*#%@";
  char line[kWidth + 2];
  uint32_t hash = 1;
  int inside = 0, differences = 0;
  for (int row = 0; row < kHeight; ++row) {
    for (int column = 0; column < kWidth; ++column) {
      const int x = (column * 192) - (2 << 12), y = row * 400 - 4800;
      const int steps = escape_long((int64_t)x * 65536, (int64_t)y * 65536);
      differences += steps != escape_short(x, y);
      inside += steps == kLimit;
      hash = hash * 31 + (uint32_t)steps;
      line[column] = steps == kLimit ? ' ' : shades[steps % 12];
    }
    line[kWidth] = '\n';
    line[kWidth + 1] = '\0';
    print(line);
  }
  line_decimal("inside", inside);
  line_decimal("differ by precision", differences);
  line_hex("hash", hash);
  return inside & 0xff;
}
