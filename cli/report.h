// How runs are compared: a table of their figures and a picture of accuracy against weight memory.
#pragma once
#include <string>
#include <vector>

#include "cli/table.h"
#include "nas/run/result.h"

namespace bitloom {

enum class TableForm { kText, kMarkdown, kCsv, kHtml };
std::string in_form(const Table& table, TableForm form);
std::string results_table(const std::vector<RunResult>& results, TableForm form = TableForm::kText);
// The metric of all results (accuracy of none); null where they differ.
const Metric* common_metric(const std::vector<RunResult>& results);
// An SVG with one series a granularity.
std::string results_picture(const std::string& title, const std::string& subtitle, const std::vector<RunResult>& results);

}  // namespace bitloom
