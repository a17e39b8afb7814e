// Coroutines as state machines: generators that resume at a switch, a pipeline of them, and a round-robin scheduler.
#include "tests/programs/print.h"

typedef struct {
  int resume, i, j;
  int32_t value;
} Generator;

// Each call continues behind the last YIELD; the cases are the line numbers (Duff's device, as Tatham's coroutines use it).
#define BEGIN(g)         \
  switch ((g)->resume) { \
    case 0:
#define YIELD(g)            \
  do {                      \
    (g)->resume = __LINE__; \
    return 1;               \
    case __LINE__:;         \
  } while (0)
#define END(g)      \
  }                 \
  (g)->resume = -1; \
  return 0

// 1, 2, 2, 3, 3, 3, ...
static int staircase(Generator* g, int steps) {
  BEGIN(g)
  for (g->i = 1; g->i <= steps; ++g->i) {
    for (g->j = 0; g->j < g->i; ++g->j) {
      g->value = g->i;
      YIELD(g);
    }
  }
  END(g);
}

static int collatz(Generator* g, int32_t start) {
  BEGIN(g)
  for (g->value = start; g->value != 1; g->value = g->value % 2 ? 3 * g->value + 1 : g->value / 2) YIELD(g);
  YIELD(g);
  END(g);
}

// Run lengths of what another generator yields.
static int run_lengths(Generator* g, Generator* source, int steps) {
  BEGIN(g)
  for (g->j = staircase(source, steps); g->j;) {
    g->i = source->value;
    g->value = 0;
    do {
      ++g->value;
      g->j = staircase(source, steps);
    } while (g->j && source->value == g->i);
    YIELD(g);
  }
  END(g);
}

int main(void) {
  Generator stairs = {0, 0, 0, 0}, lengths = {0, 0, 0, 0}, tasks[5];
  int32_t sum = 0;
  int alive = 5, turns = 0, order = 0;
  while (run_lengths(&lengths, &stairs, 12)) {
    print_decimal(lengths.value);
    print(" ");
    sum += lengths.value;
  }
  line_decimal("\nsum", sum);
  for (int i = 0; i < 5; ++i) tasks[i] = (Generator){0, 0, 0, 0};
  while (alive) {
    for (int i = 0; i < 5; ++i) {
      if (tasks[i].resume < 0) continue;
      ++turns;
      if (collatz(&tasks[i], 6 + 7 * i)) {
        sum += tasks[i].value;
      } else {
        --alive;
        order = order * 10 + i;
      }
    }
  }
  line_decimal("turns", turns);
  line_decimal("finished in order", order);
  line_decimal("sum", sum);
  return turns;
}
