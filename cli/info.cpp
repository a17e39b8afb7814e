// bitloom info.
#include "cli/commands.h"

namespace bitloom {

void add_info(CLI::App&, Chosen&) {}

}  // namespace bitloom
