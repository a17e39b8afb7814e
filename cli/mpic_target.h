// A network compiled for MPIC as files and as text.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "core/io.h"
#include "mpic/compile/codegen.h"

namespace bitloom {

// network.bin: code, tables and weights, to be loaded and entered at the base; what lies behind them in memory is written before it is read.
// network.lst: its disassembly. memory_map.json: where the input goes, where the output comes, how codes lie in memory, what needs how much.
std::vector<TextFile> mpic_files(const IntegerGraph& graph, const mpic::CompiledNetwork& network);

// All bytes that a network takes as a program: instructions, weights, other constants, activations with scratch memory.
struct WholeMemory {
  WholeMemory(const IntegerGraph& graph, const mpic::CompiledNetwork& network);
  // Of one that is compiled for the purpose, for a core of any memory.
  explicit WholeMemory(const IntegerGraph& graph);
  int64_t flash() const { return code + weights + tables; }
  int64_t total() const { return flash() + activations; }
  std::string text() const;  // "14,064 bytes of code + ... = 46,032 of flash; with ... 95,796"
  nlohmann::ordered_json json() const;

  int64_t code = 0, weights = 0, tables = 0, activations = 0;
};

// Table of the regions of memory.
std::string memory_map_text(const mpic::CompiledNetwork& network);

}  // namespace bitloom
