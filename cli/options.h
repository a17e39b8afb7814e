// Command-line options that several subcommands share: those of a run.
#pragma once
#include "nas/run/config.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace bitloom {

// Declare the options with their help on a subcommand.
void add_data_options(CLI::App& app, RunConfig& config);
void add_training_options(CLI::App& app, RunConfig& config);
void add_precision_options(CLI::App& app, RunConfig& config);
// After parsing: ascending, each once. Error if all channels would be removed.
void sort_precisions(RunConfig& config);
void add_search_options(CLI::App& app, RunConfig& config);
// After parsing: the recipe that the options of a search ask for, and its defaults. Error for options of another one.
void settle_search_options(const CLI::App& app, RunConfig& config);
// --model NAME or FILE.
CLI::Option* add_model_option(CLI::App& app, std::string& model, const std::string& help);
void add_width_option(CLI::App& app, double& width);
// After parsing: the task that the data are, and what suits it where an option was not given (nas/run/presets.h).
void settle_task_options(const CLI::App& app, RunConfig& config);
void add_cost_table_option(CLI::App& app, CostTableKind& kind);

}  // namespace bitloom
