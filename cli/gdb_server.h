// The wire between a debugger and a core: GDB's remote serial protocol over TCP.
#pragma once
#include <string>

#include "mpic/sim/core.h"

namespace bitloom {

// Waits on 127.0.0.1 for one debugger, saying on stderr where (port 0: any that is free), and obeys it until the program ends. A debugger that detaches
// lets the program go on; one that kills it, or is gone, ends it (StopReason::kInterrupt). Error when the port cannot be had.
mpic::RunResult debug(mpic::Core& core, int port, const std::string& program);

}  // namespace bitloom
