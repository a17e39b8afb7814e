// bitloom search: the bit-width of every channel, within a budget or by gradient descent.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/training.h"
#include "nas/budget.h"

namespace bitloom {

void add_search(CLI::App& program, Chosen& chosen) {
  auto config = std::make_shared<RunConfig>();
  config->quantize = true;
  CLI::App* app = program.add_subcommand(
      "search", "Search the bit-width of every weight channel and activation, then fine-tune and lower to integers");
  app->footer(
      "Examples:\n"
      "  bitloom search --out out/channel                                  built-in images, 30 % of the w8a8 bytes\n"
      "  bitloom search --task cifar10 --data cifar-10-binary.tar.gz --warmup out/float/warmup.npz --budget 24kB --out "
      "out/c24\n"
      "  bitloom search --granularity layer --cost energy --act-bits 2,4,8 --budget 80uJ --out out/layer");
  add_data_options(*app, *config);
  add_training_options(*app, *config);
  add_search_options(*app, *config);
  app->callback([=, &chosen] {
    RunConfig& given = *config;
    sort_precisions(given);
    const bool fixed = given.granularity == Granularity::kFixed;
    BITLOOM_CHECK(!fixed || (given.weight_bits.size() == 1 && given.act_bits.size() == 1),
                  "--granularity fixed wants one --weight-bits and one --act-bits");
    settle_search_options(*app, given);
    if (!given.budget.empty()) parse_budget(given.budget, given.cost);
    chosen = [=](const std::string& command) {
      RunConfig c = *config;
      c.command = command;
      settle_task_options(*app, c);
      const TaskData data = load_visibly(c);
      std::cout << results_table({run_visibly(c, data)});
    };
  });
}

}  // namespace bitloom
