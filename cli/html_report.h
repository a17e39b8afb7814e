// Finished runs as one self-contained page: what a reader of a front wants to see, without a network or another file.
#pragma once
#include <string>
#include <vector>

#include "nas/run/front.h"

namespace bitloom {

// The page: no text of a run is taken for markup. `logs` are the runs' log.csv, "" where there is none. Error without runs, and when they are
// judged by different metrics.
std::string html_report(const std::vector<FinishedRun>& runs, const std::vector<std::string>& logs);

// Of the folders' result.json, config.json and log.csv, to a file.
void write_html_report(const std::string& file, const std::vector<std::string>& folders);

}  // namespace bitloom
