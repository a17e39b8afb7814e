// Line tables as gcc writes them, in every version of DWARF that it does, and damaged.
#include "mpic/program/line_table.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "core/io.h"
#include "mpic/isa/isa.h"
#include "mpic/program/elf.h"
#include "tests/support/files.h"
#include "tests/support/small_elf.h"

namespace bitloom::mpic {
namespace {

class LineTables : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::system("command -v riscv64-unknown-elf-gcc >/dev/null") != 0)
      GTEST_SKIP() << "riscv64-unknown-elf-gcc is not installed";
  }
  std::vector<uint8_t> compile(const std::string& options) {
    std::ofstream(folder_ / "part.h") << "static inline int twice(int x) {\n  return\n    x * 2;\n}\n";
    std::ofstream(folder_ / "main.c") << "#include \"part.h\"\nint value = 5;\n\nint main(void) {\n  int sum = twice(value);\n "
                                         " sum += value / 3;\n  return sum;\n}\n";
    const std::string runtime = testing::source_path("mpic/runtime");
    const std::string command = "riscv64-unknown-elf-gcc -march=rv32imc -mabi=ilp32 -O0 -ffreestanding -nostdlib -T" + runtime +
                                "/link.ld " + options + " " + runtime + "/crt0.S " + runtime + "/services.S " +
                                (folder_ / "main.c") + " -o " + (folder_ / "main.elf");
    return std::system(command.c_str()) == 0 ? read_file(folder_ / "main.elf") : std::vector<uint8_t>();
  }

  const testing::TempFolder folder_;
};

TEST_F(LineTables, EveryVersionSaysTheSame) {
  for (const char* version : {"-gdwarf-2", "-gdwarf-3", "-gdwarf-4", "-gdwarf-5"}) {
    const std::vector<uint8_t> file = compile(version);
    ASSERT_FALSE(file.empty());
    const Image image = parse_elf(file, "main.elf");
    const LineTable table(file);
    const Symbol *main = image.find("main"), *twice = image.find("twice");
    ASSERT_TRUE(main != nullptr && twice != nullptr);
    EXPECT_EQ(table.place(main->address), "main.c:4") << version;
    EXPECT_EQ(table.place(twice->address), "part.h:1") << version;
    EXPECT_EQ(table.place(main->address + main->size - 2), "main.c:8") << version;
    bool divides = false;
    for (uint32_t at = main->address; at < main->address + main->size;) {
      uint32_t word = 0;
      image.fetch(at, &word);
      const Insn insn = decode(word);
      if (insn.op == Op::div_) divides = table.place(at) == "main.c:6";
      at += insn.length;
    }
    EXPECT_TRUE(divides) << version;
    EXPECT_EQ(table.place(image.entry - 4), "") << version;
    EXPECT_EQ(table.place(0xfffffff0), "") << version;
  }
  EXPECT_TRUE(LineTable(compile("")).empty());
}

TEST_F(LineTables, DamagedOnesNeverDoMoreThanSayNothing) {
  const std::vector<uint8_t> file = compile("-gdwarf-5");
  ASSERT_FALSE(file.empty());
  std::mt19937 random(1);
  int changed = 0;
  const std::string intact = LineTable(file).place(parse_elf(file, "x").find("main")->address);
  const uint32_t address = parse_elf(file, "x").find("main")->address;
  for (int i = 0; i < 3000; ++i) {
    std::vector<uint8_t> damaged = file;
    for (uint32_t k = 0; k <= random() % 20; ++k)
      damaged[damaged.size() / 3 + random() % (damaged.size() * 2 / 3)] = uint8_t(random());
    if (i % 10 == 0) damaged.resize(random() % damaged.size());
    const LineTable table(damaged);
    changed += table.place(address) != intact ? 1 : 0;
  }
  EXPECT_GT(changed, 0);
  EXPECT_TRUE(LineTable(std::vector<uint8_t>()).empty());
}

