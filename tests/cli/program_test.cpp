// Tests of the program's subcommands on small tasks: what they write, and that it agrees.
#include "tests/support/program.h"

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/io.h"
#include "core/paths.h"
#include "core/state_dict.h"

namespace bitloom {
namespace {

using nlohmann::json;
using testing::finished_search;
using testing::Outcome;
using testing::run_program;
using testing::SearchCopy;

json read_json(const std::string& file) { return json::parse(read_text(file)); }

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, at);) parts.push_back(part);
  return parts;
}

// What every result of a quantized run must hold and how its parts agree.
void expect_whole(const json& result) {
  for (const char* key : {"task", "data", "granularity", "weight_bits", "act_bits", "cost", "strength", "seed", "command",
                          "test_accuracy_float", "test_accuracy_fake_quant", "test_accuracy_integer", "agreement",
                          "weight_bytes", "macs", "cycles", "energy_uj", "seconds", "layers"})
    EXPECT_TRUE(result.contains(key)) << key;
  for (const char* key : {"test_accuracy_float", "test_accuracy_fake_quant", "test_accuracy_integer", "agreement"}) {
    EXPECT_GE(result.at(key), 0) << key;
    EXPECT_LE(result.at(key), 1) << key;
  }
  EXPECT_GE(result.at("agreement"), 0.98);  // one of 64 samples at most
  int64_t bytes = 0, macs = 0, cycles = 0;
  for (const json& layer : result.at("layers")) {
    bytes += layer.at("weight_bytes").get<int64_t>();
    macs += layer.at("macs").get<int64_t>();
    cycles += layer.at("cycles").get<int64_t>();
    for (const auto& [bits, channels] : layer.at("channels").items()) {
      EXPECT_NE(std::string("0248").find(bits), std::string::npos) << bits;
      EXPECT_GT(channels, 0);
    }
  }
  EXPECT_EQ(result.at("weight_bytes"), bytes);
  EXPECT_EQ(result.at("macs"), macs);
  EXPECT_NEAR(result.at("cycles").get<double>(), double(cycles), double(result.at("layers").size()));
}

TEST(ProgramTest, HelpNamesEverySubcommand) {
  const testing::TempFolder folder;
  const Outcome help = run_program(folder.path(), "--help");
  EXPECT_EQ(help.code, 0);
  for (const char* name : {"train", "search", "eval", "info", "report", "demo"}) {
    EXPECT_NE(help.out.find(std::string("\n  ") + name + " "), std::string::npos) << name;
    const Outcome own = run_program(folder.path(), std::string(name) + " --help");
    EXPECT_EQ(own.code, 0);
    EXPECT_EQ(own.err, "");
  }
}

TEST(ProgramTest, SearchWritesAllItPromises) {
  const std::string run = finished_search() + "/run/";
  const json result = read_json(run + "result.json"), config = read_json(run + "config.json");
  expect_whole(result);
  EXPECT_EQ(result.at("task"), "npz");
  EXPECT_EQ(result.at("granularity"), "channel");
  EXPECT_EQ(result.at("weight_bits"), json({0, 2, 4, 8}));
  EXPECT_EQ(result.at("act_bits"), json({2, 4, 8}));
  EXPECT_EQ(result.at("seed"), 3);
  EXPECT_EQ(result.at("command"), std::string("bitloom ") + testing::kSearch);
  for (const char* stage : {"warmup", "search", "finetune"}) EXPECT_GT(result.at("seconds").at(stage), 0) << stage;
  EXPECT_EQ(config.at("weight_bits"), result.at("weight_bits"));
  EXPECT_EQ(config.at("seed"), 3);
  EXPECT_EQ(config.at("search").at("epochs"), 2);
  EXPECT_GT(result.at("test_accuracy_float"), 0.5);  // one of four classes by chance

  // The assignment is what the layers say.
  const json assignment = read_json(run + "assignment.json");
  std::map<std::string, std::map<std::string, int64_t>> channels;
  for (const json& layer : assignment.at("layers"))
    for (int bits : layer.at("weight_bits")) ++channels[layer.at("name")][std::to_string(bits)];
  for (const json& layer : result.at("layers")) {
    for (const auto& [bits, count] : layer.at("channels").items())
      if (bits != "0") {
        EXPECT_EQ(channels[layer.at("name")][bits], count) << layer.at("name") << " " << bits;
      }
  }
}

