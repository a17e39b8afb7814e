// ELF files: real ones, and every way in which one can be wrong.
#include "mpic/program/elf.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "core/io.h"
#include "mpic/sim/loader.h"
#include "tests/support/files.h"
#include "tests/support/small_elf.h"

namespace bitloom::mpic {
namespace {

using testing::error_of;
using testing::put;
using testing::small_elf;
using namespace testing::elf_layout;
using Bytes = std::vector<uint8_t>;

TEST(Elf, SegmentsSymbolsAndEntryAreRead) {
  const Image image = parse_elf(small_elf(), "small.elf");
  EXPECT_EQ(image.entry, kBase);
  ASSERT_EQ(image.segments.size(), 2u);
  EXPECT_EQ(image.segments[1].address, kBase + 0x1000);
  EXPECT_EQ(image.segments[1].size, 24u);
  EXPECT_EQ(image.segments[1].bytes, (Bytes{0x44, 0x33, 0x22, 0x11, 0x88, 0x77, 0x66, 0x55}));
  ASSERT_EQ(image.code.size(), 1u);
  EXPECT_EQ(image.code[0].end, kBase + 12);
  ASSERT_EQ(image.symbols.size(), 3u);
  EXPECT_EQ(image.place(kBase + 4), "main+0x4");
  EXPECT_EQ(image.place(kBase + 12), "");
  EXPECT_EQ(image.place(kBase - 4), "");
  ASSERT_NE(image.find("tohost"), nullptr);
  EXPECT_EQ(image.find("tohost")->address, kBase + 0x1010);
  EXPECT_EQ(image.find("table")->kind, SymbolKind::kObject);
}

TEST(Elf, ALoadedProgramRuns) {
  const testing::TempFolder folder;
  testing::write_bytes(folder / "small.elf", small_elf());
  const Program program = load_program(folder / "small.elf");
  Core core(program.memory_base, program.memory_size);
  core.writable_memory().fill(kBase, 0xff, 0x2000);
  program.start(core);
  EXPECT_EQ(core.memory().load<uint32_t>(kBase + 0x1004), 0x55667788u);
  EXPECT_EQ(core.memory().load<uint32_t>(kBase + 0x1008), 0u) << "the rest of the segment must be zero";
  EXPECT_EQ(core.memory().load<uint32_t>(kBase + 0x1014), 0u);
  EXPECT_EQ(core.memory().load<uint32_t>(kBase + 0x1018), 0xffffffffu) << "and nothing behind it";
  const RunResult result = core.run();
  EXPECT_EQ(result.reason, StopReason::kExit);
  EXPECT_EQ(result.exit_code, 42);
}

TEST(Elf, EveryBadFieldHasItsMessage) {
  const struct {
    size_t at;
    uint32_t value;
    int bytes;
    const char* message;
  } cases[] = {
      {0, 0, 1, "not an ELF file"},
      {4, 2, 1, "64-bit"},
      {4, 9, 1, "unknown class"},
      {5, 2, 1, "little-endian"},
      {6, 0, 1, "version"},
      {16, 1, 2, "object file; link it first"},
      {16, 3, 2, "no executable"},
      {18, 62, 2, "machine 62"},
      {36, 2, 4, "ilp32f, floats in registers; the core has no FPU: compile and link with -march=rv32imc -mabi=ilp32"},
      {36, 5, 4, "ilp32d, doubles"},
      {36, 8, 4, "RV32E"},
      {24, 0x1000, 4, "entry 0x1000 is outside"},
      {28, 0xfffffff0, 4, "program header table"},
      {44, 0xffff, 2, "program header table"},
      {44, 0, 2, "no program headers"},
      {42, 56, 2, "program headers of 56 bytes"},
      {52, 3, 4, "dynamic linker"},
      {56, 0xffffff00, 4, "segment 0 at offset"},
      {52 + 12, 0xfffffff8, 4, "above 4 GiB"},
      {52 + 16, 17, 4, "has 17 bytes in the file, but 16 in memory"},
      {84 + 20, 0xffffffff, 4, "above 4 GiB"},
      {84 + 12, kBase + 8, 4, "overlap"},
      {84 + 8, kBase + 8, 4, "overlap"},
      {84 + 8, 0xfffffff8, 4, "above 4 GiB"},
      {32, 0xffffff00, 4, "section header table"},
      {46, 64, 2, "section headers of 64 bytes"},
      {48, 0xffff, 2, "section header table"},
      {kSections + 80 + 16, 0xffffff00, 4, "symbol table"},
      {kSections + 80 + 20, 0xffffff00, 4, "symbol table"},
      {kSections + 80 + 24, 99, 4, "strings are section 99 of 4"},
      {kSections + 80 + 36, 24, 4, "symbols of 24 bytes"},
      {kSections + 120 + 20, 0x10000, 4, "symbol names"},
      {kSymbols + 16, 0x7fffffff, 4, "a symbol's name"},
  };
  for (const auto& c : cases) {
    Bytes file = small_elf();
    put(file, c.at, c.value, c.bytes);
    const std::string message = error_of([&] { parse_elf(file, "bad.elf"); });
    EXPECT_NE(message.find(c.message), std::string::npos) << "field " << c.at << ": '" << message << "'";
    EXPECT_EQ(message.compare(0, 9, "bad.elf: "), 0) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

// What must hold of every image, however it was made.
void check(const Image& image, const std::string& what) {
  uint64_t end = 0;
  for (const auto& s : image.segments) {
    ASSERT_GE(s.address, end) << what;
    ASSERT_GE(s.size, s.bytes.size()) << what;
    end = s.end();
    ASSERT_LE(end, uint64_t(1) << 32) << what;
  }
}

int parses(const Bytes& file, const std::string& what) {
  bool parsed = false;
  const std::string message = error_of([&] {
    check(parse_elf(file, "x"), what);
    parsed = true;
  });
  EXPECT_TRUE(parsed || !message.empty()) << what;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  return parsed ? 1 : 0;
}

void attack(const Bytes& file, uint32_t seed, const std::string& name) {
  for (size_t size = 0; size < file.size(); size += 16) parses(Bytes(file.begin(), file.begin() + std::ptrdiff_t(size)), name);
  std::mt19937 random(seed);
  const size_t table = file[32] | file[33] << 8 | size_t(file[34]) << 16;
  int intact = 0;
  const int cases = 20000;
  for (int i = 0; i < cases; ++i) {
    Bytes flipped = file;
    std::string what = name + ":";
    for (uint32_t k = 0; k <= random() % 3; ++k) {
      const size_t head = random() % 180;
      const size_t at = random() % 3 != 0 ? head : std::min(table + random() % 400, file.size() - 4);
      const uint32_t extremes[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, uint32_t(file.size()), uint32_t(random())};
      put(flipped, at & ~size_t(3), extremes[random() % 7], 4);
      what += " " + std::to_string(at);
    }
    intact += parses(flipped, what);
  }
  EXPECT_LT(intact, cases) << name;
}

TEST(Elf, DamagedFilesNeverDoMoreThanFail) { attack(small_elf(), 1, "small.elf"); }

TEST(Elf, DamagedFilesOfGccNeverDoMoreThanFail) {
  if (std::system("command -v riscv64-unknown-elf-gcc >/dev/null") != 0) GTEST_SKIP() << "riscv64-unknown-elf-gcc is missing";
  const std::string runtime = "mpic/runtime";
  BITLOOM_NEEDS(runtime + "/crt0.S");
  const testing::TempFolder folder;
  std::ofstream(folder / "main.c") << "static int table[20] = {1, 2, 3};\nint main(void) { return table[2]; }\n";
  ASSERT_EQ(std::system(("riscv64-unknown-elf-gcc -march=rv32imc -mabi=ilp32 -O1 -ffreestanding -nostdlib -T" + runtime +
                         "/link.ld " + runtime + "/*.[Sc] " + (folder / "main.c") + " -lgcc -o " + (folder / "main.elf"))
                            .c_str()),
            0);
  const Bytes file = read_file(folder / "main.elf");
  const Image image = parse_elf(file, "main.elf");
  ASSERT_NE(image.find("main"), nullptr);
  EXPECT_EQ(image.find("main")->kind, SymbolKind::kFunction);
  EXPECT_EQ(image.place(image.entry), "_start");
  attack(file, 2, "main.elf");
}

TEST(Program, MemoryFollowsTheProgram) {
  const testing::TempFolder folder;
  const std::string path = folder / "x.elf";
  Bytes file = small_elf();
  testing::write_bytes(path, file);
  EXPECT_EQ(load_program(path).memory_base, kMemoryBase);
  for (const size_t field : {52 + 8, 52 + 12, 24}) put(file, field, 0x12345678, 4);
  put(file, kSymbols + 16 + 4, 0x12345678, 4);
  for (const size_t field : {84 + 8, 84 + 12}) put(file, field, 0x12346000, 4);
  testing::write_bytes(path, file);
  const Program moved = load_program(path);
  EXPECT_EQ(moved.memory_base, 0x12340000u);
  EXPECT_EQ(moved.memory_size, kMemorySize);
  LoadOptions options;
  options.base = kMemoryBase;
  EXPECT_NE(error_of([&] { load_program(path, options); }).find("use --base 0x12340000"), std::string::npos);
  options.base = 0x12340000;
  options.size = 0x6000;
  EXPECT_NE(error_of([&] { load_program(path, options); }).find("use --mem 25K"), std::string::npos);
  options.size = 25 << 10;
  EXPECT_EQ(load_program(path, options).memory_size, 25u << 10);
  options.entry = "main";
  EXPECT_EQ(load_program(path, options).image.entry, 0x12345678u);
  options.entry = "0x12340002";
  EXPECT_EQ(load_program(path, options).image.entry, 0x12340002u);
  options.entry = "nowhere";
  EXPECT_NE(error_of([&] { load_program(path, options); }).find("no such symbol"), std::string::npos);
}

// Flash far from RAM, with the image of initialised data behind the code: linked for RAM, there once, zeros behind it.
TEST(Program, FlashAndRamAreTwoRegions) {
  const testing::TempFolder folder;
  const std::string path = folder / "rom.elf";
  Bytes file = small_elf();
  put(file, 84 + 8, 0x20000000, 4);
  put(file, 84 + 12, kBase + 0x10, 4);
  testing::write_bytes(path, file);
  const Program program = load_program(path);
  EXPECT_EQ(program.memory_base, 0x20000000u);
  ASSERT_EQ(program.regions.size(), 1u);
  EXPECT_EQ(program.regions[0].begin, kBase);
  EXPECT_EQ(program.regions[0].end, kBase + 0x18);
  Core core(program.memory_base, program.memory_size);
  core.writable_memory().fill(0x20000000, 0xff, 64);
  program.start(core);
  EXPECT_EQ(core.memory().load<uint32_t>(kBase + 0x10), 0x11223344u);
  EXPECT_EQ(core.memory().load<uint32_t>(0x20000000), 0u) << "what the program copies is not there before";
  EXPECT_EQ(core.memory().load<uint32_t>(0x20000014), 0u);
  EXPECT_EQ(core.memory().load<uint32_t>(0x20000018), 0xffffffffu);
  EXPECT_TRUE(core.memory().is_read_only(kBase + 0x14, 4));
  EXPECT_FALSE(core.memory().is_read_only(0x20000000, 24));
  EXPECT_EQ(core.run().exit_code, 42);
  program.start(core);
  EXPECT_EQ(core.run().exit_code, 42);
  LoadOptions options;
  options.base = 0x20000000;
  options.size = 4096;
  EXPECT_EQ(load_program(path, options).regions.size(), 1u);
  options.base = 0x30000000;
  EXPECT_NE(error_of([&] { load_program(path, options); }).find("use --base 0x20000000"), std::string::npos);
}

// As Linux has them at the start of a program (System V ABI).
TEST(Program, ArgumentsAreOnTheStack) {
  const testing::TempFolder folder;
  testing::write_bytes(folder / "small.elf", small_elf());
  LoadOptions options;
  options.size = 0x1100;
  const Program program = load_program(folder / "small.elf", options);
  Core core(program.memory_base, program.memory_size);
  program.start(core, {"prog", "x"});
  const auto word = [&](uint32_t index) { return core.memory().load<uint32_t>(core.state().x[2] + 4 * index); };
  const auto text = [&](uint32_t address) { return std::string(reinterpret_cast<const char*>(core.memory().at(address))); };
  EXPECT_EQ(core.state().x[2] % 16, 0u);
  EXPECT_EQ(word(0), 2u);
  EXPECT_EQ(text(word(1)), "prog");
  EXPECT_EQ(text(word(2)), "x");
  for (uint32_t i = 3; i < 7; ++i) EXPECT_EQ(word(i), 0u);
  EXPECT_EQ(core.program_break(), kBase + 0x1020) << "behind the data";
  EXPECT_NE(error_of([&] { program.start(core, {"prog", std::string(1000, 'x')}); }).find("use --mem"), std::string::npos);
  options.size = 0x1018;  // full
  const Program full = load_program(folder / "small.elf", options);
  Core small(full.memory_base, full.memory_size);
  full.start(small, {"prog"});
  EXPECT_EQ(small.state().x[2], 0u);
}

// Where a stack and a heap of their own are, and where the file has bytes, no argument goes.
TEST(Program, ArgumentsMeetNeitherHeapNorData) {
  const testing::TempFolder folder;
  std::ofstream(folder / "heap.s") << "_start: nop\n.data\n.word 1\n.bss\n_end: .space 0x800\n__heap_end: .space 0x700\n";
  LoadOptions options;
  options.size = 0x1000;
  const Program program = load_program(folder / "heap.s", options);
  Core core(program.memory_base, program.memory_size);
  program.start(core, {"prog", std::string(0x700, 'x')});
  EXPECT_GE(core.state().x[2], kBase + 0x800);
  EXPECT_NE(error_of([&] { program.start(core, {"prog", std::string(0x900, 'x')}); }).find("use --mem"), std::string::npos);

  Bytes file = small_elf();
  put(file, kNames + 6, 0x646e655f, 4);  // "table" becomes "_end", below the data
  put(file, kNames + 10, 0, 1);
  put(file, kSymbols + 32 + 4, kBase + 0x100, 4);
  testing::write_bytes(folder / "data.elf", file);
  options.size = 0x1018;
  const Program data = load_program(folder / "data.elf", options);
  Core full(data.memory_base, data.memory_size);
  data.start(full, {"prog"});
  EXPECT_EQ(full.state().x[2], 0u);
  EXPECT_EQ(full.program_break(), kBase + 0x100);
  EXPECT_EQ(full.memory().load<uint32_t>(kBase + 0x1000), 0x11223344u);
  EXPECT_EQ(full.memory().load<uint32_t>(kBase + 0x1004), 0x55667788u);
}

// A label of that name is not what a linker script means by it.
TEST(Program, TheHeapBeginsBehindTheData) {
  const testing::TempFolder folder;
  const struct {
    const char* source;
    uint32_t begin;
  } cases[] = {
      {"_start: nop\nend: nop\n.data\n.balign 16\n.space 92\n.word 1\n.bss\n.space 16\n", 0x80},
      {"_start: nop\n.data\n.balign 16\n.word 1\n.bss\n.space 16\nend: .space 64\n", 0x30},
      {"_start: nop\nend: nop\n.data\n.balign 16\n.word 1\n_end: .space 60\n", 0x20},
  };
  for (const auto& c : cases) {
    std::ofstream(folder / "a.s") << c.source;
    const Program program = load_program(folder / "a.s");
    Core core(program.memory_base, program.memory_size);
    program.start(core);
    EXPECT_EQ(core.program_break(), kMemoryBase + c.begin) << c.source;
  }
}

TEST(Program, FurtherMemoryIsBounded) {
  const testing::TempFolder folder;
  Bytes file = small_elf();
  for (const size_t field : {84 + 8, 84 + 12}) put(file, field, 0x20000000, 4);
  put(file, 84 + 20, 0x40000000, 4);
  testing::write_bytes(folder / "huge.elf", file);
  LoadOptions options;
  options.base = kBase;
  const std::string message = error_of([&] { load_program(folder / "huge.elf", options); });
  EXPECT_NE(message.find("the segment from 0x20000000 to 0x60000000, 1073741824 bytes"), std::string::npos) << message;
  EXPECT_NE(message.find("use --mem 1048576K"), std::string::npos) << message;
  put(file, 84 + 20, uint32_t(kMemorySize), 4);
  testing::write_bytes(folder / "large.elf", file);
  EXPECT_EQ(load_program(folder / "large.elf", options).regions.size(), 1u);
}

TEST(Program, FilesAreRecognized) {
  const testing::TempFolder folder;
  std::ofstream(folder / "a.s") << "nop\n_start: ecall\n";
  EXPECT_EQ(load_program(folder / "a.s").image.entry, kMemoryBase + 4);
  testing::write_bytes(folder / "a.bin", {0x13, 0, 0, 0});
  EXPECT_EQ(load_program(folder / "a.bin").image.segments.at(0).address, kMemoryBase);
  testing::write_bytes(folder / "a.txt", {0x13, 0, 0, 0});
  EXPECT_NE(error_of([&] { load_program(folder / "a.txt"); }).find("neither an ELF file nor named"), std::string::npos);
  testing::write_bytes(folder / "empty.bin", {});
  EXPECT_NE(error_of([&] { load_program(folder / "empty.bin"); }).find("empty"), std::string::npos);
}

TEST(Program, SizesAndAddresses) {
  EXPECT_EQ(parse_size("512K"), 512u << 10);
  EXPECT_EQ(parse_size("2m"), 2u << 20);
  EXPECT_EQ(parse_size("0x100"), 256u);
  EXPECT_EQ(parse_address("0x80000000"), kMemoryBase);
  for (const char* bad : {"", "K", "12Q", "-1", "99999999999999999999", "0x"}) EXPECT_THROW(parse_size(bad), Error) << bad;
  for (const char* bad : {"", "0x100000000", "main", "-4"}) EXPECT_THROW(parse_address(bad), Error) << bad;
}

}  // namespace
}  // namespace bitloom::mpic
