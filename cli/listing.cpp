// The code of a program as text.
#include "cli/listing.h"

#include <cstdio>

#include "core/quote.h"
#include "mpic/program/disassembler.h"

namespace bitloom {
namespace {

// What disassemble_at() has as the address of the target, by name.
std::string target_name(const mpic::Image& image, const std::string& text) {
  const size_t comment = text.find("  # 0x");
  if (comment == std::string::npos) return "";
  const std::string place = image.place(uint32_t(std::stoul(text.substr(comment + 4), nullptr, 16)));
  return place.empty() ? "" : " <" + place + ">";
}

}  // namespace

std::string listing(const mpic::Image& image, mpic::Spelling spelling) {
  std::string all;
  auto symbol = image.symbols.begin();
  for (const mpic::AddressRange& range : image.code) {
    for (uint64_t at = range.begin; at < range.end;) {
      uint32_t word = 0;
      const int available = image.fetch(at, &word);
      if (available < 2) break;
      for (; symbol != image.symbols.end() && symbol->address <= at; ++symbol)
        if (symbol->address == at) all += printable(symbol->name) + ":\n";
      const bool is_short = mpic::is_compressed(word) || available < 4;
      const std::string text = mpic::disassemble_at(word, uint32_t(at), spelling);
      char head[32];
      std::snprintf(head, sizeof head, is_short ? "%08x:     %04x  " : "%08x: %08x  ", unsigned(at),
                    is_short ? word & 0xffff : unsigned(word));
      all += head + text + target_name(image, text) + "\n";
      at += is_short ? 2 : 4;
    }
  }
  return all;
}

}  // namespace bitloom
