// libFuzzer: any bytes as an ELF file end in an image that fits memory and names addresses, or in one clear line.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "core/error.h"
#include "mpic/program/assembler.h"
#include "mpic/program/elf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bitloom::mpic;
  try {
    const Image image = parse_elf({data, data + size}, "fuzz.elf");
    for (size_t i = 0; i < image.symbols.size() && i < 100; ++i) {
      const Symbol& symbol = image.symbols[i];
      if (image.find(symbol.name) == nullptr) std::abort();
      image.place(symbol.address);
    }
    image.place(image.entry);
    Memory memory(kMemoryBase, kMemorySize);
    image.load(memory);
  } catch (const bitloom::Error& e) {
    const std::string message = e.what();
    if (message.empty() || message.find('\n') != std::string::npos) std::abort();
  }
  return 0;
}
