// Scatter and line plots as self-contained SVG, made for accuracy-against-cost pictures.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bitloom {

enum class Marker { kCircle, kSquare, kDiamond, kTriangle, kCross };

struct PlotPoint {
  double x = 0, y = 0;
  std::string label;                                     // written beside the marker; may be empty
  std::optional<std::pair<double, double>> spread = {};  // of y: a whisker from the one to the other
  std::optional<std::pair<double, double>> band = {};    // of y: joined with those of the neighbours on the line, filled
  std::string tooltip = {};                              // empty: series, label and coordinates
  std::string link = {};                                 // where a click leads to; may be empty
  bool joined = true;                                    // the line goes through it
};

// Series are told apart by colour and by marker: `style` indexes a list of both that is legible with colour-blind eyes and in
// grey.
struct PlotSeries {
  std::string name;
  std::vector<PlotPoint> points;
  bool line = true;  // joins the points in order of x
  bool markers = true;
  int style = -1;  // -1: the position of the series in the plot
};

struct Plot {
  std::string title, subtitle, x_label, y_label;
  bool log_x = false;
  std::vector<PlotSeries> series;
  int width = 800, height = 500;  // pixels
};

// The SVG document; texts are escaped, so any name may be given. Points that are not finite are left out. Error when a point of
// a logarithmic axis is not positive.
std::string to_svg(const Plot& plot);

// About `count` round values within [lo, hi], 1, 2 or 5 times a power of ten apart. On a logarithmic axis the values themselves
// are 1, 2 or 5 times a power of ten, or only powers of ten when there are many; within a single decade they are spaced
// linearly.
std::vector<double> linear_ticks(double lo, double hi, int count);
std::vector<double> log_ticks(double lo, double hi);

}  // namespace bitloom
