// Command-line options of train and search.
#include "cli/run_config.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "datasets/sources.h"
#include "nn/models/models.h"

namespace bitloom {
namespace {

constexpr int64_t kMaxEpochs = 1000000;

// CLI::PositiveNumber and CLI::NonNegativeNumber let nan pass.
CLI::Validator number(const std::string& kind) {
  const auto check = [kind](std::string& text) {
    double value = 0;
    const bool finite = CLI::detail::lexical_cast(text, value) && std::isfinite(value);
    const bool fits = finite && value >= 0 && (value > 0 || kind != "POSITIVE");
    return fits ? std::string() : "'" + text + "' is not a " + (kind == "POSITIVE" ? "positive number" : "number of 0 or more");
  };
  return CLI::Validator(check, kind);
}

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const ModelEntry& entry : all_models()) names.push_back(entry.name);
  return names;
}

// "none", "default", or a comma-separated list such as "flip,crop=4,rotate=15,translate=0.1".
Augment parse_augment(const std::string& text, const Augment& standard) {
  if (text == "default") return standard;
  Augment a;
  if (text == "none") return a;
  std::istringstream in(text);
  for (std::string item; std::getline(in, item, ',');) {
    const size_t equals = item.find('=');
    const std::string name = item.substr(0, equals);
    double value = name == "flip" ? 0 : -1;
    if (equals != std::string::npos) value = CLI::detail::lexical_cast(item.substr(equals + 1), value) ? value : -1;
    BITLOOM_CHECK(value >= 0 && value <= 360, "--augment: '", item, "' has no valid number");
    if (name == "flip")
      a.flip = true;
    else if (name == "crop")
      a.crop_padding = int64_t(value);
    else if (name == "rotate")
      a.rotate_degrees = value;
    else if (name == "translate")
      a.translate = value;
    else
      throw Error("--augment: unknown item '" + name +
                  "'; known: flip, crop=PIXELS, rotate=DEGREES, translate=FRACTION, none, default");
  }
  return a;
}

}  // namespace

