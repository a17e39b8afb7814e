// bitloom report: the table and the picture that runs are compared with.
#include "cli/report.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/svg_plot.h"
#include "cli/table.h"
#include "core/error.h"
#include "core/io.h"

namespace bitloom {

std::string results_table(const std::vector<nlohmann::ordered_json>& results, bool markdown) {
  Table table({"run", "float %", "integer %", "agree %", "weights kB", "bits/weight", "Mcycles", "energy uJ", "seconds"});
  const auto number = [](const nlohmann::ordered_json& r, const char* key, double scale, int decimals) {
    return r.contains(key) ? fixed(r.at(key).get<double>() * scale, decimals) : std::string("-");
  };
  for (const nlohmann::ordered_json& r : results) {
    double seconds = 0;
    for (const auto& [stage, value] : r.at("seconds").items()) seconds += value.get<double>();
    std::string name = r.value("granularity", "float");
    if (name == "fixed")
      name = str("w", r.at("weight_bits")[0], "a", r.at("act_bits")[0]);
    else if (r.contains("budget"))
      name += " " + r.at("budget").get<std::string>();
    else if (name != "float")
      name += " " + str(r.at("strength").get<double>());
    double weights = 0, bits = 0;
    for (const auto& layer : r.value("layers", nlohmann::ordered_json::array())) {
      double channels = 0, sum = 0;
      for (const auto& [width, count] : layer.at("channels").items()) {
        if (width == "0") continue;
        channels += count.get<double>();
        sum += std::stod(width) * count.get<double>();
      }
      weights += layer.at("parameters").get<double>();
      bits += channels > 0 ? layer.at("parameters").get<double>() * sum / channels : 0;
    }
    table.add({name, number(r, "test_accuracy_float", 100, 2), number(r, "test_accuracy_integer", 100, 2),
               number(r, "agreement", 100, 2), number(r, "weight_bytes", 1e-3, 2), weights > 0 ? fixed(bits / weights, 2) : "-",
               number(r, "cycles", 1e-6, 3), number(r, "energy_uj", 1, 1), fixed(seconds, 1)});
  }
  return markdown ? table.markdown() : table.text();
}

std::string results_picture(const std::string& title, const std::string& subtitle,
                            const std::vector<nlohmann::ordered_json>& results) {
  Plot plot;
  plot.title = title;
  plot.subtitle = subtitle;
  plot.x_label = "weights [kB]";
  plot.y_label = "accuracy [%]";
  for (const char* granularity : {"channel", "layer", "fixed"}) {
    PlotSeries series;
    series.name = granularity == std::string("fixed") ? "one width for all" : std::string(granularity) + "-wise search";
    for (const nlohmann::ordered_json& r : results)
      if (r.value("granularity", "") == granularity)
        series.points.push_back(
            {r.at("weight_bytes").get<double>() / 1e3, 100 * r.at("test_accuracy_integer").get<double>(), ""});
    plot.series.push_back(series);
  }
  return to_svg(plot);
}

namespace {

struct ReportOptions {
  std::vector<std::string> runs;
  std::string svg, title = "Accuracy against weight memory";
  bool markdown = false;
};

void report(const ReportOptions& o) {
  std::vector<nlohmann::ordered_json> results;
  for (const std::string& run : o.runs) {
    const std::string file = run + "/result.json";
    try {
      results.push_back(nlohmann::ordered_json::parse(read_text(file)));
      results_table({results.back()}, false);
    } catch (const nlohmann::json::exception& e) {
      throw Error(file + ": not a run's result: " + e.what());
    }
  }
  if (!o.svg.empty()) write_text_atomic(o.svg, results_picture(o.title, "integer networks on the test set", results));
  std::cout << results_table(results, o.markdown);
}

}  // namespace

void add_report(CLI::App& program, Chosen& chosen) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* app =
      program.add_subcommand("report", "Compare finished runs: one table, and a picture of accuracy against weight memory");
  app->footer("Example:\n  bitloom report results/cifar10/*/ --svg pareto.svg");
  app->add_option("runs", options->runs, "Folders of runs")->required();
  app->add_option("--svg", options->svg, "Write the picture to this file");
  app->add_option("--title", options->title, "Its title")->capture_default_str();
  app->add_flag("--markdown", options->markdown, "Print the table as markdown");
  app->callback([=, &chosen] { chosen = [=](const std::string&) { report(*options); }; });
}

}  // namespace bitloom
