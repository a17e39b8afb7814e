// Many searches from one start.
#include "nas/run/sweep.h"

#include <set>

#include "core/error.h"

namespace bitloom {

std::vector<SweepPoint> points_of(const SweepConfig& sweep) {
  std::vector<SweepPoint> points;
  std::set<std::string> names;
  for (const uint64_t seed : sweep.seeds) {
    for (const std::string& budget : sweep.budgets) {
      for (const std::vector<int>& bits : sweep.weight_bits) {
        for (const Granularity granularity : sweep.granularities) {
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
