// A run on the command line: progress on stderr, and Ctrl-C.
#pragma once
#include "nas/run/run.h"

namespace bitloom {

// run(), shown as it goes. Ctrl-C and SIGTERM save it and throw Interrupted.
RunResult run_visibly(const RunConfig& config, const TaskData& data);

}  // namespace bitloom
