// What a compiler may call for loops and initializers where there is no C library.
#include <stddef.h>

// volatile keeps these loops from becoming calls of themselves.
void* memset(void* to, int value, size_t size) {
  volatile unsigned char* byte = to;
  while (size-- > 0) *byte++ = (unsigned char)value;
  return to;
}

void* memcpy(void* to, const void* from, size_t size) {
  volatile unsigned char* byte = to;
  for (const unsigned char* source = from; size-- > 0;) *byte++ = *source++;
  return to;
}
