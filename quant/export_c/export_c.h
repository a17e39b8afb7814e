// An integer network as portable C: C99 with static arrays and <stdint.h>, for any microcontroller.
#pragma once
#include <string>
#include <vector>

#include "core/io.h"
#include "core/tensor.h"
#include "quant/export_c/front_end.h"
#include "quant/integer/graph.h"
#include "quant/integer/memory_plan.h"

namespace bitloom {

// Five files that compile together and compute what IntegerRunner computes, byte for byte, at the output and at every layer:
//   bitloom_network.{h,c}  bitloom_infer(in, out), the constants, the layer calls and the memory of plan_c_export
//   bitloom_kernels.{h,c}  the kernels, the same for every network
//   bitloom_selftest.c     main(): runs `samples`, codes (N,H,W,C) in the range of the input, and compares with IntegerRunner
// With a front end (front_end.h), also bitloom_front_end.{h,c}; the self-test then begins with a sound.
// The graph must be valid. Error for samples of another shape.
std::vector<TextFile> export_c(const IntegerGraph& graph, const TensorT<int16_t>& samples, const FrontEnd* front_end = nullptr);

// The static memory of bitloom_network.c: activations packed at their bits, every pixel from a byte on, and scratch memory of
// the kernels. The caller keeps the input and the output, one code a byte (int32_t for 32-bit outputs).
MemoryPlan plan_c_export(const IntegerGraph& graph);

}  // namespace bitloom
