// int8 matrix product with 32-bit sums: 96 x 64 activations times 48 x 64 weights, as a linear layer over 96 pixels.
#include "bench/programs/bench.h"

#ifndef REPEAT
#define REPEAT 500
#endif

enum { kRows = 96, kDepth = 64, kColumns = 48 };

static int8_t activations[kRows][kDepth];
static int8_t weights[kColumns][kDepth];
static int32_t sums[kRows][kColumns];

static void multiply(void) {
  for (int row = 0; row < kRows; ++row) {
    for (int column = 0; column < kColumns; ++column) {
      int32_t sum = 0;
      for (int i = 0; i < kDepth; ++i) sum += activations[row][i] * weights[column][i];
      sums[row][column] = sum;
    }
  }
}

int main(void) {
  fill_random(&activations[0][0], kRows * kDepth, 1);
  fill_random(&weights[0][0], kColumns * kDepth, 2);
  for (int repeat = 0; repeat < REPEAT; ++repeat) {
    multiply();
    forget();
  }
  return report(hash_words(&sums[0][0], kRows * kColumns), 0xb1c5d443u);
}
