// libFuzzer: any bytes as an ELF file end in an image that fits memory and names addresses, or in one clear line. Inputs that begin with
// an e are edits of a file that is right, three bytes each (where, and what to): random bytes alone rarely get past the header.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "core/error.h"
#include "mpic/program/assembler.h"
#include "mpic/program/elf.h"
#include "tests/support/small_elf.h"

namespace {

std::vector<uint8_t> file_of(const uint8_t* data, size_t size) {
  if (size == 0 || data[0] != 'e') return {data, data + size};
  std::vector<uint8_t> file = bitloom::testing::small_elf();
  for (size_t i = 1; i + 2 < size; i += 3) file[(data[i] + 256u * data[i + 1]) % file.size()] = data[i + 2];
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bitloom::mpic;
  try {
    const Image image = parse_elf(file_of(data, size), "fuzz.elf");
    for (size_t i = 0; i < image.symbols.size() && i < 100; ++i) {
      const Symbol& symbol = image.symbols[i];
      if (image.find(symbol.name) == nullptr) std::abort();
      image.place(symbol.address);
    }
    image.place(image.entry);
    static Memory memory(kMemoryBase, kMemorySize);  // made once: clearing it takes a hundred times as long as the rest
    image.load(memory);
  } catch (const bitloom::Error& e) {
    const std::string message = e.what();
    if (message.empty() || message.find('\n') != std::string::npos) std::abort();
  }
  return 0;
}
