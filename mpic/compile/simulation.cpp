// A compiled network on a core.
#include "mpic/compile/simulation.h"

#include "core/cancel.h"
#include "core/error.h"
#include "mpic/isa/names.h"

namespace bitloom::mpic {

Simulation::Simulation(const CompiledNetwork& network)
    : network_(network), core_(network.options.base, network.options.memory), counters_(network.layers.size()) {
  BITLOOM_CHECK(network.options.stop_after_layers, "simulation: the network was compiled without stops behind its layers");
  network.image.load(core_.writable_memory());
}

void Simulation::run(const int32_t* input, const std::function<void(size_t layer)>& behind) {
  core_.reset(network_.image.entry);
  write_codes(core_.writable_memory(), network_.layers[0].output, input);
  Counters before;
  for (size_t i = 0; i < network_.layers.size(); ++i) {
    check_cancel();
    expect(StopReason::kBreakpoint, i);
    core_.set_pc(core_.state().pc + 4);
    counters_[i] = core_.counters();
    counters_[i].add(before, ~uint64_t(0));  // minus: they wrap
    before = core_.counters();
    if (behind) behind(i);
  }
  expect(StopReason::kExit, network_.layers.size() - 1);
}

void Simulation::expect(StopReason reason, size_t layer) {
  const RunResult result = core_.run();
  BITLOOM_CHECK(result.reason == reason && result.exit_code == 0, "simulation: layer ", network_.layers[layer].name, ": ",
                to_string(result.reason), " ", result.fault.cause, " at ", hex(core_.state().pc, 8));
}

std::vector<Counters> simulate_layers(const IntegerGraph& graph, const CodegenOptions& options) {
  CodegenOptions stopping = options;
  stopping.stop_after_layers = true;
  const CompiledNetwork network = compile(graph, stopping);
  Simulation simulation(network);
  const TensorPlace& in = network.layers[0].output;
  simulation.run(std::vector<int32_t>(size_t(in.pixels * in.channels), 0).data());
  return simulation.counters();
}

}  // namespace bitloom::mpic
