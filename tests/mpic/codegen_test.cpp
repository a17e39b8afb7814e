// Generated MPIC programs compute what the integer interpreter computes, at every layer.
#include "mpic/codegen.h"

#include <gtest/gtest.h>

#include "quant/integer/run.h"
#include "tests/support/export_cases.h"

namespace bitloom::mpic {
namespace {

using testing::ExportCase;

// Runs every sample, stopping behind each layer. "" or the first difference.
std::string difference(const ExportCase& test) {
  CodegenOptions options;
  options.memory = 4 << 20;
  options.stop_after_layers = true;
  const CompiledNetwork network = compile(test.graph, options);
  Core core(options.base, options.memory);
  const IntegerRunner runner(test.graph);
  const int64_t inputs = test.samples.size() / test.samples.shape()[0];
  for (int64_t n = 0; n < test.samples.shape()[0]; ++n) {
    const int16_t* sample = test.samples.data() + n * inputs;
    const std::vector<std::vector<int32_t>> expected = runner.run_layers(sample);
    network.image.load(core.memory());
    core.reset(network.image.entry);
    const std::vector<int32_t> codes(sample, sample + inputs);
    write_codes(core.memory(), network.layers[0].output, codes.data());
    for (size_t i = 0; i < network.layers.size(); ++i) {
      const RunResult result = core.run(100'000'000);
      const std::string where = str(test.name, ", sample ", n, ", layer ", network.layers[i].name);
      if (result.reason != StopReason::kBreakpoint)
        return str(where, ": ", to_string(result.reason), " ", result.fault.cause, " at ", result.fault.pc - options.base);
      core.set_pc(core.state().pc + 4);
      const std::vector<int32_t> codes_now = read_codes(core.memory(), network.layers[i].output);
      for (size_t k = 0; k < codes_now.size(); ++k)
        if (codes_now[k] != expected[i][k])
          return str(where, ": code ", k, " is ", codes_now[k], ", expected ", expected[i][k]);
    }
    const RunResult result = core.run(100);
    if (result.reason != StopReason::kExit || result.exit_code != 0) return str(test.name, ": did not exit");
  }
  return "";
}

TEST(Codegen, RandomGraphs) {
  for (const ExportCase& test : testing::random_graph_cases(60)) EXPECT_EQ(difference(test), "");
}
TEST(Codegen, AwkwardShapes) {
  for (const ExportCase& test : testing::awkward_cases()) EXPECT_EQ(difference(test), "");
}
TEST(Codegen, Models) {
  for (const ExportCase& test : testing::model_cases(3)) EXPECT_EQ(difference(test), "");
}

}  // namespace
}  // namespace bitloom::mpic
