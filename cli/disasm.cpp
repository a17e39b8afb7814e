// bitloom disasm: programs or single words as assembly text.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <sstream>

#include "cli/commands.h"
#include "cli/listing.h"
#include "core/error.h"
#include "core/io.h"
#include "mpic/program/assembler.h"
#include "mpic/sim/loader.h"

namespace bitloom {
namespace {

struct DisasmOptions {
  std::vector<std::string> inputs;
  std::string base;
  bool exact = false;
};

// "00a50513", "0x4501": 8 digits are a 32-bit word, 4 a compressed one.
bool parse_word(std::string text, std::vector<uint8_t>* bytes) {
  if (text.compare(0, 2, "0x") == 0) text.erase(0, 2);
  if ((text.size() != 4 && text.size() != 8) || text.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
    return false;
  const uint32_t word = uint32_t(std::stoul(text, nullptr, 16));
  for (size_t i = 0; i < text.size() / 2; ++i) bytes->push_back(uint8_t(word >> 8 * i));
  return true;
}

mpic::Image words_image(const std::vector<std::string>& words, uint32_t base) {
  std::vector<uint8_t> bytes;
  for (const std::string& w : words)
    BITLOOM_CHECK(parse_word(w, &bytes), "'", w, "' is neither a file nor a word of 4 or 8 hexadecimal digits");
  mpic::Image image;
  const uint64_t size = bytes.size();
  BITLOOM_CHECK(base + size <= uint64_t(1) << 32, size, " bytes from ", base, " end above 4 GiB");
  if (size > 0) image.segments.push_back({base, std::move(bytes), size});
  image.code.push_back({base, base + size});
  return image;
}

void disassemble_inputs(const DisasmOptions& o) {
  const uint32_t base = o.base.empty() ? mpic::kMemoryBase : mpic::parse_address(o.base);
  const mpic::Spelling spelling = o.exact ? mpic::Spelling::kExact : mpic::Spelling::kPlain;
  std::vector<std::string> words = o.inputs;
  if (words.size() == 1 && words[0] != "-" && file_exists(words[0])) {
    std::cout << listing(mpic::load_image(words[0], base), spelling);
    return;
  }
  if (words.size() == 1 && words[0] == "-") {
    words.clear();
    for (std::string w; std::cin >> w;) words.push_back(w);
  }
  std::cout << listing(words_image(words, base), spelling);
}

}  // namespace

void add_disasm(CLI::App& program, Chosen& chosen) {
  auto o = std::make_shared<DisasmOptions>();
  CLI::App* app = program.add_subcommand("disasm", "Show the instructions of a program, or of words, of the MPIC core");
  app->footer("Examples:\n  bitloom disasm hello.elf\n  bitloom disasm 0085a28b 4501\n  bitloom disasm - < loop.hex");
  app->add_option("input", o->inputs,
                  "An ELF file, a flat binary (.bin), or words of 4 or 8 hexadecimal digits; - reads words from stdin")
      ->required();
  app->add_option("--base", o->base, "Address of a flat binary or of the first word [0x80000000]");
  app->add_flag("--no-aliases", o->exact,
                "Without pseudo-instructions; compressed instructions by their own names (c.jr ra, not ret)");
  app->callback([=, &chosen] { chosen = [=](const std::string&) { disassemble_inputs(*o); }; });
}

}  // namespace bitloom
