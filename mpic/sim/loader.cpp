// Programs from files, and where they go.
#include "mpic/sim/loader.h"

#include <algorithm>
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

// Segments that belong together: where more than `distance` bytes lie between two, another cluster begins.
struct Cluster {
  AddressRange range;
  bool is_written = false;
};
std::vector<Cluster> clusters_of(const Image& image, uint64_t distance) {
  std::vector<Cluster> all;
  for (const Image::Segment& s : image.segments) {
    if (all.empty() || s.address - all.back().range.end > distance) all.push_back({{s.address, s.end()}});
    all.back().range.end = s.end();
    all.back().is_written = all.back().is_written || s.is_writable;
  }
  return all;
}

// The one that is in the memory from options.base on; without that option the last that is written to, which is RAM if anything is.
const Cluster* main_cluster(const std::vector<Cluster>& all, const Program& program, bool has_base) {
  const auto is_inside = [&](const Cluster& c) {
    return c.range.begin >= program.memory_base && c.range.begin < program.memory_base + program.memory_size;
  };
  const Cluster* written = nullptr;
  for (const Cluster& c : all) {
    if (has_base && is_inside(c)) return &c;
    if (c.is_written) written = &c;
  }
  if (written != nullptr) return written;
  return has_base && all.size() == 1 && all[0].range.begin >= program.memory_base ? &all[0] : has_base ? nullptr : &all[0];
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

bool is_assembly(const std::string& path) { return has_suffix(path, ".s") || has_suffix(path, ".S"); }

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
  const std::vector<Cluster> clusters = clusters_of(image, program.memory_size);
  uint64_t further = 0, further_limit = program.memory_size;
  for (const Image::Segment& s : image.segments) further_limit += s.bytes.size();
  if (const Cluster* const chosen = main_cluster(clusters, program, options.base.has_value()); chosen != nullptr) {
    const uint32_t first = uint32_t(chosen->range.begin);
    const uint64_t last = chosen->range.end;
    const bool elsewhere = first < program.memory_base || first >= program.memory_base + program.memory_size;
    if (!options.base && elsewhere) program.memory_base = first & ~0xffffu;
    BITLOOM_CHECK(first >= program.memory_base, path, ": begins at ", hex(first), ", below the memory at ",
                  hex(program.memory_base), "; use --base ", hex(first & ~0xffffu));
    BITLOOM_CHECK(last <= program.memory_base + program.memory_size, path, ": reaches from ", hex(first), " to ", hex(last),
                  ", the memory from ", hex(program.memory_base), " has only ", program.memory_size, " bytes; use --mem ",
                  (last - program.memory_base + 1023) / 1024, "K");
  }
  for (const Cluster& c : clusters) {
    if (c.range.begin >= program.memory_base && c.range.begin < program.memory_base + program.memory_size) continue;
    further += c.range.end - c.range.begin;
    BITLOOM_CHECK(further <= further_limit, path, ": with the segment from ", hex(c.range.begin), " to ", hex(c.range.end),
                  ", ", further, " bytes are apart from the memory at ", hex(program.memory_base),
                  ", more than the file's bytes and --mem together; use --mem ",
                  (further - further_limit + program.memory_size + 1023) / 1024, "K");
    program.regions.push_back({c.range.begin & ~uint64_t(3), (c.range.end + 3) & ~uint64_t(3)});
  }
  image.entry = entry_of(image, options.entry);
  const auto holds_entry = [&](const AddressRange& r) { return image.entry >= r.begin && image.entry < r.end; };
  const bool is_inside = holds_entry({program.memory_base, program.memory_base + program.memory_size}) ||
                         std::any_of(program.regions.begin(), program.regions.end(), holds_entry);
  BITLOOM_CHECK(is_inside && image.entry % 2 == 0, path, ": the entry ", hex(image.entry),
                image.entry % 2 != 0 ? " is odd" : " is outside memory");
  return program;
}

namespace {

// The symbol's address, or 0 where it is not in memory.
uint64_t place_in_memory(const Program& program, const char* name) {
  const Symbol* const symbol = program.image.find(name);
  const bool is_inside = symbol != nullptr && symbol->address >= program.memory_base &&
                         symbol->address - program.memory_base < program.memory_size;
  return is_inside ? symbol->address : 0;
}

// Behind all segments in memory: behind what the file has of them, or also behind their zeros.
uint64_t end_of_segments(const Program& program, bool with_zeros) {
  uint64_t end = program.memory_base;
  for (const Image::Segment& s : program.image.segments)
    if (s.address >= program.memory_base && s.end() <= program.memory_base + program.memory_size)
      end = std::max(end, with_zeros ? s.end() : s.address + s.bytes.size());
  return end;
}

// Behind all that the program has in memory: where a C library's heap begins. Linker scripts say `_end`, and some `end`, which may also be any label.
uint64_t end_of_data(const Program& program) {
  if (const uint64_t end = place_in_memory(program, "_end"); end != 0) return end;
  if (const uint64_t end = place_in_memory(program, "end"); end != 0 && end >= end_of_segments(program, false)) return end;
  return end_of_segments(program, true);
}

// argc, argv, a null pointer, no environment, no auxiliary vector (System V ABI, "Process Initialization"), and the texts: the value of sp, or 0 when the
// end of memory from `lowest` on has no room.
uint32_t put_arguments(Core& core, const std::vector<std::string>& arguments, uint64_t lowest) {
  const Memory& memory = core.memory();
  const uint64_t memory_end = uint64_t(memory.base()) + memory.size();
  std::string texts;
  for (const std::string& a : arguments) texts += a + '\0';
  const uint64_t words = arguments.size() + 5, bytes = words * 4 + texts.size(),
                 sp = (memory_end - std::min(bytes, memory_end)) & ~uint64_t(15);
  if (sp < lowest || sp < memory.base()) {
    BITLOOM_CHECK(arguments.size() <= 1, "the program's arguments need ", bytes,
                  " bytes of memory behind its data and heap, which end at ", hex(lowest), "; use --mem");
    return 0;
  }
  std::vector<uint32_t> block = {uint32_t(arguments.size())};
  auto text = uint32_t(sp + words * 4);
  for (const std::string& a : arguments) {
    block.push_back(text);
    text += uint32_t(a.size()) + 1;
  }
  block.resize(words);
  core.writable_memory().write(uint32_t(sp), block.data(), words * 4);
  core.writable_memory().write(uint32_t(sp + words * 4), texts.data(), texts.size());
  return uint32_t(sp);
}

}  // namespace

void Program::start(Core& core, const std::vector<std::string>& arguments) const {
  Memory& memory = core.writable_memory();
  for (const AddressRange& r : regions)
    if (!memory.contains(uint32_t(r.begin), r.end - r.begin)) memory.add_region(uint32_t(r.begin), r.end - r.begin);
  image.load(memory);
  const uint64_t data_end = end_of_data(*this);
  core.set_break(uint32_t((data_end + 15) & ~uint64_t(15)));
  core.set_arguments(arguments);
  core.reset(image.entry);
  // The heap of runtime/link.ld ends where the stack's room begins.
  const uint64_t lowest = std::max({data_end, end_of_segments(*this, false), place_in_memory(*this, "__heap_end")});
  core.set_reg(2, put_arguments(core, arguments, lowest));
  const auto address = [&](const char* name) {
    const Symbol* symbol = image.find(name);
    return symbol != nullptr && core.memory().contains(symbol->address, 4) ? symbol->address : 0;
  };
  if (const uint32_t tohost = address("tohost"); tohost != 0) core.set_tohost(tohost, address("fromhost"));
}

}  // namespace bitloom::mpic
