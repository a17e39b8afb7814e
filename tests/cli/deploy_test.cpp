// bitloom deploy: the files it writes are what it says, and they are there together or not at all.
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/io.h"
#include "quant/integer/graph.h"
#include "tests/support/program.h"

namespace bitloom {
namespace {

using testing::Outcome;
using testing::run_program;
using testing::SearchCopy;

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
  EXPECT_FALSE(file_exists(folder / "c"));
}

}  // namespace
}  // namespace bitloom
