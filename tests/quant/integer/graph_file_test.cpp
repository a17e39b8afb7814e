// Integer graph files: round trip, layout, and files that are damaged or hostile.
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>

#include "core/io.h"
#include "quant/integer/graph.h"
#include "quant/integer/run.h"
#include "tests/support/files.h"
#include "tests/support/integer_graph.h"

namespace bitloom {
namespace {

class GraphFile : public ::testing::Test {
 protected:
  std::vector<uint8_t> saved(const IntegerGraph& graph) const {
    save_graph(graph, path_);
    return read_file(path_);
  }

  // "" when the bytes load, else the error. Anything but Error escapes and fails the test.
  std::string load_error(const std::vector<uint8_t>& bytes) const {
    testing::write_bytes(path_, bytes);
    return testing::error_of([&] { load_graph(path_); });
  }

  static void fix_crc(std::vector<uint8_t>& bytes) {
    const uint32_t crc = uint32_t(crc32(0, bytes.data(), uInt(bytes.size() - 4)));
    for (int i = 0; i < 4; ++i) bytes[bytes.size() - 4 + size_t(i)] = uint8_t(crc >> (8 * i));
  }

  const testing::TempFolder folder_;
  const std::string path_ = folder_ / "graph.blig";
};

TEST_F(GraphFile, RoundTripsRandomGraphs) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const IntegerGraph graph = testing::random_integer_graph(Rng(seed));
    const std::vector<uint8_t> bytes = saved(graph);
    const IntegerGraph loaded = load_graph(path_);
    ASSERT_EQ(saved(loaded), bytes) << "seed " << seed;
    ASSERT_EQ(loaded.layers.size(), graph.layers.size());
    for (size_t i = 0; i < graph.layers.size(); ++i) {
      EXPECT_EQ(loaded.layers[i].name, graph.layers[i].name);
      EXPECT_EQ(loaded.layers[i].out.scale, graph.layers[i].out.scale);
      EXPECT_EQ(loaded.layers[i].weights, graph.layers[i].weights);
    }
    const TensorT<int16_t> input = testing::random_input(graph, 1, Rng(seed));
    ASSERT_EQ(IntegerRunner(loaded).run_layers(input.data()), IntegerRunner(graph).run_layers(input.data()));
  }
}

TEST_F(GraphFile, HasTheDocumentedLayout) {
  IntegerGraph graph = testing::RandomGraph(Rng(1), 2, 3, 4, {4, true, 0.5}).graph;
  graph.model = "m";
  graph.task = "";
  graph.layers[0].name = "in";
  const auto number = [](uint64_t value, size_t size) {
    std::string bytes;
    for (size_t i = 0; i < size; ++i) bytes += char(value >> (8 * i));
    return bytes;
  };
  std::string expected =
      "BLIG" + number(1, 4) + number(1, 8) + "m" + number(0, 8) + number(1, 8);           // version, model, task, layers
  expected += number(2, 8) + "in" + number(0, 1) + number(0, 8);                          // name, op, inputs
  for (uint64_t value : {2, 3, 4, 1, 1, 1, 1, 0, 0, 0, 0}) expected += number(value, 8);  // h w c kh kw sh sw pads
  expected += number(4, 4) + number(1, 1) + number(0x3fe0000000000000u, 8);               // bits, signed, 0.5
  for (int i = 0; i < 5; ++i) expected += number(0, 8);                                   // groups and four tables
  expected += number(crc32(0, reinterpret_cast<const Bytef*>(expected.data()), uInt(expected.size())), 4);
  const std::vector<uint8_t> bytes = saved(graph);
  EXPECT_EQ(std::string(bytes.begin(), bytes.end()), expected);
}

TEST_F(GraphFile, NeverWritesAnInvalidGraph) {
  IntegerGraph graph = testing::random_integer_graph(Rng(1));
  const std::vector<uint8_t> before = saved(graph);
  graph.layers[1].h += 1;
  EXPECT_THROW(save_graph(graph, path_), Error);
  EXPECT_EQ(read_file(path_), before);
}

TEST_F(GraphFile, NamesThePathAndTheProblem) {
  const std::vector<uint8_t> good = saved(testing::random_integer_graph(Rng(3)));
  EXPECT_EQ(load_error(good), "");
  const auto expect_error = [&](std::vector<uint8_t> bytes, const std::string& part) {
    const std::string error = load_error(bytes);
    EXPECT_EQ(error.find(path_), 0u) << error;
    EXPECT_NE(error.find(part), std::string::npos) << "expected \"" << part << "\" in \"" << error << "\"";
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  };
  expect_error({}, "too short");
  std::vector<uint8_t> bytes = good;
  bytes[0] = 'X';
  expect_error(bytes, "magic is not BLIG");
  bytes = good;
  bytes[4] = 2;
  expect_error(bytes, "version 2, this program reads 1");
  bytes = good;
  bytes[bytes.size() / 2] ^= 1;
  expect_error(bytes, "CRC-32 does not match");
  bytes = good;
  bytes.insert(bytes.end() - 4, 0);
  fix_crc(bytes);
  expect_error(bytes, "bytes after the graph");
  bytes = good;
  bytes[8] = 0xff;
  std::memset(&bytes[8], 0xff, 8);  // a model name of 2^64 - 1 characters
  fix_crc(bytes);
  expect_error(bytes, "ends too early");
  std::filesystem::remove(path_);
  EXPECT_THROW(load_graph(path_), Error);
}

TEST_F(GraphFile, EveryTruncationIsAnError) {
  const std::vector<uint8_t> good = saved(testing::random_integer_graph(Rng(4)));
  for (size_t size = 0; size < good.size(); size += 1 + good.size() / 500) {
    std::vector<uint8_t> bytes(good.begin(), good.begin() + int64_t(size));
    ASSERT_NE(load_error(bytes), "") << "truncated to " << size;
    if (size < 12) continue;
    fix_crc(bytes);
    ASSERT_NE(load_error(bytes), "") << "truncated to " << size << " with a right CRC";
  }
}

TEST_F(GraphFile, AnyByteFlipLoadsOrThrows) {
  Rng rng(5);
  int loaded = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    // Half of the graphs are small, so that flips hit the structure as often as the weights.
    const bool small = seed % 2 == 0;
    const std::vector<uint8_t> good =
        saved(small ? testing::RandomGraph(Rng(seed), 3, 3, 2, {8, false, 1}).graph : testing::random_integer_graph(Rng(seed)));
    for (int trial = 0; trial < 100; ++trial) {
      std::vector<uint8_t> bytes = good;
      bytes[size_t(rng.below(int64_t(bytes.size())))] ^= uint8_t(1 + rng.below(255));
      ASSERT_NE(load_error(bytes), "") << "seed " << seed << " trial " << trial << ": a flipped byte passed the CRC";
      fix_crc(bytes);
      loaded += load_error(bytes).empty();
    }
  }
  // Flipped weights and names are other graphs, and valid ones.
  EXPECT_GT(loaded, 100);
  EXPECT_LT(loaded, 1900);
}

}  // namespace
}  // namespace bitloom
