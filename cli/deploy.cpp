// bitloom deploy: a deployed network as files for a target.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/commands.h"
#include "cli/mpic_target.h"
#include "cli/table.h"
#include "core/ends_with.h"
#include "core/io.h"
#include "core/json.h"
#include "core/names.h"
#include "core/rng.h"
#include "mpic/isa/names.h"
#include "mpic/sim/loader.h"
#include "nas/run/deployed.h"
#include "quant/export_c/export_c.h"
#include "quant/export_c/front_end.h"
#include "quant/export_c/layout.h"
#include "quant/integer/anomaly_score.h"

namespace bitloom {
namespace {

struct DeployOptions {
  std::string model, out, memory, name;
  std::vector<std::string> classes;
  CLayout layout = CLayout::kFlat;
  std::string target = "c", front_end = "none";
  int64_t samples = 4;
  uint64_t seed = 1;
  bool json = false;
};

void write_all(const std::vector<TextFile>& files, const std::string& folder) {
  make_output_folder(folder);
  for (const TextFile& file : files)
    if (const size_t slash = file.name.rfind('/'); slash != std::string::npos)
      make_output_folder(folder + "/" + file.name.substr(0, slash));
  AtomicFiles written;
  for (const TextFile& file : files) written.write(folder + "/" + file.name, file.text);
  written.commit();
}

// What tells whether the files are right where they are.
std::string check_it(const DeployOptions& o, const std::vector<TextFile>& files) {
  switch (o.layout) {
    case CLayout::kFlat: break;
    case CLayout::kCMake: return "Check it: cmake -S " + o.out + " -B build && cmake --build build && ctest --test-dir build\n";
    case CLayout::kArduino:
      return "A library: put the folder among those of your Arduino installation; its example is the self-test.\n";
  }
  std::string sources, selftest;  // of this network: the folder may hold others
  for (const TextFile& file : files) {
    if (ends_with(file.name, ".c")) sources += o.out + "/" + file.name + " ";
    if (ends_with(file.name, "_selftest.c")) selftest = o.out + "/" + file.name;
  }
  if (o.target == "cortex-m4")
    return "Compile with -mcpu=cortex-m4 (or any core with the DSP extension); -DBITLOOM_PORTABLE leaves the intrinsics out. " +
           selftest + " checks it on the target.\n";
  return "Check it: cc -std=c99 -O2 " + sources + "-o selftest && ./selftest\n";
}

// Bytes of the constants of one layer.
struct Flash {
  explicit Flash(const IntegerLayer& layer)
      : weights(int64_t(layer.weights.size() * sizeof(uint32_t))),
        tables(int64_t((layer.multiplier.size() + layer.offset.size()) * sizeof(int32_t) + layer.shift.size())) {}
  int64_t weights, tables;
};

void print_table(const IntegerGraph& graph, const MemoryPlan& plan) {
  Table table({"layer", "kind", "output", "weight bits", "act bits", "weight bytes", "table bytes", "RAM bytes", "in place"});
  for (size_t i = 1; i < graph.layers.size(); ++i) {
    const IntegerLayer& layer = graph.layers[i];
    const Flash flash(layer);
    table.add({layer.name, to_string(layer.op), str(layer.h, "x", layer.w, "x", layer.c), weight_bits_text(layer),
               std::to_string(layer.out.bits), grouped(flash.weights), grouped(flash.tables), grouped(plan.layers[i].live),
               plan.layers[i].in_place ? "yes" : "-"});
  }
  table.add({"total", "", "", "", "", grouped(weight_bytes(graph)), grouped(table_bytes(graph)), grouped(plan.size), ""});
  const IntegerLayer &in = graph.layers.front(), &last = graph.layers.back();
  std::cout << table.text() << "Flash: " << grouped(weight_bytes(graph) + table_bytes(graph))
            << " bytes of constants, and the code of the kernels. RAM: " << grouped(plan.size)
            << " bytes; the caller keeps the input (" << grouped(in.h * in.w * in.c) << ") and the output ("
            << grouped(last.h * last.w * last.c * (last.out.bits == 32 ? 4 : 1)) << ").\n";
}

nlohmann::ordered_json figures(const IntegerGraph& graph, const MemoryPlan& plan) {
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  for (size_t i = 1; i < graph.layers.size(); ++i) {
    const Flash flash(graph.layers[i]);
    layers.push_back({{"name", graph.layers[i].name},
                      {"kind", to_string(graph.layers[i].op)},
                      {"weight_bytes", flash.weights},
                      {"table_bytes", flash.tables},
                      {"ram_bytes", plan.layers[i].live},
                      {"in_place", plan.layers[i].in_place}});
  }
  return {{"model", graph.model},
          {"weight_bytes", weight_bytes(graph)},
          {"table_bytes", table_bytes(graph)},
          {"ram_bytes", plan.size},
          {"layers", layers}};
}

void deploy_c(const IntegerGraph& graph, const DeployOptions& o) {
  std::optional<FrontEnd> front_end;
  if (o.front_end == "mfcc") front_end = mfcc_of(graph);
  if (o.front_end == "log-mel") front_end = log_mel_of(graph);
  const ExportOptions options = {o.name, o.classes.empty() ? class_names(o.model, graph) : o.classes,
                                 front_end ? &*front_end : nullptr};
  const std::vector<TextFile> files = export_c(graph, random_codes(graph, o.samples, Rng(o.seed)), options);
  write_all(laid_out(files, o.layout, CNames(graph, o.name)), o.out);
  const MemoryPlan plan = plan_c_export(graph);
  if (o.json) {
    std::cout << json_text(figures(graph, plan));
  } else {
    print_table(graph, plan);
    std::cout << check_it(o, files);
  }
}

void deploy_mpic(const IntegerGraph& graph, const DeployOptions& o) {
  mpic::CodegenOptions options;
  if (!o.memory.empty()) options.memory = mpic::parse_size(o.memory);
  const mpic::CompiledNetwork network = mpic::compile(graph, options);
  const std::vector<TextFile> files = mpic_files(graph, network);
  write_all(files, o.out);
  if (o.json) {
    std::cout << files.back().text;
    return;
  }
  std::cout << memory_map_text(network) << "Input at " << mpic::hex(network.layers.front().output.address, 8) << ", output at "
            << mpic::hex(network.layers[graph.layers.size() - 1].output.address, 8) << "; " << o.out
            << "/memory_map.json says how codes lie there.\nRun it: bitloom run " << o.out << "/network.bin\n";
}

void deploy(const DeployOptions& o) {
  BITLOOM_CHECK(o.target != "mpic" || (o.name.empty() && o.layout == CLayout::kFlat && o.classes.empty()),
                "--name, --layout and --classes are of --target c; a program for MPIC holds one network");
  const IntegerGraph graph = load_deployed(o.model);
  if (o.target == "mpic")
    deploy_mpic(graph, o);
  else
    deploy_c(graph, o);
}

}  // namespace

void add_deploy(CLI::App& program, Chosen& chosen) {
  auto o = std::make_shared<DeployOptions>();
  CLI::App* app = program.add_subcommand(
      "deploy", "Write a deployed network for a target: portable C99 for any microcontroller, or a program for MPIC");
  app->footer(
      "Examples:\n  bitloom deploy --model results/cifar10/channel-0.2 --target c --out out/c\n"
      "  bitloom deploy --model out/keywords --front-end mfcc --name kws --layout cmake --out firmware/networks\n"
      "  bitloom deploy --model out/fan --front-end log-mel --name fan --layout cmake --out firmware/networks\n"
      "  bitloom deploy --model results/cifar10/channel-0.2 --target mpic --out out/mpic");
  app->add_option("--model", o->model, "Folder of a run, or its network.blig")->required();
  app->add_option(
         "--target", o->target,
         "c: C99 with static arrays, a self-test included; cortex-m4: the same files, whose kernels use the DSP extension "
         "by intrinsics wherever a compiler for such a core has it; mpic: a program for the MPIC core")
      ->check(CLI::IsMember({"c", "cortex-m4", "mpic"}))
      ->capture_default_str();
  app->add_option("--out", o->out, "Folder for the files")->required();
  app->add_option(
      "--name", o->name,
      "c: what functions, macros and files begin with (kws_infer, KWS_INPUT_SIZE, kws.h), so that several networks fit "
      "one program [bitloom]");
  app->add_option_function<std::string>(
         "--layout", [o](const std::string& text) { o->layout = named<CLayout>(text); },
         "c: files for a build system beside the others: flat (none), cmake (and a module of Zephyr) or arduino (a library)")
      ->check(CLI::IsMember(all_names<CLayout>()))
      ->default_str(name_of(o->layout));
  app->add_option("--classes", o->classes,
                  "c: names of the classes, with commas between them [those of the run's data: words, folders; else numbers]")
      ->delimiter(',');
  app->add_option("--mem", o->memory, "mpic: bytes of memory; K and M are understood [512K]");
  app->add_option("--samples", o->samples, "c: random inputs in the self-test")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app->add_option("--front-end", o->front_end,
                  "c: what turns int16 sound of 16 kHz into codes, in integers: mfcc (a second, keywords), log-mel (a machine, "
                  "as it runs) or none")
      ->check(CLI::IsMember({"none", "mfcc", "log-mel"}))
      ->capture_default_str();
  app->add_option("--seed", o->seed, "Seed of those inputs")->capture_default_str();
  app->add_flag("--json", o->json, "Machine-readable");
  app->callback([=, &chosen] { chosen = [=](const std::string&) { deploy(*o); }; });
}

}  // namespace bitloom
