// Finished runs as one self-contained page.
#include "cli/html_report.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <set>
#include <sstream>
#include <utility>

#include "cli/comparison.h"
#include "cli/report.h"
#include "cli/svg_plot.h"
#include "cli/svg_text.h"
#include "cli/table.h"
#include "core/error.h"
#include "core/io.h"

namespace bitloom {
namespace {

#include "cli/html_style.inc"

std::string text_of(const std::string& foreign) { return escaped(printable(foreign)); }

// "94.30 ± 1.20", or without the interval where there is none.
std::string with_interval(const Estimate& e, double scale, int decimals) {
  return fixed(e.mean * scale, decimals) + (e.half ? " ± " + fixed(*e.half * scale, decimals) : "");
}

// A chart for wide windows and one for phones.
std::string chart(Plot plot) {
  std::string out;
  for (const bool wide : {true, false}) {
    plot.width = wide ? 600 : 336;
    plot.height = (wide ? 400 : 300) + (wide ? 10 : 20) * int(plot.series.size());
    if (!wide)
      for (PlotSeries& series : plot.series) series.name = printable(series.name, 42);
    out += std::string("<div class=\"") + (wide ? "wide" : "narrow") + "\">" + to_svg(plot) + "</div>\n";
  }
  return "<div class=\"card\">" + out + "</div>\n";
}

// The validation score of every epoch in log.csv, whose first line names the columns.
std::vector<PlotPoint> learning_curve(const std::string& log) {
  std::vector<PlotPoint> points;
  std::istringstream lines(log);
  size_t column = std::string::npos;
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> cells;
    std::istringstream row(line);
    for (std::string cell; std::getline(row, cell, ',');) cells.push_back(cell);
    const auto name = std::find(cells.begin(), cells.end(), "val_score");
    if (name != cells.end()) {
      column = size_t(name - cells.begin());
    } else if (column < cells.size()) {
      PlotPoint p;
      p.x = double(points.size() + 1);
      p.y = std::strtod(cells[column].c_str(), nullptr);
      p.tooltip = printable(cells[0] + str(", epoch ", points.size() + 1, ": ") + cells[column]);
      points.push_back(p);
    }
  }
  return points;
}

class Page {
 public:
  Page(const std::vector<FinishedRun>& runs, const std::vector<std::string>& logs)
      : runs_(runs), logs_(logs), comparison_(runs), series_(comparison_.series()), metric_(comparison_.metric()) {
    BITLOOM_CHECK(runs.size() == logs.size(), "a report of ", runs.size(), " runs with ", logs.size(), " logs");
    std::vector<RunResult> results;
    for (const FinishedRun& run : runs) results.push_back(run.result);
    table_ = results_table(results, TableForm::kHtml);
  }

  std::string write() const {
    const std::string title = metric_.name() + " against cost";
    std::string out =
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
        "<meta name=\"color-scheme\" content=\"light dark\"/>\n<meta http-equiv=\"Content-Security-Policy\" "
        "content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\"/>\n<title>bitloom: " +
        title + "</title>\n<style>" + kStyle + "</style>\n</head>\n<body>\n<main>\n<h1>" + title + "</h1>\n<p>" +
        str(runs_.size(), runs_.size() == 1 ? " run of " : " runs of ") + models() + "; " + metric_.name() +
        " is the integer networks', on the test set.</p>\n";
    out += fronts() + savings() + differences() + ablation() + hypervolumes() + points() + all_runs() + commands();
    return out + "</main>\n<script>" + kScript + "</script>\n</body>\n</html>\n";
  }

 private:
  static std::string section(const std::string& title, const std::string& note, const std::string& body) {
    return str("<h2>", title, "</h2>\n<p>", note, "</p>\n", body);
  }
  static std::string scrolled(const std::string& table) { return "<div class=\"scroll card\">" + table + "</div>\n"; }
  static std::string id_of(size_t s, size_t g) { return str("point-", s, "-", g); }

