// The exported C on emulated microcontrollers, and a sweep as an array of Slurm's.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>

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
