// The front ends of networks that hear, as portable C.
#pragma once
#include <string>
#include <variant>
#include <vector>

#include "core/io.h"
#include "datasets/fixed_log_mel.h"
#include "datasets/fixed_mfcc.h"
#include "quant/export_c/names.h"
#include "quant/integer/graph.h"

namespace bitloom {

// The front end whose codes the graph takes. Error unless its input is (49,10,1) of 8 signed bits, or 640 of them that it reconstructs.
FixedMfcc mfcc_of(const IntegerGraph& graph);
FixedLogMel log_mel_of(const IntegerGraph& graph);

// C99 without floating point. bitloom_mfcc.{h,c} or bitloom_log_mel.{h,c} compute what run() does, bit for bit, and are the same for every network.
// NAME_front_end.{h,c} are of one network: NAME_front_end(samples, codes), and the network behind it: NAME_infer_sound(samples, out) of a second of
// sound, or NAME_hear(samples, out, score) of the next 512 samples of a machine.
std::vector<TextFile> front_end_c(const FixedMfcc& mfcc, const CNames& names);
std::vector<TextFile> front_end_c(const FixedLogMel& log_mel, const CNames& names);

using FrontEnd = std::variant<FixedMfcc, FixedLogMel>;

// "static int sound_differs(void)" of a self-test: a made-up sound through front end and network, compared with run() and IntegerRunner.
std::string sound_test_c(const FrontEnd& front_end, const IntegerGraph& graph, const CNames& names);

}  // namespace bitloom
