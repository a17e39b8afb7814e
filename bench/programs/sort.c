// Quicksort of 16384 pseudo-random words, short parts by insertion: branches that no predictor knows in advance.
#include "bench/programs/bench.h"

#ifndef REPEAT
#define REPEAT 400
#endif

enum { kCount = 16384, kShortPart = 12 };

static int32_t values[kCount];

static void insertion_sort(int32_t* first, int32_t* last) {
  for (int32_t* next = first + 1; next <= last; ++next) {
    const int32_t value = *next;
    int32_t* hole = next;
    for (; hole > first && hole[-1] > value; --hole) *hole = hole[-1];
    *hole = value;
  }
}

static int32_t median(int32_t a, int32_t b, int32_t c) {
  if (a > b) return b > c ? b : a > c ? c : a;
  return a > c ? a : b > c ? c : b;
}

// Sorts [first, last]. The shorter side by recursion, the longer one by the loop: the stack grows as log2 of the count.
static void quicksort(int32_t* first, int32_t* last) {
  while (last - first > kShortPart) {
    const int32_t pivot = median(*first, first[(last - first) / 2], *last);
    int32_t* left = first;
    int32_t* right = last;
    while (left <= right) {
      while (*left < pivot) ++left;
      while (*right > pivot) --right;
      if (left > right) break;
      const int32_t swapped = *left;
      *left++ = *right;
      *right-- = swapped;
    }
    if (right - first < last - left) {
      quicksort(first, right);
      first = left;
    } else {
      quicksort(left, last);
      last = right;
    }
  }
  insertion_sort(first, last);
}

int main(void) {
  for (int repeat = 0; repeat < REPEAT; ++repeat) {
    uint32_t state = 6;
    for (int i = 0; i < kCount; ++i) values[i] = (int32_t)next_random(&state);
    quicksort(values, values + kCount - 1);
    forget();
  }
  return report(hash_words(values, kCount), 0xe2463a43u);
}
