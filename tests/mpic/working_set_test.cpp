// Activations take little more memory than the tensors that must be there at once, in the core's programs and in the exported C.
#include <gtest/gtest.h>

#include <algorithm>

#include "mpic/compile/codegen.h"
#include "nn/models/models.h"
#include "quant/export_c/export_c.h"
#include "quant/integer/anomaly_score.h"
#include "quant/lowered_shape.h"
#include "tests/support/tiny_task.h"

namespace bitloom {
namespace {

int64_t tensor_bytes(const IntegerLayer& l) { return l.h * l.w * mpic::pixel_bytes(l.c, l.out.bits); }

// Bytes of the largest working set: of any layer, its inputs, its output and all that is still read behind it; those for which `counts` is false are not
// counted. Sums and depthwise convolutions of the same width take over an input that nobody reads any more.
template <class F>
int64_t largest_working_set(const IntegerGraph& graph, F counts) {
  const size_t n = graph.layers.size();
  std::vector<size_t> last(n);
  for (size_t i = 0; i < n; ++i) {
    last[i] = i;
    for (const int32_t in : graph.layers[i].inputs) last[size_t(in)] = i;
  }
  if (reconstructs(graph)) last[0] = n;  // for the score
  int64_t largest = 0;
  for (size_t i = 1; i < n; ++i) {
    const IntegerLayer& layer = graph.layers[i];
    const bool element_wise = layer.op == IntegerOp::kAdd || layer.op == IntegerOp::kDepthwise;
    int64_t sum = 0, taken_over = 0;
    for (size_t k = 0; k <= i; ++k)
      if (counts(k) && last[k] >= i) sum += tensor_bytes(graph.layers[k]);
    for (const int32_t in : layer.inputs) {
      const IntegerLayer& input = graph.layers[size_t(in)];
      if (element_wise && last[size_t(in)] == i && input.out.bits == layer.out.bits &&
          tensor_bytes(input) >= tensor_bytes(layer))
        taken_over = tensor_bytes(layer);
    }
    largest = std::max(largest, sum - taken_over);
  }
  return largest;
}

// Of the built-in models at their full size, with 8 bits everywhere and with activations of all widths.
template <class F>
void for_each_network(F check) {
  for (const ModelEntry& model : all_models())
    for (const int act_bits : {8, 4, 0}) {
      const ModelSpec spec = model.make(model.h, model.w, model.c, model.classes);
      Assignment a = Assignment::uniform(spec, 8, act_bits ? act_bits : 8);
      Rng rng(5);
      for (int& bits : a.act_bits)
        if (bits && act_bits == 0) bits = 2 << rng.below(3);
      check(str(model.name, ", activations of ", act_bits ? std::to_string(act_bits) : "mixed", " bits"),
            lowered_shape(spec, a, spec.kind == TaskKind::kReconstruction), act_bits);
    }
}

constexpr double kMore = 1.05;

TEST(WorkingSet, ProgramsTakeLittleMore) {
  for_each_network([](const std::string& name, const IntegerGraph& graph, int act_bits) {
    const MemoryPlan plan = mpic::plan_activations(graph);
    const int64_t bound = largest_working_set(graph, [](size_t) { return true; });
    int64_t live = 0;  // with the kernels' scratch memory
    for (const MemoryPlan::Place& place : plan.layers) live = std::max(live, place.live);
    EXPECT_GE(plan.size, bound) << name;
    EXPECT_LE(double(plan.size), kMore * double(live)) << name;
    // Depthwise layers whose output has other bits need both tensors and the planes; kernels whose weights are wider than activations, copies.
    if (act_bits == 8) {
      EXPECT_LE(double(plan.size), kMore * double(bound)) << name;
    }
  });
}

// The caller keeps input and output.
TEST(WorkingSet, ExportedCTakesLittleMore) {
  for_each_network([](const std::string& name, const IntegerGraph& graph, int act_bits) {
    const MemoryPlan plan = plan_c_export(graph);
    const int64_t own = int64_t(graph.layers.size()) - 1;
    int64_t bound = largest_working_set(graph, [&](size_t i) { return i > 0 && int64_t(i) < own; }), live = 0;
    for (const MemoryPlan::Place& place : plan.layers) live = std::max(live, place.live);
    EXPECT_LE(double(plan.size), kMore * double(live)) << name;
    const IntegerLayer& first = graph.layers[1];
    if (first.op == IntegerOp::kLinear)
      bound = 2 * codes_per_channel(graph, first) + tensor_bytes(first);  // its codes are unpacked, 16 bits each
    if (act_bits > 0) {
      EXPECT_LE(double(plan.size), kMore * double(bound)) << name;
    }
  });
}

}  // namespace
}  // namespace bitloom
