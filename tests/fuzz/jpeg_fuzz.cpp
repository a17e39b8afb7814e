// libFuzzer: any bytes as a .jpg file are a picture of the size that is asked for, or one clear line.
#include "datasets/jpeg.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    if (bitloom::parse_jpeg({data, data + size}, 24, 16, "fuzz.jpg").size() != 24 * 16 * 3) std::abort();
  } catch (const bitloom::Error& error) {
    bitloom::testing::check_message(error, "fuzz.jpg");
  }
  return 0;
}
