// A compiled network on simulated cores.
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
  const TensorPlace& place = network_.layers[0].output;
  const std::vector<uint8_t> bytes = pack_codes(place, input);
  core_.write(place.address, bytes.data(), bytes.size());  // decoded blocks stay
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

BatchSimulation::BatchSimulation(const CompiledNetwork& network)
    : network_(network), single_(network), lockstep_(network.image, network.options.base, network.options.memory) {}

void BatchSimulation::run(const std::vector<std::vector<int32_t>>& inputs,
                          const std::function<void(size_t layer, size_t index)>& behind) {
  BITLOOM_CHECK(!inputs.empty() && inputs.size() <= kMost, "simulation: ", inputs.size(), " inputs at once, of 1 to ", kMost);
  size_t reported = 0;  // layers
  together_ = false;
  if (inputs.size() > 1 && run_together(inputs, behind, &reported)) {
    std::vector<Counters>& counters = known_[lockstep_.path()];
    if (counters.empty()) {
      single_.run(inputs[0].data());
      counters = single_.counters();
    }
    uint64_t instructions = 0;
    for (const Counters& layer : counters) instructions += layer.instructions;
    BITLOOM_CHECK(instructions == lockstep_.instructions(), "simulation: ", lockstep_.instructions(),
                  " instructions in lockstep, ", instructions, " on a core");
    counters_.assign(inputs.size(), &counters);
    return;
  }
  own_.resize(inputs.size());
  counters_.clear();
  for (size_t i = 0; i < inputs.size(); ++i) {
    single_.run(inputs[i].data(), [&](size_t layer) {
      if (behind && layer >= reported) behind(layer, i);
    });
    own_[i] = single_.counters();
    counters_.push_back(&own_[i]);
  }
}

// False when they part; behind() was called for that many layers then.
bool BatchSimulation::run_together(const std::vector<std::vector<int32_t>>& inputs,
                                   const std::function<void(size_t layer, size_t index)>& behind, size_t* layers) {
  lockstep_.reset(network_.image.entry);
  const TensorPlace& place = network_.layers[0].output;
  for (size_t lane = 0; lane < kMost; ++lane) {  // spare lanes repeat the first input
    const std::vector<uint8_t> bytes = pack_codes(place, inputs[lane < inputs.size() ? lane : 0].data());
    lockstep_.write(int(lane), place.address, bytes.data(), bytes.size());
  }
  for (; *layers < network_.layers.size(); ++*layers) {
    check_cancel();
    together_ = lockstep_.run();
    if (!together_) return false;
    lockstep_.set_pc(lockstep_.pc() + 4);
    for (size_t i = 0; behind && i < inputs.size(); ++i) behind(*layers, i);
  }
  return true;
}

std::vector<int32_t> BatchSimulation::codes(size_t layer, size_t index) const {
  if (!together_) return single_.codes(layer);
  const TensorPlace& place = network_.layers[layer].output;
  std::vector<uint8_t> bytes(size_t(place.bytes()));
  lockstep_.read(int(index), place.address, bytes.data(), bytes.size());
  return unpack_codes(place, bytes);
}

std::vector<Counters> simulate_layers(const IntegerGraph& graph, const CodegenOptions& options) {
  CodegenOptions stopping = options;
  stopping.stop_after_layers = true, stopping.anomaly_score = false;
  const CompiledNetwork network = compile(graph, stopping);
  Simulation simulation(network);
  const TensorPlace& in = network.layers[0].output;
  simulation.run(std::vector<int32_t>(size_t(in.pixels * in.channels), 0).data());
  return simulation.counters();
}

}  // namespace bitloom::mpic
