// Runs exported networks and writes every layer. Standard input: records of a byte, the network's number, and its input.
// Standard output: per record the codes of layer 1, 2, ..., one byte each or four (little-endian) of 32-bit outputs, then the
// byte that bitloom_infer returned.
#include <stddef.h>

#include "bitloom_kernels.h"
#include "networks.h"

// <unistd.h>, which not every target has.
long read(int file, void* data, size_t size);
long write(int file, const void* data, size_t size);

static uint8_t buffer[4096];
static size_t used;
static int failed;

static void flush(void) {
  for (size_t done = 0; done < used && !failed;) {
    const long written = write(1, buffer + done, used - done);
    if (written <= 0) {
      failed = 1;
    } else {
      done += (size_t)written;
    }
  }
  used = 0;
}

static void put(uint32_t byte) {
  if (used == sizeof buffer) flush();
  buffer[used++] = (uint8_t)byte;
}

static int get(uint8_t* data, size_t size) {
  while (size > 0) {
    const long got = read(0, data, size);
    if (got <= 0) return 0;
    data += got;
    size -= (size_t)got;
  }
  return 1;
}

void bitloom_trace(int layer, const bitloom_tensor* tensor, const void* codes) {
  (void)layer;
  for (int32_t i = 0; i < tensor->h * tensor->w * tensor->c; ++i) {
    const uint32_t code = (uint32_t)bitloom_code(tensor, codes, i);
    for (int shift = 0; shift < (tensor->bits == 32 ? 32 : 8); shift += 8) put(code >> shift);
  }
}

int main(void) {
  static uint8_t in[MAX_INPUT_SIZE];
  uint8_t number;
  while (get(&number, 1)) {
    if (!get(in, networks[number].input_size)) return 2;
    put((uint32_t)networks[number].infer(in));
  }
  flush();
  return failed;
}
