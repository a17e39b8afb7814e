// The page about finished runs: well-formed, complete, alone, and no run's text becomes markup.
#include "cli/html_report.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/io.h"
#include "nas/run/predictions.h"
#include "tests/support/program.h"
#include "tests/support/xml.h"

namespace bitloom {
namespace {

using testing::run_program;
using testing::TempFolder;
using testing::xml_fault;

const char* const kHostile = "</script><img src=x onerror=\"alert('1')\">&amp;\x1b[2J\xe2\x80\xae";

FinishedRun run_of(Granularity granularity, uint64_t seed, double score) {
  FinishedRun run;
  run.folder = str("out/", name_of(granularity), "-", seed);
  run.config.quantize = true;
  run.config.granularity = granularity;
  run.config.budget = "9kB";
  RunResult& r = run.result;
  r.task = r.data = "synthetic";
  r.model = "resnet8";
  r.metric = "accuracy";
  r.seed = run.config.seed = seed;
  r.command = str("bitloom search --seed ", seed);
  r.precisions = PrecisionChoice{granularity, {2, 4, 8}, {8}, CostKind::kSize, 0.5, "9kB"};
  r.test_score_integer = score;
  r.network.emplace();
  r.network->weight_bytes = 9000 + int64_t(seed);
  r.network->cycles = 1000000;
  r.network->energy_uj = 20;
  LayerFigures layer;
  layer.name = "conv0";
  layer.channels = {{0, 3}, {2, 5}, {8, 11}};
  r.network->layers = {layer};
  return run;
}

std::vector<FinishedRun> small_sweep() {
  return {run_of(Granularity::kChannel, 1, 0.92), run_of(Granularity::kLayer, 1, 0.91), run_of(Granularity::kChannel, 2, 0.94),
          run_of(Granularity::kLayer, 2, 0.90)};
}

const std::vector<std::string> kLogs(4, "stage,epoch,val_score\nsearch,1,0.5\nfinetune,1,0.75\n");

// Of everything after the doctype, which is no element, without the script.
std::string fault_of(const std::string& page) { return xml_fault(page.substr(page.find("<html"))); }

size_t occurrences(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++n;
  return n;
}

TEST(HtmlReport, IsWellFormedAndHoldsEveryRun) {
  const std::vector<FinishedRun> runs = small_sweep();
  const std::string page = html_report(runs, kLogs);
  EXPECT_EQ(fault_of(page), "");
  for (const FinishedRun& run : runs) {
    EXPECT_NE(page.find("<h3>" + run.folder + ", seed "), std::string::npos) << run.folder;
    EXPECT_NE(page.find("<pre>" + run.result.command + "</pre>"), std::string::npos);
  }
  EXPECT_NE(page.find("title=\"11 channels of 8 bits\">11</i>"), std::string::npos);
  // 0.92 - 0.91 and 0.94 - 0.90: 2.5 +- 12.706 * 1.5.
  EXPECT_NE(page.find("<td class=\"n\">+2.50</td><td>-16.56 to +21.56</td>"), std::string::npos);
  EXPECT_NE(page.find("finetune, epoch 2: 0.75"), std::string::npos);
}

// With the class of every test sample: intervals over samples, McNemar's test, bands; and what a part of the search is worth.
TEST(HtmlReport, PredictionsTellMore) {
  std::vector<FinishedRun> runs = small_sweep();
  for (size_t i = 0; i < 4; i += 2) {  // the channel-wise ones without a part
    runs.push_back(runs[i]);
    runs.back().folder += "-no-shrinking";
    runs.back().result.test_score_integer = *runs[i].result.test_score_integer - 0.01;
  }
  for (FinishedRun& run : runs) {
    run.config.recipe = Recipe::kProgressive;
    Predictions& p = run.predictions.emplace();
    p.test = "t";
    const int64_t right = std::lround(100 * *run.result.test_score_integer);
    for (int64_t k = 0; k < 100; ++k) p.labels.push_back(0), p.found.push_back(k >= right);
  }
  for (size_t i = 4; i < 6; ++i) runs[i].config.shrink = 0;
  const std::string page = html_report(runs, std::vector<std::string>(6, kLogs[0]));
  EXPECT_EQ(fault_of(page), "");
  EXPECT_NE(page.find("<td class=\"n\">+2.50</td><td>-16.56 to +21.56</td><td>+"), std::string::npos);
  EXPECT_NE(page.find("<td>1.000 0.125</td>"), std::string::npos) << "1 to 0 and 4 to 0 samples";
  EXPECT_NE(page.find("<td>shrinking</td><td>--shrink 0</td><td class=\"n\">2</td>"), std::string::npos);
  EXPECT_EQ(occurrences(page, "<details id=\"point-"), 2u) << "what lacks a part is no point of the front";
  EXPECT_EQ(occurrences(page, "channel 9kB, out/channel-1-no-shrinking, seed 1"), 1u);
}

TEST(HtmlReport, EveryLinkLeadsSomewhere) {
  const std::string page = html_report(small_sweep(), kLogs);
  size_t links = 0;
  for (size_t at = 0; (at = page.find("href=\"#", at)) != std::string::npos; ++links) {
    at += 7;
    const std::string id = page.substr(at, page.find('"', at) - at);
    EXPECT_EQ(occurrences(page, "id=\"" + id + "\""), 1u) << id;
  }
  EXPECT_EQ(links, 2 * 3 * 2u);  // points, costs, widths of the window
}

TEST(HtmlReport, NeedsNothingElse) {
  const std::string page = html_report(small_sweep(), kLogs);
  EXPECT_EQ(occurrences(page, "http"), occurrences(page, "xmlns=\"http://www.w3.org/2000/svg\"") + 1);  // http-equiv
  EXPECT_EQ(occurrences(page, "http-equiv=\"Content-Security-Policy\""), 1u);
  for (const char* outside : {"src=", "@import", "url(", "<link"}) EXPECT_EQ(page.find(outside), std::string::npos) << outside;
}

TEST(HtmlReport, ForeignTextIsNoMarkup) {
  std::vector<FinishedRun> runs = small_sweep();
  runs.emplace_back();  // a float run, of which there is little
  runs.back().result.metric = "accuracy";
  runs.back().result.seed = 5;
  for (FinishedRun& run : runs) {
    RunResult& r = run.result;
    run.folder = r.command = r.task = r.data = r.model = kHostile;
    if (r.precisions) r.precisions->budget = kHostile;
    if (r.network) r.network->layers[0].name = r.network->cost_table = kHostile;
  }
  std::vector<std::string> logs = {str("stage,epoch,val_score\n", kHostile, ",1,0.5\n"), "val_score\n1\n\n,,,\n", kHostile, "",
                                   "x"};
  const std::string page = html_report(runs, logs);
  EXPECT_EQ(fault_of(page), "");
  EXPECT_EQ(page.find("<img"), std::string::npos);
  EXPECT_EQ(occurrences(page, "</script>"), 1u);
  EXPECT_EQ(page.find('\x1b'), std::string::npos);
  EXPECT_EQ(page.find("\xe2\x80\xae"), std::string::npos);
  EXPECT_NE(page.find("float network, seed 5"), std::string::npos);
}

TEST(HtmlReport, OneMetricAPage) {
  std::vector<FinishedRun> runs = small_sweep();
  runs[1].result.metric = "mean_squared_error";
  EXPECT_NE(testing::error_of([&] { html_report(runs, kLogs); }).find("different metrics"), std::string::npos);
  EXPECT_NE(testing::error_of([&] { html_report({}, {}); }).find("no runs"), std::string::npos);
}

// A search writes what eval finds again; what is of another network is refused.
TEST(HtmlReport, PredictionsAreThoseOfTheRun) {
  const testing::SearchCopy folder({"task.npz", "run"});
  const auto o = run_program(folder.path(), "eval run --data task.npz --predictions again.npz");
  ASSERT_EQ(o.code, 0) << o.err;
  Predictions own = read_predictions(folder / "run/predictions.npz"), again = read_predictions(folder / "again.npz");
  EXPECT_EQ(own.found, again.found);
  EXPECT_EQ(own.test, again.test);
  EXPECT_EQ(own.labels.size(), 64u);
  EXPECT_EQ(run_program(folder.path(), "report run --html page.html").code, 0);
  own.found[0] = own.right(0) ? (own.labels[0] + 1) % 4 : own.labels[0];
  write_predictions(folder / "run/predictions.npz", own);
  const auto other = run_program(folder.path(), "report run --html page.html");
  EXPECT_EQ(other.code, 1);
  EXPECT_NE(other.err.find("make it again with bitloom eval --predictions"), std::string::npos) << other.err;
  EXPECT_EQ(run_program(folder.path(), "report run --table differences").code, 1);
}

TEST(HtmlReport, OfCommittedRunsByCommand) {
  TempFolder folder;
  const std::string run = std::filesystem::absolute(testing::source_path("results/cifar10/channel-1"));
  const auto o = run_program(folder.path(), "report '" + run + "' --html page.html --csv");
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(o.out.substr(0, o.out.find('\n')),
            "run,float %,integer %,agree %,weights kB,bits/weight,Mcycles,energy uJ,seconds");
  EXPECT_EQ(fault_of(read_text(folder / "page.html")), "");
  const auto json = run_program(folder.path(), "report '" + run + "' --json");
  EXPECT_NE(json.out.find("\"weight_bytes\": 25328"), std::string::npos);
  EXPECT_EQ(run_program(folder.path(), "report '" + run + "' --json --csv").code, 2);
}

}  // namespace
}  // namespace bitloom
