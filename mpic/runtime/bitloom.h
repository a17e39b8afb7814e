// Services of `bitloom run` for a C program. The ecalls have Linux's numbers, so that libriscv and qemu-riscv32 serve them too.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Ends the program; the low eight bits of `code` become the exit code of `bitloom run`.
void bitloom_exit(int code) __attribute__((noreturn));

// Writes `size` bytes to standard output (file 1) or standard error (file 2). Returns the bytes written, or a negative errno.
int bitloom_write(int file, const void* bytes, size_t size);

// Cycles since reset, by the simulator's timing model.
uint64_t bitloom_rdcycle(void);

// Instructions retired since reset.
uint64_t bitloom_rdinstret(void);

#ifdef __cplusplus
}
#endif

// Writes one character to standard output. Returns it, or a negative errno.
static inline int bitloom_putchar(int character) {
  const unsigned char byte = (unsigned char)character;
  const int written = bitloom_write(1, &byte, 1);
  return written < 0 ? written : byte;
}
