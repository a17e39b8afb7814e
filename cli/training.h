// Data and runs on the command line: progress on stderr.
#pragma once
#include "nas/run/run.h"

namespace bitloom {

// load_task(), shown as it goes where it takes its time.
TaskData load_visibly(RunConfig& config);
// run(), shown as it goes.
RunResult run_visibly(const RunConfig& config, const TaskData& data);

}  // namespace bitloom
