// Deep and wide recursion: Ackermann, Hanoi, Fibonacci, mutual recursion, permutations, Catalan numbers by a tree walk.
#include "tests/programs/print.h"

static unsigned ackermann(unsigned m, unsigned n) {
  if (m == 0) return n + 1;
  return ackermann(m - 1, n == 0 ? 1 : ackermann(m, n - 1));
}

static int pegs[3], moves;

static void hanoi(int discs, int from, int to) {
  if (discs == 0) return;
  hanoi(discs - 1, from, 3 - from - to);
  --pegs[from];
  ++pegs[to];
  ++moves;
  hanoi(discs - 1, 3 - from - to, to);
}

static unsigned fibonacci(unsigned n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

static int is_odd(unsigned n);
static int is_even(unsigned n) { return n == 0 ? 1 : is_odd(n - 1); }
static int is_odd(unsigned n) { return n == 0 ? 0 : is_even(n - 1); }

static uint32_t permutation_hash = 1;

static int permute(char* letters, int fixed, int count) {
  if (fixed == count) {
    permutation_hash = permutation_hash * 31 + hash_bytes(letters, (size_t)count);
    return 1;
  }
  int found = 0;
  for (int i = fixed; i < count; ++i) {
    const char letter = letters[i];
    letters[i] = letters[fixed];
    letters[fixed] = letter;
    found += permute(letters, fixed + 1, count);
    letters[fixed] = letters[i];
    letters[i] = letter;
  }
  return found;
}

static unsigned trees(unsigned nodes) {
  unsigned sum = nodes == 0;
  for (unsigned left = 0; left < nodes; ++left) sum += trees(left) * trees(nodes - 1 - left);
  return sum;
}

int main(void) {
  char letters[] = "mpicrv";
  line_decimal("ackermann(2, 6)", ackermann(2, 6));
  line_decimal("ackermann(3, 3)", ackermann(3, 3));
  pegs[0] = 9;
  hanoi(9, 0, 2);
  line_decimal("hanoi moves", moves);
  line_decimal("on the last peg", pegs[2]);
  line_decimal("fibonacci(17)", fibonacci(17));
  line_decimal("77 is odd", is_odd(77));
  line_decimal("permutations", permute(letters, 0, 6));
  line_hex("their hash", permutation_hash);
  line_decimal("trees of 9 nodes", trees(9));
  return moves & 0xff;
}
