// Multipliers and shift of the score, and the score.
#include "quant/integer/anomaly_score.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace bitloom {

bool reconstructs(const IntegerGraph& graph) {
  const IntegerLayer &in = graph.layers.front(), &out = graph.layers.back();
  return graph.layers.size() > 1 && in.out.bits == 8 && out.out.bits == 8 && in.h * in.w * in.c == out.h * out.w * out.c;
}

AnomalyRule anomaly_rule(const IntegerGraph& graph) {
  BITLOOM_CHECK(reconstructs(graph), "anomaly score: network '", graph.model, "' does not give its input again");
  const IntegerLayer& layer = graph.layers.front();
  const QuantScheme &in = layer.out, &out = graph.layers.back().out;
  const int64_t n = layer.h * layer.w * layer.c;
  constexpr double kLargest = 32767;
  const double coarser = std::max(in.scale, out.scale);
  AnomalyRule rule;
  rule.in_multiplier = int32_t(std::lround(in.scale / coarser * kLargest));
  rule.out_multiplier = int32_t(std::lround(out.scale / coarser * kLargest));
  const int64_t least = int64_t(in.lo()) * rule.in_multiplier - int64_t(out.hi()) * rule.out_multiplier,
                most = int64_t(in.hi()) * rule.in_multiplier - int64_t(out.lo()) * rule.out_multiplier;
  const auto fits = [&] {
    const int64_t e = std::max(-((least + rule.offset) >> rule.shift), (most + rule.offset) >> rule.shift);
    return e * e <= int64_t(UINT32_MAX) / n;
  };
  while (!fits()) rule.offset = 1 << rule.shift++;
  const double step = std::ldexp(coarser / kLargest, rule.shift);
  rule.unit = step * step / double(n);
  return rule;
}

uint32_t anomaly_score(const AnomalyRule& rule, const int16_t* in, const int32_t* out, int64_t n) {
  uint32_t score = 0;
  for (int64_t i = 0; i < n; ++i) {
    const int32_t e = (in[i] * rule.in_multiplier - out[i] * rule.out_multiplier + rule.offset) >> rule.shift;
    score += uint32_t(e) * uint32_t(e);
  }
  return score;
}

}  // namespace bitloom
