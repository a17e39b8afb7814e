// mpic/runtime: programs of gcc with its start-up and its linker script, also as ld.lld links them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "core/io.h"
#include "mpic/sim/loader.h"
#include "tests/support/mpic.h"

namespace bitloom::mpic {
namespace {

struct Ran {
  std::string text;
  RunResult result;
};

Ran run(const std::string& elf, const std::vector<std::string>& arguments) {
  const Program program = load_program(elf);
  Core core(program.memory_base, program.memory_size);
  program.start(core, arguments);
  Ran ran;
  core.set_console([&](const char* more, size_t size) { ran.text.append(more, size); });
  ran.result = core.run(1'000'000);
  return ran;
}

class Runtime : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::system("command -v riscv64-unknown-elf-g++ >/dev/null") != 0)
      GTEST_SKIP() << "riscv64-unknown-elf-g++ is not installed";
  }
  // Compiles C++ source and the runtime to objects in the folder, and links all with that command.
  std::string link(const std::string& source, const std::string& linker) {
    std::ofstream(folder_ / "main.cpp") << source;
    const std::string runtime = std::filesystem::absolute(testing::source_path("mpic/runtime")).string(),
                      elf = folder_ / "main.elf";
    const std::string compile =
        "riscv64-unknown-elf-gcc -march=rv32imc -mabi=ilp32 -mno-relax -O1 -ffreestanding -I" + runtime + "/../.. -c ";
    const std::string commands = "cd " + folder_.path() + " && " + compile + runtime + "/*.S " + runtime + "/*.c && " +
                                 compile + "-fno-exceptions -fno-rtti -fno-threadsafe-statics main.cpp && " + linker + " -T " +
                                 runtime + "/link.ld *.o -o main.elf";
    return std::system(commands.c_str()) == 0 ? elf : "";
  }

  const testing::TempFolder folder_;
};

const char* const kEverything = R"(
#include "mpic/runtime/bitloom.h"
static void say(char c) { bitloom_putchar(c); }
extern "C" int atexit(void (*)(void));
struct Object { char c; explicit Object(char x) : c(x) { say(c); } ~Object() { say(char(c + 32)); } };
Object a('A');
__attribute__((init_priority(500))) Object b('B');
__attribute__((constructor(300))) void first() { say('1'); }
static void before() { say('0'); }
__attribute__((section(".preinit_array"), used)) static void (*const pointer)() = before;
__attribute__((destructor)) void last() { say('!'); }
Object& local() { static Object l('L'); return l; }
thread_local int set = 7, unset;
alignas(64) thread_local char text[5] = "abc";
alignas(128) thread_local int far_zero;
int zero;
alignas(32) int aligned_zero;
int main(int argc, char** argv) {
  local();
  atexit([] { say('x'); });
  if (set != 7 || unset != 0 || text[2] != 'c' || far_zero != 0 || zero != 0 || aligned_zero != 0) return 1;
  if (reinterpret_cast<uintptr_t>(text) % 64 != 0 || reinterpret_cast<uintptr_t>(&far_zero) % 128 != 0) return 2;
  set = 1, unset = 2, far_zero = 3, zero = 4, aligned_zero = 5;
  if (set + unset + far_zero + zero + aligned_zero != 15 || text[0] != 'a') return 3;
  for (int i = 0; i < argc; ++i) {
    say(' ');
    for (const char* p = argv[i]; *p != 0; ++p) say(*p);
  }
  if (argv != nullptr && argv[argc] != nullptr) return 4;
  say(' ');
  return 42;
}
)";

TEST_F(Runtime, ConstructorsThreadLocalsArgumentsAndDestructors) {
  for (const char* linker : {"riscv64-unknown-elf-ld -melf32lriscv", "ld.lld"}) {
    if (std::system(str("command -v ", std::string(linker).substr(0, std::string(linker).find(' ')), " >/dev/null").c_str()) !=
        0)
      continue;
    const std::string elf = link(kEverything, linker);
    ASSERT_NE(elf, "") << linker;
    const Ran ran = run(elf, {"prog", "one", "two words"});
    EXPECT_EQ(ran.text, "01BAL prog one two words xlab!") << linker;
    EXPECT_EQ(ran.result.reason, StopReason::kExit) << linker;
    EXPECT_EQ(ran.result.exit_code, 42) << linker;
    EXPECT_EQ(run(elf, {}).text, "01BAL xlab!") << linker;
  }
}

TEST_F(Runtime, RamMayBeElsewhereAndTooSmall) {
  const std::string elf = link("int main() { return 3; }",
                               "riscv64-unknown-elf-ld -melf32lriscv --defsym=RAM_BASE=0x10000000 --defsym=RAM_SIZE=0x8000");
  ASSERT_NE(elf, "");
  const Program program = load_program(elf);
  EXPECT_EQ(program.memory_base, 0x10000000u);
  EXPECT_EQ(program.image.find("__stack_top")->address, 0x10008000u);
  EXPECT_EQ(run(elf, {"prog"}).result.exit_code, 3);
  EXPECT_EQ(link("int main() { return 3; }", "riscv64-unknown-elf-ld -melf32lriscv --defsym=RAM_SIZE=0x2000 2>/dev/null"), "")
      << "no room for the stack";
}

}  // namespace
}  // namespace bitloom::mpic
