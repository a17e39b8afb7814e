// Tests of core/quote: whatever the text, one bounded line of well-formed UTF-8 without control characters.
#include "core/quote.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/error.h"
#include "core/rng.h"

namespace bitloom {
namespace {

bool has_control(const std::string& text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return uint8_t(c) < 0x20 || c == 0x7f; });
}

TEST(Quote, LeavesWhatIsPrintable) {
  for (const char* text : {"", "x_train", "a b/c'd\"e\\n", "Ünïcode", "日本語", "𝄞 clef"}) EXPECT_EQ(printable(text), text);
  EXPECT_EQ(quote("conv1"), "'conv1'");
}

TEST(Quote, ShowsControlCharactersAndWhatReordersText) {
  EXPECT_EQ(printable("a\nb\tc\rd"), "a\\nb\\tc\\rd");
  EXPECT_EQ(printable("\x1b[31mred\x07\x7f"), "\\x1b[31mred\\x07\\x7f");
  EXPECT_EQ(printable(std::string_view("\0x", 2)), "\\x00x");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\xc2\\x9b31m")
      << "C1: CSI in one character";
  EXPECT_EQ(printable("a\xe2\x80\xa8"
                      "b"),
            "a\\xe2\\x80\\xa8"
            "b")
      << "U+2028, line separator";
  EXPECT_EQ(printable("\xe2\x80\xae"
                      "gpj.exe"),
            "\\xe2\\x80\\xae"
            "gpj.exe")
      << "U+202E, right to left";
}

TEST(Quote, ShowsBytesThatAreNotUtf8) {
  EXPECT_EQ(printable("\xff"), "\\xff");
  EXPECT_EQ(printable("a\xc3"), "a\\xc3") << "cut";
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf") << "overlong";
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "a surrogate";
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "above U+10FFFF";
}

TEST(Quote, BoundsTheLengthAndKeepsBothEnds) {
  const std::string text = "begin" + std::string(1000000, 'x') + "end";
  const std::string shown = printable(text, 50);
  EXPECT_EQ(shown.size(), 50u);
  EXPECT_EQ(shown.substr(0, 5), "begin");
  EXPECT_EQ(shown.substr(47), "end");
  EXPECT_NE(shown.find("..."), std::string::npos);
  EXPECT_LE(quote(text).size(), 102u);
  for (size_t limit = 0; limit < 40; ++limit) {
    std::string wide;
    for (int i = 0; i < 30; ++i) wide += "\xe6\x97\xa5";
    const std::string cut = printable(wide, limit);
    EXPECT_LE(cut.size(), std::max<size_t>(limit, 3));
    EXPECT_EQ(cut, printable(cut)) << "a cut sequence would be escaped";
  }
}

TEST(Quote, AnyBytesBecomeOneStableLine) {
  Rng rng(1);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (int64_t n = rng.below(60); n > 0; --n)
      text += rng.below(2) ? char(rng.below(256)) : char("\xe2\x80\xa8\x1b\nab"[rng.below(7)]);
    const std::string once = printable(text), cut = printable(text, 30);
    EXPECT_FALSE(has_control(once));
    EXPECT_EQ(printable(once), once);
    EXPECT_EQ(printable(cut, 30), cut);
  }
}

TEST(Quote, ErrorsAreOneLine) {
  EXPECT_STREQ(Error("file\n\x1b[2J: gone").what(), "file\\n\\x1b[2J: gone");
  EXPECT_LE(std::string(Error(std::string(1000000, 'x')).what()).size(), 4096u);
}

}  // namespace
}  // namespace bitloom