void add_data_options(CLI::App& app, RunConfig& c) {
  app.add_option("--task", c.task,
                 "What to learn: cifar10 (official binary files), synthetic (built in, no download), npz (your own arrays)")
      ->check(CLI::IsMember({"cifar10", "synthetic", "npz"}))
      ->capture_default_str();
  app.add_option("--data", c.data,
                 "cifar10: folder or cifar-10-binary.tar.gz (see `make data`); npz: file with x_train, y_train, x_test, y_test "
                 "and optionally "
                 "x_val, y_val. The task follows from the path: .npz, else cifar10");
  app.add_option("--model", c.model, "Network")->check(CLI::IsMember(model_names()))->capture_default_str();
  app.add_option("--seed", c.seed, "Seed of every random choice; the same seed gives the same bits")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

void add_training_options(CLI::App& app, RunConfig& c) {
  app.add_option("--out", c.out,
                 "Folder for config.json, log.csv, result.json and checkpoints; run again with the same folder to resume")
      ->required();
  app.add_option("--batch", c.batch, "Samples a step")->check(CLI::Range(int64_t(1), int64_t(1) << 20))->capture_default_str();
  app.add_option("--epochs", c.warmup.epochs, "Epochs of float training (the warm-up)")
      ->check(CLI::Range(int64_t(0), kMaxEpochs))
      ->capture_default_str();
  app.add_option("--lr", c.warmup.lr, "Its peak learning rate")->check(number("POSITIVE"))->capture_default_str();
  app.add_option("--schedule", c.schedule, "Learning-rate schedule")
      ->check(CLI::IsMember({"constant", "step", "exponential", "cosine", "one-cycle"}))
      ->capture_default_str();
  app.add_option("--optimizer", c.optimizer, "Optimizer of the weights")
      ->check(CLI::IsMember({"adam", "sgd"}))
      ->capture_default_str();
  app.add_option("--weight-decay", c.weight_decay,
                 "Decay of filters (decoupled under Adam); never of scales, norms or architecture")
      ->check(number("NONNEGATIVE"))
      ->capture_default_str();
  app.add_option("--patience", c.patience, "Stop a stage after so many epochs without a better validation score; 0: never")
      ->check(CLI::Range(int64_t(0), kMaxEpochs))
      ->capture_default_str();
  app.add_option("--augment", c.augment, "none, default, or a list: flip,crop=PIXELS,rotate=DEGREES,translate=FRACTION")
      ->capture_default_str();
  app.add_option("--warmup", c.warmup_file, "Start from these weights (warmup.npz of another run) instead of training them");
  app.add_option("--checkpoint-seconds", c.checkpoint_seconds, "How much work a run that is killed may lose")
      ->check(number("NONNEGATIVE"))
      ->capture_default_str();
  app.add_option("--finetune-epochs", c.finetune.epochs, "Epochs of quantization-aware training with the precisions fixed")
      ->check(CLI::Range(int64_t(0), kMaxEpochs))
      ->capture_default_str();
  app.add_option("--finetune-lr", c.finetune.lr, "Its peak learning rate")->check(number("POSITIVE"))->capture_default_str();
  app.add_option("--weight-scale", c.weight_scale, "Weight quantizer scales: learned (LSQ), mse, maxabs")
      ->check(CLI::IsMember({"learned", "mse", "maxabs"}))
      ->capture_default_str();
  app.add_option("--code-range", c.code_range, "Integers of a b-bit weight: full [-2^(b-1), 2^(b-1)-1] or symmetric")
      ->check(CLI::IsMember({"full", "symmetric"}))
      ->capture_default_str();
  add_cost_table_option(app, c.cost_table);
}

void add_cost_table_option(CLI::App& app, std::string& name) {
  app.add_option(
         "--cost-table", name,
         "Cycles on MPIC: published (MACs per cycle by the authors) or measured (pieces of the code that `deploy` emits)")
      ->check(CLI::IsMember({"published", "measured"}))
      ->capture_default_str();
}

void add_search_options(CLI::App& app, RunConfig& c) {
  const auto subset = [](std::vector<int> allowed) {
    return CLI::Validator(
        [allowed](std::string& text) {
          int value = -1;
          const bool known =
              CLI::detail::lexical_cast(text, value) && std::find(allowed.begin(), allowed.end(), value) != allowed.end();
          return known ? std::string() : "'" + text + "' is not one of the bit-widths offered";
        },
        "BITS");
  };
  app.add_option("--granularity", c.granularity,
                 "channel: every output channel its own weight bits; layer: one choice a layer; fixed: one for all")
      ->check(CLI::IsMember({"channel", "layer", "fixed"}))
      ->capture_default_str();
  app.add_option("--weight-bits", c.weight_bits,
                 "Weight precisions offered, any of 0,2,4,8 (0 removes a channel); fixed: the one used")
      ->delimiter(',')
      ->check(subset({0, 2, 4, 8}))
      ->capture_default_str();
  app.add_option("--act-bits", c.act_bits, "Activation precisions offered, any of 2,4,8; fixed: the one used")
      ->delimiter(',')
      ->check(subset({2, 4, 8}))
      ->capture_default_str();
  app.add_option("--cost", c.cost, "What the search presses on: size (weight bits), cycles or energy (on MPIC)")
      ->check(CLI::IsMember({"size", "cycles", "energy"}))
      ->capture_default_str();
  app.add_option("--lambda", c.strength, "Strength: loss + lambda * cost / cost of the w8a8 network")
      ->check(number("NONNEGATIVE"))
      ->capture_default_str();
  app.add_option("--budget", c.budget,
                 "Target instead of a strength: 30kB (size), 2M (cycles) or 80uJ (energy), as --cost says");
  app.add_option("--sampling", c.sampling,
                 "How precisions are mixed: softmax (annealed), gumbel, gumbel-hard, argmax (straight-through)")
      ->check(CLI::IsMember({"softmax", "gumbel", "gumbel-hard", "argmax"}))
      ->capture_default_str();
  app.add_option("--search-epochs", c.search.epochs, "Epochs of search")
      ->check(CLI::Range(int64_t(0), kMaxEpochs))
      ->capture_default_str();
  app.add_option("--search-lr", c.search.lr, "Weight learning rate of the search")
      ->check(number("POSITIVE"))
      ->capture_default_str();
  app.add_option("--arch-lr", c.arch_lr, "Learning rate of the architecture parameters")
      ->check(number("POSITIVE"))
      ->capture_default_str();
  app.add_option("--arch-optimizer", c.arch_optimizer, "Their optimizer (the paper: sgd, lr 0.01, for hundreds of epochs)")
      ->check(CLI::IsMember({"adam", "sgd"}))
      ->capture_default_str();
}

nlohmann::ordered_json to_json(const RunConfig& c) {
  const auto stage = [](const StageConfig& s) { return nlohmann::ordered_json{{"epochs", s.epochs}, {"lr", s.lr}}; };
  return {{"command", c.command},
          {"task", c.task},
          {"model", c.model},
          {"seed", c.seed},
          {"batch", c.batch},
          {"patience", c.patience},
          {"optimizer", c.optimizer},
          {"schedule", c.schedule},
          {"augment", c.augment},
          {"weight_decay", c.weight_decay},
          {"warmup", stage(c.warmup)},
          {"warmup_file", c.warmup_file},
          {"search", stage(c.search)},
          {"finetune", stage(c.finetune)},
          {"quantize", c.quantize},
          {"granularity", c.granularity},
          {"weight_bits", c.weight_bits},
          {"act_bits", c.act_bits},
          {"cost", c.cost},
          {"cost_table", c.cost_table},
          {"strength", c.strength},
          {"budget", c.budget},
          {"sampling", c.sampling},
          {"arch_lr", c.arch_lr},
          {"arch_optimizer", c.arch_optimizer},
          {"weight_scale", c.weight_scale},
          {"code_range", c.code_range}};
}

std::string json_text(const nlohmann::ordered_json& json) {
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

RunConfig config_from_json(const std::string& text, const std::string& where) {
  RunConfig c;
  try {
    const nlohmann::json j = nlohmann::json::parse(text);
    c.task = j.at("task");
    c.model = j.at("model");
    c.seed = j.at("seed");
    c.quantize = j.at("quantize");
    c.weight_bits = j.at("weight_bits").get<std::vector<int>>();
    c.act_bits = j.at("act_bits").get<std::vector<int>>();
    c.granularity = j.at("granularity");
    c.code_range = j.at("code_range");
    c.weight_scale = j.at("weight_scale");
  } catch (const nlohmann::json::exception& e) {
    throw Error(where + ": not a run's config.json: " + e.what());
  }
  return c;
}

TaskData load_task(RunConfig& c) {
  const auto ends_with = [&](const std::string& tail) {
    return c.data.size() > tail.size() && c.data.substr(c.data.size() - tail.size()) == tail;
  };
  if (ends_with(".npz"))
    c.task = "npz";
  else if (!c.data.empty() && c.task == "synthetic")
    c.task = "cifar10";
  TaskData data;
  if (c.task == "synthetic") {
    data = make_synthetic(c.seed);
  } else {
    BITLOOM_CHECK(!c.data.empty(), "--task ", c.task, " needs --data PATH (`make data` downloads the official archives)");
    data = c.task == "cifar10" ? load_cifar10(c.data) : load_npz_task(c.data, c.seed);
  }
  data.augment = parse_augment(c.augment, data.augment);
  return data;
}

ModelSpec make_model(const RunConfig& c, const TaskData& data) {
  const bool reconstructs = c.model == "autoencoder";
  BITLOOM_CHECK(reconstructs == (data.train.classes == 0), "model ", c.model,
                reconstructs ? " learns without labels, but dataset '" : " needs labels, but dataset '", data.name,
                reconstructs ? "' has them" : "' has none");
  return find_model(c.model).make(data.train.h, data.train.w, data.train.c, data.train.classes);
}

}  // namespace bitloom
