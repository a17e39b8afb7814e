// bitloom demo: the whole method on the built-in images, with a table and a picture at the end.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "cli/commands.h"
#include "cli/report.h"
#include "cli/training.h"
#include "core/io.h"
#include "nas/run/task.h"

namespace bitloom {
namespace {

struct DemoRun {
  std::string name;
  Granularity granularity;
  std::vector<int> weight_bits;
  double lambda;
};

std::vector<DemoRun> demo_runs() {
  std::vector<DemoRun> runs;
  for (int bits : {8, 4, 2}) runs.push_back({str("w", bits, "a8"), Granularity::kFixed, {bits}, 0});
  for (const Granularity granularity : {Granularity::kLayer, Granularity::kChannel})
    for (double lambda : {0.1, 0.5, 2.0})
      runs.push_back({str(name_of(granularity), "-", lambda), granularity, {2, 4, 8}, lambda});
  return runs;
}

void run_demo(const std::string& out, uint64_t seed, const std::string& command) {
  RunConfig base;
  base.seed = seed;
  base.command = command;
  base.warmup.epochs = 25;
  base.search.epochs = 6;
  base.finetune.epochs = 8;
  base.out = out + "/float";
  make_output_folder(out);
  const TaskData data = load_task(base);
  std::vector<RunResult> results = {run_visibly(base, data)};
  const std::vector<DemoRun> runs = demo_runs();
  for (size_t i = 0; i < runs.size(); ++i) {
    std::cerr << "run " << i + 1 << " of " << runs.size() << ": " << runs[i].name << "\n";
    RunConfig c = base;
    c.quantize = true;
    c.warmup_file = base.out + "/warmup.npz";
    c.out = out + "/" + runs[i].name;
    c.granularity = runs[i].granularity;
    c.weight_bits = runs[i].weight_bits;
    c.lambda = runs[i].lambda;
    results.push_back(run_visibly(c, data));
  }
  const std::string table = results_table(results);
  write_text_atomic(out + "/table.txt", table);
  write_text_atomic(out + "/results.json", to_json(results));
  write_text_atomic(out + "/pareto.svg",
                    results_picture("Accuracy against weight memory",
                                    "built-in images, ResNet-8, integer networks on the test set", results));
  std::cout << table << "\nTable, results and picture: " << out << "/table.txt, results.json, pareto.svg\n"
            << "Every run's integer network is in its folder; look into one with: bitloom info " << out << "/channel-0.5\n";
}

}  // namespace

void add_demo(CLI::App& program, Chosen& chosen) {
  auto out = std::make_shared<std::string>("out/demo");
  auto seed = std::make_shared<uint64_t>(0);
  CLI::App* app = program.add_subcommand("demo",
                                         "The whole method on built-in images in a few minutes: warm-up, fixed 8/4/2-bit "
                                         "baselines, layer- and channel-wise search, table, picture");
  app->add_option("--out", *out, "Folder for the runs, table.txt, results.json and pareto.svg")->capture_default_str();
  app->add_option("--seed", *seed, "Seed of every random choice")->check(CLI::NonNegativeNumber)->capture_default_str();
  app->callback([=, &chosen] { chosen = [=](const std::string& command) { run_demo(*out, *seed, command); }; });
}

}  // namespace bitloom
