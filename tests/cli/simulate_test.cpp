// bitloom simulate: trained networks on the simulated core.
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/io.h"
#include "tests/support/program.h"

namespace bitloom::testing {
namespace {

nlohmann::json simulate(const std::string& arguments) {
  const Outcome outcome = run_program(".", "simulate --check --format json " + arguments);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return nlohmann::json::parse(outcome.out, nullptr, false);
}

TEST(Simulate, EveryCommittedNetworkOnRandomCodes) {
  for (const std::string run : {"w8a8", "channel-1", "w2a8", "layer-0.2", "channel-0.2"}) {
    if (std::getenv("BITLOOM_FAST") && run == "w2a8") break;
    const nlohmann::json result = simulate(str("--images 2 --model results/cifar10/", run));
    ASSERT_TRUE(result.is_object()) << run;
    EXPECT_EQ(result["mismatches"], 0) << run;
    EXPECT_GT(result["bytes_compared"], 200'000) << run;
    EXPECT_EQ(result["layers"].size(), 14u) << run;
  }
}

// The same codes from both cores; only sub-byte codes cost the one that unpacks them more.
TEST(Simulate, WithoutSubByteFormats) {
  for (const char* run : {"w8a8", "w2a8", "channel-1"}) {
    const std::string arguments = str("--images 1 --model results/cifar10/", run);
    const nlohmann::json mpic = simulate(arguments), plain = simulate(arguments + " --core xpulpv2");
    ASSERT_TRUE(mpic.is_object() && plain.is_object()) << run;
    EXPECT_EQ(mpic["core"], "mpic");
    EXPECT_EQ(plain["core"], "xpulpv2");
    EXPECT_EQ(plain["mismatches"], 0) << run;
    EXPECT_EQ(plain["bytes_compared"], mpic["bytes_compared"]) << run;
    const double gain = plain["cycles_per_image"].get<double>() / mpic["cycles_per_image"].get<double>();
    if (run == std::string("w8a8"))
      EXPECT_NEAR(gain, 1, 0.01);
    else
      EXPECT_GT(gain, 1.1) << run;
  }
  const Outcome unknown = run_program(".", "simulate --model results/cifar10/w8a8 --core ri5cy");
  EXPECT_NE(unknown.code, 0);
  EXPECT_NE(unknown.err.find("--core"), std::string::npos) << unknown.err;
}

TEST(Simulate, SearchedResnetOnRealImages) {
  const std::string data = data_path("cifar-10-batches-bin");
  if (!file_exists(data + "/test_batch.bin")) GTEST_SKIP() << "no CIFAR-10 in " << data;
  const bool fast = from_environment("BITLOOM_FAST", "") != "";
  const nlohmann::json result = simulate(str("--images ", fast ? 5 : 100, " --model results/cifar10/channel-1 --data ", data));
  ASSERT_TRUE(result.is_object());
  EXPECT_EQ(result["mismatches"], 0);
  EXPECT_EQ(result["images"], fast ? 5 : 100);
}

TEST(Simulate, SameOutputForAnyNumberOfThreads) {
  const int images = std::getenv("BITLOOM_FAST") ? 18 : 37;  // more than one group of lanes, the last one not full
  const std::string arguments = str("simulate --check --format json --images ", images, " --model results/cifar10/w2a8");
  const Outcome one = run_program(".", arguments, "OMP_NUM_THREADS=1"),
                three = run_program(".", arguments, "OMP_NUM_THREADS=3");
  EXPECT_EQ(one.code, 0) << one.err;
  EXPECT_EQ(one.out, three.out);
  EXPECT_NE(one.out.find(str("\"images\": ", images)), std::string::npos) << one.out;
}

TEST(Simulate, SmallMemoryIsOneLine) {
  const Outcome outcome = run_program(".", "simulate --model results/cifar10/w8a8 --mem 64K");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("give more with --mem"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace bitloom::testing
