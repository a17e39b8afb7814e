// Tests of core/hash: the published values, and that every bit counts.
#include "core/hash.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace bitloom {
namespace {

uint64_t of(const std::string& text, uint64_t seed = 0) { return hash64(text.data(), int64_t(text.size()), seed); }

TEST(Hash, GivesThePublishedValues) {
  // XXH64 of xxhsum 0.8 and of python-xxhash's documentation.
  EXPECT_EQ(hex64(of("")), "ef46db3751d8e999");
  EXPECT_EQ(hex64(of("a")), "d24ec4f1a98c6e5b");
  EXPECT_EQ(hex64(of("abc")), "44bc2cf5ad770999");
  EXPECT_EQ(hex64(of("xxhash")), "32dd38952c4bc720");
  EXPECT_EQ(hex64(of("xxhash", 20141025)), "b559b98d844e0635");
  EXPECT_EQ(hex64(of("Nobody inspects the spammish repetition")), "fbcea83c8a378bf1");
}

TEST(Hash, EveryBitTheLengthAndTheSeedCount) {
  for (size_t size : {1, 3, 4, 8, 12, 31, 32, 33, 77}) {
    std::set<uint64_t> seen;
    std::vector<uint8_t> bytes(size + 1, 0x5a);
    seen.insert(hash64(bytes.data(), int64_t(size)));
    seen.insert(hash64(bytes.data(), int64_t(size), 1));
    seen.insert(hash64(bytes.data(), int64_t(size) + 1));
    for (size_t bit = 0; bit < 8 * size; ++bit) {
      bytes[bit / 8] = uint8_t(bytes[bit / 8] ^ 1 << bit % 8);
      seen.insert(hash64(bytes.data(), int64_t(size)));
      bytes[bit / 8] = uint8_t(bytes[bit / 8] ^ 1 << bit % 8);
    }
    EXPECT_EQ(seen.size(), 8 * size + 3) << size << " bytes";
  }
}

}  // namespace
}  // namespace bitloom
