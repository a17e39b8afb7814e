// The text of the C kernels, the same for every exported network.
#pragma once
#include <string>

namespace bitloom {

extern const char* const kKernelsHeader;  // bitloom_kernels.h
extern const char* const kProductsSource;
std::string kernels_source();  // bitloom_kernels.c

// How many output pixels bitloom_conv2d and bitloom_depthwise compute at a time (LANES in the text).
constexpr int kExportLanes = 4;

}  // namespace bitloom