  // A ranked score in the metric's unit.
  double shown(double ranked) const { return metric_.in_unit(metric_.rank(ranked)); }
  std::string score_text(double ranked) const { return metric_.text(metric_.rank(ranked)); }

  std::string models() const {
    std::set<std::string> all;
    for (const FinishedRun& run : runs_) all.insert(run.result.model + " on " + run.result.data);
    std::string text;
    for (const std::string& name : all) text += (text.empty() ? "" : ", ") + text_of(name);
    return text;
  }

  std::vector<double> scores(const SeedGroup& group) const {
    std::vector<double> all;
    for (const size_t i : group.runs) all.push_back(metric_.rank(*runs_[i].result.test_score_integer));
    return all;
  }

  // "94.92 %, 92.77 % to 96.63 % over 3 seeds"
  std::string score_of(const SeedGroup& group) const {
    const Estimate e = estimate(scores(group));
    return score_text(e.mean) +
           (e.count > 1 ? ", " + score_text(e.least) + " to " + score_text(e.most) + str(" over ", e.count, " seeds") : "");
  }

  std::string costs_of(const SeedGroup& group) const {
    std::string text;
    for (const CostAxis& axis : cost_axes())
      text += (text.empty() ? "" : ", ") + fixed(mean_point(runs_, group, axis.of).cost, axis.decimals) + " " + axis.unit;
    return text;
  }

  std::string fronts() const {
    std::string out;
    for (const CostAxis& axis : cost_axes()) {
      Plot plot;
      plot.title = str(metric_.name(), " against ", axis.name);
      plot.x_label = str(axis.name, " [", axis.unit, "]");
      plot.y_label = metric_.unit() == "%" ? metric_.name() + " [%]" : metric_.name();
      double least = std::numeric_limits<double>::infinity(), most = 0;
      for (size_t s = 0; s < series_.size(); ++s) {
        plot.series.push_back(plotted(s, axis));
        for (const PlotPoint& p : plot.series.back().points) least = std::min(least, p.x), most = std::max(most, p.x);
      }
      plot.log_x = least > 0 && most > 4 * least;
      out += chart(plot);
    }
    return section(
        "Fronts",
        "A marker is a choice of precisions: the mean over its seeds, the whisker from the lowest to the highest. "
        "Lines join what no other point of the series dominates, and the band is the 95 % interval of the mean: over seeds "
        "(Student's t), of a single seed with predictions over its test images. Hover for figures; a click opens the layers.",
        "<div class=\"charts\">\n" + out + "</div>\n");
  }

  PlotSeries plotted(size_t s, const CostAxis& axis) const {
    PlotSeries out;
    out.name = printable(series_[s].name);
    const std::vector<FrontPoint> means = mean_points(runs_, series_[s], axis.of), front = pareto_front(means);
    const std::vector<std::optional<Interval>> bands = comparison_.bands(series_[s]);
    for (size_t g = 0; g < means.size(); ++g) {
      const SeedGroup& group = series_[s].groups[g];
      const Estimate e = estimate(scores(group));
      PlotPoint p;
      p.x = means[g].cost;
      p.y = shown(means[g].score);
      if (e.count > 1) p.spread = {shown(e.least), shown(e.most)};
      if (bands[g]) p.band = {shown(bands[g]->from), shown(bands[g]->to)};
      p.tooltip = printable(series_[s].name + ", " + group.label + ": " + score_of(group) + "; " + costs_of(group));
      p.link = "#" + id_of(s, g);
      p.joined = std::any_of(front.begin(), front.end(),
                             [&](const FrontPoint& f) { return f.cost == means[g].cost && f.score == means[g].score; });
      out.points.push_back(p);
    }
    return out;
  }

  std::string savings() const {
    const std::optional<Table> table = comparison_.savings();
    if (!table) return "";
    return section(
        "Savings at equal " + metric_.name(),
        "What the channel-wise front costs (here) at the score of every layer-wise or fixed point (there), interpolated "
        "along the front of means; a front whose cheapest point is already better counts with that point. Intervals: "
        "over seeds, where every seed's own front gets there, of the mean of their savings (Student's t); over images, "
        "where runs have predictions, by a bootstrap of the test samples.",
        scrolled(table->html()));
  }

