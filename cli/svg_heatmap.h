// Heat maps as self-contained SVG: rows of cells, a row a layer, a panel a precision.
#pragma once
#include <string>
#include <vector>

namespace bitloom {

struct HeatRow {
  std::string name;
  std::vector<double> values;  // drawn from left to right over the whole width
};

struct HeatPanel {
  std::string title;
  std::vector<HeatRow> rows;
};

// One logarithmic colour scale for all panels, over `decades` below the largest value; what is smaller, zero or negative has the lowest colour.
struct HeatMap {
  std::string title, subtitle, scale_label;
  std::vector<HeatPanel> panels;
  double decades = 6;
  int width = 800;  // pixels
};

// The SVG document; texts are escaped. Error when no value is positive.
std::string to_svg(const HeatMap& map);

}  // namespace bitloom
