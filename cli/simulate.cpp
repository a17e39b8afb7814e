// bitloom simulate: a deployed network on the simulated MPIC core, compared with the integer interpreter and counted layer by layer.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/commands.h"
#include "cli/guest.h"
#include "cli/mpic_target.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "cli/training.h"
#include "core/integer_math.h"
#include "core/io.h"
#include "core/json.h"
#include "core/parallel.h"
#include "core/quote.h"
#include "mpic/compile/simulation.h"
#include "mpic/sim/loader.h"
#include "nas/run/deployed.h"
#include "quant/integer/anomaly_score.h"
#include "quant/integer/run.h"
#include "quant/lower.h"

namespace bitloom {
namespace {

using Json = nlohmann::ordered_json;

struct SimulateOptions {
  RunConfig config;
  std::string model, memory;
  std::string core = "mpic";
  int64_t images = 10;
  bool check = false;
  std::string format = "text";
};

// The inputs: samples spread over the run's test set, or random codes where its data are not at hand.
struct Inputs {
  TensorT<int16_t> codes;
  std::optional<TaskData> data;
};

Inputs make_inputs(const IntegerGraph& graph, SimulateOptions& o) {
  take_task_of(o.model, o.config);
  if (o.config.data.empty() && (!built_in(o.config.task) || !file_exists(o.model + "/config.json")))
    return {random_codes(graph, o.images, Rng(o.config.seed)), {}};
  TaskData task = load_visibly(o.config);
  check_fits(graph, network_file(o.model), task);
  const Dataset& test = *task.test;
  BITLOOM_CHECK(o.images <= test.size(), "--images ", o.images, ": the test set has ", test.size());
  return {input_codes(graph, SpreadOver(test, o.images), 0, o.images), std::move(task)};
}

// What came of the images, summed up.
struct Findings {
  int64_t images = 0, bytes_compared = 0, mismatches = 0;
  std::string first_mismatch;
  std::vector<mpic::Counters> layers;

  // Those of the images that follow.
  void add(const Findings& next) {
    images += next.images, bytes_compared += next.bytes_compared;
    if (mismatches == 0) first_mismatch = next.first_mismatch;
    mismatches += next.mismatches;
    layers.resize(next.layers.size());
    for (size_t i = 0; i < layers.size(); ++i) layers[i].add(next.layers[i]);
  }
};

void compare(const std::string& layer, int64_t image, const std::vector<int32_t>& got, const std::vector<int32_t>& expected,
             Findings& f) {
  for (size_t k = 0; k < got.size(); ++k) {
    if (got[k] == expected[k]) continue;
    if (f.mismatches++ == 0)
      f.first_mismatch = str("image ", image, ", layer ", layer, ", code ", k, ": ", got[k], " on the core, ", expected[k],
                             " by the interpreter");
  }
}

// Images through the core, compared with the interpreter.
struct Comparison {
  const IntegerGraph& graph;
  const mpic::CompiledNetwork& network;
  const TensorT<int16_t>& inputs;
  bool check;
  TensorT<int32_t>& outputs;  // of the core, (N, outputs)
  const IntegerRunner runner{graph};

