// Compiled networks on the simulated core, beside the interpreter.
#pragma once
#include <string>
#include <vector>

#include "mpic/compile/simulation.h"
#include "quant/integer/anomaly_score.h"
#include "quant/integer/run.h"
#include "tests/support/exported_c.h"

namespace bitloom::testing {

// Runs every sample, comparing all codes behind each layer. "" or the first difference.
inline std::string difference_on_core(const ExportCase& test, mpic::CodegenOptions options) {
  options.stop_after_layers = true;
  const mpic::CompiledNetwork network = mpic::compile(test.graph, options);
  mpic::Simulation simulation(network);
  const IntegerRunner runner(test.graph);
  const int64_t inputs = test.samples.size() / test.samples.shape()[0];
  std::string found;
  for (int64_t n = 0; n < test.samples.shape()[0] && found.empty(); ++n) {
    const int16_t* sample = test.samples.data() + n * inputs;
    std::vector<std::vector<int32_t>> expected = runner.run_layers(sample);
    if (reconstructs(test.graph))
      expected.push_back({int32_t(anomaly_score(anomaly_rule(test.graph), sample, expected.back().data(), inputs))});
    simulation.run(std::vector<int32_t>(sample, sample + inputs).data(), [&](size_t layer) {
      const std::vector<int32_t> codes = simulation.codes(layer);
      for (size_t k = 0; k < codes.size() && found.empty(); ++k)
        if (codes[k] != expected[layer][k])
          found = str(test.name, ", sample ", n, ", layer ", network.layers[layer].name, ": code ", k, " is ", codes[k],
                      ", expected ", expected[layer][k]);
    });
  }
  return found;
}

}  // namespace bitloom::testing
