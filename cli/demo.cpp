// bitloom demo.
#include "cli/commands.h"

namespace bitloom {

void add_demo(CLI::App&, Chosen&) {}

}  // namespace bitloom
