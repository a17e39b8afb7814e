// Line tables as gcc writes them, in every version of DWARF that it does, and damaged.
#include "mpic/program/line_table.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "core/io.h"
#include "mpic/isa/isa.h"
#include "mpic/program/elf.h"
#include "tests/support/files.h"

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

}  // namespace
}  // namespace bitloom::mpic
