// Start-up and system calls of a RISC-V Linux program: qemu-riscv32, or a simulator with the same calls.
#include <stddef.h>

int main(void);

static long call(long number, long a, long b, long c) {
  register long a0 __asm__("a0") = a;
  register long a1 __asm__("a1") = b;
  register long a2 __asm__("a2") = c;
  register long a7 __asm__("a7") = number;
  __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
  return a0;
}

long read(int file, void* data, size_t size) { return call(63, file, (long)data, (long)size); }
long write(int file, const void* data, size_t size) { return call(64, file, (long)data, (long)size); }

void _start(void) {
  call(93, main(), 0, 0);
  for (;;) {
  }
}
