// Packing of sub-byte codes.
#include "quant/integer/pack.h"

#include <gtest/gtest.h>

#include "tests/support/integer_graph.h"

namespace bitloom {
namespace {

TEST(Pack, PutsElementZeroInTheLowestBits) {
  std::vector<uint32_t> words;
  const std::vector<int32_t> codes{1, -2, 0, -1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -2, 1};
  append_packed(codes.data(), 17, 2, true, words);
  EXPECT_EQ(words, (std::vector<uint32_t>{0x800001c9u, 0x00000001u}));
  append_packed(codes.data(), 3, 8, true, words);
  EXPECT_EQ(words.size(), 3u);
  EXPECT_EQ(words[2], 0x0000fe01u);
  words.clear();
  const std::vector<int32_t> bytes{15, 0, 9};
  append_packed(bytes.data(), 3, 4, false, words);
  EXPECT_EQ(words, std::vector<uint32_t>{0x90fu});
}

TEST(Pack, RoundTripsEveryPrecisionAndLength) {
  Rng rng(1);
  for (int bits : {2, 4, 8}) {
    for (bool is_signed : {false, true}) {
      const QuantScheme scheme{bits, is_signed, 1};
      for (int64_t count = 0; count <= 70; ++count) {
        std::vector<int32_t> codes;
        for (int64_t i = 0; i < count; ++i) codes.push_back(scheme.lo() + int32_t(rng.below(scheme.hi() - scheme.lo() + 1)));
        std::vector<uint32_t> words;
        append_packed(codes.data(), count, bits, is_signed, words);
        ASSERT_EQ(int64_t(words.size()), packed_words(count, bits));
        ASSERT_EQ(int64_t(words.size()), (count + 32 / bits - 1) / (32 / bits));
        ASSERT_EQ(unpack(words.data(), count, bits, is_signed), codes) << bits << " bits, " << count << " codes";
        for (int64_t i = 0; i < count; ++i)
          ASSERT_EQ(testing::reference_code(words.data(), i, bits, is_signed), codes[size_t(i)]);
        for (int64_t i = count; i < int64_t(words.size()) * 32 / bits; ++i)
          ASSERT_EQ(packed_code(words.data(), i, bits, is_signed), 0);
      }
    }
  }
  EXPECT_EQ(packed_words(100, 0), 0);
}

TEST(Pack, RefusesCodesThatDoNotFit) {
  std::vector<uint32_t> words;
  for (int bits : {2, 4, 8}) {
    for (bool is_signed : {false, true}) {
      const QuantScheme scheme{bits, is_signed, 1};
      for (int32_t code : {scheme.lo() - 1, scheme.hi() + 1})
        EXPECT_THROW(append_packed(&code, 1, bits, is_signed, words), Error);
    }
  }
  const int32_t zero = 0;
  for (int bits : {-1, 0, 1, 3, 16, 32}) {
    EXPECT_THROW(append_packed(&zero, 1, bits, true, words), Error);
    EXPECT_THROW(unpack(words.data(), 0, bits, true), Error);
  }
}

TEST(Pack, UnpacksALayerWithGroupsOfDifferentBits) {
  testing::RandomGraph g(Rng(1), 1, 1, 3, {8, false, 1});
  g.linear(0, 4, {8, false, 1});
  IntegerLayer& layer = g.graph.layers[1];
  layer.groups = {{8, 1}, {0, 1}, {2, 2}};
  layer.weights.clear();
  const std::vector<int32_t> codes{-128, 127, 5, 1, -2, 0, -1, 1, 1};
  append_packed(&codes[0], 3, 8, true, layer.weights);
  append_packed(&codes[3], 3, 2, true, layer.weights);
  append_packed(&codes[6], 3, 2, true, layer.weights);
  EXPECT_EQ(unpack_weights(g.graph, layer), (std::vector<int8_t>{-128, 127, 5, 0, 0, 0, 1, -2, 0, -1, 1, 1}));
}

}  // namespace
}  // namespace bitloom
