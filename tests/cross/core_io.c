// Standard input and output on the simulated core: the input is part of the program.
#include "bitloom.h"

extern const unsigned char input_begin[], input_end[];

static size_t taken;

long read(int file, void* data, size_t size);
long write(int file, const void* data, size_t size);

long read(int file, void* data, size_t size) {
  const size_t left = (size_t)(input_end - input_begin) - taken, count = size < left ? size : left;
  unsigned char* to = data;
  (void)file;
  for (size_t i = 0; i < count; ++i) to[i] = input_begin[taken + i];
  taken += count;
  return (long)count;
}

long write(int file, const void* data, size_t size) { return bitloom_write(file, data, size); }
