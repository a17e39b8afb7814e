// bitloom train: a float network, or one at fixed precisions.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/training.h"

namespace bitloom {

void add_train(CLI::App& program, Chosen& chosen) {
  auto config = std::make_shared<RunConfig>();
  auto quant = std::make_shared<std::string>();
  CLI::App* app =
      program.add_subcommand("train", "Train a network in float, or with every weight and activation at fixed precisions");
  app->footer(
      "Examples:\n"
      "  bitloom train --out out/float                                     float, built-in images\n"
      "  bitloom train --quant w4a8 --warmup out/float/warmup.npz --out out/w4a8\n"
      "  bitloom train --assignment mine.json --warmup out/float/warmup.npz --out out/mine\n"
      "  bitloom train --task cifar10 --data cifar-10-binary.tar.gz --out out/cifar10");
  add_data_options(*app, *config);
  add_training_options(*app, *config);
  CLI::Option* assignment =
      app->add_option("--assignment", config->assignment_file,
                      "Precisions of every channel and activation, from a file as a search writes it (assignment.json)");
  app->add_option("--quant", *quant,
                  "Precisions wNaM, for example w8a8, w4a8, w2a4: quantization-aware training after the warm-up")
      ->check(CLI::Validator(
          [](std::string& t) {
            const bool ok = t.size() == 4 && t[0] == 'w' && t[2] == 'a' && std::string("248").find(t[1]) != std::string::npos &&
                            std::string("248").find(t[3]) != std::string::npos;
            return ok ? std::string() : "'" + t + "' is not of the form wNaM with N and M among 2, 4, 8";
          },
          "wNaM"))
      ->excludes(assignment);
  app->callback([=, &chosen] {
    chosen = [=](const std::string& command) {
      RunConfig c = *config;
      c.command = command;
      settle_task_options(*app, c);
      c.quantize = !quant->empty() || !c.assignment_file.empty();
      if (!c.assignment_file.empty()) c.granularity = Granularity::kGiven;
      if (!quant->empty()) {
        c.granularity = Granularity::kFixed;
        c.weight_bits = {(*quant)[1] - '0'};
        c.act_bits = {(*quant)[3] - '0'};
      }
      const TaskData data = load_visibly(c);
      std::cout << results_table({run_visibly(c, data)});
    };
  });
}

}  // namespace bitloom
