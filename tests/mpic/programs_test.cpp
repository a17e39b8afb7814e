// The C programs of tests/programs, compiled here, print on the core what they print under qemu. BITLOOM_FULL=1 takes every optimization
// level, with and without compressed instructions.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "core/io.h"
#include "mpic/sim/loader.h"
#include "tests/support/mpic.h"

namespace bitloom::mpic {
namespace {

namespace fs = std::filesystem;

// What it prints, and its exit code as a last line.
std::string transcript(const std::string& elf) {
  const Program program = load_program(elf);
  TestCore core(program.memory_base, program.memory_size);
  program.start(core);
  std::string text;
  core.set_console([&](const char* bytes, size_t size) { text.append(bytes, size); });
  const RunResult result = core.run(2'000'000'000);
  if (result.reason == StopReason::kFault) return text + result.fault.cause + " at " + hex(result.fault.pc);
  return text + (result.reason == StopReason::kExit ? str("exit ", result.exit_code & 255, "\n") : to_string(result.reason));
}

TEST(Programs, PrintWhatTheyPrintUnderQemu) {
  if (std::system("command -v ${RISCV_CC:-riscv64-unknown-elf-gcc} >/dev/null") != 0)
    GTEST_SKIP() << "riscv64-unknown-elf-gcc is not installed";
  const std::string folder = testing::source_path("tests/programs");
  const testing::TempFolder elves;
  const char* const variants = std::getenv("BITLOOM_FULL")   ? ""
                               : std::getenv("BITLOOM_FAST") ? "LEVELS=O2 ARCHS=rv32imc "
                                                             : "LEVELS='O0 O2' ARCHS=rv32imc ";
  ASSERT_EQ(std::system((variants + folder + "/build.sh " + elves.path()).c_str()), 0);
  int ran = 0;
  for (const fs::directory_entry& elf : fs::directory_iterator(elves.path())) {
    const std::string file = elf.path().filename().string(), name = file.substr(0, file.find('-'));
    EXPECT_EQ(transcript(elf.path().string()), read_text(folder + "/" + name + ".expected")) << file;
    ++ran;
  }
  std::printf("%d executables\n", ran);
  EXPECT_GE(ran, 20);
}

}  // namespace
}  // namespace bitloom::mpic
