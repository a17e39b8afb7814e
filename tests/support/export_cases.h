// Networks that a backend must run as the interpreter does: random graphs, awkward shapes, the models with random precisions.
#pragma once
#include <vector>

#include "quant/lower.h"
#include "tests/support/exported_c.h"
#include "tests/support/integer_graph.h"
#include "tests/support/random_qat.h"
#include "tests/support/tiny_task.h"

namespace bitloom::testing {

inline std::vector<ExportCase> random_graph_cases(uint64_t count) {
  std::vector<ExportCase> cases;
  for (uint64_t seed = 0; seed < count; ++seed) {
    const IntegerGraph graph = random_integer_graph(Rng(seed));
    cases.push_back({str("random graph ", seed), graph, random_input(graph, 3, Rng(seed).split("input"))});
  }
  return cases;
}

// Channel counts around the words and bytes of every width, windows larger than the image, strides beyond the window, one
// pixel, rows of every length modulo the lanes, the largest sums, several readers of one tensor.
inline std::vector<ExportCase> awkward_cases() {
  std::vector<ExportCase> cases;
  const auto add = [&](const std::string& name, const IntegerGraph& graph) {
    cases.push_back({name, graph, random_input(graph, 2, Rng(cases.size()))});
  };
  for (int64_t c = 1; c <= 18; ++c) {
    const QuantScheme in{int(2 << c % 3), c % 2 == 0, 1}, mid{int(2 << (c + 1) % 3), c % 4 == 0, 1};
    RandomGraph g(Rng(uint64_t(c)), 5, 1 + c % 7, c, in);
    const int32_t conv = g.window(IntegerOp::kConv2d, 0, 19 - c, {3, 2}, {1, 1}, {2, 1, 1, 1}, mid);
    const int32_t depthwise = g.window(IntegerOp::kDepthwise, conv, 19 - c, {3, 3}, {2, 1}, {0, 1, 1, 2}, mid);
    const int32_t point = g.window(IntegerOp::kConv2d, depthwise, 19 - c, {1, 1}, {1, 1}, {0, 0, 0, 0}, in);
    g.add(g.add(point, depthwise, {2, true, 1}), depthwise, {4, false, 1});
    g.linear(int32_t(g.graph.layers.size()) - 1, c, {c % 2 ? 32 : 4, true, 1});
    add(str(c, " channels"), g.graph);
  }
  {
    RandomGraph g(Rng(1), 2, 2, 3, {8, true, 1});
    g.window(IntegerOp::kConv2d, 0, 5, {5, 4}, {3, 7}, {4, 3, 3, 3}, {4, true, 1});
    g.window(IntegerOp::kDepthwise, 1, 5, {3, 1}, {5, 3}, {2, 2, 0, 0}, {4, true, 1});
    g.add(2, 2, {8, true, 1});
    add("windows larger than the image", g.graph);
  }
  {
    RandomGraph g(Rng(2), 3, 3, 64, {8, false, 1});
    g.window(IntegerOp::kConv2d, 0, 16, {3, 3}, {1, 1}, {0, 0, 0, 0}, {32, true, 1}, {8});
    IntegerLayer& layer = g.graph.layers[1];
    std::fill(layer.weights.begin(), layer.weights.end(), 0x80808080u);
    std::fill(layer.multiplier.begin(), layer.multiplier.end(), 1);
    std::fill(layer.offset.begin(), layer.offset.end(), 0);
    std::fill(layer.shift.begin(), layer.shift.end(), uint8_t(0));
    add("the largest sums", g.graph);
    cases.back().samples.fill(255);
  }
  for (const int bits : {2, 4, 8}) {
    const QuantScheme scheme{bits, bits == 4, 1};
    RandomGraph g(Rng(4), 7, 6, 9, scheme);
    g.window(IntegerOp::kMaxPool, 0, 9, {3, 3}, {2, 2}, {1, 1, 1, 1}, {});
    g.window(IntegerOp::kMaxPool, 1, 9, {2, 1}, {2, 1}, {0, 0, 0, 0}, {});
    g.window(IntegerOp::kConv2d, 2, 5, {1, 1}, {1, 1}, {0, 0, 0, 0}, scheme);
    g.window(IntegerOp::kMaxPool, 3, 5, {2, 3}, {1, 1}, {1, 0, 2, 2}, {});
    add(str("max pools of ", bits, " bits, the last one as output"), g.graph);
  }
  {
    RandomGraph g(Rng(3), 4, 4, 6, {4, false, 1});
    g.window(IntegerOp::kConv2d, 0, 7, {3, 3}, {1, 1}, {1, 1, 1, 1}, {2, false, 1}, {0});
    g.window(IntegerOp::kDepthwise, 1, 7, {2, 2}, {2, 2}, {0, 0, 0, 0}, {2, false, 1}, {0});
    g.window(IntegerOp::kAvgPool, 2, 7, {2, 2}, {2, 2}, {0, 0, 0, 0}, {8, true, 1});
    add("no weights, and a pool as output", g.graph);
  }
  return cases;
}

// The four models, and two of one's own, at small sizes with all options, `count` assignments each.
inline std::vector<ExportCase> model_cases(uint64_t count) {
  std::vector<ExportCase> cases;
  std::vector<std::string> models = {"pooled", "windowed"};
  for (const ModelEntry& model : all_models()) models.push_back(model.name);
  for (const std::string& model : models) {
    for (uint64_t seed = 0; seed < count; ++seed) {
      RandomQat random(model, quant_options({0, 2, 4, 8}, {2, 4, 8}), Rng(seed));
      random.qat.assign(random_assignment(random.qat, Rng(seed).split("assignment")));
      const IntegerGraph graph = lower(random.qat, "test");
      cases.push_back({str(model, " ", seed), graph, random_input(graph, 2, Rng(seed).split("input"))});
    }
  }
  return cases;
}

}  // namespace bitloom::testing
