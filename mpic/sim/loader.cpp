// Programs from files, and where they go.
#include "mpic/sim/loader.h"

#include <cerrno>
#include <cstdlib>

#include "core/error.h"
#include "core/io.h"
#include "mpic/isa/names.h"
#include "mpic/program/assembler/sources.h"
#include "mpic/program/elf.h"

namespace bitloom::mpic {
namespace {

bool has_suffix(const std::string& path, const std::string& suffix) {
  return path.size() > suffix.size() && path.compare(path.size() - suffix.size(), suffix.size(), suffix) == 0;
}

// Digits of C, all of `text` but the last `tail` characters.
bool parse_number(const std::string& text, size_t tail, uint64_t* value) {
  const std::string digits = text.substr(0, text.size() - tail);
  char* end = nullptr;
  errno = 0;
  *value = std::strtoull(digits.c_str(), &end, 0);
  return !digits.empty() && digits[0] >= '0' && digits[0] <= '9' && *end == 0 && errno == 0;
}

bool is_assembly(const std::string& path) { return has_suffix(path, ".s") || has_suffix(path, ".S"); }

bool fits(const Image& image, uint32_t base, uint64_t size) {
  return image.segments.empty() || (image.segments.front().address >= base && image.segments.back().end() <= base + size);
}

uint32_t entry_of(const Image& image, const std::string& entry) {
  if (entry.empty()) return image.entry;
  if (const Symbol* symbol = image.find(entry)) return symbol->address;
  uint64_t address = 0;
  BITLOOM_CHECK(parse_number(entry, 0, &address) && address <= 0xffffffffu, "--entry ", entry,
                ": the program has no such symbol, and it is no address");
  return uint32_t(address);
}

}  // namespace

uint64_t parse_size(const std::string& text) {
  uint64_t value = 0;
  const char last = text.empty() ? '\0' : text.back();
  const int shift = last == 'K' || last == 'k' ? 10 : last == 'M' || last == 'm' ? 20 : last == 'G' || last == 'g' ? 30 : 0;
  BITLOOM_CHECK(parse_number(text, shift != 0, &value) && value <= ~uint64_t(0) >> shift, "'", text,
                "' is no size in bytes, such as 65536, 512K or 2M");
  return value << shift;
}

uint32_t parse_address(const std::string& text) {
  uint64_t value = 0;
  BITLOOM_CHECK(parse_number(text, 0, &value) && value <= 0xffffffffu, "'", text, "' is no 32-bit address, such as 0x80000000");
  return uint32_t(value);
}

Image assemble_files(const std::vector<std::string>& paths, uint32_t base) {
  std::vector<SourceText> sources;
  for (const std::string& path : paths) sources.push_back({path, read_text(path)});
  return assemble(sources, base);
}

Image load_image(const std::string& path, uint32_t base) {
  std::vector<uint8_t> file = read_file(path);
  if (is_elf(file)) return parse_elf(file, path);
  if (is_assembly(path)) return assemble({{path, std::string(file.begin(), file.end())}}, base);
  BITLOOM_CHECK(has_suffix(path, ".bin"), path, ": neither an ELF file nor named .s, .S (assembly) or .bin (flat binary)");
  BITLOOM_CHECK(!file.empty(), path, ": the file is empty");
  const uint64_t size = file.size();
  BITLOOM_CHECK(base + size <= uint64_t(1) << 32, path, ": ", size, " bytes from ", hex(base), " end above 4 GiB");
  Image image;
  image.entry = base;
  image.segments.push_back({base, std::move(file), size});
  image.code.push_back({base, base + size});
  return image;
}

Program load_program(const std::string& path, const LoadOptions& options) {
  return load_program(std::vector<std::string>{path}, options);
}

Program load_program(const std::vector<std::string>& paths, const LoadOptions& options) {
  BITLOOM_CHECK(!paths.empty(), "no program is named");
  const std::string& path = paths.front();
  for (const std::string& p : paths)
    BITLOOM_CHECK(paths.size() == 1 || is_assembly(p), p, ": several files make a program only if all are assembly (.s)");
  Program program;
  program.memory_base = options.base.value_or(kMemoryBase);
  program.memory_size = options.size.value_or(kMemorySize);
  Image& image = program.image =
      paths.size() == 1 ? load_image(path, program.memory_base) : assemble_files(paths, program.memory_base);
  BITLOOM_CHECK(!image.segments.empty(), path, ": the program is empty");
  const uint32_t first = image.segments.front().address;
  const uint64_t last = image.segments.back().end();
  const bool elsewhere = first < program.memory_base || first >= program.memory_base + program.memory_size;
  if (!options.base && elsewhere) program.memory_base = first & ~0xffffu;
  BITLOOM_CHECK(first >= program.memory_base, path, ": begins at ", hex(first), ", below the memory at ",
                hex(program.memory_base), "; use --base ", hex(first & ~0xffffu));
  BITLOOM_CHECK(fits(image, program.memory_base, program.memory_size), path, ": reaches from ", hex(first), " to ", hex(last),
                ", the memory from ", hex(program.memory_base), " has only ", program.memory_size, " bytes; use --mem ",
                (last - program.memory_base + 1023) / 1024, "K");
  image.entry = entry_of(image, options.entry);
  BITLOOM_CHECK(
      image.entry >= program.memory_base && image.entry < program.memory_base + program.memory_size && image.entry % 2 == 0,
      path, ": the entry ", hex(image.entry), image.entry % 2 != 0 ? " is odd" : " is outside memory");
  return program;
}

void Program::start(Core& core) const {
  image.load(core.writable_memory());
  core.reset(image.entry);
  const auto address = [&](const char* name) {
    const Symbol* symbol = image.find(name);
    return symbol != nullptr && core.memory().contains(symbol->address, 4) ? symbol->address : 0;
  };
  if (const uint32_t tohost = address("tohost"); tohost != 0) core.set_tohost(tohost, address("fromhost"));
}

}  // namespace bitloom::mpic
