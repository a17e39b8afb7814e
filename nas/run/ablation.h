// Ablation: what the parts of the progressive recipe are worth, each left out in turn.
#pragma once
#include <string>
#include <vector>

#include "nas/run/front.h"

namespace bitloom {

// A part of the recipe, and how a run goes without it: by options that every search takes.
struct RecipePart {
  const char *name, *option;  // "distillation", "--distill 0"
  void (*leave_out)(RunConfig&);
};
const std::vector<RecipePart>& recipe_parts();
// Error lists the known names.
const RecipePart& find_part(const std::string& name);

// Runs that differ from others by a part that they lack.
struct AblationRow {
  const RecipePart* part;
  SeedGroup runs;
  Estimate difference;  // ranked score without the part minus that with it, paired by seed
};
struct Ablation {
  SeedGroup whole;  // the runs with every part
  std::vector<AblationRow> rows;
};
// For every group of runs that lack none themselves and of which others do: those, in the order of recipe_parts().
std::vector<Ablation> ablations(const std::vector<FinishedRun>& runs);

// By run, whether another one is the same with a part more.
std::vector<bool> lack_a_part(const std::vector<FinishedRun>& runs);

}  // namespace bitloom
