// The front end of a keyword network as portable C.
#pragma once
#include <string>
#include <vector>

#include "core/io.h"
#include "datasets/fixed_mfcc.h"
#include "quant/integer/graph.h"

namespace bitloom {

// The front end whose codes the graph takes. Error unless its input is (49,10,1) of 8 signed bits.
FixedMfcc front_end_of(const IntegerGraph& graph);

// bitloom_front_end.{h,c}: bitloom_front_end(samples, codes), which computes what `mfcc` does, bit for bit, and bitloom_infer_sound(samples, out), which
// runs the network of bitloom_network.h behind it. C99 without floating point; 2.5 kB of static memory.
// output_type: of bitloom_infer's output.
std::vector<TextFile> front_end_c(const FixedMfcc& mfcc, const std::string& output_type);

}  // namespace bitloom
