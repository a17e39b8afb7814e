// The committed campaign: every deployed network gives the figure that its result.json states. Where its predictions are committed too, those have the
// figure, and the network gives every tenth of them; BITLOOM_SLOW=1 takes all.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "core/io.h"
#include "datasets/sources.h"
#include "nas/run/deployed.h"
#include "nas/run/predictions.h"
#include "nas/run/result.h"
#include "tests/support/files.h"

namespace bitloom {
namespace {

TEST(Results, DeployedNetworksReproduceTheirFigures) {
  const std::string folder = testing::data_path("cifar-10-batches-bin");
  if (!file_exists(folder + "/test_batch.bin")) GTEST_SKIP() << "no CIFAR-10 in " << folder;
  if (std::getenv("BITLOOM_FAST")) GTEST_SKIP() << "BITLOOM_FAST is set";
  const TaskData data = load_cifar10(folder);
  const int64_t step = std::getenv("BITLOOM_SLOW") ? 1 : 10;
  const SpreadOver some(*data.test, data.test->size() / step);
  int networks = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("results")) {
    const std::string run = entry.path().string();
    if (run.rfind("results/cifar10", 0) != 0 || !file_exists(run + "/network.blig")) continue;
    const RunResult result = result_from_json(read_text(run + "/result.json"), run);
    const IntegerGraph graph = load_graph(run + "/network.blig");
    if (file_exists(run + "/predictions.npz")) {
      const Predictions all = read_predictions(run + "/predictions.npz");
      ASSERT_EQ(all.test, digest(*data.test)) << run;
      EXPECT_EQ(accuracy().score({all.found.begin(), all.found.end()}, *data.test), result.test_accuracy_integer) << run;
      const std::vector<double> found = found_by_integers(graph, data.task.kind, some);
      for (size_t i = 0; i < found.size(); ++i)
        ASSERT_EQ(found[i], double(all.found[i * size_t(step)])) << run << ": image " << i * size_t(step);
    } else {
      const std::vector<double> found = found_by_integers(graph, data.task.kind, *data.test);
      EXPECT_EQ(accuracy().score(found, *data.test), result.test_accuracy_integer) << run;
    }
    EXPECT_EQ(weight_bytes(graph), result.network->weight_bytes) << run;
    ++networks;
  }
  EXPECT_GE(networks, 7);
}

}  // namespace
}  // namespace bitloom
