// Floating point without hardware: the software routines of libgcc, by bits; roots, series, conversions, infinities and NaN.
#include "tests/programs/print.h"

static uint32_t bits_of_float(float value) {
  union {
    float value;
    uint32_t bits;
  } views = {value};
  return value != value ? 0x7fc00000u : views.bits;
}

static uint64_t bits_of_double(double value) {
  union {
    double value;
    uint64_t bits;
  } views = {value};
  return value != value ? 0x7ff8000000000000u : views.bits;
}

static double square_root(double x) {
  double root = x;
  for (int i = 0; i < 20; ++i) root = (root + x / root) / 2;
  return root;
}

static double exponential(double x) {
  double term = 1, sum = 1;
  for (int i = 1; i < 30; ++i) {
    term = term * x / i;
    sum += term;
  }
  return sum;
}

int main(void) {
  // Volatile, so that no optimization level computes with them in advance.
  static volatile double operands[] = {0.0, -0.0, 1.0, -1.5, 0.1, 1e300, -1e-300, 4.9e-324, 1e16, 3.0};
  static volatile float small[] = {0.0f, 1.0f, 0.1f, -3.0f, 1e30f, 1e-40f, 16777217.0f, -2.5f};
  uint64_t doubles = 1;
  uint32_t floats = 1, order = 1;
  for (int i = 0; i < 10; ++i) {
    for (int j = 0; j < 10; ++j) {
      const double a = operands[i], b = operands[j];
      doubles = doubles * 31 + bits_of_double(a + b) + bits_of_double(a - b) * 3;
      doubles = doubles * 31 + bits_of_double(a * b) + bits_of_double(a / b) * 5;
      order = order * 5 + (a < b) + 2 * (a == b);
    }
  }
  for (int i = 0; i < 8; ++i) {
    for (int j = 0; j < 8; ++j) {
      const float a = small[i], b = small[j];
      floats = floats * 31 + bits_of_float(a + b) + bits_of_float(a - b) * 3;
      floats = floats * 31 + bits_of_float(a * b) + bits_of_float(a / b) * 5;
      order = order * 5 + (a <= b) + 2 * (a != b);
    }
  }
  line_hex64("doubles", doubles);
  line_hex("floats", floats);
  line_hex("order", order);
  line_hex64("root of 2", bits_of_double(square_root(operands[2] * 2)));
  line_hex64("e", bits_of_double(exponential(operands[2])));
  line_hex("e, rounded", bits_of_float((float)exponential(operands[2])));
  line_decimal("million e", (int64_t)(exponential(operands[2]) * 1000000));
  line_decimal("to int", (int32_t)(operands[3] * 1000001));
  line_decimal("to unsigned", (uint32_t)(operands[9] * 1e9));
  line_hex64("from 64 bits", bits_of_double((double)(INT64_MAX - order)));
  line_hex("to float", bits_of_float((float)(0xffffffffu - order)));
  const double infinity = operands[5] * operands[5];
  line_hex64("infinity", bits_of_double(infinity));
  line_hex64("not a number", bits_of_double(infinity - infinity));
  return infinity - infinity == infinity - infinity;
}
