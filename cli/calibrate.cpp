// bitloom calibrate: the measured cost table, and how it and the published one compare with the simulated core.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>

#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "core/io.h"
#include "mpic/compile/calibration.h"
#include "mpic/compile/simulation.h"
#include "nas/cost_model.h"
#include "nn/models/models.h"
#include "quant/lower.h"

namespace bitloom {
namespace {

struct CalibrateOptions {
  std::string out;
  bool table = false;
  int64_t predict = 0;
};

std::string percent(double value) { return fixed(100 * value, 2); }

std::string bits_name(int act_bits, int weight_bits) { return str("a", act_bits, " w", weight_bits); }

// Multiply-accumulates per cycle of two whole layers at all pairs of precisions.
std::string throughput_text() {
  Table table({"bits", "published", "3x3 32->64, 16x16", "cycles", "1x1 64->64, 25x5", "cycles"});
  for (const int act_bits : {8, 4, 2})
    for (const int weight_bits : {8, 4, 2}) {
      std::vector<std::string> row = {bits_name(act_bits, weight_bits), fixed(published_costs().at(act_bits, weight_bits), 1)};
      for (const mpic::LayerGeometry& shape : {mpic::reference_layer(act_bits), mpic::pointwise_layer(act_bits)}) {
        const IntegerGraph network = mpic::timing_network(shape, act_bits, weight_bits);
        const double cycles = mpic::last_layer_cycles(network);
        row.push_back(fixed(double(macs(network, network.layers.back())) / cycles, 2));
        row.push_back(grouped(std::llround(cycles)));
      }
      table.add(row);
    }
  return "MACs per cycle on the simulated core, whole layers: copying of windows, requantization and packing included. "
         "Outputs\n"
         "have the activations' bits. Published: the authors' figures for all layers (github.com/eml-eda/multi-prec-nas, "
         "models/hw_models.py).\n\n" +
         table.text();
}

// Samples of random codes, or of values around 0: what networks need to set their scales.
ArrayDataset random_samples(const LayerSpec& input, bool codes, Rng rng) {
  Samples data;
  data.name = "random";
  data.h = input.h, data.w = input.w, data.c = input.c;
  data.scale = 1.0f / 255;
  for (int64_t i = 0; i < 8 * data.sample_size(); ++i) {
    if (codes)
      data.codes.push_back(uint8_t(rng.below(256)));
    else
      data.values.push_back(float(rng.normal()));
  }
  return ArrayDataset(std::move(data));
}

Assignment random_assignment(const QatNetwork& network, Rng rng) {
  Assignment a = network.assignment();
  const auto pick = [&](const std::vector<int>& options) { return options[size_t(rng.below(int64_t(options.size())))]; };
  for (size_t i = 1; i < a.weight_bits.size(); ++i) {
    for (int& bits : a.weight_bits[i]) bits = pick(network.weight_bits(int(i)));
    if (a.act_bits[i]) a.act_bits[i] = pick(network.act_bits(int(i)));
  }
  honour_ties(network.network().spec(), a, 2);
  return a;
}

double simulated_cycles(const IntegerGraph& graph) {
  mpic::CodegenOptions options;
  options.memory = 8 << 20;
  double cycles = 0;
  for (const mpic::Counters& layer : mpic::simulate_layers(graph, options)) cycles += double(layer.cycles);
  return cycles;
}

// Relative errors of a table over many networks.
struct Errors {
  double sum = 0, worst = 0;
  int64_t count = 0;
  void add(double predicted, double real) {
    const double error = std::fabs(predicted / real - 1);
    sum += error;
    worst = std::max(worst, error);
    ++count;
  }
  double mean() const { return sum / double(count); }
};

std::vector<std::string> prediction_row(const ModelEntry& entry, const std::vector<int>& weight_bits, int64_t count) {
  const ModelSpec spec = entry.make(entry.h, entry.w, entry.c, entry.classes);
  Network float_network(spec, Rng(1));
  const ArrayDataset data = random_samples(spec.layers[0], entry.kind == TaskKind::kClassification, Rng(2));
  QuantOptions options;
  options.weight_bits = weight_bits;
  options.act_bits = {2, 4, 8};
  QatNetwork network(float_network, options, input_scheme(data));
  network.calibrate(data);
  const CostModel measured(spec, CostKind::kCycles, measured_costs()), published(spec, CostKind::kCycles);
  Errors of_measured, of_published;
  double cycles = 0;
  const std::string title = str(entry.name, weight_bits.front() == 0 ? " with 0 bits" : "");
  Progress progress(title, count, "networks");
  for (int64_t i = 0; i < count; ++i) {
    const Assignment assignment = random_assignment(network, Rng(3).split("assignment", uint64_t(i)));
    network.assign(assignment);
    const double real = simulated_cycles(lower(network, "random"));
    cycles += real / double(count);
    of_measured.add(measured.cost(assignment), real);
    of_published.add(published.cost(assignment), real);
    progress.update(i + 1);
  }
  return {title,
          std::to_string(count),
          fixed(cycles / 1e6, 3),
          percent(of_measured.mean()),
          percent(of_measured.worst),
          percent(of_published.mean()),
          percent(of_published.worst)};
}

std::string prediction_text(int64_t count) {
  Table table({"model", "networks", "Mcycles", "measured: mean %", "max %", "published: mean %", "max %"});
  for (const std::vector<int>& weight_bits : {std::vector<int>{2, 4, 8}, std::vector<int>{0, 2, 4, 8}})
    for (const ModelEntry& entry : all_models()) table.add(prediction_row(entry, weight_bits, count));
  return "Cycles as the two cost tables predict them, against the simulated core: relative errors over random assignments of\n"
         "weight bits per channel and activation bits per layer.\n\n" +
         table.text();
}

std::string fitted_text() {
  const std::vector<IntegerGraph> networks = mpic::calibration_networks();
  Progress progress("calibrate", int64_t(networks.size()), "layers");
  return mpic::pieces_text(mpic::fit_pieces(networks, [&](size_t done) { progress.update(int64_t(done)); }));
}

}  // namespace

void add_calibrate(CLI::App& program, Chosen& chosen) {
  auto o = std::make_shared<CalibrateOptions>();
  CLI::App* app = program.add_subcommand(
      "calibrate", "Measure on the simulated MPIC core what --cost-table measured is made of, and how well it predicts");
  app->footer(
      "Examples:\n  bitloom calibrate --out nas/costs/mpic_measured.inc\n  bitloom calibrate --table\n  bitloom calibrate "
      "--predict "
      "50");
  app->add_option("--out", o->out, "File to write [stdout]");
  CLI::Option* table = app->add_flag("--table", o->table, "MACs per cycle of two layers at all precisions instead");
  app->add_option("--predict", o->predict, "Errors of both cost tables over that many random assignments of each model instead")
      ->check(CLI::Range(int64_t(1), int64_t(1) << 20))
      ->excludes(table);
  app->callback([=, &chosen] {
    chosen = [=](const std::string&) {
      const std::string text = o->table ? throughput_text() : o->predict ? prediction_text(o->predict) : fitted_text();
      if (o->out.empty())
        std::cout << text;
      else
        write_text_atomic(o->out, text);
    };
  });
}

}  // namespace bitloom
