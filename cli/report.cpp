// bitloom report: the table and the picture that runs are compared with.
#include "cli/report.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <set>
#include <utility>

#include "cli/commands.h"
#include "cli/comparison.h"
#include "cli/html_report.h"
#include "cli/mpic_target.h"
#include "cli/svg_plot.h"
#include "cli/table.h"
#include "core/error.h"
#include "core/io.h"
#include "core/json.h"
#include "core/quote.h"
#include "nas/run/deployed.h"
#include "nas/run/front.h"

namespace bitloom {
namespace {

enum class ReportTable { kRuns, kDifferences, kSavings, kAblation, kMemory };

}  // namespace

template <>
struct NamesOf<ReportTable> {
  static constexpr const char* kWhat = "table";
  static constexpr Named<ReportTable> kAll[] = {{ReportTable::kRuns, "runs"},
                                                {ReportTable::kDifferences, "differences"},
                                                {ReportTable::kSavings, "savings"},
                                                {ReportTable::kAblation, "ablation"},
                                                {ReportTable::kMemory, "memory"}};
};

std::string in_form(const Table& table, TableForm form) {
  switch (form) {
    case TableForm::kMarkdown: return table.markdown();
    case TableForm::kCsv: return table.csv();
    case TableForm::kHtml: return table.html();
    case TableForm::kText: break;
  }
  return table.text();
}

const Metric* common_metric(const std::vector<RunResult>& results) {
  for (const RunResult& r : results)
    if (r.metric != results.front().metric) return nullptr;
  return results.empty() ? &accuracy() : &find_metric(results.front().metric);
}

std::string results_table(const std::vector<RunResult>& results, TableForm form) {
  const Metric* metric = common_metric(results);
  const std::string unit = metric ? " " + metric->unit() : "";
  const bool seeds =
      std::any_of(results.begin(), results.end(), [&](const RunResult& r) { return r.seed != results.front().seed; });
  std::vector<std::string> header = {"run",         "float" + unit, "integer" + unit, "agree %", "weights kB",
                                     "bits/weight", "Mcycles",      "energy uJ",      "seconds"};
  if (seeds) header.insert(header.begin() + 1, "seed");
  Table table(header);
  const auto number = [](const std::optional<double>& value, double scale, int decimals) {
    return value ? fixed(*value * scale, decimals) : std::string("-");
  };
  const auto score = [&](const RunResult& r, const std::optional<double>& value) {
    if (!value) return std::string("-");
    return metric ? metric->number(*value) : find_metric(r.metric).text(*value);
  };
  for (const RunResult& r : results) {
    double seconds = 0;
    for (const auto& [stage, value] : r.seconds) seconds += value;
    std::vector<std::string> row = {run_name(r), score(r, r.test_score_float), score(r, r.test_score_integer),
                                    number(r.agreement, 100, 2)};
    const auto of_network = [&](auto figure, double scale, int decimals) {
      row.push_back(r.network ? fixed(double(figure(*r.network)) * scale, decimals) : "-");
    };
    of_network([](const NetworkFigures& n) { return n.weight_bytes; }, 1e-3, 2);
    of_network(mean_weight_bits, 1, 2);
    of_network([](const NetworkFigures& n) { return n.cycles; }, 1e-6, 3);
    of_network([](const NetworkFigures& n) { return n.energy_uj; }, 1, 1);
    row.push_back(fixed(seconds, 1));
    if (seeds) row.insert(row.begin() + 1, std::to_string(r.seed));
    table.add(row);
  }
  return in_form(table, form);
}

std::string results_picture(const std::string& title, const std::string& subtitle, const std::vector<RunResult>& results) {
  Plot plot;
  plot.title = title;
  plot.subtitle = subtitle;
  plot.x_label = "weights [kB]";
  const Metric* metric = common_metric(results);
  BITLOOM_CHECK(metric, "these runs are judged by different metrics; draw a picture of each");
  plot.y_label = metric->unit() == "%" ? metric->name() + " [%]" : metric->name();
  const std::pair<Granularity, const char*> kinds[] = {{Granularity::kChannel, "channel-wise search"},
                                                       {Granularity::kLayer, "layer-wise search"},
                                                       {Granularity::kGiven, "given widths"},
                                                       {Granularity::kFixed, "one width for all"}};
  std::set<double> widths = {1};
  for (const RunResult& r : results) widths.insert(r.width);
  for (const auto& [kind, name] : kinds) {
    for (const double width : widths) {
      PlotSeries series;
      series.name = name + (width == 1 ? "" : str(" x", width));
      for (const RunResult& r : results)
        if (r.precisions && r.precisions->granularity == kind && r.width == width && r.network && r.test_score_integer)
          series.points.push_back({double(r.network->weight_bytes) / 1e3, metric->in_unit(*r.test_score_integer), ""});
      if ((kind != Granularity::kGiven && width == 1) || !series.points.empty()) plot.series.push_back(series);
    }
  }
  return to_svg(plot);
}

namespace {

struct ReportOptions {
  std::vector<std::string> runs;
  std::string svg, html, title = "Accuracy against weight memory";
  bool markdown = false, csv = false, json = false;
  ReportTable table = ReportTable::kRuns;
};

Table comparison_table(const ReportOptions& o) {
  std::vector<FinishedRun> runs;
  for (const std::string& run : o.runs) runs.push_back(read_run(run));
  const Comparison comparison(runs);
  const char* what = "";
  std::optional<Table> table;
  switch (o.table) {
    case ReportTable::kRuns:
    case ReportTable::kMemory: break;
    case ReportTable::kAblation:
      table = comparison.ablation();
      what = "no search that lacks a part of another one's recipe; make some with bitloom sweep --ablate all";
      break;
    case ReportTable::kDifferences:
      table = comparison.differences();
      what = "no channel-wise and layer-wise searches within the same budget that have seeds, or predictions, to compare";
      break;
    case ReportTable::kSavings:
      table = comparison.savings();
      what = "no channel-wise search with a layer-wise one or a fixed precision to compare";
      break;
  }
  BITLOOM_CHECK(table, "--table ", name_of(o.table), ": among these runs there is ", what);
  return *table;
}

// Bytes of each run's network as a program for MPIC; float runs have none.
Table memory_table(const std::vector<std::string>& runs) {
  Table table({"run", "code", "weights", "tables", "flash", "activations", "total"});
  for (const std::string& run : runs) {
    const std::string name = printable(std::filesystem::path(run).lexically_normal().string());
    if (!file_exists(network_file(run))) {
      table.add({name, "-", "-", "-", "-", "-", "-"});
      continue;
    }
    const WholeMemory m(load_deployed(run));
    table.add({name, grouped(m.code), grouped(m.weights), grouped(m.tables), grouped(m.flash()), grouped(m.activations),
               grouped(m.total())});
  }
  return table;
}

void report(const ReportOptions& o) {
  std::vector<RunResult> results;
  for (const std::string& run : o.runs) {
    const std::string file = run + "/result.json";
    check_finished(run);
    results.push_back(result_from_json(read_text(file, JsonValue::kMaxBytes), file));
  }
  if (!o.svg.empty()) write_text_atomic(o.svg, results_picture(o.title, "integer networks on the test set", results));
  if (!o.html.empty()) write_html_report(o.html, o.runs);
  const TableForm form = o.markdown ? TableForm::kMarkdown : o.csv ? TableForm::kCsv : TableForm::kText;
  if (o.table == ReportTable::kMemory) {
    std::cout << in_form(memory_table(o.runs), form);
    return;
  }
  if (o.table != ReportTable::kRuns) {
    std::cout << in_form(comparison_table(o), form);
    return;
  }
  std::cout << (o.json ? to_json(results) : results_table(results, form));
}

}  // namespace

void add_report(CLI::App& program, Chosen& chosen) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* app =
      program.add_subcommand("report", "Compare finished runs: one table, and a picture of accuracy against weight memory");
  app->footer(
      "Examples:\n"
      "  bitloom report results/cifar10/*/ --svg pareto.svg\n"
      "  bitloom report out/front/*/ --html report.html");
  app->add_option("runs", options->runs, "Folders of runs")->required();
  app->add_option("--svg", options->svg, "Write the picture to this file");
  app->add_option("--html", options->html,
                  "Write a page to this file: fronts, savings and differences over seeds, layers, learning curves, commands");
  app->add_option("--title", options->title, "The picture's title")->capture_default_str();
  CLI::Option* markdown = app->add_flag("--markdown", options->markdown, "Print the table as markdown");
  CLI::Option* csv = app->add_flag("--csv", options->csv, "Print the table as comma-separated values")->excludes(markdown);
  app->add_option_function<std::string>(
         "--table", [options](const std::string& name) { options->table = named<ReportTable>(name); },
         "What to print: runs (every figure of each); differences (channel-wise minus layer-wise within a budget), savings "
         "(cost at "
         "equal score), with 95 % intervals over seeds and, by predictions.npz, over test images; ablation (what the parts of "
         "the "
         "search are worth, by the runs that lack one); memory (all bytes that each takes as a program for MPIC)")
      ->check(CLI::IsMember(all_names<ReportTable>()))
      ->default_str(name_of(options->table));
  app->add_flag("--json", options->json, "Print every figure of every run as JSON")->excludes(markdown)->excludes(csv);
  app->callback([=, &chosen] { chosen = [=](const std::string&) { report(*options); }; });
}

}  // namespace bitloom