  std::string differences() const {
    const std::optional<Table> table = comparison_.differences();
    if (!table) return "";
    return section("Channel-wise minus layer-wise within the same budget",
                   "Differences in " + unit_of_differences() +
                       " between runs of the same seed. Intervals: over seeds by Student's t distribution; over images by a "
                       "bootstrap of the test samples, the same for both; over both, their squares added. McNemar's exact test "
                       "tells, seed by seed, whether images that only one of the two gets right could be divided so by chance.",
                   scrolled(table->html()));
  }

  std::string ablation() const {
    const std::optional<Table> table = comparison_.ablation();
    if (!table) return "";
    return section(
        "What the parts of the search are worth",
        "The same search without one part of its recipe: differences in " + unit_of_differences() +
            " to the whole one of the same seed, with intervals as above. Where an interval holds zero, the part is not "
            "shown to help here.",
        scrolled(table->html()));
  }

  std::string unit_of_differences() const { return metric_.unit() == "%" ? std::string("percentage points") : metric_.unit(); }

  std::string hypervolumes() const {
    if (series_.empty()) return "";
    std::vector<std::string> header = {"series"};
    for (const CostAxis& axis : cost_axes()) header.push_back(axis.name);
    std::vector<std::vector<std::string>> rows;
    for (const RunSeries& series : series_) rows.push_back({series.name});
    std::string references;
    for (const CostAxis& axis : cost_axes()) {
      FrontPoint reference{0, std::numeric_limits<double>::infinity()}, ideal{reference.score, -reference.score};
      for (const RunSeries& series : series_) {
        for (const SeedGroup& group : series.groups) {
          for (const size_t i : group.runs) {
            const FrontPoint p = mean_point(runs_, {"", {i}}, axis.of);
            reference = {std::max(reference.cost, p.cost), std::min(reference.score, p.score)};
            ideal = {std::min(ideal.cost, p.cost), std::max(ideal.score, p.score)};
          }
        }
      }
      const double whole = (reference.cost - ideal.cost) * (ideal.score - reference.score), scale = whole > 0 ? 100 / whole : 0;
      references += (references.empty() ? "" : "; ") + fixed(reference.cost, axis.decimals) + " " + axis.unit + " and " +
                    score_text(reference.score);
      for (size_t s = 0; s < series_.size(); ++s) {
        const auto by_seed = hypervolume_by_seed(runs_, series_[s], axis.of, reference);
        const double area = hypervolume(pareto_front(mean_points(runs_, series_[s], axis.of)), reference);
        rows[s].push_back(fixed(area * scale, 1) + (by_seed ? " (" + with_interval(*by_seed, scale, 1) + ")" : ""));
      }
    }
    Table table(header);
    for (const auto& row : rows) table.add(row);
    return section(
        "Hypervolume",
        "The area that each front of means dominates, in percent of the rectangle between the reference point, which has the "
        "greatest cost and the "
        "lowest score of all runs here (" +
            references +
            "), and the least cost with the best score. In brackets mean and 95 % interval over the seeds' own fronts.",
        scrolled(table.html()));
  }

