// bitloom demo: the whole method on built-in data, with a table and a picture at the end.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "cli/commands.h"
#include "cli/html_report.h"
#include "cli/report.h"
#include "cli/training.h"
#include "core/io.h"
#include "nas/run/presets.h"

namespace bitloom {
namespace {

struct DemoRun {
  std::string name;
  Granularity granularity;
  std::vector<int> weight_bits;
  std::string budget;
};

// What is built in of a task, and budgets for it. The layer-wise ones are the smallest there is, w2a8 with little more, and one where the best
// layers can be spared; within the same ones and below, channels may go altogether. Images get half of ResNet-8's channels: with all of them it
// has more than they need, and layers lose nothing within 23 kB.
struct Demo {
  const char* task;
  Source source;
  double width;
  const char* data;  // in words
  std::vector<std::string> layer_budgets, channel_budgets;
};
const std::vector<Demo>& all_demos() {
  static const std::vector<Demo> demos = {
      {"ic",
       Source::kSynthetic,
       0.5,
       "built-in images, ResNet-8 x0.5",
       {"5.9kB", "5.05kB"},
       {"5.9kB", "5.05kB", "3.8kB", "3kB"}},
      {"kws",
       Source::kSyntheticKeywords,
       1,
       "built-in words (no speech), DS-CNN",
       {"8kB", "6.1kB"},
       {"8kB", "6.1kB", "4.5kB", "3kB"}},
      {"vww",
       Source::kSyntheticFigures,
       1,
       "built-in figures (no photographs), MobileNetV1 x0.25",
       {"70kB", "55kB"},
       {"70kB", "55kB", "40kB", "25kB"}},
      {"ad",
       Source::kSyntheticMachines,
       1,
       "built-in machines (no recordings), autoencoder",
       {"92kB", "67kB"},
       {"92kB", "67kB", "40kB", "20kB"}},
  };
  return demos;
}

std::vector<DemoRun> demo_runs(const Demo& demo) {
  std::vector<DemoRun> runs;
  for (int bits : {8, 4, 2}) runs.push_back({str("w", bits, "a8"), Granularity::kFixed, {bits}, ""});
  for (const std::string& budget : demo.layer_budgets)
    runs.push_back({"layer-" + budget, Granularity::kLayer, {2, 4, 8}, budget});
  for (const std::string& budget : demo.channel_budgets)
    runs.push_back({"channel-" + budget, Granularity::kChannel, {0, 2, 4, 8}, budget});
  return runs;
}

RunConfig config_of(const DemoRun& run, const RunConfig& base, const std::string& out) {
  RunConfig c = base;
  c.quantize = true;
  c.warmup_file = base.out + "/warmup.npz";
  c.out = out + "/" + run.name;
  c.granularity = run.granularity;
  c.weight_bits = run.weight_bits;
  c.budget = run.budget;
  if (!c.budget.empty()) c.recipe = Recipe::kProgressive, c.distill = 0.5;
  return c;
}

void run_demo(const Demo& demo, const std::string& out, uint64_t seed, const std::string& command) {
  RunConfig base;
  base.task = demo.source;
  base.width = demo.width;
  apply_preset(base, [](const char*) { return false; });
  base.seed = seed;
  base.command = command;
  base.warmup.epochs = 25;
  base.search.epochs = 6;
  base.finetune.epochs = 8;
  base.out = out + "/float";
  make_output_folder(out);
  const TaskData data = load_visibly(base);
  const std::vector<DemoRun> runs = demo_runs(demo);
  std::vector<RunConfig> configs;
  for (const DemoRun& run : runs) {
    configs.push_back(config_of(run, base, out));
    check_budget(configs.back(), data);
  }
  std::vector<RunResult> results = {run_visibly(base, data)};
  for (size_t i = 0; i < runs.size(); ++i) {
    std::cerr << "run " << i + 1 << " of " << runs.size() << ": " << runs[i].name << "\n";
    results.push_back(run_visibly(configs[i], data));
  }
  const std::string table = results_table(results);
  write_text_atomic(out + "/table.txt", table);
  write_text_atomic(out + "/results.json", to_json(results));
  write_text_atomic(out + "/pareto.svg", results_picture("Accuracy against weight memory",
                                                         str(demo.data, ", integer networks on the test set"), results));
  std::vector<std::string> folders = {base.out};
  for (const DemoRun& r : runs) folders.push_back(out + "/" + r.name);
  write_html_report(out + "/report.html", folders);
  std::cout << table << "\nTable, results, picture, page: " << out << "/table.txt, results.json, pareto.svg, report.html\n"
            << "Every run's integer network is in its folder; look into one with: bitloom info " << out << "/"
            << runs[runs.size() - 2].name << "\n";
}

}  // namespace

void add_demo(CLI::App& program, Chosen& chosen) {
  auto out = std::make_shared<std::string>("out/demo");
  auto seed = std::make_shared<uint64_t>(0);
  auto task = std::make_shared<std::string>(all_demos().front().task);
  CLI::App* app = program.add_subcommand("demo",
                                         "The whole method on built-in data in a few minutes: warm-up, fixed 8/4/2-bit "
                                         "baselines, layer- and channel-wise search, table, picture");
  std::vector<std::string> tasks;
  for (const Demo& demo : all_demos()) tasks.push_back(demo.task);
  app->add_option("--task", *task, "Image classification, keyword spotting, visual wake words or anomaly detection")
      ->check(CLI::IsMember(tasks))
      ->capture_default_str();
  app->add_option("--out", *out, "Folder for the runs, table.txt, results.json, pareto.svg and report.html")
      ->capture_default_str();
  app->add_option("--seed", *seed, "Seed of every random choice")->check(CLI::NonNegativeNumber)->capture_default_str();
  app->callback([=, &chosen] {
    chosen = [=](const std::string& command) {
      for (const Demo& demo : all_demos())
        if (*task == demo.task) run_demo(demo, *out, *seed, command);
    };
  });
}

}  // namespace bitloom
