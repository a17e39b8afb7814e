// Flash that a network takes as a program, counted from its shape: before there are weights, and thousands of times a second.
#pragma once
#include <cstdint>
#include <map>
#include <vector>

#include "quant/integer/graph.h"

namespace bitloom::mpic {

// In bytes: code, weights and tables, which is all but activations.
struct FlashBytes {
  std::vector<int64_t> layers;  // as in the graph, with the routines that no layer before uses
  int64_t other = 0;            // beginning and end of the program, the anomaly score
  int64_t total() const;
};

// Counts what compile() would write of graphs of given shapes, as lowered_shape() gives them: weights, multipliers, offsets, shifts and scales are not
// looked at. compile() writes no more than that; where channels happen to share a shift, or a constant of a pool or of the score is short, a little less.
// Layers are emitted once for all that have the same code, and remembered.
class FlashCounter {
 public:
  // Error, naming the layer, when a shape is beyond the kernels.
  FlashBytes count(const IntegerGraph& shape);

 private:
  struct Part {
    int64_t bytes = 0;             // that no other layer shares
    std::vector<size_t> routines;  // indices in routine_bytes_
  };
  const Part& part_of(const IntegerGraph& layer);
  const Part& score_of(const IntegerGraph& shape);
  template <class F>
  const Part& remember(std::vector<int64_t> key, const IntegerGraph& graph, F emit);

  std::map<std::vector<int64_t>, Part> parts_;
  std::map<std::vector<uint8_t>, size_t> routines_;  // by their code
  std::vector<int64_t> routine_bytes_;
};

// The same of a valid graph with its weights, exactly: compiled for the purpose, for a core of any memory.
int64_t flash_bytes(const IntegerGraph& graph);

}  // namespace bitloom::mpic
