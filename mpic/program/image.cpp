// A program ready for memory.
#include "mpic/program/image.h"

#include <algorithm>

#include "core/quote.h"
#include "mpic/isa/names.h"

namespace bitloom::mpic {

void Image::load(Memory& memory) const {
  for (const Segment& s : segments) {
    memory.write(s.address, s.bytes.data(), s.bytes.size());
    memory.fill(uint32_t(s.address + s.bytes.size()), 0, s.size - s.bytes.size());
    if (!s.is_writable) memory.protect(s.address, s.size);
  }
}

int Image::fetch(uint64_t address, uint32_t* word) const {
  *word = 0;
  for (const Segment& s : segments) {
    if (address < s.address || address - s.address >= s.bytes.size()) continue;
    const size_t offset = size_t(address - s.address), count = std::min<size_t>(4, s.bytes.size() - offset);
    for (size_t i = 0; i < count; ++i) *word |= uint32_t(s.bytes[offset + i]) << 8 * i;
    return int(count);
  }
  return 0;
}

const Symbol* Image::find(std::string_view name) const {
  const auto found = std::find_if(symbols.begin(), symbols.end(), [&](const Symbol& s) { return s.name == name; });
  return found == symbols.end() ? nullptr : &*found;
}

const Symbol* Image::symbol_at(uint32_t address) const {
  auto after =
      std::upper_bound(symbols.begin(), symbols.end(), address, [](uint32_t a, const Symbol& s) { return a < s.address; });
  const Symbol* label = nullptr;
  while (after != symbols.begin()) {
    const Symbol& s = *--after;
    if (s.kind == SymbolKind::kLabel && label == nullptr) label = &s;
    if (s.kind == SymbolKind::kFunction) return s.size == 0 || address - s.address < s.size ? &s : label;
  }
  return label;
}

std::string Image::place(uint32_t address) const {
  const Symbol* symbol = symbol_at(address);
  if (symbol == nullptr) return "";
  const std::string name = printable(symbol->name, 200);
  return address == symbol->address ? name : name + "+" + hex(address - symbol->address);
}

}  // namespace bitloom::mpic
