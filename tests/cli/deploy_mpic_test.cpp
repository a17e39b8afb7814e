// bitloom deploy --target mpic: the files are a network that a core runs, with nothing else known about it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/io.h"
#include "mpic/compile/codegen.h"
#include "nas/run/deployed.h"
#include "quant/integer/run.h"
#include "tests/support/program.h"

namespace bitloom {
namespace {

using testing::Outcome;
using testing::run_program;
using testing::SearchCopy;
using Json = nlohmann::json;

// A tensor of memory_map.json.
mpic::TensorPlace place_of(const Json& tensor) {
  mpic::TensorPlace place;
  place.address = tensor.at("address");
  place.pixels = tensor.at("height").get<int64_t>() * tensor.at("width").get<int64_t>();
  place.channels = tensor.at("channels");
  place.pixel_bytes = tensor.at("bytes_per_pixel");
  place.scheme = {tensor.at("bits"), tensor.at("signed"), tensor.at("scale")};
  return place;
}

TEST(DeployMpic, BinaryAndMapAreAllThatACoreNeeds) {
  const SearchCopy folder({"run"});
  const Outcome outcome = run_program(folder.path(), "deploy --model run --target mpic --out m");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json map = Json::parse(read_text(folder / "m/memory_map.json"));
  const std::vector<uint8_t> binary = read_file(folder / "m/network.bin");
  EXPECT_EQ(binary.size(), map["memory"]["code"]["bytes"].get<size_t>() + map["memory"]["data"]["bytes"].get<size_t>());

  mpic::Core core(map["base"], 1 << 20);
  core.writable_memory().fill(map["base"], 0xa5, 1 << 20);  // what lies behind the binary may be anything
  core.writable_memory().write(map["base"], binary.data(), binary.size());
  const IntegerGraph graph = load_graph(folder / "run/network.blig");
  const IntegerRunner runner(graph);
  const TensorT<int16_t> inputs = random_codes(graph, 4, Rng(5));
  const int64_t size = inputs.size() / 4;
  for (int64_t n = 0; n < 4; ++n) {
    const int16_t* sample = inputs.data() + n * size;
    mpic::write_codes(core.writable_memory(), place_of(map["input"]), std::vector<int32_t>(sample, sample + size).data());
    core.reset(map["base"]);
    const mpic::RunResult result = core.run(100'000'000);
    ASSERT_EQ(result.reason, mpic::StopReason::kExit) << result.fault.cause;
    EXPECT_EQ(mpic::read_codes(core.memory(), place_of(map["output"])), runner.run_layers(sample).back()) << "input " << n;
  }
  EXPECT_EQ(run_program(folder.path(), "run m/network.bin").code, 0);
}

TEST(DeployMpic, ListingNamesEveryLayerWhereItsCodeBegins) {
  const SearchCopy folder({"run"});
  ASSERT_EQ(run_program(folder.path(), "deploy --model run --target mpic --out m").code, 0);
  const std::string listing = read_text(folder / "m/network.lst");
  const Json map = Json::parse(read_text(folder / "m/memory_map.json"));
  size_t at = 0;
  for (const Json& layer : map["layers"]) {
    at = listing.find("\n" + layer["name"].get<std::string>() + ":\n", at);
    ASSERT_NE(at, std::string::npos) << layer["name"];
  }
  size_t names = 0;  // of layers, and of the routines behind them
  for (size_t end = 0; (end = listing.find(":\n", end)) != std::string::npos; ++end) ++names;
  EXPECT_GT(names, map["layers"].size());
  EXPECT_EQ(size_t(std::count(listing.begin(), listing.end(), '\n')), map["memory"]["code"]["bytes"].get<size_t>() / 4 + names);
}

TEST(DeployMpic, FilesAreThereTogetherOrNotAtAll) {
  const SearchCopy folder({"run"});
  const Outcome small = run_program(folder.path(), "deploy --model run --target mpic --out m --mem 4K");
  EXPECT_EQ(small.code, 1);
  EXPECT_EQ(small.err.find("error: codegen: the network needs "), 0u) << small.err;
  EXPECT_EQ(std::count(small.err.begin(), small.err.end(), '\n'), 1);
  EXPECT_FALSE(file_exists(folder / "m"));
  ASSERT_EQ(run_program(folder.path(), "deploy --model run --target mpic --out m").code, 0);
  const std::vector<uint8_t> before = read_file(folder / "m/network.bin");
  EXPECT_EQ(run_program(folder.path(), "deploy --model run --target mpic --out m", "ulimit -f 9;").code, 1);
  EXPECT_EQ(read_file(folder / "m/network.bin"), before);
}

}  // namespace
}  // namespace bitloom
