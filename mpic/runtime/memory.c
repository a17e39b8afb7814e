// The functions that gcc and clang call even in freestanding code (GCC manual, "Language Standards"): small rather than fast.
#include <stddef.h>

#ifndef __clang__
// Else gcc recognises each loop as the function that it is in, and calls it.
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

void* memcpy(void* restrict to, const void* restrict from, size_t size) {
  unsigned char* out = to;
  const unsigned char* in = from;
  while (size--) *out++ = *in++;
  return to;
}

void* memmove(void* to, const void* from, size_t size) {
  unsigned char* out = to;
  const unsigned char* in = from;
  if (out <= in) {
    while (size--) *out++ = *in++;
  } else {
    while (size--) out[size] = in[size];
  }
  return to;
}

void* memset(void* to, int value, size_t size) {
  unsigned char* out = to;
  while (size--) *out++ = (unsigned char)value;
  return to;
}

int memcmp(const void* left, const void* right, size_t size) {
  const unsigned char* a = left;
  const unsigned char* b = right;
  for (; size--; ++a, ++b) {
    if (*a != *b) return *a - *b;
  }
  return 0;
}
