// Many searches from one start: every combination of budgets, granularities, precisions and seeds.
#pragma once
#include <string>
#include <vector>

#include "nas/run/ablation.h"
#include "nas/run/config.h"

namespace bitloom {

struct SweepConfig {
  RunConfig common;  // its out is the folder of the sweep
  std::vector<std::string> budgets;
  std::vector<Granularity> granularities;
  std::vector<std::vector<int>> weight_bits;
  std::vector<uint64_t> seeds;
  std::vector<const RecipePart*> ablated;  // each search again without one of these
};

// "channel-w248-24kB-s1", without a part "channel-w248-24kB-s1-no-shrinking": a folder of the sweep, and its run.
struct SweepPoint {
  std::string name;
  RunConfig config;
};

// Seed after seed, so that a sweep that was ended early has whole fronts; within a seed budget after budget, so that what is compared is made together.
// Error when two points have the same name, or there is none.
std::vector<SweepPoint> points_of(const SweepConfig& sweep);

}  // namespace bitloom
