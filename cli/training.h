// A run on the command line: progress on stderr.
#pragma once
#include "nas/run/run.h"

namespace bitloom {

// run(), shown as it goes.
RunResult run_visibly(const RunConfig& config, const TaskData& data);

}  // namespace bitloom
