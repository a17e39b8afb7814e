// The exported C, compiled for RV32IMC, on the simulated core: the bytes of the interpreter at every layer.
#include <gtest/gtest.h>

#include <cstdlib>

#include "datasets/sources.h"
#include "tests/support/export_cases.h"
#include "tests/support/files.h"
#include "tests/support/tiny_task.h"

namespace bitloom {
namespace {

using testing::ExportCase;

TEST(ExportedCOnCore, EveryLayerIsTheInterpreters) {
  std::vector<ExportCase> cases = testing::model_cases(1);
  const bool fast = std::getenv("BITLOOM_FAST") != nullptr;
  for (auto more : {testing::awkward_cases(), testing::random_graph_cases(fast ? 5 : 20)})
    cases.insert(cases.end(), more.begin(), more.end());
  for (const char* run : {"w8a8", "channel-1"}) {
    if (fast) break;
    const IntegerGraph trained = load_graph(str("results/cifar10/", run, "/network.blig"));
    cases.push_back({run, trained, testing::random_input(trained, 1, Rng(1))});
  }
  BITLOOM_EXPECT_EXPORTED_EQUAL(cases, "core");
}

// BITLOOM_SLOW=1 takes 100 images, and half a minute.
TEST(ExportedCOnCore, TrainedNetworksOnRealImages) {
  BITLOOM_NEEDS(testing::data_path("cifar-10-batches-bin/test_batch.bin"));
  if (std::getenv("BITLOOM_FAST")) GTEST_SKIP() << "BITLOOM_FAST is set";
  const std::shared_ptr<Dataset> data = load_cifar10(testing::data_path("")).test;
  const Samples& test = testing::samples_of(data);
  TensorT<int16_t> images(Shape{std::getenv("BITLOOM_SLOW") ? 100 : 2, test.h, test.w, test.c});
  for (int64_t i = 0; i < images.size(); ++i) images[i] = test.codes[size_t(i)];
  std::vector<ExportCase> cases;
  for (const char* run : {"w8a8", "channel-1", "energy-0.5"})
    cases.push_back({run, load_graph(str("results/cifar10/", run, "/network.blig")), images});
  BITLOOM_EXPECT_EXPORTED_EQUAL(cases, "core");
}

}  // namespace
}  // namespace bitloom
