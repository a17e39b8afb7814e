// A compiled network on a core: input in, layer by layer, codes and counters out.
#pragma once
#include <functional>
#include <vector>

#include "mpic/compile/codegen.h"

namespace bitloom::mpic {

class Simulation {
 public:
  // `network` was compiled with stop_after_layers; it must outlive the simulation.
  explicit Simulation(const CompiledNetwork& network);

  // From the codes of the input (h*w*c) to the end; `behind` is called when a layer has run, with its index. Error when the program
  // goes wrong, naming the layer.
  void run(const int32_t* input, const std::function<void(size_t layer)>& behind = {});
  // Codes of a layer (h*w*c), as long as no later layer has taken over their memory.
  std::vector<int32_t> codes(size_t layer) const { return read_codes(core_.memory(), network_.layers[layer].output); }
  // What each layer took in the last run.
  const std::vector<Counters>& counters() const { return counters_; }

 private:
  void expect(StopReason reason, size_t layer);

  const CompiledNetwork& network_;
  Core core_;
  std::vector<Counters> counters_;
};

// What every layer of the graph takes; [0], the input, takes nothing.
std::vector<Counters> simulate_layers(const IntegerGraph& graph, const CodegenOptions& options = {});

}  // namespace bitloom::mpic
