// libFuzzer: any text assembles or is an Error. What was assembled is made of rows of the instruction table.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "core/error.h"
#include "mpic/program/assembler.h"
#include "mpic/program/disassembler.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bitloom::mpic;
  try {
    const Image image = assemble(std::string(data, data + size));
    for (const Image::Segment& segment : image.segments) {
      if (segment.bytes.size() > segment.size) std::abort();
      for (size_t at = 0; at + 4 <= segment.bytes.size() && at < 4096; at += 2) {
        const uint32_t word = segment.bytes[at] | segment.bytes[at + 1] << 8 | segment.bytes[at + 2] << 16 |
                              uint32_t(segment.bytes[at + 3]) << 24;
        disassemble(word);
      }
    }
  } catch (const bitloom::Error&) {
    // A message, which the assembler's own tests read.
  }
  return 0;
}