TEST(ProgramTest, LogHasAHeaderAndARowForEveryEpochOfEveryStage) {
  const std::vector<std::string> lines = split(read_text(finished_search() + "/run/log.csv"), '\n');
  ASSERT_EQ(lines.size(), 9u);
  const std::string columns = "stage,epoch,train_loss,train_accuracy,val_loss,val_score,seconds";
  const std::vector<std::string> stages = {"warmup", "search", "finetune"};
  for (size_t s = 0; s < stages.size(); ++s) {
    const bool search = stages[s] == "search";
    const std::vector<std::string> header = split(lines[3 * s], ',');
    EXPECT_EQ(lines[3 * s], columns + (search ? ",temperature,lambda,relative_cost,discrete_relative_cost" : ""));
    for (size_t epoch = 1; epoch <= 2; ++epoch) {
      const std::vector<std::string> row = split(lines[3 * s + epoch], ',');
      ASSERT_EQ(row.size(), header.size()) << lines[3 * s + epoch];
      EXPECT_EQ(row[0], stages[s]);
      EXPECT_EQ(row[1], std::to_string(epoch));
    }
  }
}

TEST(ProgramTest, EvalReproducesTheIntegerFigureExactly) {
  const std::string& folder = finished_search();
  const json result = read_json(folder + "/run/result.json");
  for (const char* run : {"run", "run/network.blig"}) {
    const Outcome outcome = run_program(folder, std::string("eval ") + run + " --data task.npz --json");
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const json figures = json::parse(outcome.out);
    EXPECT_EQ(figures.at("test_accuracy_integer"), result.at("test_accuracy_integer"));
    EXPECT_EQ(figures.at("weight_bytes"), result.at("weight_bytes"));
    EXPECT_EQ(figures.at("samples"), 64);
    EXPECT_EQ(figures.count("test_accuracy_integer_stored"), run == std::string("run") ? 1u : 0u);
  }
  EXPECT_NE(run_program(folder, "eval run --data task.npz").out.find("test_accuracy_integer_stored"), std::string::npos);
}

TEST(ProgramTest, EvalOfTheWarmupGivesTheFloatFigure) {
  const Outcome outcome = run_program(finished_search(), "eval --import run/warmup.npz --data task.npz --pixels unit --json");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(json::parse(outcome.out).at("test_accuracy_float"),
            read_json(finished_search() + "/run/result.json").at("test_accuracy_float"));
}

TEST(ProgramTest, InfoTellsTheSameAsTheResult) {
  const Outcome outcome = run_program(finished_search(), "info run --json");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json info = json::parse(outcome.out), result = read_json(finished_search() + "/run/result.json");
  for (const char* key : {"weight_bytes", "table_bytes", "macs", "cycles", "energy_uj", "layers"})
    EXPECT_EQ(info.at(key), result.at(key)) << key;
  const Outcome table = run_program(finished_search(), "info run");
  EXPECT_EQ(table.code, 0);
  for (const json& layer : result.at("layers"))
    EXPECT_NE(table.out.find("\n" + layer.at("name").get<std::string>() + " "), std::string::npos) << table.out;
}

TEST(ProgramTest, InfoShowsEveryModel) {
  const Outcome outcome = run_program(finished_search(), "info --quant w4a8");
  EXPECT_EQ(outcome.code, 0);
  for (const char* model : {"resnet8: ", "ds_cnn: ", "mobilenet_v1: ", "autoencoder: "})
    EXPECT_NE(outcome.out.find(model), std::string::npos) << model;
}

TEST(ProgramTest, ReportComparesRuns) {
  const SearchCopy folder({"run"});
  const Outcome outcome = run_program(folder.path(), "report run run --markdown --svg picture.svg");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const std::vector<std::string> lines = split(outcome.out, '\n');
  ASSERT_EQ(lines.size(), 4u) << outcome.out;
  EXPECT_EQ(lines[2], lines[3]);
  EXPECT_EQ(lines[2].find("| channel 0.2 "), 0u) << lines[2];
  EXPECT_EQ(read_text(folder / "picture.svg").find("<svg "), 0u);
}

TEST(ProgramTest, TrainQuantizesEveryChannelAlike) {
  const SearchCopy folder({"task.npz", "run/warmup.npz"});
  const Outcome outcome = run_program(
      folder.path(), "train --quant w4a8 --warmup warmup.npz --data task.npz --batch 32 --finetune-epochs 1 --out w4a8");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("\nw4a8 "), std::string::npos) << outcome.out;
  const json result = read_json(folder / "w4a8/result.json");
  expect_whole(result);
  EXPECT_EQ(result.at("granularity"), "fixed");
  EXPECT_EQ(result.at("test_accuracy_float"), read_json(finished_search() + "/run/result.json").at("test_accuracy_float"));
  EXPECT_FALSE(result.at("seconds").contains("warmup"));
  for (const json& layer : result.at("layers")) {
    EXPECT_EQ(layer.at("channels").size(), 1u);
    EXPECT_TRUE(layer.at("channels").contains("4"));
    EXPECT_EQ(layer.at("act_bits"), 8);
  }
  EXPECT_FALSE(file_exists(folder / "w4a8/warmup.npz"));
}

