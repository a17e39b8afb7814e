// Where the activations of an integer network live in one block of memory, shared by those that are never alive together.
#pragma once
#include <cstdint>
#include <vector>

#include "quant/integer/graph.h"

namespace bitloom {

// What a backend asks for a layer.
struct LayerMemory {
  int64_t output = 0;           // bytes of the layer's codes; 0: they live elsewhere
  int64_t scratch = 0;          // bytes used only while the layer runs
  std::vector<bool> overwrite;  // by input: the kernel may write its output from the first byte of that input on
  bool kept = false;            // the codes are still wanted behind the last layer
};

struct MemoryPlan {
  struct Place {
    int64_t output = 0, scratch = 0;  // offsets in bytes
    bool in_place = false;            // the output has taken over the memory of an input
    int64_t live = 0;                 // bytes in use while the layer runs
  };
  std::vector<Place> layers;
  int64_t size = 0;  // bytes of the block: never less than the largest `live`
};

// One LayerMemory per layer of a valid graph. A layer's output lives until the last layer that reads it has run, or to the end. Where a kernel
// may overwrite an input that nobody reads later and that is not smaller than the output, it does. Offsets are multiples of
// `alignment`.
MemoryPlan plan_memory(const IntegerGraph& graph, const std::vector<LayerMemory>& layers, int64_t alignment);

}  // namespace bitloom
