// What the exported C calls its own.
#pragma once
#include <string>

#include "quant/integer/graph.h"

namespace bitloom {

// The words in which exported texts differ from network to network, so that several of them fit one program.
struct CNames {
  // `name`: what functions and files begin with, macros in capitals; "": "bitloom", in bitloom_network.{h,c}. Error unless it is a C identifier of
  // letters, digits and _, of which compilers, other headers, CMake and the files of other networks leave the use to us.
  CNames(const IntegerGraph& graph, const std::string& name);
  // "$name_infer" is "kws_infer", "$NAME_INPUT_SIZE" "KWS_INPUT_SIZE"; "$network" is the stem of the network's files, "$input" and "$output" are
  // the types of its codes.
  std::string fill(std::string text) const;

  std::string name, capitals, network, input, output;
};

}  // namespace bitloom