TEST(ProgramTest, TrainWithoutPrecisionsIsFloat) {
  const SearchCopy folder({"task.npz"});
  const Outcome outcome = run_program(folder.path(), "train --data task.npz --batch 32 --epochs 1 --out float");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json result = read_json(folder / "float/result.json");
  EXPECT_TRUE(result.contains("test_accuracy_float"));
  EXPECT_FALSE(result.contains("test_accuracy_integer"));
  EXPECT_TRUE(file_exists(folder / "float/warmup.npz"));
  EXPECT_FALSE(file_exists(folder / "float/network.blig"));
}

TEST(ProgramTest, LayerSearchMeetsItsBudget) {
  const SearchCopy folder({"task.npz", "run/warmup.npz"});
  const Outcome outcome = run_program(folder.path(),
                                      "search --granularity layer --budget 40kB --warmup warmup.npz --data task.npz --batch 32 "
                                      "--search-epochs 1 --finetune-epochs 1 --act-bits 2,4,8 --out layer");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json result = read_json(folder / "layer/result.json");
  expect_whole(result);
  EXPECT_EQ(result.at("budget"), "40kB");
  double bits = 0;
  for (const json& layer : result.at("layers")) {
    ASSERT_EQ(layer.at("channels").size(), 1u) << layer;
    bits += layer.at("parameters").get<double>() * std::stod(layer.at("channels").begin().key());
  }
  EXPECT_LE(bits, 40e3 * 8);
}

TEST(ProgramTest, AnOptionGivenTwiceTakesTheLast) {
  const SearchCopy folder({"task.npz"});
  const Outcome outcome = run_program(folder.path(),
                                      "train --data gone.npz --data task.npz --batch 1 --batch 256 --epochs 1 --out x "
                                      "--schedule step --schedule constant --out twice");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json config = read_json(folder / "twice/config.json");
  EXPECT_EQ(config.at("batch"), 256);
  EXPECT_EQ(config.at("schedule"), "constant");
  EXPECT_FALSE(file_exists(folder / "x"));
  const Outcome lists = run_program(folder.path(), "info --model ds_cnn --model resnet8");
  EXPECT_EQ(lists.out.rfind("resnet8: ", 0), 0u) << lists.out;
}

TEST(ProgramTest, VersionIsThatOfTheRuns) {
  const std::string program = read_json(finished_search() + "/run/config.json").at("identity").at("program");
  EXPECT_EQ(run_program(finished_search(), "--version").out, "bitloom " + program + ", kernels for " + kernel_path() + "\n");
}

// An assignment of one's own: here a search's, with a channel changed, is what the network then has.
TEST(ProgramTest, TrainTakesAnAssignment) {
  const SearchCopy folder({"task.npz", "run/warmup.npz"});
  json assignment = read_json(finished_search() + "/run/assignment.json");
  json& channel = assignment.at("layers")[0].at("weight_bits")[5];
  channel = channel == 8 ? 4 : 8;
  write_text_atomic(folder / "mine.json", assignment.dump());
  const Outcome outcome = run_program(folder.path(),
                                      "train --assignment mine.json --warmup warmup.npz --data task.npz --batch 32 "
                                      "--finetune-epochs 1 --out mine");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(read_json(folder / "mine/assignment.json"), assignment);
  const json result = read_json(folder / "mine/result.json");
  expect_whole(result);
  EXPECT_EQ(result.at("granularity"), "given");
  EXPECT_NE(outcome.out.find("\ngiven "), std::string::npos) << outcome.out;
  EXPECT_EQ(run_program(folder.path(), "report mine --svg mine.svg").code, 0);
}

// The recipe follows from the options: the paper's where one of its own is given.
TEST(ProgramTest, SearchesHaveARecipe) {
  if (std::getenv("BITLOOM_FAST")) GTEST_SKIP() << "slow";
  const SearchCopy folder({"task.npz", "run/warmup.npz"});
  const std::string search =
      "search --warmup warmup.npz --data task.npz --batch 64 --search-epochs 3 --finetune-epochs 1 --weight-bits 0,2,4,8 ";
  const auto config_of = [&](const std::string& options) {
    const Outcome outcome = run_program(folder.path(), search + options + " --out r");
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    expect_whole(read_json(folder / "r/result.json"));
    const json config = read_json(folder / "r/config.json");
    std::filesystem::remove_all(folder / "r");
    return str(config.at("recipe").get<std::string>(), " ", config.at("budget").get<std::string>(), " ",
               config.at("distill").get<double>());
  };
  EXPECT_EQ(config_of(""), "progressive 30% 0.5");
  EXPECT_EQ(config_of("--budget 15kB --distill 0"), "progressive 15kB 0");
  EXPECT_EQ(config_of("--lambda 1"), "paper  0");
  EXPECT_EQ(config_of("--recipe paper --budget 30kB"), "paper 30kB 0");
  EXPECT_EQ(read_json(finished_search() + "/run/config.json").at("recipe"), "paper");
}

