// Eight queens by masks and by columns, a knight's tour by Warnsdorff's rule, and a sudoku: backtracking.
#include "tests/programs/print.h"

static int count_by_masks(uint32_t columns, uint32_t left, uint32_t right) {
  if (columns == 0xff) return 1;
  int found = 0;
  for (uint32_t open = ~(columns | left | right) & 0xff; open; open &= open - 1) {
    const uint32_t queen = open & -open;
    found += count_by_masks(columns | queen, (left | queen) << 1, (right | queen) >> 1);
  }
  return found;
}

static int column_of[8], printed;

static int count_by_columns(int row) {
  int found = 0;
  if (row == 8) {
    for (int i = 0; !printed && i < 8; ++i) print_decimal(column_of[i]);
    if (!printed) print(" is the first\n");
    printed = 1;
    return 1;
  }
  for (int column = 0; column < 8; ++column) {
    int attacked = 0;
    for (int above = 0; above < row; ++above) {
      const int apart = column - column_of[above];
      attacked |= apart == 0 || apart == row - above || apart == above - row;
    }
    if (attacked) continue;
    column_of[row] = column;
    found += count_by_columns(row + 1);
  }
  return found;
}

static int8_t board[8][8];

static int exits(int y, int x, int* moves) {
  static const int8_t steps[8][2] = {{1, 2}, {2, 1}, {2, -1}, {1, -2}, {-1, -2}, {-2, -1}, {-2, 1}, {-1, 2}};
  int count = 0;
  for (int i = 0; i < 8; ++i) {
    const int to_y = y + steps[i][0], to_x = x + steps[i][1];
    if (to_y < 0 || to_y > 7 || to_x < 0 || to_x > 7 || board[to_y][to_x]) continue;
    if (moves) moves[count] = to_y * 8 + to_x;
    ++count;
  }
  return count;
}

static int tour(int y, int x) {
  for (int visited = 1;; ++visited) {
    int moves[8], best = -1, fewest = 9;
    board[y][x] = (int8_t)visited;
    const int count = exits(y, x, moves);
    for (int i = 0; i < count; ++i) {
      const int further = exits(moves[i] / 8, moves[i] % 8, NULL);
      if (further < fewest) {
        fewest = further;
        best = moves[i];
      }
    }
    if (best < 0) return visited;
    y = best / 8;
    x = best % 8;
  }
}

static char grid[82];
static int guesses;

static int allowed(int cell, char digit) {
  const int row = cell / 9, column = cell % 9, corner = row / 3 * 27 + column / 3 * 3;
  for (int i = 0; i < 9; ++i) {
    if (grid[row * 9 + i] == digit || grid[i * 9 + column] == digit || grid[corner + i / 3 * 9 + i % 3] == digit) return 0;
  }
  return 1;
}

static int solve(int cell) {
  while (cell < 81 && grid[cell] != '.') ++cell;
  if (cell == 81) return 1;
  for (char digit = '1'; digit <= '9'; ++digit) {
    if (!allowed(cell, digit)) continue;
    ++guesses;
    grid[cell] = digit;
    if (solve(cell + 1)) return 1;
    grid[cell] = '.';
  }
  return 0;
}

int main(void) {
  // A completed grid, shifted row by row, with a pseudo-random two thirds of its cells erased.
  uint32_t state = 161;
  for (int i = 0; i < 81; ++i) {
    const int row = i / 9, digit = (row * 3 + row / 3 + i % 9) % 9;
    grid[i] = next_random(&state) % 3 ? '.' : (char)('1' + digit);
  }
  const int found = count_by_masks(0, 0, 0);
  line_decimal("queens", found);
  line_decimal("by columns", count_by_columns(0));
  line_decimal("knight's squares", tour(0, 0));
  line_hex("tour", hash_bytes(board, sizeof board));
  print(grid);
  line_decimal("\nsolved", solve(0));
  line_decimal("guesses", guesses);
  print(grid);
  print("\n");
  return found;
}
