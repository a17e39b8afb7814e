// Many searches from one start.
#include "nas/run/sweep.h"

#include <algorithm>
#include <set>

#include "core/error.h"

namespace bitloom {

namespace {

// The precisions that `granularity` chooses among where `bits` are offered: 0 removes channels; a layer would go as a whole, and the network with it.
std::vector<int> offered(Granularity granularity, std::vector<int> bits) {
  if (granularity == Granularity::kLayer) bits.erase(std::remove(bits.begin(), bits.end(), 0), bits.end());
  return bits;
}

}  // namespace

std::vector<SweepPoint> points_of(const SweepConfig& sweep) {
  std::vector<SweepPoint> points;
  std::set<std::string> names;
  for (const uint64_t seed : sweep.seeds) {
    for (const std::string& budget : sweep.budgets) {
      for (const std::vector<int>& set : sweep.weight_bits) {
        for (const Granularity granularity : sweep.granularities) {
          const std::vector<int> bits = offered(granularity, set);
          // By layer, {0,2,4,8} is {2,4,8}: one point for both.
          if (bits != set && std::count(sweep.weight_bits.begin(), sweep.weight_bits.end(), bits) > 0) continue;
          SweepPoint point{str(name_of(granularity), "-w"), sweep.common};
          for (const int b : bits) point.name += std::to_string(b);
          point.name += str("-", budget, "-s", seed);
          BITLOOM_CHECK(names.insert(point.name).second, "sweep: ", point.name, " is asked for twice");
          RunConfig& c = point.config;
          c.seed = seed, c.budget = budget, c.weight_bits = bits, c.granularity = granularity;
          c.out = sweep.common.out + "/" + point.name;
          points.push_back(point);
          for (const RecipePart* part : sweep.ablated) {
            SweepPoint without = point;
            without.name += str("-no-", part->name);
            BITLOOM_CHECK(names.insert(without.name).second, "sweep: ", without.name, " is asked for twice");
            without.config.out = sweep.common.out + "/" + without.name;
            part->leave_out(without.config);
            points.push_back(std::move(without));
          }
        }
      }
    }
  }
  BITLOOM_CHECK(!points.empty(), "sweep: no budgets, granularities, precisions or seeds");
  return points;
}

}  // namespace bitloom
