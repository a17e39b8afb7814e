// Command-line options that several subcommands share: those of a run.
#pragma once
#include "nas/run/config.h"

namespace CLI {
class App;
}

namespace bitloom {

// Declare the options with their help on a subcommand.
void add_data_options(CLI::App& app, RunConfig& config);
void add_training_options(CLI::App& app, RunConfig& config);
void add_search_options(CLI::App& app, RunConfig& config);
void add_cost_table_option(CLI::App& app, CostTableKind& kind);

}  // namespace bitloom
