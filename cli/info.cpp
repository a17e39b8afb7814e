// bitloom info: what a model or a deployed network consists of, layer by layer.
#include <CLI/CLI.hpp>
#include <cmath>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/mpic_target.h"
#include "cli/options.h"
#include "cli/table.h"
#include "core/json.h"
#include "core/quote.h"
#include "nas/cost_model.h"
#include "nas/run/deployed.h"
#include "nas/run/result.h"
#include "nn/model_file.h"
#include "nn/model_spec_json.h"
#include "nn/models/models.h"
#include "quant/export_c/export_c.h"

namespace bitloom {
namespace {

const std::vector<std::string> kColumns = {"layer",    "output",       "parameters", "MACs",     "weight bits",
                                           "act bits", "weight bytes", "cycles",     "energy uJ"};

std::string extents(int64_t h, int64_t w, int64_t c) { return str(h, "x", w, "x", c); }

// A model as it would be with one precision for all weights and activations.
std::string model_table(const ModelSpec& spec, int weight_bits, int act_bits, const CostTable& costs) {
  Table table(kColumns);
  const Assignment assignment = Assignment::uniform(spec, weight_bits, act_bits);
  const CostModel size(spec, CostKind::kSize), cycles(spec, CostKind::kCycles, costs), energy(spec, CostKind::kEnergy, costs);
  const auto add = [&](const std::string& name, const std::string& output, int64_t params, int64_t mac, double bits,
                       double cycle, double joule) {
    table.add({name, output, grouped(params), grouped(mac), params ? std::to_string(weight_bits) : "-",
               params ? std::to_string(act_bits) : "-", grouped(std::llround(bits / 8)), grouped(std::llround(cycle)),
               fixed(joule, 2)});
  };
  for (int i = 1; i <= spec.output(); ++i) {
    const LayerSpec& layer = spec.layers[size_t(i)];
    add(layer.name, extents(layer.h, layer.w, layer.c), parameters(spec, layer), macs(spec, layer),
        size.layer_cost(assignment, i), cycles.layer_cost(assignment, i), energy.layer_cost(assignment, i));
  }
  add("total", "", parameters(spec), macs(spec), size.cost(assignment), cycles.cost(assignment), energy.cost(assignment));
  return table.text();
}

std::string graph_table(const IntegerGraph& graph, const CostTable& costs) {
  Table table(kColumns);
  const NetworkFigures figures = figures_of(graph, costs);
  int64_t parameters = 0;
  for (const IntegerLayer& layer : graph.layers) {
    if (layer.op == IntegerOp::kInput) continue;
    const double cycles = layer_cycles(graph, layer, costs), energy = cycles * costs.picojoule_per_cycle * 1e-6;
    std::vector<std::string> row = {layer.name,
                                    extents(layer.h, layer.w, layer.c),
                                    "-",
                                    "-",
                                    weight_bits_text(layer),
                                    std::to_string(layer.out.bits),
                                    "-",
                                    cycles > 0 ? grouped(std::llround(cycles)) : "-",
                                    cycles > 0 ? fixed(energy, 2) : "-"};
    for (const LayerFigures& own : figures.layers) {
      if (own.name != layer.name) continue;
      row[2] = grouped(own.parameters);
      row[3] = grouped(own.macs);
      row[6] = grouped(own.weight_bytes);
      parameters += own.parameters;
    }
    table.add(row);
  }
  table.add({"total", "", grouped(parameters), grouped(figures.macs), "", "", grouped(figures.weight_bytes),
             grouped(figures.cycles), fixed(figures.energy_uj, 2)});
  return table.text();
}

// What deploy --target c writes; the code is the compiler's.
std::string c_memory(const IntegerGraph& graph) {
  return str(grouped(weight_bytes(graph)), " bytes of weights + ", grouped(table_bytes(graph)), " of tables + ",
             grouped(plan_c_export(graph).size), " of activations, and the code of the kernels");
}

struct InfoOptions {
  std::string run, model;
  std::string quant = "w8a8";
  double width = 1;
  bool write_spec = false;
  CostTableKind cost_table = CostTableKind::kPublished;
  bool json = false;
};

void show(const InfoOptions& o) {
  const CostTable& costs = cost_table(o.cost_table);
  if (!o.run.empty()) {
    const std::string file = network_file(o.run);
    const IntegerGraph graph = load_deployed(o.run);
    if (o.json) {
      nlohmann::ordered_json figures = json_of(figures_of(graph, costs));
      figures["mpic_memory"] = WholeMemory(graph).json();
      std::cout << json_text(figures);
      return;
    }
    std::cout << graph.model << " of " << printable(file) << " (weight bits: channels@width; act bits: of the output)\n"
              << graph_table(graph, costs);
    std::cout << "Requantization tables: " << grouped(table_bytes(graph)) << " bytes. Cycles by the " << costs.name
              << " MPIC cost table.\nAs a program for MPIC: " << WholeMemory(graph).text() << ".\nAs C: " << c_memory(graph)
              << ".\n";
    return;
  }
  const auto show_model = [&](ModelSpec spec, const std::string& summary) {
    spec = with_width(std::move(spec), o.width);
    if (o.write_spec)
      std::cout << to_json(spec);
    else
      std::cout << spec.name << ": " << summary << ", at " << o.quant << "\n"
                << model_table(spec, o.quant[1] - '0', o.quant[3] - '0', costs) << "\n";
  };
  if (is_model_file(o.model)) return show_model(read_model_file(o.model).spec, "of " + printable(o.model));
  for (const ModelEntry& entry : all_models())
    if (o.model.empty() || o.model == entry.name)
      show_model(entry.make(entry.h, entry.w, entry.c, entry.classes), entry.summary);
}

}  // namespace

void add_info(CLI::App& program, Chosen& chosen) {
  auto options = std::make_shared<InfoOptions>();
  CLI::App* app = program.add_subcommand(
      "info", "Show a model or a deployed network: shape, parameters, MACs, bits, bytes, cycles, energy of every layer");
  app->footer(
      "Examples:\n  bitloom info --model resnet8 --quant w4a8\n  bitloom info out/demo/channel-15kB --json\n"
      "  bitloom info --model ds_cnn --write-spec >mine.json");
  CLI::Option* run =
      app->add_option("run", options->run, "Folder of a run, or its network.blig; without it the MLPerf Tiny models are shown");
  CLI::Option* model = add_model_option(*app, options->model, "Only this model");
  app->add_flag("--write-spec", options->write_spec, "Print the model as JSON, which --model reads")->needs(model);
  add_width_option(*app, options->width);
  app->add_option("--quant", options->quant, "Precisions to price the models at")
      ->check(CLI::IsMember({"w8a8", "w4a8", "w2a8", "w8a4", "w4a4", "w2a4", "w8a2", "w4a2", "w2a2"}))
      ->capture_default_str();
  add_cost_table_option(*app, options->cost_table);
  app->add_flag("--json", options->json, "Machine-readable (deployed networks)")->needs(run);
  app->callback([=, &chosen] { chosen = [=](const std::string&) { show(*options); }; });
}

}  // namespace bitloom
