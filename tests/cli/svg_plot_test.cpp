// SVG plots: well-formed for any text, everything inside the picture, round ticks, labels that keep clear of each other.
#include "cli/svg_plot.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <regex>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/rng.h"
#include "tests/support/xml.h"

namespace bitloom {
namespace {

using testing::xml_fault;

Plot sample() {
  Plot plot;
  plot.title = "accuracy & <size>";
  plot.x_label = "weights (kB)";
  plot.y_label = "accuracy (%)";
  plot.series = {{"a \"b\"", {{30, 85, "x<y"}, {10, 80, ""}, {20, 84, "mid"}}}, {"fixed", {{77.5, 87, "w8a8"}}, false}};
  return plot;
}

size_t occurrences(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++n;
  return n;
}

TEST(SvgPlot, EscapesTextAndIsWellFormed) {
  const std::string svg = to_svg(sample());
  EXPECT_EQ(xml_fault(svg), "");
  EXPECT_NE(svg.find("accuracy &amp; &lt;size&gt;"), std::string::npos);
  EXPECT_NE(svg.find("a &quot;b&quot;"), std::string::npos);
}

TEST(SvgPlot, DrawsEveryPointOnceAndALineWhereAsked) {
  const std::string svg = to_svg(sample());
  EXPECT_EQ(occurrences(svg, "<path"), 4u + 2u) << "points and legend";
  EXPECT_EQ(occurrences(svg, "<polyline"), 1u);
}

// A band joins the points on the line, there and back, within the frame however wide it is.
TEST(SvgPlot, BandsAreFilledWithinTheFrame) {
  Plot plot;
  plot.series = {{"a", {{1, 5, ""}, {2, 6, ""}, {3, 5.5, ""}, {4, 7, ""}}}, {"b", {{1, 6, ""}, {2, 7, ""}}}};
  std::vector<PlotPoint>& points = plot.series[0].points;
  points[0].band = {{-1e6, 1e6}}, points[1].band = {{5.5, 6.5}}, points[2].band = {{0, 9}}, points[3].band = {{6.5, 7.5}};
  points[2].joined = false;
  const std::string svg = to_svg(plot);
  EXPECT_EQ(xml_fault(svg), "");
  ASSERT_EQ(occurrences(svg, "<polygon"), 1u);
  std::smatch match;
  ASSERT_TRUE(std::regex_search(svg, match, std::regex("<polygon[^>]*points=\"([^\"]*)\"")));
  const std::string corners = match[1];
  const std::regex corner("([-0-9.]+),([-0-9.]+)");
  int count = 0;
  for (std::sregex_iterator it(corners.begin(), corners.end(), corner), end; it != end; ++it, ++count)
    EXPECT_TRUE(std::stod((*it)[2]) > 0 && std::stod((*it)[2]) < plot.height - 50) << corners;
  EXPECT_EQ(count, 6);
}

TEST(SvgPlot, LineRunsInOrderOfX) {
  const std::string svg = to_svg(sample());
  std::smatch match;
  ASSERT_TRUE(
      std::regex_search(svg, match, std::regex("<polyline[^>]*points=\"([0-9.]+),[0-9.]+ ([0-9.]+),[0-9.]+ ([0-9.]+),")));
  EXPECT_LT(std::stod(match[1]), std::stod(match[2]));
  EXPECT_LT(std::stod(match[2]), std::stod(match[3]));
}

TEST(SvgPlot, EmptyAndDegeneratePlotsAreStillPictures) {
  Plot plot;
  EXPECT_EQ(xml_fault(to_svg(plot)), "");
  for (bool log_x : {false, true}) {
    plot.log_x = log_x;
    plot.series = {{"none", {}}, {"one", {{5, 5, "p"}}}, {"not finite", {{NAN, 1, ""}, {1, INFINITY, ""}}}};
    const std::string svg = to_svg(plot);
    EXPECT_EQ(xml_fault(svg), "");
    EXPECT_EQ(svg.find("nan"), std::string::npos);
    EXPECT_EQ(svg.find("inf\""), std::string::npos);
  }
}

TEST(SvgPlot, LogarithmicAxisRefusesZero) {
  Plot plot = sample();
  plot.log_x = true;
  plot.series[0].points[0].x = 0;
  EXPECT_THROW(to_svg(plot), Error);
}

TEST(SvgPlot, RandomMarkersStayInsideThePicture) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Rng rng(seed);
    Plot plot;
    plot.log_x = rng.below(2) == 1;
    for (int64_t s = rng.below(9); s >= 0; --s) {
      PlotSeries series{"series", {}, rng.below(2) == 1};
      for (int64_t p = rng.below(12); p > 0; --p) {
        series.points.push_back({std::pow(10, rng.uniform(-8, 8)), rng.uniform(-1e3, 1e3), rng.below(2) == 1 ? "label" : ""});
      }
      plot.series.push_back(series);
    }
    const std::string svg = to_svg(plot);
    ASSERT_EQ(xml_fault(svg), "") << "seed " << seed;
    const std::regex place("translate\\(([-0-9.]+) ([-0-9.]+)\\)");
    for (std::sregex_iterator it(svg.begin(), svg.end(), place), end; it != end; ++it) {
      const double x = std::stod((*it)[1]), y = std::stod((*it)[2]);
      ASSERT_TRUE(x > 0 && x < plot.width && y > 0 && y < plot.height) << "seed " << seed << " at " << x << ", " << y;
    }
  }
}

