// Kernel paths: the instruction set whose kernels run. A program has one, that of the processor it was built for; a portable one (make ARCH=portable) has
// those of paths.inc and chooses when it starts, before anything else: the last that the processor runs, or the one that the environment variable
// BITLOOM_PATH names.
#pragma once
#include <string>
#include <vector>

namespace bitloom {

// The one that runs: a name of paths.inc on x86-64. Like every kernel, throws Error if BITLOOM_PATH names none of kernel_paths().
const char* kernel_path();

// Those to choose from: what this program has and this processor runs.
std::vector<std::string> kernel_paths();

}  // namespace bitloom
