// Four sorts of the same numbers must agree: heap, merge, shell and quick sort.
#include "tests/programs/print.h"

enum { kCount = 700 };

static int32_t numbers[kCount], sorted[kCount], scratch[kCount];

static void sift_down(int32_t* heap, int root, int count) {
  for (int child; (child = 2 * root + 1) < count; root = child) {
    if (child + 1 < count && heap[child + 1] > heap[child]) ++child;
    if (heap[root] >= heap[child]) return;
    const int32_t value = heap[root];
    heap[root] = heap[child];
    heap[child] = value;
  }
}

static void heap_sort(int32_t* a, int count) {
  for (int i = count / 2 - 1; i >= 0; --i) sift_down(a, i, count);
  for (int end = count - 1; end > 0; --end) {
    const int32_t largest = a[0];
    a[0] = a[end];
    a[end] = largest;
    sift_down(a, 0, end);
  }
}

static void merge_sort(int32_t* a, int count) {
  if (count < 2) return;
  const int half = count / 2;
  merge_sort(a, half);
  merge_sort(a + half, count - half);
  int left = 0, right = half;
  for (int i = 0; i < count; ++i) scratch[i] = right == count || (left < half && a[left] <= a[right]) ? a[left++] : a[right++];
  for (int i = 0; i < count; ++i) a[i] = scratch[i];
}

static void shell_sort(int32_t* a, int count) {
  for (int gap = count / 2; gap > 0; gap /= 2) {
    for (int i = gap; i < count; ++i) {
      const int32_t value = a[i];
      int j = i;
      for (; j >= gap && a[j - gap] > value; j -= gap) a[j] = a[j - gap];
      a[j] = value;
    }
  }
}

static void quick_sort(int32_t* a, int count) {
  if (count < 2) return;
  const int32_t pivot = a[count / 2];
  int left = 0, right = count - 1;
  while (left <= right) {
    while (a[left] < pivot) ++left;
    while (a[right] > pivot) --right;
    if (left > right) break;
    const int32_t value = a[left];
    a[left++] = a[right];
    a[right--] = value;
  }
  quick_sort(a, right + 1);
  quick_sort(a + left, count - left);
}

static int run(const char* name, void (*sort)(int32_t*, int)) {
  int disorder = 0;
  for (int i = 0; i < kCount; ++i) sorted[i] = numbers[i];
  sort(sorted, kCount);
  for (int i = 1; i < kCount; ++i) disorder += sorted[i - 1] > sorted[i];
  line_hex(name, hash_bytes(sorted, sizeof sorted));
  return disorder;
}

int main(void) {
  uint32_t state = 11;
  int disorder = 0;
  for (int i = 0; i < kCount; ++i) numbers[i] = (int32_t)next_random(&state) >> (i % 20);
  line_hex("input", hash_bytes(numbers, sizeof numbers));
  disorder += run("heap", heap_sort);
  disorder += run("merge", merge_sort);
  disorder += run("shell", shell_sort);
  disorder += run("quick", quick_sort);
  line_decimal("smallest", sorted[0]);
  line_decimal("median", sorted[kCount / 2]);
  line_decimal("largest", sorted[kCount - 1]);
  return disorder;
}
