// Memory planning: lifetimes, outputs that take over dead inputs, then the largest block first, each as low as it fits.
#include "quant/integer/memory_plan.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"

namespace bitloom {
namespace {

// Memory that holds something while layers first..last run.
struct Block {
  int64_t bytes;
  size_t first, last;
  int64_t offset = 0;
  bool meets(const Block& other) const { return first <= other.last && other.first <= last; }
};

void place(std::vector<Block>& blocks) {
  std::vector<size_t> order(blocks.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return blocks[a].bytes > blocks[b].bytes; });
  std::vector<const Block*> placed;  // by offset
  for (size_t i : order) {
    Block& block = blocks[i];
    for (const Block* other : placed) {
      if (!block.meets(*other)) continue;
      if (block.offset + block.bytes <= other->offset) break;
      block.offset = std::max(block.offset, other->offset + other->bytes);
    }
    const auto after = [](const Block* a, const Block* b) { return a->offset < b->offset; };
    placed.insert(std::upper_bound(placed.begin(), placed.end(), &block, after), &block);
  }
}

}  // namespace

MemoryPlan plan_memory(const IntegerGraph& graph, const std::vector<LayerMemory>& layers, int64_t alignment) {
  const size_t count = graph.layers.size();
  BITLOOM_CHECK(layers.size() == count, "memory plan: expected the demands of ", count, " layers, got ", layers.size());
  std::vector<size_t> last_use(count);
  for (size_t i = 0; i < count; ++i) {
    last_use[i] = layers[i].kept ? count : i;
    for (int32_t input : graph.layers[i].inputs) last_use[size_t(input)] = std::max(last_use[size_t(input)], i);
  }
  const auto aligned = [&](int64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; };
  MemoryPlan plan;
  plan.layers.resize(count);
  std::vector<Block> blocks;
  std::vector<size_t> output_block(count), scratch_block(count);
  const auto add = [&](int64_t bytes, size_t first, size_t last) {
    blocks.push_back({aligned(bytes), first, last});
    return blocks.size() - 1;
  };
  for (size_t i = 0; i < count; ++i) {
    const LayerMemory& demand = layers[i];
    scratch_block[i] = add(demand.scratch, i, i);
    for (size_t k = 0; k < demand.overwrite.size() && demand.output > 0 && !plan.layers[i].in_place; ++k) {
      const size_t input = size_t(graph.layers[i].inputs[k]);
      if (!demand.overwrite[k] || last_use[input] != i || layers[input].output < demand.output) continue;
      output_block[i] = output_block[input];
      blocks[output_block[i]].last = last_use[i];
      plan.layers[i].in_place = true;
    }
    if (!plan.layers[i].in_place) output_block[i] = add(demand.output, i, last_use[i]);
  }
  place(blocks);
  for (size_t i = 0; i < count; ++i) {
    plan.layers[i].output = blocks[output_block[i]].offset;
    plan.layers[i].scratch = blocks[scratch_block[i]].offset;
    for (const Block& block : blocks) plan.layers[i].live += block.first <= i && i <= block.last ? block.bytes : 0;
  }
  for (const Block& block : blocks) plan.size = std::max(plan.size, block.offset + block.bytes);
  return plan;
}

}  // namespace bitloom
