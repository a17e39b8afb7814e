// Several assembly texts as one program.
#pragma once
#include <string>
#include <vector>

#include "mpic/program/image.h"

namespace bitloom::mpic {

struct SourceText {
  std::string name, text;
};

// Like assemble() of one text, for several: a symbol is known in its own text, a global one in all. A name that ends in .S says that the text
// may want the C preprocessor, which is an Error. Symbols of mpic/runtime/link.ld that no text defines are there; README.md lists them.
Image assemble(const std::vector<SourceText>& sources, uint32_t base = kMemoryBase);

}  // namespace bitloom::mpic
