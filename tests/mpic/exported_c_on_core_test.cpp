// The exported C, compiled for RV32IMC, on the simulated core: the bytes of the interpreter at every layer.
#include <gtest/gtest.h>

#include "tests/support/export_cases.h"

namespace bitloom {
namespace {

using testing::ExportCase;

TEST(ExportedCOnCore, EveryLayerIsTheInterpreters) {
  std::vector<ExportCase> cases = testing::model_cases(1);
  for (auto more : {testing::awkward_cases(), testing::random_graph_cases(20)})
    cases.insert(cases.end(), more.begin(), more.end());
  for (const char* run : {"w8a8", "channel-1"}) {
    const IntegerGraph trained = load_graph(str("results/cifar10/", run, "/network.blig"));
    cases.push_back({run, trained, testing::random_input(trained, 1, Rng(1))});
  }
  BITLOOM_EXPECT_EXPORTED_EQUAL(cases, "core");
}

}  // namespace
}  // namespace bitloom
