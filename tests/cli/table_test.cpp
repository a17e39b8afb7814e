// Text tables: alignment by content, display width, markdown, number formats.
#include "cli/table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error.h"

namespace bitloom {
namespace {

TEST(Table, AlignsNumbersRightAndWordsLeft) {
  Table table({"network", "accuracy", "cycles"});
  table.add({"w8a8", "87.19%", "1,234,567"});
  table.add({"channel-wise", "-9.5", "-"});
  EXPECT_EQ(table.text(),
            "network       accuracy     cycles\n"
            "------------  --------  ---------\n"
            "w8a8            87.19%  1,234,567\n"
            "channel-wise      -9.5          -\n");
}

TEST(Table, OneWordMakesAColumnOfWords) {
  Table table({"bits"});
  table.add({"8"});
  table.add({"8/4/2"});
  EXPECT_EQ(table.text(), "bits\n-----\n8\n8/4/2\n");
}

TEST(Table, CountsCharactersNotBytes) {
  Table table({"energy µJ", "x"});
  table.add({"λ 1e-6", "1"});
  EXPECT_EQ(table.text(), "energy µJ  x\n---------  -\nλ 1e-6     1\n");
}

TEST(Table, HeaderAloneIsATable) { EXPECT_EQ(Table({"a", "b"}).text(), "a  b\n-  -\n"); }

TEST(Table, MarkdownEscapesBarsAndMarksAlignment) {
  Table table({"layer", "n"});
  table.add({"a|b", "12"});
  EXPECT_EQ(table.markdown(),
            "| layer |   n |\n"
            "| ----- | --: |\n"
            "| a\\|b  |  12 |\n");
}

TEST(Table, CsvQuotesAndHtmlEscapes) {
  Table table({"a,b", "n"});
  table.add({"x \"<y>\"", "12"});
  table.add({"-", "1,234"});
  EXPECT_EQ(table.csv(), "\"a,b\",n\n\"x \"\"<y>\"\"\",12\n,\"1,234\"\n");
  EXPECT_EQ(table.html(),
            "<table>\n<tr><th>a,b</th><th class=\"n\">n</th></tr>\n"
            "<tr><td>x &quot;&lt;y&gt;&quot;</td><td class=\"n\">12</td></tr>\n"
            "<tr><td>-</td><td class=\"n\">1,234</td></tr>\n</table>\n");
}

TEST(Table, RowOfWrongLengthIsAnError) {
  Table table({"a", "b"});
  EXPECT_THROW(table.add({"1"}), Error);
}

TEST(Numbers, FixedAndGrouped) {
  EXPECT_EQ(fixed(87.194999, 2), "87.19");
  EXPECT_EQ(fixed(-0.5, 0), "-0");
  EXPECT_EQ(fixed(std::nan(""), 2), "-");
  EXPECT_EQ(fixed(std::numeric_limits<double>::max(), 2).size(), 312u);
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(-1000), "-1,000");
  EXPECT_EQ(grouped(-100), "-100");
  EXPECT_EQ(grouped(std::numeric_limits<int64_t>::min()), "-9,223,372,036,854,775,808");
}

}  // namespace
}  // namespace bitloom
