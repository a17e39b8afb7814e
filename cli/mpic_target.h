// A network compiled for MPIC as files and as text.
#pragma once
#include <string>
#include <vector>

#include "core/io.h"
#include "mpic/compile/codegen.h"

namespace bitloom {

// network.bin: code, tables and weights, to be loaded and entered at the base; what lies behind them in memory is written before it is read.
// network.lst: its disassembly. memory_map.json: where the input goes, where the output comes, how codes lie in memory, what needs how much.
std::vector<TextFile> mpic_files(const IntegerGraph& graph, const mpic::CompiledNetwork& network);

// Table of the regions of memory.
std::string memory_map_text(const mpic::CompiledNetwork& network);

}  // namespace bitloom
