// Heat maps as self-contained SVG.
#include "cli/svg_heatmap.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "cli/svg_text.h"
#include "core/error.h"

namespace bitloom {
namespace {

constexpr double kMargin = 24, kNames = 64, kRow = 14, kPanelTitle = 26, kHead = 64, kScale = 44;

// Stops of viridis (matplotlib; van der Walt and Smith, 2015), which is legible with colour-blind eyes and in grey.
constexpr int kStops[][3] = {{68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 201, 98}, {253, 231, 37}};

std::string colour(double t) {
  const double at = std::clamp(t, 0.0, 1.0) * 4;
  const int left = std::min(3, int(at));
  char text[8];
  int channel[3];
  for (int k = 0; k < 3; ++k)
    channel[k] = int(std::lround(kStops[left][k] + (at - left) * (kStops[left + 1][k] - kStops[left][k])));
  std::snprintf(text, sizeof text, "#%02x%02x%02x", channel[0], channel[1], channel[2]);
  return text;
}

std::string rectangle(double x, double y, double w, double h, const std::string& fill) {
  return "<rect x=\"" + pixel(x) + "\" y=\"" + pixel(y) + "\" width=\"" + pixel(w) + "\" height=\"" + pixel(h) + "\" fill=\"" +
         fill + "\"/>\n";
}

std::string text_at(double x, double y, const std::string& text, const std::string& attributes = "") {
  return "<text x=\"" + pixel(x) + "\" y=\"" + pixel(y) + "\" " + attributes + ">" + escaped(text) + "</text>\n";
}

}  // namespace

std::string to_svg(const HeatMap& map) {
  double largest = 0, height = kHead;
  for (const HeatPanel& panel : map.panels) {
    height += kPanelTitle + kRow * double(panel.rows.size());
    for (const HeatRow& row : panel.rows)
      for (double v : row.values) largest = std::max(largest, std::isfinite(v) ? v : 0);
  }
  BITLOOM_CHECK(largest > 0, "heat map '", map.title, "': no value is positive");
  height += kScale;
  const double top = std::log10(largest), left = kMargin + kNames, width = map.width - left - kMargin;
  const auto shade = [&](double v) { return v > 0 ? 1 + (std::log10(v) - top) / map.decades : 0.0; };
  std::string svg =
      str("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", map.width, "\" height=\"", pixel(height), "\" viewBox=\"0 0 ",
          map.width, " ", pixel(height), "\" font-family=\"system-ui, sans-serif\" font-size=\"11\" fill=\"#1f2328\">\n") +
      rectangle(0, 0, map.width, height, "#ffffff") + text_at(kMargin, 28, map.title, "font-size=\"16\" font-weight=\"600\"") +
      text_at(kMargin, 47, map.subtitle, "fill=\"#59636e\" font-size=\"12\"");
  double y = kHead;
  for (const HeatPanel& panel : map.panels) {
    svg += text_at(left, y + 18, panel.title, "font-weight=\"600\"");
    y += kPanelTitle;
    for (const HeatRow& row : panel.rows) {
      svg += text_at(left - 6, y + kRow - 4, row.name, "text-anchor=\"end\"");
      const double cell = width / double(std::max<size_t>(1, row.values.size()));
      for (size_t k = 0; k < row.values.size(); ++k)
        svg += rectangle(left + cell * double(k), y, cell + 0.1, kRow - 1, colour(shade(row.values[k])));
      y += kRow;
    }
  }
  constexpr int kSteps = 60;
  y += 12;
  for (int k = 0; k < kSteps; ++k)
    svg += rectangle(left + width / 2 * k / kSteps, y, width / 2 / kSteps + 0.1, 10, colour(double(k) / (kSteps - 1)));
  svg += text_at(left, y + 22, str("1e", int(std::floor(top - map.decades)))) +
         text_at(left + width / 2, y + 22, str("1e", int(std::ceil(top))), "text-anchor=\"end\"") +
         text_at(left + width / 2 + 12, y + 9, map.scale_label);
  return svg + "</svg>\n";
}

}  // namespace bitloom
