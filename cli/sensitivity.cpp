// bitloom sensitivity: what every precision of every channel and activation is expected to cost in loss.
#include "nas/sensitivity.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <iostream>
#include <memory>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/svg_heatmap.h"
#include "cli/table.h"
#include "cli/training.h"
#include "core/io.h"
#include "nas/run/task.h"

namespace bitloom {
namespace {

struct SensitivityOptions {
  RunConfig run;
  bool exact = false;
  int64_t samples = 0;
};

// (C,P) and (P) under "conv0.weight" and "conv0.act", with their precisions under "conv0.weight_bits" and "conv0.act_bits".
Npz arrays_of(const ModelSpec& spec, const Shares& s) {
  StateDict out;
  const auto put = [&](const std::string& key, const TensorD& table, const std::vector<int>& bits) {
    if (!table.defined()) return;
    Tensor values(table.shape());
    for (int64_t k = 0; k < table.size(); ++k) values[k] = float(table[k]);
    out.put(key, values);
    out.put(key + "_bits", std::vector<int64_t>(bits.begin(), bits.end()));
  };
  for (size_t i = 1; i < spec.layers.size(); ++i) {
    put(spec.layers[i].name + ".weight", s.weight[i], s.weight_bits[i]);
    put(spec.layers[i].name + ".act", s.act[i], s.act_bits[i]);
  }
  return out.arrays();
}

// One column of a (C,P) table; empty where the precision is not offered.
std::vector<double> column(const TensorD& table, const std::vector<int>& options, int bits) {
  const size_t n = options.size(), p = size_t(std::find(options.begin(), options.end(), bits) - options.begin());
  std::vector<double> values;
  for (size_t k = p; p < n && k < size_t(table.size()); k += n) values.push_back(table[int64_t(k)]);
  return values;
}

std::string title_of(int bits, const char* what) { return bits ? str(bits, "-bit ", what) : std::string("removed (0 bits)"); }

// Panels: weights at each precision below the most bits, a layer's channels from the most sensitive to the least; then activations.
HeatMap picture(const ModelSpec& spec, const Shares& s, const RunConfig& config, const std::string& how) {
  HeatMap map;
  map.title = "Expected increase of the loss";
  map.subtitle = spec.name + ", " + how + "; each layer's channels, sorted";
  map.scale_label = "loss";
  const auto add = [&](const std::vector<int>& all, const char* what, const TensorsD& tables,
                       const std::vector<std::vector<int>>& options) {
    for (size_t p = 0; p + 1 < all.size(); ++p) {
      HeatPanel panel{title_of(all[p], what), {}};
      for (size_t i = 1; i < tables.size(); ++i) {
        std::vector<double> values = column(tables[i], options[i], all[p]);
        std::sort(values.begin(), values.end(), std::greater<>());
        if (!values.empty()) panel.rows.push_back({spec.layers[i].name, values});
      }
      map.panels.push_back(panel);
    }
  };
  add(config.weight_bits, "weights", s.weight, s.weight_bits);
  add(config.act_bits, "activations", s.act, s.act_bits);
  return map;
}

// A row a layer: what all its channels add at each precision, and how far the most and the least sensitive are apart at the first one.
std::string table_of(const ModelSpec& spec, const Shares& s, const RunConfig& config) {
  std::vector<std::string> header = {"layer", "channels"};
  for (size_t p = 0; p + 1 < config.weight_bits.size(); ++p) header.push_back(str("w", config.weight_bits[p]));
  for (size_t p = 0; p + 1 < config.act_bits.size(); ++p) header.push_back(str("a", config.act_bits[p]));
  Table table(header);
  const auto sum = [](const std::vector<double>& values) {
    double total = 0;
    for (double v : values) total += v;
    return values.empty() ? std::string("-") : fixed(total, 5);
  };
  for (size_t i = 1; i < spec.layers.size(); ++i) {
    if (!s.weight[i].defined() && !s.act[i].defined()) continue;
    std::vector<std::string> row = {spec.layers[i].name, std::to_string(spec.layers[i].c)};
    for (size_t p = 0; p + 1 < config.weight_bits.size(); ++p)
      row.push_back(sum(column(s.weight[i], s.weight_bits[i], config.weight_bits[p])));
    for (size_t p = 0; p + 1 < config.act_bits.size(); ++p)
      row.push_back(sum(column(s.act[i], s.act_bits[i], config.act_bits[p])));
    table.add(row);
  }
  return table.text();
}

void measure(const SensitivityOptions& options) {
  RunConfig c = options.run;
  const TaskData data = load_visibly(c);
  Network network(make_model(c, data), Rng(c.seed));
  load_start(network, c.warmup_file);
  QuantOptions quant;
  quant.weight_bits = c.weight_bits;
  quant.act_bits = c.act_bits;
  SearchNetwork search(network, quant, input_scheme(*data.train), Granularity::kChannel);
  search.calibrate(*data.train);
  const int64_t samples = options.samples ? options.samples : options.exact ? 256 : 4096;
  const Shares found = options.exact ? exact_sensitivity(search, data, samples) : fisher_sensitivity(search, data, samples);
  make_output_folder(c.out);
  write_npz(c.out + "/sensitivity.npz", arrays_of(network.spec(), found));
  const std::string how = str(options.exact ? "measured one by one on " : "Fisher proxy from ", samples, " samples");
  write_text_atomic(c.out + "/sensitivity.svg", to_svg(picture(network.spec(), found, c, how)));
  std::cout << "Expected increase of the loss, all channels of a layer together (" << how << "):\n"
            << table_of(network.spec(), found, c) << "Per channel: " << c.out << "/sensitivity.npz, sensitivity.svg\n";
}

}  // namespace

void add_sensitivity(CLI::App& program, Chosen& chosen) {
  auto options = std::make_shared<SensitivityOptions>();
  RunConfig& c = options->run;
  c.weight_bits = {0, 2, 4, 8};
  c.act_bits = {2, 4, 8};
  CLI::App* app = program.add_subcommand(
      "sensitivity", "The expected loss of every precision, per weight channel and activation: what the search decides by");
  app->footer(
      "Example:\n  bitloom sensitivity --data cifar-10-binary.tar.gz --warmup out/float/warmup.npz --out out/sensitivity");
  add_data_options(*app, c);
  app->add_option("--warmup", c.warmup_file, "Float weights (warmup.npz of a run); an .onnx given as --model has its own");
  app->add_option("--out", c.out, "Folder for sensitivity.npz and sensitivity.svg")->required();
  add_precision_options(*app, c);
  app->add_flag("--exact", options->exact, "Measure the loss with every single precision in turn instead of the Fisher proxy");
  app->add_option("--samples", options->samples, "Training samples it is measured on (4096; exact: 256)")
      ->check(CLI::Range(int64_t(1), int64_t(1) << 40));
  app->callback([=, &chosen] {
    sort_precisions(options->run);
    BITLOOM_CHECK(options->run.weight_bits.size() > 1 || options->run.act_bits.size() > 1,
                  "sensitivity compares precisions: offer more than one of --weight-bits or --act-bits");
    options->run.quantize = true;
    settle_warmup(options->run);
    if (options->run.warmup_file.empty()) throw CLI::RequiredError("--warmup");
    chosen = [=](const std::string&) {
      settle_task_options(*app, options->run);
      measure(*options);
    };
  });
}

}  // namespace bitloom