TEST(SvgPlot, LabelsOfAFrontDoNotOverlap) {
  Plot plot;
  plot.series = {{"front", {}}};
  for (int i = 0; i < 8; ++i) plot.series[0].points.push_back({10.0 + 9 * i, 80 + 8 * (1 - std::exp(-i / 2.0)), "λ 1e-6"});
  const std::string svg = to_svg(plot);
  std::vector<std::pair<double, double>> labels;
  const std::regex place("<text x=\"([-0-9.]+)\" y=\"([-0-9.]+)\" font-size=\"11\"");
  for (std::sregex_iterator it(svg.begin(), svg.end(), place), end; it != end; ++it) {
    labels.emplace_back(std::stod((*it)[1]), std::stod((*it)[2]));
  }
  ASSERT_EQ(labels.size(), 8u);
  for (size_t i = 0; i < labels.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const bool apart = std::abs(labels[i].first - labels[j].first) > 36 || std::abs(labels[i].second - labels[j].second) > 11;
      EXPECT_TRUE(apart) << "labels " << j << " and " << i;
    }
  }
}

TEST(SvgPlot, SpreadsLinksAndTooltips) {
  Plot plot = sample();
  PlotPoint& p = plot.series[0].points[0];
  p.spread = {60, 95};
  p.link = "#a\"b";
  p.tooltip = "told <so>";
  plot.series[0].points[1].joined = false;
  const std::string svg = to_svg(plot);
  EXPECT_EQ(xml_fault(svg), "");
  EXPECT_NE(svg.find("<a href=\"#a&quot;b\">"), std::string::npos);
  EXPECT_NE(svg.find("<title>told &lt;so&gt;</title>"), std::string::npos);
  EXPECT_NE(svg.find(">60</text>"), std::string::npos);  // the axis covers the spread
  std::smatch line;
  ASSERT_TRUE(std::regex_search(svg, line, std::regex("<polyline[^>]*points=\"([^\"]*)\"")));
  EXPECT_EQ(occurrences(line[1], ","), 2u);
  plot.series[0].markers = false;
  EXPECT_EQ(occurrences(to_svg(plot), "<title>told"), 0u);
}

TEST(Ticks, AreRoundAndCoverTheRange) {
  EXPECT_EQ(linear_ticks(74.1, 87.2, 3), (std::vector<double>{75, 80, 85}));
  EXPECT_EQ(linear_ticks(0, 1, 5), (std::vector<double>{0, 0.2, 0.4, 0.6000000000000001, 0.8, 1}));
  EXPECT_EQ(linear_ticks(3, 3, 5), (std::vector<double>{3}));
  EXPECT_EQ(log_ticks(8, 120), (std::vector<double>{10, 20, 50, 100}));
  EXPECT_EQ(log_ticks(12, 83), (std::vector<double>{20, 30, 40, 50, 60, 70, 80}));
  EXPECT_LE(log_ticks(1e-20, 1e20).size(), 9u);
}

TEST(Ticks, AnyRangeGetsAFew) {
  Rng rng(7);
  for (int i = 0; i < 10000; ++i) {
    const double lo = rng.uniform(-1, 1) * std::pow(10, rng.uniform(-6, 6)), hi = lo + std::pow(10, rng.uniform(-6, 6));
    const std::vector<double> ticks = linear_ticks(lo, hi, 7);
    ASSERT_TRUE(ticks.size() >= 4 && ticks.size() <= 13) << "[" << lo << ", " << hi << "]: " << ticks.size();
    for (double tick : ticks) {
      ASSERT_GE(tick, lo - 1e-6 * (hi - lo));
      ASSERT_LE(tick, hi + 1e-6 * (hi - lo));
    }
  }
}

}  // namespace
}  // namespace bitloom
