// What is to be called at the end, as C (atexit) and C++ (destructors of static objects: Itanium C++ ABI, 3.3.6) have it. All is weak: a C library's, or
// the program's own, takes its place.
#include <stddef.h>

enum { kMost = 32 };  // as many as the C standard promises

static struct {
  void (*function)(void*);
  void* argument;
} registered[kMost];
static int count;

__attribute__((weak)) void* __dso_handle;

__attribute__((weak)) int __cxa_atexit(void (*function)(void*), void* argument, void* object) {
  (void)object;  // there are no shared libraries
  if (count == kMost) return -1;
  registered[count].function = function;
  registered[count++].argument = argument;
  return 0;
}

// The argument is passed to it too, which it ignores: so the calling convention allows.
__attribute__((weak)) int atexit(void (*function)(void)) { return __cxa_atexit((void (*)(void*))(size_t)function, NULL, NULL); }

// From the last to the first; what they register is called too.
__attribute__((weak)) void bitloom_run_atexit(void) {
  while (count > 0) {
    --count;
    registered[count].function(registered[count].argument);
  }
}
