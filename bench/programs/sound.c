// Cycles of the exported front end and of the network behind it, for a second of noise that fades: a line "front_end network" on standard output.
// Built by bench/sound.sh with the files of `bitloom deploy --target c --front-end mfcc`.
#include "bitloom.h"
#include "bitloom_front_end.h"

static void print(uint64_t value, char end) {
  char text[24];
  size_t at = sizeof text;
  text[--at] = end;
  do text[--at] = (char)('0' + value % 10);
  while ((value /= 10) > 0);
  bitloom_write(1, text + at, sizeof text - at);
}

int main(void) {
  static int16_t sound[BITLOOM_SAMPLES];
  static int8_t codes[BITLOOM_INPUT_SIZE];
  static int32_t out[BITLOOM_OUTPUT_SIZE];
  uint32_t word = 1;
  for (int32_t i = 0; i < BITLOOM_SAMPLES; ++i) {
    word = word * 1664525u + 1013904223u;
    sound[i] = (int16_t)(((int32_t)(word >> 16) - 32768) / (1 + i / 1000));
  }
  const uint64_t begin = bitloom_rdcycle();
  bitloom_front_end(sound, codes);
  const uint64_t middle = bitloom_rdcycle();
  const int failed = bitloom_infer(codes, out);
  const uint64_t end = bitloom_rdcycle();
  print(middle - begin, ' '), print(end - middle, '\n');
  return failed;
}
