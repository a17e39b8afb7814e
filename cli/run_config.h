// Everything that determines a run: the command-line options of train and search, kept in config.json.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "nn/model_spec.h"
#include "nn/trainer.h"

namespace CLI {
class App;
}

namespace bitloom {

struct StageConfig {
  int64_t epochs = 0;
  double lr = 1e-3;
};

struct RunConfig {
  std::string task = "synthetic";  // cifar10, synthetic, or npz
  std::string data;                // folder, archive or .npz file
  std::string model = "resnet8";
  std::string out;
  std::string command;  // as typed
  uint64_t seed = 0;
  int64_t batch = 128, patience = 0;
  std::string optimizer = "adam", schedule = "one-cycle", augment = "default";
  double weight_decay = 0.01;
  StageConfig warmup{40, 5e-3}, search{8, 1e-3}, finetune{12, 1e-3};
  std::string warmup_file;  // weights to start from instead of a warm-up
  double checkpoint_seconds = 20;

  bool quantize = false;  // train --quant, or search
  std::string granularity = "channel", cost = "size", sampling = "softmax", weight_scale = "learned", code_range = "full",
              arch_optimizer = "adam", cost_table = "published";
  std::vector<int> weight_bits = {2, 4, 8}, act_bits = {8};
  double strength = 0.5, arch_lr = 0.02;
  std::string budget;  // "30kB", "2M", "80uJ"; empty: strength is fixed
};

// Declare the options with their help on a subcommand.
void add_data_options(CLI::App& app, RunConfig& config);
void add_training_options(CLI::App& app, RunConfig& config);
void add_search_options(CLI::App& app, RunConfig& config);
void add_cost_table_option(CLI::App& app, std::string& name);

nlohmann::ordered_json to_json(const RunConfig& config);
// Indented, ending in a newline. Bytes that are not UTF-8, of a path for example, become U+FFFD.
std::string json_text(const nlohmann::ordered_json& json);
// Error names the key that is missing or has the wrong type.
RunConfig config_from_json(const std::string& text, const std::string& where);

// The task's splits, with the augmentation the config asks for. A data path sets the task: npz for a file ending in .npz, else cifar10.
TaskData load_task(RunConfig& config);
// The model for that data.
ModelSpec make_model(const RunConfig& config, const TaskData& data);

}  // namespace bitloom
