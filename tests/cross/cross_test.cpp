// The exported C on emulated microcontrollers, and a sweep as an array of Slurm's.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>

#include "core/io.h"
#include "quant/export_c/export_c.h"
#include "quant/export_c/layout.h"
#include "tests/support/export_cases.h"
#include "tests/support/files.h"

namespace bitloom {
namespace {

using testing::ExportCase;

// Every op, model and precision pair; a ResNet-8 as trained.
const std::vector<ExportCase>& cross_cases() {
  static const std::vector<ExportCase> cases = [] {
    std::vector<ExportCase> all = testing::model_cases(1);
    for (auto more : {testing::awkward_cases(), testing::random_graph_cases(20)})
      all.insert(all.end(), more.begin(), more.end());
    const IntegerGraph trained = load_graph("results/cifar10/channel-0.2/network.blig");
    all.push_back({"trained resnet8", trained, testing::random_input(trained, 1, Rng(1))});
    return all;
  }();
  return cases;
}

TEST(Cross, CortexM3) { BITLOOM_EXPECT_EXPORTED_EQUAL(cross_cases(), "cortex-m3"); }
TEST(Cross, CortexM4) { BITLOOM_EXPECT_EXPORTED_EQUAL(cross_cases(), "cortex-m4"); }
TEST(Cross, Rv32imc) { BITLOOM_EXPECT_EXPORTED_EQUAL(cross_cases(), "rv32imc"); }

// Two minutes, most of it training.
TEST(Cross, ANetworkFromPyTorchPredictsTheSameOnAMicrocontroller) {
  if (!std::getenv("BITLOOM_SLOW")) GTEST_SKIP() << "runs with BITLOOM_SLOW=1";
  const testing::TempFolder folder;
  const std::string command = str("BITLOOM='", BITLOOM_PROGRAM, "' '", testing::source_path("tests/cross/onnx.sh"), "' '",
                                  folder.path(), "' >/dev/null");
  const int status = std::system(command.c_str());
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "CIFAR-10, PyTorch or the emulator is not there";
  EXPECT_EQ(status, 0);
}

// Of 20 kB of weights, more than an ATmega1284P has memory, and of 2, 4 and 8 bits.
std::vector<TextFile> small_networks(CLayout layout) {
  const QuantScheme byte{8, false, 1}, code{8, true, 1};
  testing::RandomGraph dense(Rng(1), 1, 1, 640, code), image(Rng(2), 7, 5, 3, byte);
  const std::vector<int64_t> one = {1, 1}, none = {0, 0, 0, 0};
  dense.window(IntegerOp::kLinear, 0, 16, one, one, none, byte, {8});
  dense.window(IntegerOp::kLinear, 1, 640, one, one, none, code, {8});
  image.window(IntegerOp::kConv2d, 0, 6, {3, 3}, {1, 1}, {1, 1, 1, 1}, byte, {2, 4, 8});
  image.window(IntegerOp::kDepthwise, 1, 6, {3, 3}, {2, 1}, {0, 1, 1, 1}, byte, {4, 8});
  image.linear(2, 10, {32, true, 1});
  const auto of = [&](const IntegerGraph& graph, const char* name) {
    return laid_out(export_c(graph, testing::random_input(graph, 2, Rng(1)), {name, {}, nullptr}), layout, CNames(graph, name));
  };
  std::vector<TextFile> files = of(dense.graph, "dense");
  for (TextFile& file : of(image.graph, "image")) files.push_back(std::move(file));  // what is shared, twice, is the same
  return files;
}

// "" when tests/cross/firmware.sh builds both and prints `text`; "skip: REASON" without its tools.
std::string firmware_fault(const char* target, CLayout layout, const std::string& text) {
  const testing::TempFolder folder;
  for (const TextFile& file : small_networks(layout)) {
    const std::string path = folder / "networks/" + file.name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    testing::write_bytes(path, {file.text.begin(), file.text.end()});
  }
  const std::string command = str("tests/cross/firmware.sh ", target, " '", folder / "networks", "' dense image >'",
                                  folder / "out", "' 2>'", folder / "err", "'");
  const int status = std::system(command.c_str());
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  const std::string printed = read_text(folder / "out"), errors = read_text(folder / "err").substr(0, 2000);
  if (code == 77) return "skip: " + errors;
  if (code != 0) return str("exit code ", code, ": ", printed, errors);
  return printed.find(text) == std::string::npos ? "printed " + printed : "";
}

#define BITLOOM_EXPECT_FIRMWARE(target, layout, text)                   \
  do {                                                                  \
    const std::string fault = firmware_fault(target, layout, text);     \
    if (fault.rfind("skip: ", 0) == 0) GTEST_SKIP() << fault.substr(6); \
    EXPECT_EQ(fault, "");                                               \
  } while (false)

TEST(Cross, CMakeBuildsAFolderOfNetworksAndTestsThem) {
  BITLOOM_EXPECT_FIRMWARE("cmake", CLayout::kCMake, "100% tests passed, 0 tests failed out of 2");
}
TEST(Cross, AvrHasConstantsInFlash) { BITLOOM_EXPECT_FIRMWARE("avr", CLayout::kFlat, "0 samples differ\n0 samples differ\n"); }
TEST(Cross, ArduinoBuildsTheExampleOfTheLibrary) { BITLOOM_EXPECT_FIRMWARE("arduino", CLayout::kArduino, "bytes"); }
TEST(Cross, ZephyrBuildsTheModule) { BITLOOM_EXPECT_FIRMWARE("zephyr", CLayout::kCMake, "libbitloom_networks.a"); }

// A controller and a node of its own, half a minute.
TEST(Cross, ASlurmArrayGivesTheNetworksOfTheSweep) {
  if (!std::getenv("BITLOOM_SLOW")) GTEST_SKIP() << "runs with BITLOOM_SLOW=1";
  const testing::TempFolder folder;
  const std::string command = str("BITLOOM='", BITLOOM_PROGRAM, "' '", testing::source_path("tests/cross/slurm.sh"), "' '",
                                  folder.path(), "' >/dev/null");
  const int status = std::system(command.c_str());
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "Slurm or munge is not installed";
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace bitloom
