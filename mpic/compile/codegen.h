// From an integer network to a program for MPIC: code, tables, weights, and where everything lies in memory.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "mpic/compile/plan/plan.h"
#include "mpic/program/assembler.h"
#include "mpic/program/image.h"
#include "mpic/sim/core.h"
#include "quant/integer/graph.h"
#include "quant/integer/memory_plan.h"

namespace bitloom::mpic {

inline constexpr uint64_t kAnyMemory = uint64_t(1) << 31;  // more than a network needs

struct CodegenOptions {
  uint32_t base = kMemoryBase;
  uint64_t memory = kMemorySize;
  bool stop_after_layers = false;  // an ebreak behind each layer, where simulations look at memory and counters
  bool sub_byte = true;            // false: for XpulpV2 without MPIC, whose dot products know bytes and halfwords only
  bool anomaly_score = true;       // of networks that reconstruct their input; false: the layers alone
  KernelLimits limits = {};        // other than these only to see what they decide
};

// Codes in guest memory: NHWC, packed at their bits from the low end, every pixel from a byte on; 32-bit outputs as words.
struct TensorPlace {
  uint32_t address = 0;
  int64_t pixels = 0, channels = 0;
  int64_t pixel_bytes = 0;
  QuantScheme scheme;
  int64_t bytes() const { return pixels * pixel_bytes; }
};

struct CompiledLayer {
  std::string name;
  TensorPlace output;
  // Instructions, with the routines that no layer before uses; weights and tables as the kernels want them.
  uint32_t code_bytes = 0, data_bytes = 0;
};

struct CompiledNetwork {
  Image image;
  CodegenOptions options;
  // As in the graph; [0] is the input, without code. Behind them, of a network that reconstructs its input, the anomaly score: one word without
  // a sign (quant/integer/anomaly_score.h).
  std::vector<CompiledLayer> layers;
  uint32_t code_bytes = 0, data_bytes = 0, activation_bytes = 0, total_bytes = 0;
  uint32_t flash_bytes() const { return code_bytes + data_bytes; }  // what is there before it runs
};

// Where compile() places the activations and the scratch memory of the kernels, from the shapes of the layers alone.
MemoryPlan plan_activations(const IntegerGraph& graph, const CodegenOptions& options = {});

// Compiles a valid graph. The program runs all layers once from its entry and ends with exit(0). Error when it does not fit
// options.memory, saying what needs how much, or when a layer's shape is beyond the kernels.
CompiledNetwork compile(const IntegerGraph& graph, const CodegenOptions& options = {});

// A tensor's codes (h*w*c, in the range of the scheme) as its bytes in memory, and back.
std::vector<uint8_t> pack_codes(const TensorPlace& place, const int32_t* codes);
std::vector<int32_t> unpack_codes(const TensorPlace& place, const std::vector<uint8_t>& bytes);
// Writes codes where the program expects its input; reads any tensor back.
void write_codes(Memory& memory, const TensorPlace& place, const int32_t* codes);
std::vector<int32_t> read_codes(const Memory& memory, const TensorPlace& place);

}  // namespace bitloom::mpic
