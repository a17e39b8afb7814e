// Runs exported networks and writes every layer. Standard input: records of a byte, the network's number, and its input.
// Standard output: per record the codes of layer 1, 2, ..., one byte each or four (little-endian) of 32-bit outputs, then the
// byte that the network returned; the anomaly score is one more layer, of four bytes.
#include <stddef.h>

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

static void put_word(uint32_t word, int bytes) {
  for (int shift = 0; shift < 8 * bytes; shift += 8) put(word >> shift);
}

void bitloom_trace(int layer, const BITLOOM_FLASH bitloom_tensor* tensor, const void* codes) {
  (void)layer;
  for (int32_t i = 0; i < tensor->h * tensor->w * tensor->c; ++i) {
    put_word((uint32_t)bitloom_code(tensor, codes, i), tensor->bits == 32 ? 4 : 1);
  }
}

int main(void) {
  static int16_t scratch[SCRATCH_BYTES / 2];
  static uint8_t in[INPUT_CODES];
  static int32_t out[OUTPUT_CODES];
  uint8_t number;
  while (get(&number, 1)) {
    const bitloom_description* network = networks[number].network;
    if (!get(in, (size_t)(network->input.h * network->input.w * network->input.c))) return 2;
    const int result = network->infer(in, out, scratch);
    if (networks[number].score) put_word(networks[number].score(in, out), 4);
    put((uint32_t)result);
  }
  flush();
  return failed;
}
