// bitloom deploy: the files it writes are what it says, and they are there together or not at all.
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "cli/table.h"
#include "core/io.h"
#include "quant/integer/graph.h"
#include "tests/support/picture.h"
#include "tests/support/program.h"

namespace bitloom {
namespace {

using testing::Outcome;
using testing::plain_jpeg;
using testing::run_program;
using testing::SearchCopy;
using testing::TempFolder;
using testing::write_picture;

const std::vector<std::string> kFiles = {"bitloom_kernels.c", "bitloom_kernels.h", "bitloom_network.c", "bitloom_network.h",
                                         "bitloom_selftest.c"};

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

TEST(Deploy, WritesANetworkThatPassesItsSelfTest) {
  const SearchCopy folder({"run"});
  const Outcome outcome = run_program(folder.path(), "deploy --model run --target c --out new/c --samples 7");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(names_in(folder / "new/c"), kFiles);
  const IntegerGraph graph = load_graph(folder / "run/network.blig");
  for (size_t i = 1; i < graph.layers.size(); ++i)
    EXPECT_NE(outcome.out.find("\n" + graph.layers[i].name + " "), std::string::npos) << graph.layers[i].name;
  if (std::system("cc --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "there is no C compiler";
  const std::string command = "cd '" + folder / "new/c" + "' && cc -std=c99 -O2 *.c -o ../t && ../t >../printed";
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(read_text(folder / "new/printed"), "bitloom self-test: 0 of 7 samples differ\n");
}

TEST(Deploy, NamedNetworksShareAFolder) {
  const SearchCopy folder({"run"});
  const std::string more = " --layout cmake --classes 'a,b c,d,e'";
  ASSERT_EQ(run_program(folder.path(), "deploy --model run --name one --out c" + more).code, 0);
  const std::string kernels = read_text(folder / "c/bitloom_kernels.c"), lists = read_text(folder / "c/CMakeLists.txt");
  const Outcome outcome = run_program(folder.path(), "deploy --model run --name Two --out c" + more);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("ctest --test-dir build"), std::string::npos) << outcome.out;
  EXPECT_EQ(names_in(folder / "c"),
            (std::vector<std::string>{"CMakeLists.txt", "Two.c", "Two.h", "Two_selftest.c", "bitloom_kernels.c",
                                      "bitloom_kernels.h", "one.c", "one.h", "one_selftest.c", "zephyr"}));
  EXPECT_EQ(read_text(folder / "c/bitloom_kernels.c"), kernels);
  EXPECT_EQ(read_text(folder / "c/CMakeLists.txt"), lists);
  const std::string header = read_text(folder / "c/Two.h");
  EXPECT_NE(header.find("int Two_infer(const uint8_t* in, int32_t* out);"), std::string::npos) << header;
  EXPECT_NE(header.find("#define TWO_CLASS_NAMES {\"a\", \"b c\", \"d\", \"e\"}"), std::string::npos) << header;
  EXPECT_NE(header.find("#define TWO_INPUT_SIZE 192\n"), std::string::npos) << header;
}

TEST(Deploy, ClassesAreCalledAsTheRunsDataCallThem) {
  const TempFolder folder;
  for (int i = 0; i < 10; ++i) {
    write_picture(str(folder.path(), "/pictures/a \"cat\"/", i, ".jpg"), plain_jpeg(200, 10 * i, 0));
    write_picture(str(folder.path(), "/pictures/no cat/", i, ".jpg"), plain_jpeg(0, 10 * i, 200));
  }
  const std::string train =
      "train --task vww --data pictures --image-size 32 --width 0.25 --epochs 1 --finetune-epochs 1 --quant w8a8";
  const Outcome run = run_program(folder.path(), train + " --out run");
  ASSERT_EQ(run.code, 0) << run.err;
  const Outcome outcome = run_program(folder.path(), "deploy --model run --out c");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const std::string header = read_text(folder / "c/bitloom_network.h");
  EXPECT_NE(header.find("#define BITLOOM_CLASS_NAMES {\"a \\\"cat\\\"\", \"no cat\"}"), std::string::npos) << header;
}

TEST(Deploy, ArduinoLibrariesHaveTheirFolders) {
  const SearchCopy folder({"run"});
  ASSERT_EQ(run_program(folder.path(), "deploy --model run --name kws --layout arduino --out c").code, 0);
  EXPECT_EQ(names_in(folder / "c"), (std::vector<std::string>{"examples", "library.properties", "src"}));
  EXPECT_EQ(names_in(folder / "c/examples/kws_selftest"), std::vector<std::string>{"kws_selftest.ino"});
  EXPECT_EQ(names_in(folder / "c/src").size(), 5u);

  // A name that holds what a template may call its holes.
  ASSERT_EQ(run_program(folder.path(), "deploy --model run --name RENAME_HEADER --layout arduino --out d").code, 0);
  const std::string sketch = read_text(folder / "d/examples/RENAME_HEADER_selftest/RENAME_HEADER_selftest.ino");
  for (const char* part : {"#include <RENAME_HEADER.h>\n", "RENAME_HEADER_selftest() == 0 ?", "\"RENAME_HEADER: passed\""})
    EXPECT_NE(sketch.find(part), std::string::npos) << sketch;
}

TEST(Deploy, ThePrintedCommandChecksOneOfSeveralNetworks) {
  if (std::system("cc --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "there is no C compiler";
  const SearchCopy folder({"run"});
  const std::vector<std::string> names = {"kws", "kws2", ""};  // the last: bitloom
  std::vector<std::string> commands;
  for (const std::string& name : names) {
    const Outcome outcome = run_program(folder.path(), "deploy --model run --out c" + (name.empty() ? "" : " --name " + name));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const std::string start = "Check it: ";
    const size_t at = outcome.out.find(start);
    ASSERT_NE(at, std::string::npos) << outcome.out;
    commands.push_back(outcome.out.substr(at + start.size()));
  }
  for (size_t i = 0; i < names.size(); ++i) {
    ASSERT_EQ(std::system(("cd '" + folder.path() + "' && { " + commands[i] + "} >printed").c_str()), 0) << commands[i];
    EXPECT_EQ(read_text(folder / "printed"), (names[i].empty() ? "bitloom" : names[i]) + " self-test: 0 of 4 samples differ\n");
  }
}

TEST(Deploy, FiguresAddUp) {
  const SearchCopy folder({"run"});
  const Outcome outcome = run_program(folder.path(), "deploy --model run/network.blig --out c --json");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const nlohmann::json figures = nlohmann::json::parse(outcome.out);
  const IntegerGraph graph = load_graph(folder / "run/network.blig");
  int64_t weights = 0, tables = 0, ram = 0;
  for (const auto& layer : figures.at("layers")) {
    weights += layer.at("weight_bytes").get<int64_t>();
    tables += layer.at("table_bytes").get<int64_t>();
    ram = std::max(ram, layer.at("ram_bytes").get<int64_t>());
  }
  EXPECT_EQ(figures.at("layers").size(), graph.layers.size() - 1);
  EXPECT_EQ(weights, weight_bytes(graph));
  EXPECT_EQ(tables, table_bytes(graph));
  EXPECT_EQ(figures.at("ram_bytes"), ram);
}

// info, simulate and report say the same of a network's memory, and its parts are the whole.
TEST(Deploy, WholeMemoryIsSaidByAll) {
  const SearchCopy folder({"run"});
  const auto json = [&](const std::string& arguments) {
    const Outcome outcome = run_program(folder.path(), arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out);
  };
  const nlohmann::json info = json("info run --json").at("mpic_memory");
  const IntegerGraph graph = load_graph(folder / "run/network.blig");
  EXPECT_EQ(info.at("weights"), weight_bytes(graph));
  int64_t sum = 0;
  for (const char* part : {"code", "weights", "tables", "activations"}) sum += info.at(part).get<int64_t>();
  EXPECT_EQ(info.at("total"), sum);
  const nlohmann::json map = json("deploy --model run --target mpic --out m --json").at("memory");
  EXPECT_EQ(map.at("total").at("bytes"), sum);
  EXPECT_EQ(map.at("code").at("bytes"), info.at("code"));
  const Outcome report = run_program(folder.path(), "report run --table memory");
  EXPECT_NE(report.out.find(" " + grouped(sum)), std::string::npos) << report.out;
  EXPECT_EQ(report.code, 0) << report.err;
}

TEST(Deploy, LeavesNothingHalfWritten) {
  const SearchCopy folder({"run"});
  ASSERT_EQ(run_program(folder.path(), "deploy --model run --out c").code, 0);
  const std::string before = read_text(folder / "c/bitloom_selftest.c");
  const Outcome small = run_program(folder.path(), "deploy --model run --out c --seed 2", "ulimit -f 32;");
  EXPECT_EQ(small.code, 1);
  EXPECT_NE(small.err.find("error: cannot write c/"), std::string::npos) << small.err;
  EXPECT_EQ(names_in(folder / "c"), kFiles);
  EXPECT_EQ(read_text(folder / "c/bitloom_selftest.c"), before);
  std::filesystem::remove(folder / "c/bitloom_network.h");
  std::filesystem::create_directory(folder / "c/bitloom_network.h");
  const Outcome blocked = run_program(folder.path(), "deploy --model run --out c --seed 2");
  EXPECT_EQ(blocked.err, "error: cannot write c/bitloom_network.h: it is not a regular file\n");
  EXPECT_EQ(read_text(folder / "c/bitloom_selftest.c"), before);
}

TEST(Deploy, NamesWhatIsWrong) {
  const SearchCopy folder({"run"});
  const auto error = [&](const std::string& arguments) { return run_program(folder.path(), "deploy " + arguments).err; };
  EXPECT_EQ(error("--model nowhere --out c"), "error: cannot open nowhere: No such file or directory\n");
  EXPECT_EQ(error("--model run --out run/config.json"), "error: cannot create the folder run/config.json: Not a directory\n");
  EXPECT_NE(error("--model run --target fpga --out c").find("fpga"), std::string::npos);
  EXPECT_EQ(run_program(folder.path(), "deploy --model run --target fpga --out c").code, 2);
  EXPECT_NE(error("--model run --target mpic --mem 4K --out c").find("give more with --mem"), std::string::npos);
  EXPECT_EQ(error("--model run --name 1st --out c"),
            "error: --name '1st': functions begin with it; give a letter, and up to 47 letters, digits or _ behind it\n");
  EXPECT_EQ(error("--model run --classes yes,no --out c"),
            "error: C export: the network 'resnet8' has 4 outputs, 2 names of classes are given\n");
  EXPECT_NE(error("--model run --target mpic --name kws --out c").find("are of --target c"), std::string::npos);
  EXPECT_FALSE(file_exists(folder / "c"));
}

}  // namespace
}  // namespace bitloom
