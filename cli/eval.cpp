// bitloom eval.
#include "cli/commands.h"

namespace bitloom {

void add_eval(CLI::App&, Chosen&) {}

}  // namespace bitloom
