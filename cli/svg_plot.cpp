// Scatter and line plots as self-contained SVG.
#include "cli/svg_plot.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <utility>

#include "cli/svg_text.h"
#include "core/error.h"

namespace bitloom {
namespace {

// Okabe & Ito, "Color Universal Design" (2008), without the yellow that vanishes on white.
constexpr const char* kColours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#333333"};
constexpr int kColourCount = 7, kMarkerCount = 5;
constexpr const char* kInk = "#1f2328";
constexpr const char* kMuted = "#59636e";
constexpr const char* kGrid = "#e7eaee";
constexpr double kMargin = 24, kTextSize = 12, kLabelSize = 11, kMarkerRadius = 5;

struct Box {
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  double overlap(const Box& b) const {
    return std::max(0.0, std::min(x1, b.x1) - std::max(x0, b.x0)) * std::max(0.0, std::min(y1, b.y1) - std::max(y0, b.y0));
  }
};

std::string number(double v) {
  char text[64];
  std::snprintf(text, sizeof text, "%.6g", std::abs(v) < 1e-9 ? 0.0 : v);
  return text;
}

// No font is at hand to measure with: 0.56 em is a little over the mean advance of the usual sans-serif faces.
double text_width(const std::string& text, double size) {
  return 0.56 * size *
         double(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string text_at(double x, double y, const std::string& text, double size, const char* colour, const char* anchor,
                    const char* more = "") {
  return "<text x=\"" + pixel(x) + "\" y=\"" + pixel(y) + "\" font-size=\"" + number(size) + "\" fill=\"" + colour +
         "\" text-anchor=\"" + anchor + "\"" + more + ">" + escaped(text) + "</text>\n";
}

std::string line_between(double x0, double y0, double x1, double y1, const char* colour) {
  return "<line x1=\"" + pixel(x0) + "\" y1=\"" + pixel(y0) + "\" x2=\"" + pixel(x1) + "\" y2=\"" + pixel(y1) + "\" stroke=\"" +
         colour + "\"/>\n";
}

// A marker is a path around (0,0), drawn with a white rim so that neighbours stay apart.
std::string marker_at(double x, double y, int style, const std::string& tooltip) {
  static constexpr const char* kPaths[kMarkerCount] = {
      "M-5 0A5 5 0 1 1 5 0A5 5 0 1 1 -5 0Z", "M-4.5 -4.5H4.5V4.5H-4.5Z", "M0 -6.2L6.2 0L0 6.2L-6.2 0Z", "M0 -5.8L5.8 4.4H-5.8Z",
      "M-5 -2.5L-2.5 -5L0 -2.5L2.5 -5L5 -2.5L2.5 0L5 2.5L2.5 5L0 2.5L-2.5 5L-5 2.5L-2.5 0Z"};
  const std::string title = tooltip.empty() ? "" : "<title>" + escaped(tooltip) + "</title>";
  return "<path transform=\"translate(" + pixel(x) + " " + pixel(y) + ")\" d=\"" + kPaths[style % kMarkerCount] + "\" fill=\"" +
         kColours[style % kColourCount] + "\" stroke=\"#fff\" stroke-width=\"1.2\">" + title + "</path>\n";
}

// One axis: data range, its place in pixels and its ticks.
class Axis {
 public:
  Axis(double lo, double hi, bool log, double from, double to, int tick_count) : log_(log), from_(from), to_(to) {
    if (!(lo <= hi)) lo = log ? 1 : 0, hi = log ? 10 : 1;
    lo_ = scale(lo), hi_ = scale(hi);
    const double pad = hi_ > lo_ ? 0.06 * (hi_ - lo_) : (log ? 0.2 : std::max(1.0, 0.05 * std::abs(hi_)));
    lo_ -= pad, hi_ += pad;
    ticks_ = log ? log_ticks(std::pow(10, lo_), std::pow(10, hi_)) : linear_ticks(lo_, hi_, tick_count);
  }
  double at(double value) const { return from_ + (to_ - from_) * (scale(value) - lo_) / (hi_ - lo_); }
  const std::vector<double>& ticks() const { return ticks_; }

 private:
  double scale(double value) const { return log_ ? std::log10(value) : value; }
  bool log_;
  double from_, to_, lo_ = 0, hi_ = 1;
  std::vector<double> ticks_;
};

struct Dot {
  double x, y;  // pixels
  const PlotPoint* point;
};

class Painter {
 public:
  explicit Painter(Plot plot) : plot_(std::move(plot)) {
    drop_unusable_points();
    area_ = {70, header_height(), plot_.width - kMargin, plot_.height - 58.0};
  }

  std::string paint() {
    const Axis x = axis(&PlotPoint::x, plot_.log_x, area_.x0, area_.x1);
    const Axis y = axis(&PlotPoint::y, false, area_.y1, area_.y0);
    for (const PlotSeries& series : plot_.series) {
      dots_.emplace_back();
      for (const PlotPoint& p : series.points) dots_.back().push_back({x.at(p.x), y.at(p.y), &p});
    }
    const std::string size = "width=\"" + std::to_string(plot_.width) + "\" height=\"" + std::to_string(plot_.height) + "\"";
    out_ = "<svg xmlns=\"http://www.w3.org/2000/svg\" " + size + " viewBox=\"0 0 " + std::to_string(plot_.width) + " " +
           std::to_string(plot_.height) +
           "\" role=\"img\" font-family=\"Inter, 'Segoe UI', Helvetica, Arial, sans-serif\">\n<title>" + escaped(plot_.title) +
           "</title>\n<rect " + size + " fill=\"#fff\"/>\n";
    paint_header();
    paint_axes(x, y);
    paint_bands(y);
    paint_lines();
    paint_spreads(y);
    paint_markers();
    paint_labels();
    return out_ + "</svg>\n";
  }

 private:
  void drop_unusable_points() {
    for (size_t i = 0; i < plot_.series.size(); ++i) {
      PlotSeries& series = plot_.series[i];
      if (series.style < 0) series.style = int(i);
      auto& points = series.points;
      const auto unusable = [](const PlotPoint& p) { return !std::isfinite(p.x) || !std::isfinite(p.y); };
      points.erase(std::remove_if(points.begin(), points.end(), unusable), points.end());
      std::stable_sort(points.begin(), points.end(), [](const PlotPoint& a, const PlotPoint& b) { return a.x < b.x; });
      BITLOOM_CHECK(!plot_.log_x || points.empty() || points[0].x > 0, "plot: series ", series.name, " has x = ", points[0].x,
                    " on a logarithmic axis, expected positive values");
    }
  }

  Axis axis(double PlotPoint::*coordinate, bool log, double from, double to) const {
    double lo = std::numeric_limits<double>::infinity(), hi = -lo;
    for (const PlotSeries& series : plot_.series) {
      for (const PlotPoint& p : series.points) {
        lo = std::min(lo, p.*coordinate), hi = std::max(hi, p.*coordinate);
        if (coordinate == &PlotPoint::y && p.spread) lo = std::min(lo, p.spread->first), hi = std::max(hi, p.spread->second);
      }
    }
    // Bands of few seeds are wide: they have half as much room as the points at either side, and end at the frame.
    const double room = (hi - lo) / 2, lowest = lo - room, highest = hi + room;
    if (coordinate == &PlotPoint::y)
      for (const PlotSeries& series : plot_.series)
        for (const PlotPoint& p : series.points)
          if (p.band && p.joined)
            lo = std::min(lo, std::max(p.band->first, lowest)), hi = std::max(hi, std::min(p.band->second, highest));
    return Axis(lo, hi, log, from, to, int(std::abs(to - from) / 60));
  }

  // The legend stands above the plot, where it can hide nothing, in as many rows as it needs.
  double header_height() {
    const double left = kMargin, row = 20;
    double x = left, y = plot_.title.empty() ? 22 : 36;
    if (!plot_.subtitle.empty()) y += 20;
    y += 24;
    for (const PlotSeries& series : plot_.series) {
      const double width = 36 + text_width(series.name, kTextSize);
      if (x > left && x + width > plot_.width - kMargin) x = left, y += row;
      legend_.push_back({x, y, nullptr});
      x += width + 8;
    }
    return (plot_.series.empty() ? y - 24 : y) + 18;
  }

  void paint_header() {
    if (!plot_.title.empty()) out_ += text_at(kMargin, 34, plot_.title, 17, kInk, "start", " font-weight=\"600\"");
    if (!plot_.subtitle.empty())
      out_ += text_at(kMargin, plot_.title.empty() ? 24 : 54, plot_.subtitle, kTextSize, kMuted, "start");
    for (size_t i = 0; i < plot_.series.size(); ++i) {
      const PlotSeries& series = plot_.series[i];
      const char* colour = kColours[series.style % kColourCount];
      if (series.line) out_ += line_between(legend_[i].x, legend_[i].y - 4, legend_[i].x + 24, legend_[i].y - 4, colour);
      if (series.markers) out_ += marker_at(legend_[i].x + 12, legend_[i].y - 4, series.style, "");
      out_ += text_at(legend_[i].x + 30, legend_[i].y, series.name, kTextSize, kInk, "start");
    }
  }

  void paint_axes(const Axis& x, const Axis& y) {
    for (double tick : y.ticks()) {
      out_ += line_between(area_.x0, y.at(tick), area_.x1, y.at(tick), kGrid);
      out_ += text_at(area_.x0 - 8, y.at(tick) + 4, number(tick), kTextSize, kMuted, "end");
    }
    for (double tick : x.ticks()) {
      out_ += line_between(x.at(tick), area_.y0, x.at(tick), area_.y1, kGrid);
      out_ += text_at(x.at(tick), area_.y1 + 18, number(tick), kTextSize, kMuted, "middle");
    }
    out_ += line_between(area_.x0, area_.y1, area_.x1, area_.y1, kMuted);
    out_ += line_between(area_.x0, area_.y0, area_.x0, area_.y1, kMuted);
    out_ += text_at((area_.x0 + area_.x1) / 2, plot_.height - 16, plot_.x_label, 13, kInk, "middle");
    const double middle = (area_.y0 + area_.y1) / 2;
    const std::string turn = " transform=\"rotate(-90 20 " + pixel(middle) + ")\"";
    out_ += text_at(20, middle, plot_.y_label, 13, kInk, "middle", turn.c_str());
  }

  void paint_bands(const Axis& y) {
    for (size_t i = 0; i < dots_.size(); ++i) {
      std::string over, under;
      int corners = 0;
      for (const Dot& dot : dots_[i]) {
        if (!dot.point->joined || !dot.point->band) continue;
        over += pixel(dot.x) + "," + pixel(within_area(y.at(dot.point->band->second))) + " ";
        under = pixel(dot.x) + "," + pixel(within_area(y.at(dot.point->band->first))) + " " + under;
        ++corners;
      }
      if (!plot_.series[i].line || corners < 2) continue;
      under.pop_back();
      out_ += str("<polygon fill-opacity=\"0.15\" fill=\"", kColours[plot_.series[i].style % kColourCount], "\" points=\"",
                  over, under, "\"/>\n");
    }
  }

  double within_area(double y) const { return std::clamp(y, area_.y0, area_.y1); }

  void paint_lines() {
    for (size_t i = 0; i < dots_.size(); ++i) {
      const auto joined = std::count_if(dots_[i].begin(), dots_[i].end(), [](const Dot& dot) { return dot.point->joined; });
      if (!plot_.series[i].line || joined < 2) continue;
      out_ += "<polyline fill=\"none\" stroke-width=\"2\" stroke-linejoin=\"round\" stroke=\"";
      out_ += std::string(kColours[plot_.series[i].style % kColourCount]) + "\" points=\"";
      for (const Dot& dot : dots_[i])
        if (dot.point->joined) out_ += pixel(dot.x) + "," + pixel(dot.y) + " ";
      out_.back() = '"';
      out_ += "/>\n";
    }
  }

  void paint_spreads(const Axis& y) {
    for (size_t i = 0; i < dots_.size(); ++i) {
      for (const Dot& dot : dots_[i]) {
        if (!dot.point->spread) continue;
        const double from = y.at(dot.point->spread->first), to = y.at(dot.point->spread->second);
        const char* colour = kColours[plot_.series[i].style % kColourCount];
        out_ += line_between(dot.x, from, dot.x, to, colour) + line_between(dot.x - 4, from, dot.x + 4, from, colour) +
                line_between(dot.x - 4, to, dot.x + 4, to, colour);
      }
    }
  }

  void paint_markers() {
    for (size_t i = 0; i < dots_.size(); ++i) {
      const PlotSeries& series = plot_.series[i];
      for (const Dot& dot : dots_[i]) {
        if (!series.markers) break;
        const PlotPoint& p = *dot.point;
        const std::string plain =
            series.name + (p.label.empty() ? "" : " " + p.label) + ": " + number(p.x) + ", " + number(p.y);
        const std::string marker = marker_at(dot.x, dot.y, series.style, p.tooltip.empty() ? plain : p.tooltip);
        out_ += p.link.empty() ? marker : "<a href=\"" + escaped(p.link) + "\">" + marker + "</a>\n";
      }
    }
  }

  // Each label takes the place around its marker that covers the least of markers, lines and earlier labels.
  void paint_labels() {
    std::vector<Box> taken;
    for (size_t i = 0; i < dots_.size(); ++i) add_obstacles(dots_[i], plot_.series[i].line, taken);
    for (size_t i = 0; i < dots_.size(); ++i) {
      for (const Dot& dot : dots_[i]) {
        if (dot.point->label.empty()) continue;
        const Box best = place_label(dot, taken);
        taken.push_back(best);
        out_ += text_at(best.x0, best.y1 - 3, dot.point->label, kLabelSize, kColours[plot_.series[i].style % kColourCount],
                        "start", " paint-order=\"stroke\" stroke=\"#fff\" stroke-width=\"3\"");
      }
    }
  }

  // Markers as boxes, and lines as chains of small boxes.
  static void add_obstacles(const std::vector<Dot>& dots, bool line, std::vector<Box>& taken) {
    for (size_t k = 0; k < dots.size(); ++k) {
      const Dot& a = dots[k];
      const double r = kMarkerRadius + 1;
      taken.push_back({a.x - r, a.y - r, a.x + r, a.y + r});
      if (!line || k + 1 == dots.size()) continue;
      const Dot& b = dots[k + 1];
      const int steps = int(std::hypot(b.x - a.x, b.y - a.y) / 4) + 1;
      for (int s = 1; s < steps; ++s) {
        const double x = a.x + (b.x - a.x) * s / steps, y = a.y + (b.y - a.y) * s / steps;
        taken.push_back({x - 2, y - 2, x + 2, y + 2});
      }
    }
  }

  Box place_label(const Dot& dot, const std::vector<Box>& taken) const {
    const double w = text_width(dot.point->label, kLabelSize), h = kLabelSize + 3, gap = kMarkerRadius + 3;
    // Above left first: on an accuracy-against-cost front that side is free.
    const Box places[] = {{-gap - w, -gap - h + 4, -gap, -gap + 4},
                          {-w / 2, -gap - h, w / 2, -gap},
                          {gap, -gap - h + 4, gap + w, -gap + 4},
                          {gap, -h / 2, gap + w, h / 2},
                          {-gap - w, -h / 2, -gap, h / 2},
                          {gap, gap - 4, gap + w, gap + h - 4},
                          {-w / 2, gap, w / 2, gap + h},
                          {-gap - w, gap - 4, -gap, gap + h - 4}};
    Box best;
    double best_cost = std::numeric_limits<double>::infinity();
    for (const Box& p : places) {
      const Box box = {dot.x + p.x0, dot.y + p.y0, dot.x + p.x1, dot.y + p.y1};
      double cost = 4 * (w * h - box.overlap(area_));  // what leaves the plot counts most
      for (const Box& other : taken) cost += box.overlap(other);
      if (cost < best_cost - 1e-6) best = box, best_cost = cost;
    }
    return best;
  }

  Plot plot_;
  Box area_;
  std::vector<Dot> legend_;
  std::vector<std::vector<Dot>> dots_;  // per series
  std::string out_;
};

}  // namespace

std::vector<double> linear_ticks(double lo, double hi, int count) {
  const double rough = (hi - lo) / std::max(count, 1);
  if (!(rough > 0) || !std::isfinite(rough)) return {lo};
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double step = power * (rough < 1.5 * power ? 1 : rough < 3.5 * power ? 2 : rough < 7.5 * power ? 5 : 10);
  std::vector<double> ticks;
  for (double i = std::ceil(lo / step - 1e-9); i * step <= hi + 1e-9 * step; ++i) ticks.push_back(i * step);
  return ticks;
}

std::vector<double> log_ticks(double lo, double hi) {
  if (hi < 10 * lo) return linear_ticks(lo, hi, 8);
  const int first = int(std::floor(std::log10(lo))), last = int(std::ceil(std::log10(hi)));
  // 1, 2, 5 within three decades, whole decades up to eight, then every other and so on: about eight ticks at most.
  const int stride = (last - first + 7) / 8;
  std::vector<double> ticks;
  for (int decade = first; decade <= last; decade += stride) {
    for (double lead : {1.0, 2.0, 5.0}) {
      const double tick = lead * std::pow(10, decade);
      if ((lead == 1 || last - first <= 3) && tick >= lo * (1 - 1e-9) && tick <= hi * (1 + 1e-9)) ticks.push_back(tick);
    }
  }
  return ticks;
}

std::string to_svg(const Plot& plot) { return Painter(plot).paint(); }

}  // namespace bitloom