  std::string points() const {
    std::string out;
    std::set<size_t> shown_runs;
    for (size_t s = 0; s < series_.size(); ++s) {
      for (size_t g = 0; g < series_[s].groups.size(); ++g) {
        const SeedGroup& group = series_[s].groups[g];
        shown_runs.insert(group.runs.begin(), group.runs.end());
        out += details(id_of(s, g), series_[s].name + ", " + group.label, score_of(group) + "; " + costs_of(group), group.runs);
      }
    }
    for (size_t i = 0; i < runs_.size(); ++i) {
      if (shown_runs.count(i)) continue;
      const RunResult& r = runs_[i].result;
      const std::string name = r.precisions ? run_name(r) + ", " + runs_[i].folder : "float network";
      out += details(str("run-", i), name + str(", seed ", r.seed),
                     metric_.text(r.precisions ? r.test_score_integer.value_or(0) : r.test_score_float), {i});
    }
    return section(
        "Points, layer by layer",
        "Channels that each layer stores, by the width of their weights.<span class=\"key\"><i class=\"w8\"></i>8 bits<i "
        "class=\"w4\"></i>4<i "
        "class=\"w2\"></i>2<i class=\"w0\"></i>0: only their constant</span>",
        out);
  }

  std::string details(const std::string& id, const std::string& name, const std::string& figures,
                      const std::vector<size_t>& members) const {
    std::string out = "<details id=\"" + id + "\"><summary><b>" + text_of(name) + "</b>: " + text_of(figures) + "</summary>\n";
    Plot plot;
    plot.title = "Validation score by epoch";
    plot.x_label = "epoch";
    plot.y_label = "validation score";
    for (const size_t i : members) {
      const RunResult& r = runs_[i].result;
      out += "<h3>" + text_of(runs_[i].folder) + str(", seed ", r.seed) +
             (r.test_score_integer ? ": " + text_of(metric_.text(*r.test_score_integer)) : "") + "</h3>\n";
      if (r.network)
        for (const LayerFigures& layer : r.network->layers) out += layer_bar(layer);
      out += "<pre>" + text_of(r.command) + "</pre>\n";
      PlotSeries series;
      series.name = str("seed ", r.seed);
      series.points = learning_curve(logs_[i]);
      series.markers = series.points.size() <= 40;
      if (!series.points.empty()) plot.series.push_back(series);
    }
    return out + (plot.series.empty() ? "" : chart(plot)) + "</details>\n";
  }

  static std::string layer_bar(const LayerFigures& layer) {
    std::string bar;
    for (const int bits : {8, 4, 2, 0}) {
      const auto of_width = layer.channels.find(bits);
      if (of_width == layer.channels.end() || of_width->second <= 0) continue;
      const int64_t n = of_width->second;
      bar += str("<i class=\"w", bits, "\" style=\"flex:", n, "\" title=\"", n, " channels of ", bits, " bits\">", n, "</i>");
    }
    return "<div class=\"layer\"><span>" + text_of(layer.name) + "</span><div class=\"bar\">" + bar +
           "</div><span class=\"figures\">" + str(layer.act_bits, "-bit input, ") +
           fixed(double(layer.weight_bytes) * 1e-3, 2) + " kB, " + fixed(double(layer.cycles) * 1e-3, 1) +
           " kcycles</span></div>\n";
  }

  std::string all_runs() const { return section("All runs", "In the order given.", scrolled(table_)); }

  std::string commands() const {
    std::string out;
    std::set<std::string> seen;
    for (const FinishedRun& run : runs_)
      if (seen.insert(run.result.command).second) out += "<pre>" + text_of(run.result.command) + "</pre>\n";
    return section("Commands", "That these runs were made with.", out);
  }

  const std::vector<FinishedRun>& runs_;
  const std::vector<std::string>& logs_;
  const Comparison comparison_;
  const std::vector<RunSeries>& series_;
  const Metric& metric_;
  std::string table_;
};

}  // namespace

std::string html_report(const std::vector<FinishedRun>& runs, const std::vector<std::string>& logs) {
  return Page(runs, logs).write();
}

void write_html_report(const std::string& file, const std::vector<std::string>& folders) {
  std::vector<FinishedRun> runs;
  std::vector<std::string> logs;
  for (const std::string& folder : folders) {
    runs.push_back(read_run(folder));
    const std::string log = folder + "/log.csv";
    logs.push_back(file_exists(log) ? read_text(log, size_t(16) << 20) : "");
  }
  write_text_atomic(file, html_report(runs, logs));
}

}  // namespace bitloom
