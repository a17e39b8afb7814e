// libFuzzer: any bytes as an ONNX file are a network whose weights fit it, or one clear line.
#include "nn/network.h"
#include "nn/onnx.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const bitloom::ModelFile file = bitloom::onnx_model({reinterpret_cast<const char*>(data), size}, "fuzz.onnx");
    if (bitloom::parameters(file.spec) > 1 << 20) return 0;
    bitloom::Network(file.spec, bitloom::Rng(0)).load(file.weights);
  } catch (const bitloom::Error& error) {
    bitloom::testing::check_message(error, "fuzz.onnx");
  }
  return 0;
}