  Findings run(mpic::BatchSimulation& simulation, int64_t begin, int64_t end) const {
    const size_t last = graph.layers.size() - 1;
    const int64_t size = inputs.size() / inputs.shape()[0];
    std::vector<std::vector<int32_t>> samples;
    std::vector<std::vector<std::vector<int32_t>>> expected;  // by image and layer
    for (int64_t n = begin; n < end; ++n) {
      const int16_t* sample = inputs.data() + n * size;
      samples.emplace_back(sample, sample + size);
      expected.push_back(runner.run_layers(sample));
      if (reconstructs(graph))
        expected.back().push_back({int32_t(anomaly_score(anomaly_rule(graph), sample, expected.back()[last].data(), size))});
    }
    Findings f;
    f.images = end - begin;
    f.layers.resize(network.layers.size());
    simulation.run(samples, [&](size_t layer, size_t i) {
      if (layer == 0 || (!check && layer < last)) return;
      const std::vector<int32_t> codes = simulation.codes(layer, i);
      f.bytes_compared += network.layers[layer].output.bytes();
      compare(network.layers[layer].name, begin + int64_t(i), codes, expected[i][layer], f);
      if (layer == last) std::copy(codes.begin(), codes.end(), outputs.data() + (begin + int64_t(i)) * int64_t(codes.size()));
    });
    for (size_t i = 0; i < samples.size(); ++i)
      for (size_t layer = 0; layer < f.layers.size(); ++layer) f.layers[layer].add(simulation.counters(i)[layer]);
    return f;
  }
};

// All images, in batches that do not depend on the number of threads.
Findings run_all(const Comparison& comparison) {
  constexpr int64_t kBatch = mpic::BatchSimulation::kMost;
  const int64_t images = comparison.inputs.shape()[0], batches = ceil_div(images, kBatch);
  std::vector<Findings> found(size_t(batches), Findings{});
  Progress progress("simulate", images, "img");
  int64_t done = 0, mismatches = 0;
  parallel_blocks(batches, ceil_div(batches, omp_get_max_threads()), [&](int64_t first, int64_t behind) {
    mpic::BatchSimulation simulation(comparison.network);
    for (int64_t b = first; b < behind; ++b) {
      const Findings f = found[size_t(b)] = comparison.run(simulation, b * kBatch, std::min(images, (b + 1) * kBatch));
#pragma omp critical(bitloom_simulate_progress)
      {
        mismatches += f.mismatches;
        progress.update(done += f.images, mismatches ? str(mismatches, " mismatches") : "");
      }
    }
  });
  Findings all;
  for (const Findings& f : found) all.add(f);
  return all;
}

uint64_t all_stalls(const mpic::Counters& c) {
  uint64_t sum = 0;
  for (const uint64_t s : c.stalls) sum += s;
  return sum;
}

double ratio(double a, double b) { return b > 0 ? std::round(a / b * 1e4) / 1e4 : 0; }

// The figures of one layer, or of all, for one image.
struct PerImage {
  PerImage(const mpic::Counters& counters, int64_t images, int64_t layer_macs)
      : macs(layer_macs),
        cycles(std::llround(double(counters.cycles) / double(images))),
        macs_per_cycle(ratio(double(macs) * double(images), double(counters.cycles))),
        energy_uj(published_energy(counters.cycles) / double(images)) {}
  int64_t macs, cycles;
  double macs_per_cycle, energy_uj;
};

mpic::Counters total(const std::vector<mpic::Counters>& layers) {
  mpic::Counters sum;
  for (const mpic::Counters& c : layers) sum.add(c);
  return sum;
}

int64_t all_macs(const IntegerGraph& graph) {
  int64_t sum = 0;
  for (const IntegerLayer& layer : graph.layers) sum += macs(graph, layer);
  return sum;
}

Json figures(const IntegerGraph& graph, const mpic::CompiledNetwork& network, const Findings& f) {
  Json layers = Json::array();
  for (size_t i = 1; i < graph.layers.size(); ++i) {
    const IntegerLayer& layer = graph.layers[i];
    const PerImage figures(f.layers[i], f.images, macs(graph, layer));
    Json groups = Json::array(), stalls;
    for (const ChannelGroup& g : layer.groups) groups.push_back({{"bits", g.bits}, {"channels", g.channels}});
    for (int s = 0; s < mpic::kStalls; ++s)
      stalls[to_string(mpic::Stall(s))] = f.layers[i].stalls[size_t(s)] / uint64_t(f.images);
    const mpic::CompiledLayer& compiled = network.layers[i];
    layers.push_back({{"name", layer.name},
                      {"op", to_string(layer.op)},
                      {"groups", groups},
                      {"input_bits", graph.layers[size_t(layer.inputs[0])].out.bits},
                      {"output_bits", layer.out.bits},
                      {"macs", figures.macs},
                      {"cycles", figures.cycles},
                      {"macs_per_cycle", figures.macs_per_cycle},
                      {"stalls", stalls},
                      {"energy_uj", figures.energy_uj},
                      {"memory",
                       {{"code", compiled.code_bytes},
                        {"data", compiled.data_bytes},
                        {"output", compiled.output.bytes()},
                        {"address", compiled.output.address}}}});
  }
  if (network.layers.size() > graph.layers.size()) {
    const PerImage figures(f.layers.back(), f.images, 0);
    layers.push_back({{"name", network.layers.back().name}, {"cycles", figures.cycles}, {"energy_uj", figures.energy_uj}});
  }
  const PerImage sum(total(f.layers), f.images, all_macs(graph));
  const WholeMemory memory(graph, network);
  return {{"images", f.images},
          {"bytes_compared", f.bytes_compared},
          {"mismatches", f.mismatches},
          {"macs", sum.macs},
          {"cycles_per_image", sum.cycles},
          {"macs_per_cycle", sum.macs_per_cycle},
          {"energy_uj", sum.energy_uj},
          {"memory",
           {{"code", network.code_bytes},
            {"data", network.data_bytes},
            {"weights", memory.weights},
            {"tables", memory.tables},
            {"activations", network.activation_bytes},
            {"total", network.total_bytes}}},
          {"layers", layers}};
}

void print_text(const IntegerGraph& graph, const mpic::CompiledNetwork& network, const Findings& f) {
  Table table({"layer", "op", "output", "weight bits", "act bits", "MACs", "cycles", "MACs/cycle", "stalls", "energy uJ",
               "code bytes", "data bytes", "output bytes"});
  const auto add = [&](const std::string& name, const mpic::Counters& counters, int64_t layer_macs,
                       std::vector<std::string> shape, std::vector<std::string> memory) {
    const PerImage p(counters, f.images, layer_macs);
    shape.insert(shape.begin(), name);
    for (const std::string& cell :
         {p.macs ? grouped(p.macs) : "-", grouped(p.cycles), p.macs ? fixed(p.macs_per_cycle, 2) : "-",
          grouped(int64_t(all_stalls(counters)) / f.images), fixed(p.energy_uj, 3)})
      shape.push_back(cell);
    shape.insert(shape.end(), memory.begin(), memory.end());
    table.add(shape);
  };
  for (size_t i = 1; i < graph.layers.size(); ++i) {
    const IntegerLayer& l = graph.layers[i];
    const mpic::CompiledLayer& c = network.layers[i];
    add(l.name, f.layers[i], macs(graph, l),
        {to_string(l.op), str(l.h, "x", l.w, "x", l.c), weight_bits_text(l), std::to_string(l.out.bits)},
        {grouped(c.code_bytes), grouped(c.data_bytes), grouped(c.output.bytes())});
  }
  if (network.layers.size() > graph.layers.size()) {
    const mpic::CompiledLayer& c = network.layers.back();
    add(c.name, f.layers.back(), 0, {"score", "1", "-", "32"},
        {grouped(c.code_bytes), grouped(c.data_bytes), grouped(c.output.bytes())});
  }
  add("total", total(f.layers), all_macs(graph), {"", "", "", ""},
      {grouped(network.code_bytes), grouped(network.data_bytes), ""});
  std::cout << table.text() << "\n";
  std::cout << memory_map_text(network) << WholeMemory(graph, network).text() << "\n\n"
            << grouped(f.images) << (f.images == 1 ? " image, " : " images, ") << grouped(f.bytes_compared)
            << " bytes compared with the interpreter, " << grouped(f.mismatches) << " codes differ\n";
}

void run_simulation(SimulateOptions& o) {
  const IntegerGraph graph = load_deployed(o.model);
  mpic::CodegenOptions options;
  options.stop_after_layers = true;
  options.sub_byte = o.core == "mpic";
  if (!o.memory.empty()) options.memory = mpic::parse_size(o.memory);
  const mpic::CompiledNetwork network = mpic::compile(graph, options);
  const Inputs inputs = make_inputs(graph, o);
  const mpic::TensorPlace& out = network.layers[graph.layers.size() - 1].output;
  TensorT<int32_t> outputs(Shape{o.images, out.pixels * out.channels});
  const Findings f = run_all({graph, network, inputs.codes, o.check, outputs});
  std::optional<double> accuracy;
  if (inputs.data && inputs.data->task.kind == TaskKind::kClassification) {
    const SpreadOver images(*inputs.data->test, o.images);
    const int64_t columns = outputs.size() / o.images;
    std::vector<double> found;
    for (const int32_t *row = outputs.data(), *end = row + outputs.size(); row < end; row += columns)
      found.push_back(found_in(TaskKind::kClassification, row, columns, 1, nullptr));
    accuracy = bitloom::accuracy().score(found, images);
  }
  if (o.format == "json") {
    Json json = figures(graph, network, f);
    json["core"] = o.core;
    json["inputs"] = inputs.data ? "test set" : "random";
    if (accuracy) json["accuracy"] = *accuracy;
    std::cout << json_text(json);
  } else {
    print_text(graph, network, f);
    if (accuracy) std::cout << "accuracy on them " << fixed(100 * *accuracy, 2) << " %\n";
    if (!inputs.data) std::cout << "inputs are random codes: --data names the test set\n";
  }
  if (f.mismatches == 0) return;
  std::cerr << "error: " << printable(network_file(o.model)) << ": " << f.first_mismatch << "\n";
  throw ExitCode{1};
}

}  // namespace

void add_simulate(CLI::App& program, Chosen& chosen) {
  auto o = std::make_shared<SimulateOptions>();
  CLI::App* app = program.add_subcommand(
      "simulate", "Run a deployed network on the simulated MPIC core: cycles, stalls, energy and memory of every layer");
  app->footer(
      "Without --data, runs on other tasks than the built-in one get random codes as inputs.\nExamples:\n"
      "  bitloom simulate --model out/demo/channel-15kB --images 20 --check\n"
      "  bitloom simulate --model results/cifar10/channel-1 --data cifar-10-binary.tar.gz --images 100 --format json");
  app->add_option("--model", o->model, "Folder of a run, or its network.blig")->required();
  app->add_option("--data", o->config.data, "The task's data, as for eval");
  app->add_option("--seed", o->config.seed, "Seed of random inputs")->capture_default_str();
  app->add_option("--images", o->images, "Test inputs, spread evenly over the test set")
      ->check(CLI::Range(int64_t(1), int64_t(1) << 20))
      ->capture_default_str();
  app->add_flag("--check", o->check, "Compare every code of every layer with the interpreter, not only the outputs");
  app->add_option(
         "--core", o->core,
         "mpic; xpulpv2: the core that MPIC extends, whose programs unpack 4-bit and 2-bit codes to bytes (results/mpic)")
      ->check(CLI::IsMember({"mpic", "xpulpv2"}))
      ->capture_default_str();
  app->add_option("--mem", o->memory, "Bytes of memory; K and M are understood [512K]");
  app->add_option("--format", o->format, "text or json")->check(CLI::IsMember({"text", "json"}))->capture_default_str();
  app->callback([=, &chosen] { chosen = [=](const std::string&) { run_simulation(*o); }; });
}

}  // namespace bitloom
