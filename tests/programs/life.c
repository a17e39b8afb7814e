// Conway's Game of Life on a torus of 32 x 16 cells, a cell at a time and a row of bits at a time, which must agree.
#include "tests/programs/print.h"

enum { kWidth = 32, kHeight = 16 };

static uint8_t cells[kHeight][kWidth];
static uint32_t rows[kHeight];

static void step_cells(void) {
  static uint8_t next[kHeight][kWidth];
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      int around = -cells[y][x];
      for (int k = 0; k < 9; ++k) around += cells[(y + k / 3 + kHeight - 1) % kHeight][(x + k % 3 + kWidth - 1) % kWidth];
      next[y][x] = around == 3 || (around == 2 && cells[y][x]);
    }
  }
  for (int i = 0; i < kHeight * kWidth; ++i) cells[i / kWidth][i % kWidth] = next[i / kWidth][i % kWidth];
}

// Adds eight one-bit numbers a column: `ones`, `twos` and `fours` hold the digits of 32 counts, the last one saturated.
static void step_rows(void) {
  uint32_t next[kHeight];
  for (int y = 0; y < kHeight; ++y) {
    uint32_t ones = 0, twos = 0, fours = 0;
    for (int dy = -1; dy <= 1; ++dy) {
      const uint32_t row = rows[(y + dy + kHeight) % kHeight];
      const uint32_t neighbours[] = {row << 1 | row >> 31, row >> 1 | row << 31, dy ? row : 0};
      for (int i = 0; i < 3; ++i) {
        const uint32_t carry = ones & neighbours[i];
        ones ^= neighbours[i];
        fours |= twos & carry;
        twos ^= carry;
      }
    }
    next[y] = ~fours & twos & (ones | rows[y]);
  }
  for (int y = 0; y < kHeight; ++y) rows[y] = next[y];
}

static int compare(void) {
  int wrong = 0;
  for (int i = 0; i < kHeight * kWidth; ++i) wrong += cells[i / kWidth][i % kWidth] != (rows[i / kWidth] >> i % kWidth & 1);
  return wrong;
}

static int population(void) {
  int alive = 0;
  for (int y = 0; y < kHeight; ++y) alive += __builtin_popcount(rows[y]);
  return alive;
}

static void print_board(void) {
  char line[kWidth + 2];
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) line[x] = cells[y][x] ? '#' : '.';
    line[kWidth] = '\n';
    line[kWidth + 1] = '\0';
    print(line);
  }
}

int main(void) {
  uint32_t state = 111;
  int wrong = 0;
  for (int y = 0; y < kHeight; ++y) {
    rows[y] = next_random(&state) & next_random(&state);
    for (int x = 0; x < kWidth; ++x) cells[y][x] = rows[y] >> x & 1;
  }
  for (int generation = 0; generation <= 25; ++generation) {
    wrong += compare();
    if (generation % 5 == 0) line_decimal("alive", population());
    step_cells();
    step_rows();
  }
  print_board();
  line_decimal("wrong", wrong);
  return wrong ? wrong : population();
}
