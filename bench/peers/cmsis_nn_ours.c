// Instructions of every layer of the exported network, a line each.
#include "bench/peers/instructions.h"
#include "bitloom_network.h"

void bitloom_trace(int layer, const bitloom_tensor* tensor, const void* codes) {
  const uint32_t count = count_end();
  (void)layer, (void)tensor, (void)codes;
  print_count(count);
  count_begin();
}

int main(void) {
  static uint8_t in[BITLOOM_INPUT_SIZE];
  static int32_t out[BITLOOM_OUTPUT_SIZE];
  uint32_t word = 1;
  for (int32_t i = 0; i < BITLOOM_INPUT_SIZE; ++i) {
    word = word * 1664525u + 1013904223u;
    in[i] = (uint8_t)(word >> 24);
  }
  count_begin();
  return bitloom_network.infer(in, out, (int16_t[BITLOOM_SCRATCH_BYTES / 2]){0});
}
