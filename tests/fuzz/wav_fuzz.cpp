// libFuzzer: any bytes as a .wav file are at most as many samples as there are bytes, or one clear line.
#include "datasets/wav.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const bitloom::Waveform w = bitloom::parse_wav({data, data + size}, "fuzz.wav");
    if (w.rate <= 0 || w.samples.size() > size) std::abort();
  } catch (const bitloom::Error& error) {
    bitloom::testing::check_message(error, "fuzz.wav");
  }
  return 0;
}
