// Finished runs that were never run, to compare.
#pragma once
#include <string>

#include "nas/run/front.h"

namespace bitloom::testing {

// A finished search: what matters of it here.
inline FinishedRun finished_run(Granularity granularity, const std::string& budget, uint64_t seed, double score,
                                int64_t weight_bytes) {
  FinishedRun run;
  RunConfig& c = run.config;
  c.quantize = true;
  c.granularity = granularity;
  c.budget = budget;
  c.seed = seed;
  c.command = str("bitloom search --seed ", seed);
  c.warmup_file = str("float-", seed, ".npz");
  RunResult& r = run.result;
  r.task = r.data = "synthetic";
  r.model = "resnet8";
  r.metric = "accuracy";
  r.seed = seed;
  r.precisions.emplace();
  r.precisions->granularity = granularity;
  r.precisions->weight_bits = c.weight_bits;
  r.precisions->act_bits = c.act_bits;
  if (!budget.empty()) r.precisions->budget = budget;
  r.test_score_integer = score;
  r.network.emplace();
  r.network->weight_bytes = weight_bytes;
  return run;
}

}  // namespace bitloom::testing
