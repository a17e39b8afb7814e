// The layers of ResNet-8 or DS-CNN as other libraries' kernels run them, in the order of our networks' layers. Weights and codes are made up: what a
// kernel does hardly depends on them.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { CONV, DEPTHWISE, ADD, POOL, DENSE };
// Input, output, window, stride, rows above and columns left that count as zeros.
typedef struct {
  int32_t op, h, w, c, out_h, out_w, out_c, kh, kw, stride, top, left;
} row;

static const row layers[] = {
#ifdef DS_CNN
#define BLOCK \
  {DEPTHWISE, 25, 5, 64, 25, 5, 64, 3, 3, 1, 1, 1}, { CONV, 25, 5, 64, 25, 5, 64, 1, 1, 1, 0, 0 }
    {CONV, 49, 10, 1, 25, 5, 64, 10, 4, 2, 4, 1}, BLOCK, BLOCK, BLOCK, BLOCK, {POOL, 25, 5, 64, 1, 1, 64, 25, 5, 1, 0, 0},
    {DENSE, 1, 1, 64, 1, 1, 12, 1, 1, 1, 0, 0},
#else
    {CONV, 32, 32, 3, 32, 32, 16, 3, 3, 1, 1, 1},  {CONV, 32, 32, 16, 32, 32, 16, 3, 3, 1, 1, 1},
    {CONV, 32, 32, 16, 32, 32, 16, 3, 3, 1, 1, 1}, {ADD, 32, 32, 16, 32, 32, 16, 1, 1, 1, 0, 0},
    {CONV, 32, 32, 16, 16, 16, 32, 3, 3, 2, 0, 0}, {CONV, 16, 16, 32, 16, 16, 32, 3, 3, 1, 1, 1},
    {CONV, 32, 32, 16, 16, 16, 32, 1, 1, 2, 0, 0}, {ADD, 16, 16, 32, 16, 16, 32, 1, 1, 1, 0, 0},
    {CONV, 16, 16, 32, 8, 8, 64, 3, 3, 2, 0, 0},   {CONV, 8, 8, 64, 8, 8, 64, 3, 3, 1, 1, 1},
    {CONV, 16, 16, 32, 8, 8, 64, 1, 1, 2, 0, 0},   {ADD, 8, 8, 64, 8, 8, 64, 1, 1, 1, 0, 0},
    {POOL, 8, 8, 64, 1, 1, 64, 8, 8, 1, 0, 0},     {DENSE, 1, 1, 64, 1, 1, 10, 1, 1, 1, 0, 0},
#endif
};

static int8_t in[32 * 32 * 64], second[32 * 32 * 64], out[32 * 32 * 64], weights[3 * 3 * 64 * 64];
static int32_t bias[64], multiplier[64], shift[64];

static void fill(void) {
  uint32_t word = 1;
  for (size_t i = 0; i < sizeof in; ++i) {
    word = word * 1664525u + 1013904223u;
    in[i] = (int8_t)(word >> 24);
    second[i] = (int8_t)(word >> 16);
    weights[i % sizeof weights] = (int8_t)(word >> 20);
  }
  for (int i = 0; i < 64; ++i) {
    multiplier[i] = 1 << 30;
    shift[i] = -8;
  }
}
