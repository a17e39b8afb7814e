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

struct ExportOptions {
  std::string name;                  // that functions, macros and files begin with; "": bitloom (CNames)
  std::vector<std::string> classes;  // of a classification, one for each output; empty: numbers
  const FrontEnd* front_end = nullptr;
};

// Files that compile together, as C99 or C++17, and compute what IntegerRunner computes, byte for byte, at the output and at every layer. Those of
// several networks fit one program; what begins with bitloom_ is the same for all of them.
//   NAME.{h,c}             NAME_infer(in, out), its constants, the layer calls, what the network is as macros and as a bitloom_description;
//                          without a name bitloom_network.{h,c}
//   bitloom_kernels.{h,c}  the kernels
//   NAME_selftest.c        main(): runs `samples`, codes (N,H,W,C) in the range of the input, and compares with IntegerRunner
// With a front end also its files (front_end.h); the self-test then begins with a sound.
// The graph must be valid. Error for samples of another shape, and for as many classes as there are not.
std::vector<TextFile> export_c(const IntegerGraph& graph, const TensorT<int16_t>& samples, const ExportOptions& options = {});

// The memory that an inference takes: activations packed at their bits, every pixel from a byte on, and scratch memory of
// the kernels. The caller keeps the input and the output, one code a byte (int32_t for 32-bit outputs).
MemoryPlan plan_c_export(const IntegerGraph& graph);

}  // namespace bitloom
