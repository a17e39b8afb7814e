// SVG heat maps: a cell a value, one scale for all, texts escaped.
#include "cli/svg_heatmap.h"

#include <gtest/gtest.h>

#include "tests/support/files.h"

namespace bitloom {
namespace {

size_t occurrences(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++n;
  return n;
}

TEST(SvgHeatMap, ACellAValueOnOneScale) {
  HeatMap map;
  map.title = "a < b";
  map.panels = {{"2 bits", {{"conv0", {100, 1, 0.1}}, {"dense0", {0}}}}, {"4 bits", {{"conv0", {100, -1}}}}};
  map.decades = 2;
  const std::string svg = to_svg(map);
  HeatMap empty = map;
  empty.panels = {{"2 bits", {{"conv0", {1}}}}};
  EXPECT_EQ(occurrences(svg, "<rect ") - occurrences(to_svg(empty), "<rect "), 6u - 1u);
  EXPECT_NE(svg.find("a &lt; b"), std::string::npos);
  EXPECT_EQ(svg.find("a < b"), std::string::npos);
  const std::string brightest = "fill=\"#fde725\"", darkest = "fill=\"#440154\"";
  EXPECT_EQ(occurrences(svg, brightest), 2u + 1u) << "the largest values, and the end of the scale";
  EXPECT_EQ(occurrences(svg, darkest), 4u + 1u) << "two decades below, zero, negative, and the start of the scale";
}

TEST(SvgHeatMap, NothingPositiveIsAnError) {
  HeatMap map;
  map.title = "empty";
  map.panels = {{"2 bits", {{"conv0", {0, -1}}}}};
  EXPECT_EQ(testing::error_of([&] { to_svg(map); }), "heat map 'empty': no value is positive");
}

}  // namespace
}  // namespace bitloom