TEST(ProgramTest, SensitivityIsATableAndTwoFiles) {
  const SearchCopy folder({"task.npz", "run/warmup.npz"});
  const Outcome outcome = run_program(folder.path(), "sensitivity --data task.npz --warmup warmup.npz --samples 64 --out sens");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("\nconv0         16  "), std::string::npos) << outcome.out;
  const StateDict found(read_npz(folder / "sens/sensitivity.npz"));
  EXPECT_EQ(found.tensor("conv0.weight").shape(), (Shape{16, 4}));
  EXPECT_EQ(found.integers("conv0.weight_bits", 4), (std::vector<int64_t>{0, 2, 4, 8}));
  EXPECT_EQ(found.tensor("conv0.act").shape(), (Shape{3}));
  EXPECT_NE(read_text(folder / "sens/sensitivity.svg").find("2-bit weights"), std::string::npos);
  const Outcome exact =
      run_program(folder.path(),
                  "sensitivity --exact --weight-bits 2,8 --act-bits 8 --data task.npz --warmup warmup.npz --samples 8 --out x");
  ASSERT_EQ(exact.code, 0) << exact.err;
  EXPECT_NE(exact.out.find("measured one by one on 8 samples"), std::string::npos);
  EXPECT_EQ(StateDict(read_npz(folder / "x/sensitivity.npz")).tensor("conv0.weight").shape(), (Shape{16, 2}));
}

TEST(ProgramTest, BudgetsLowerActivationsToo) {
  const SearchCopy folder({"task.npz", "run/warmup.npz"});
  const std::string search =
      "search --warmup warmup.npz --data task.npz --batch 64 --search-epochs 1 --finetune-epochs 0 "
      "--cost energy --act-bits 2,4,8 --out e --budget ";
  const Outcome least = run_program(folder.path(), search + "0.001uJ");
  EXPECT_EQ(least.code, 1);
  const std::string before = "costs less than ";
  const size_t at = least.err.find(before);
  ASSERT_NE(at, std::string::npos) << least.err;
  const std::string amount = least.err.substr(at + before.size(), least.err.find('\n') - at - before.size());
  const Outcome met = run_program(folder.path(), search + amount);
  ASSERT_EQ(met.code, 0) << met.err;
  EXPECT_LE(read_json(folder / "e/result.json").at("energy_uj").get<double>(), std::stod(amount) * (1 + 1e-9));
}

// 256 samples in one batch: the search has as many steps as epochs.
TEST(ProgramTest, ASearchOfFewBatchesSearches) {
  if (std::getenv("BITLOOM_FAST")) GTEST_SKIP() << "slow";
  const SearchCopy folder({"task.npz", "run/warmup.npz"});
  const std::string search =
      "search --warmup warmup.npz --data task.npz --batch 256 --finetune-epochs 0 --lambda 1000 --arch-lr 0.5 "
      "--weight-bits 2,8 --augment none ";
  ASSERT_EQ(run_program(folder.path(), search + "--search-epochs 60 --out few").code, 0);
  const json result = read_json(folder / "few/result.json");
  EXPECT_EQ(result.at("architecture_steps"), 12);
  for (const json& layer : result.at("layers")) EXPECT_FALSE(layer.at("channels").contains("8")) << layer;
  const Outcome none = run_program(folder.path(), search + "--search-epochs 4 --out none");
  EXPECT_EQ(none.code, 0);
  EXPECT_NE(none.err.find("warning: the search was too short to move any precision"), std::string::npos) << none.err;
  EXPECT_EQ(run_program(folder.path(), search + "--search-epochs 4 --arch-every 2 --out two").err.find("warning"),
            std::string::npos);
}

// One step: its rate is that of the step, not of the time since it.
TEST(ProgramTest, TheFirstStepCountsInTheRate) {
  const SearchCopy folder({"task.npz"});
  const std::string err = run_program(folder.path(), "train --data task.npz --batch 256 --epochs 1 --out one").err;
  const size_t unit = err.find(" img/s");
  ASSERT_NE(unit, std::string::npos) << err;
  EXPECT_LT(std::stod(err.substr(err.rfind("  ", unit))), 1e6) << err;
}

TEST(ProgramTest, CommandsMayHoldAnyBytes) {
  const SearchCopy folder({"task.npz"});
  const Outcome outcome = run_program(folder.path(), "train --data task.npz --batch 256 --epochs 1 --out 'caf\xe9 \"1\"'");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  const std::string command = read_json(folder / "caf\xe9 \"1\"/result.json").at("command");
  EXPECT_NE(command.find("caf\xEF\xBF\xBD \"1\""), std::string::npos) << command;
}

}  // namespace
}  // namespace bitloom
