// What a run's bits depend on besides its configuration and data.
#pragma once

namespace bitloom {

// Of the program; CMake reads it here. Raised with every change of the bits that a run gives.
constexpr char kVersion[] = "0.7.0";

// How this build rounds. Kernels for processors with fused multiply-add give the same bits (x86-64-v3, AVX-512, aarch64); others do not. Runs are continued on the same
// architecture only, whose C library computes exponentials and logarithms.
const char* arithmetic();

}  // namespace bitloom