// An ELF file with nothing but these two sections.
std::vector<uint8_t> with_lines(const std::vector<uint8_t>& program, const std::string& strings) {
  using testing::put;
  const std::string names = std::string(1, 0) + ".debug_line" + std::string(1, 0) + ".debug_line_str" + std::string(1, 0);
  const std::vector<uint8_t> contents[] = {{names.begin(), names.end()}, program, {strings.begin(), strings.end()}};
  std::vector<uint8_t> file(52 + 4 * 40);
  put(file, 32, 52, 4);
  put(file, 48, 4, 2);
  put(file, 50, 1, 2);  // the names are the first section behind the empty one
  constexpr uint32_t kName[] = {0, 1, 13};
  for (size_t i = 0; i < 3; ++i) {
    const size_t header = 52 + (i + 1) * 40;
    put(file, header, kName[i], 4);
    put(file, header + 4, 1, 4);
    put(file, header + 16, uint32_t(file.size()), 4);
    put(file, header + 20, uint32_t(contents[i].size()), 4);
    file.insert(file.end(), contents[i].begin(), contents[i].end());
  }
  return file;
}

// A unit of version 5 with files named by offsets into .debug_line_str, and a line number program.
std::vector<uint8_t> unit(const std::vector<uint32_t>& names, const std::vector<uint8_t>& program) {
  using testing::put;
  std::vector<uint8_t> header = {1, 1, 1, 0, 1, 10, 0, 1, 1, 1, 1, 0, 0, 0, 1};  // opcode_base 10 and its operands
  header.insert(header.end(), {0, 0, 1, 1, 0x1f});                               // no directories; DW_LNCT_path, line_strp
  for (uint32_t left = uint32_t(names.size());; left >>= 7) {
    header.push_back(uint8_t(left >= 128 ? (left & 127) | 128 : left));
    if (left < 128) break;
  }
  for (const uint32_t name : names) put(header, header.size(), name, 4);
  std::vector<uint8_t> all;
  put(all, 0, uint32_t(8 + header.size() + program.size()), 4);
  put(all, 4, 5, 2);
  put(all, 6, 4, 2);
  put(all, 8, uint32_t(header.size()), 4);
  all.insert(all.end(), header.begin(), header.end());
  all.insert(all.end(), program.begin(), program.end());
  return all;
}

// A linker may put the second sequence in front of the first, and one may be empty.
TEST(LineTable, SequencesMayBeInAnyOrder) {
  std::vector<uint8_t> program;
  const auto sequence = [&](uint8_t address, uint8_t line, uint8_t length) {
    program.insert(program.end(), {0, 5, 2, address, 0, 0, 0, 3, line, 1, 2, length, 0, 1, 1});
  };
  sequence(0x40, 10, 0x10);
  sequence(0x20, 20, 0x20);
  sequence(0x60, 30, 0);
  sequence(0x70, 40, 0x10);
  sequence(0x80, 50, 0x10);
  const LineTable table(with_lines(unit({0, 0}, program), std::string("a.c", 4)));
  EXPECT_EQ(table.place(0x1f), "");
  EXPECT_EQ(table.place(0x20), "a.c:21");
  EXPECT_EQ(table.place(0x3f), "a.c:21");
  EXPECT_EQ(table.place(0x40), "a.c:11");
  EXPECT_EQ(table.place(0x50), "");
  EXPECT_EQ(table.place(0x60), "") << "empty";
  EXPECT_EQ(table.place(0x7f), "a.c:41");
  EXPECT_EQ(table.place(0x80), "a.c:51");
  EXPECT_EQ(table.place(0x90), "");
}

// All are ends of one long text.
TEST(LineTable, NamesAreNoLongerThanTheFile) {
  constexpr uint32_t kCount = 2000;
  std::vector<uint32_t> names;
  std::vector<uint8_t> program = {0, 5, 2, 0, 0, 0, 0};
  for (uint32_t i = 0; i < kCount; ++i) {
    names.push_back(i);
    program.insert(program.end(), {4, uint8_t(i % 128 | 128), uint8_t(i / 128), 1, 2, 4});
  }
  program.insert(program.end(), {0, 1, 1});
  const std::vector<uint8_t> file = with_lines(unit(names, program), std::string(kCount, 'x') + std::string(1, 0));
  const LineTable table(file);
  EXPECT_EQ(table.place(0), std::string(kCount, 'x') + ":1");
  size_t bytes = 0;
  for (uint32_t i = 0; i < kCount; ++i) bytes += std::max<size_t>(table.place(4 * i).size(), 2) - 2;
  EXPECT_GT(bytes, kCount);
  EXPECT_LE(bytes, file.size());
}

}  // namespace
}  // namespace bitloom::mpic
