// A compiled network on simulated cores: inputs in, layer by layer, codes and counters out.
#pragma once
#include <functional>
#include <map>
#include <vector>

#include "mpic/compile/codegen.h"
#include "mpic/sim/lockstep.h"

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

// The same for several inputs at once. They run in lockstep, and a Simulation runs one of them for each way through the program that it did not
// see before, for its counters; inputs that part are simulated one by one.
class BatchSimulation {
 public:
  static constexpr size_t kMost = Lockstep::kLanes;
  explicit BatchSimulation(const CompiledNetwork& network);

  // Up to kMost inputs; `behind` is called when one of them has run through a layer, with the indices of both.
  void run(const std::vector<std::vector<int32_t>>& inputs, const std::function<void(size_t layer, size_t index)>& behind = {});
  // Of the input that `behind` is called for.
  std::vector<int32_t> codes(size_t layer, size_t index) const;
  // What each layer took for each input in the last run.
  const std::vector<Counters>& counters(size_t index) const { return *counters_[index]; }

 private:
  bool run_together(const std::vector<std::vector<int32_t>>& inputs, const std::function<void(size_t, size_t)>& behind,
                    size_t* layers);

  const CompiledNetwork& network_;
  Simulation single_;
  Lockstep lockstep_;
  bool together_ = false;
  std::map<uint64_t, std::vector<Counters>> known_;  // by path
  std::vector<std::vector<Counters>> own_;           // of inputs that part
  std::vector<const std::vector<Counters>*> counters_;
};

// What every layer of the graph takes; [0], the input, takes nothing.
std::vector<Counters> simulate_layers(const IntegerGraph& graph, const CodegenOptions& options = {});

}  // namespace bitloom::mpic
