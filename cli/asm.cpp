// bitloom asm: assembly text to a flat binary.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <memory>

#include "cli/commands.h"
#include "cli/listing.h"
#include "core/ends_with.h"
#include "core/error.h"
#include "core/io.h"
#include "mpic/sim/loader.h"

namespace bitloom {
namespace {

struct AsmOptions {
  std::vector<std::string> sources;
  std::string out, base, listing;
};

// Words of memory in order, eight digits a line, as $readmemh reads them.
std::string hex_text(const std::vector<uint8_t>& bytes) {
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 4) {
    uint32_t word = 0;
    for (size_t k = 0; k < 4 && i + k < bytes.size(); ++k) word |= uint32_t(bytes[i + k]) << 8 * k;
    char line[16];
    std::snprintf(line, sizeof line, "%08x\n", unsigned(word));
    text += line;
  }
  return text;
}

void assemble_file(const AsmOptions& o) {
  const uint32_t base = o.base.empty() ? mpic::kMemoryBase : mpic::parse_address(o.base);
  const mpic::Image image = mpic::assemble_files(o.sources, base);
  BITLOOM_CHECK(!image.segments.empty(), o.sources.front(), ": nothing to assemble");
  const std::vector<uint8_t>& bytes = image.segments.front().bytes;
  if (ends_with(o.out, ".hex"))
    write_text_atomic(o.out, hex_text(bytes));
  else if (!o.out.empty())
    write_file_atomic(o.out, bytes.data(), bytes.size());
  if (o.listing == "-")
    std::cout << listing(image);
  else if (!o.listing.empty())
    write_text_atomic(o.listing, listing(image));
}

}  // namespace

void add_asm(CLI::App& program, Chosen& chosen) {
  auto o = std::make_shared<AsmOptions>();
  CLI::App* app = program.add_subcommand("asm", "Assemble a text for the MPIC core into a flat binary");
  app->footer(
      "Examples:\n  bitloom asm loop.s -o loop.bin\n  bitloom asm loop.s --listing -\n  bitloom asm main.s library.s -o "
      "all.bin");
  app->add_option("source", o->sources, "The text, in the GNU assembler's syntax, or the texts that make the program")
      ->required();
  CLI::Option* out =
      app->add_option("-o,--out", o->out, "The binary; a name that ends in .hex gives 32-bit words as text, one a line");
  app->add_option("--base", o->base, "Address of the first byte [0x80000000]");
  CLI::Option* list = app->add_option("--listing", o->listing, "Also write addresses, words and instructions; - is stdout");
  app->callback([=, &chosen] {
    if (out->empty() && list->empty())
      throw CLI::ValidationError("asm", "name an output: -o FILE.bin, -o FILE.hex or --listing -");
    chosen = [=](const std::string&) { assemble_file(*o); };
  });
}

}  // namespace bitloom
