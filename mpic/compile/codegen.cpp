// Places tensors, emits the layers one behind the other, then their data.
#include "mpic/compile/codegen.h"

#include <cstring>
#include <map>
#include <utility>

#include "core/cancel.h"
#include "core/error.h"
#include "mpic/compile/emit/columns.h"
#include "quant/integer/anomaly_score.h"
#include "quant/integer/pack.h"

namespace bitloom::mpic {

namespace {

constexpr int64_t kSlack =
    32;  // behind all tensors: kernels read words, and those of wider operands that meet one word, to their end

const IntegerLayer& input_of(const IntegerGraph& graph, const IntegerLayer& layer, size_t i = 0) {
  return graph.layers[size_t(layer.inputs[i])];
}

int64_t tensor_bytes(const IntegerLayer& layer) { return layer.h * layer.w * pixel_bytes(layer.c, layer.out.bits); }

// Binds labels inside one block of memory, some of them to the same place.
class Arena {
 public:
  Label at(Assembler& assembler, int64_t offset) {
    const auto [entry, is_new] = labels_.try_emplace(offset);
    if (is_new) entry->second = assembler.label();
    return entry->second;
  }
  void bind(Assembler& assembler, int64_t size) {
    int64_t reached = 0;
    for (const auto& [offset, label] : labels_) {
      assembler.space(size_t(offset - reached));
      assembler.bind(label);
      reached = offset;
    }
    assembler.space(size_t(size - reached));
  }

 private:
  std::map<int64_t, Label> labels_;
};

// Error when the memory does not hold the network, naming the layer that asks for most.
void check_memory(const IntegerGraph& graph, const MemoryPlan& memory, const CompiledNetwork& network) {
  if (network.total_bytes <= network.options.memory) return;
  const auto bytes = [&](size_t i) {
    return network.layers[i].code_bytes + network.layers[i].data_bytes + memory.layers[i].live;
  };
  size_t largest = 0;
  for (size_t i = 1; i < graph.layers.size(); ++i)
    if (bytes(i) > bytes(largest)) largest = i;
  throw Error(str("codegen: the network needs ", network.total_bytes, " bytes (code ", network.code_bytes,
                  ", weights and tables ", network.data_bytes, ", activations ", network.activation_bytes, "; layer '",
                  graph.layers[largest].name, "' alone ", bytes(largest), "), the memory has ", network.options.memory,
                  "; give more with --mem"));
}

CompiledNetwork compile_once(const IntegerGraph& graph, const CodegenOptions& options, const MemoryPlan& memory,
                             bool share_shifts) {
  Assembler a(options.base);
  const Label frame = a.label("frame");
  Emitter emitter(a, frame, options.sub_byte, share_shifts, options.limits);
  Arena arena;
  std::vector<EmitTensor> tensors;
  for (size_t i = 0; i < graph.layers.size(); ++i) {
    const IntegerLayer& l = graph.layers[i];
    tensors.push_back({arena.at(a, memory.layers[i].output), l.h, l.w, l.c, pixel_bytes(l.c, l.out.bits), l.out});
  }

  CompiledNetwork network;
  network.options = options;
  if (options.sub_byte) {
    a.emit(Op::csrrwi, zero, Csr::simd_legacy, 0);  // formats from simd_format from here on
    a.emit(Op::csrrwi, zero, Csr::simd_group, 0);
  }
  for (size_t i = 0; i < graph.layers.size(); ++i) {
    const IntegerLayer& layer = graph.layers[i];
    const uint32_t begin = a.address() + emitter.routine_bytes();
    check_cancel();
    if (layer.op != IntegerOp::kInput) a.bind_function(a.label(layer.name));
    try {
      emitter.layer(graph, layer, tensors, tensors[i], arena.at(a, memory.layers[i].scratch));
    } catch (const Error& error) {
      throw Error(str("codegen: layer '", layer.name, "' (", to_string(layer.op), "): ", error.what()));
    }
    if (options.stop_after_layers) a.emit(Op::ebreak);
    network.layers.push_back({layer.name, {}, a.address() + emitter.routine_bytes() - begin, emitter.pending_bytes()});
  }
  const bool scored = options.anomaly_score && reconstructs(graph);
  const Label score = a.label("score");
  if (scored) {
    const uint32_t begin = a.address();
    a.bind_function(a.label("anomaly_score"));
    emitter.anomaly_score(anomaly_rule(graph), tensors.front(), tensors.back(), score);
    if (options.stop_after_layers) a.emit(Op::ebreak);
    network.layers.push_back({"anomaly score", {}, a.address() - begin, emitter.pending_bytes()});
  }
  a.li(x(10), 0);
  a.li(x(17), int32_t(kExitCall));
  a.emit(Op::ecall);
  emitter.flush_routines();
  network.code_bytes = a.address() - options.base;
  emitter.flush_data();
  a.bind(frame);
  a.space(kFrameBytes);
  const uint32_t score_address = a.address();
  a.bind(score);
  if (scored) a.space(4);
  network.data_bytes = a.address() - options.base - network.code_bytes;
  const uint32_t arena_address = a.address();
  arena.bind(a, memory.size);
  network.activation_bytes = uint32_t(memory.size);
  network.total_bytes = a.address() - options.base;
  uint32_t before = 0;
  for (size_t i = 0; i < graph.layers.size(); ++i) {
    const IntegerLayer& l = graph.layers[i];
    CompiledLayer& layer = network.layers[i];
    layer.output = {arena_address + uint32_t(memory.layers[i].output), l.h * l.w, l.c, pixel_bytes(l.c, l.out.bits), l.out};
    std::swap(before, layer.data_bytes);
    layer.data_bytes = before - layer.data_bytes;
  }
  if (scored) {
    network.layers.back().output = {score_address, 1, 1, 4, QuantScheme{32, false, anomaly_rule(graph).unit}};
    network.layers.back().data_bytes = 4;
  }
  network.image = a.finish();
  network.image.code = {{options.base, uint64_t(options.base) + network.code_bytes}};
  return network;
}

}  // namespace

MemoryPlan plan_activations(const IntegerGraph& graph, const CodegenOptions& options) {
  std::vector<LayerMemory> demands;
  for (const IntegerLayer& layer : graph.layers) {
    LayerMemory memory;
    memory.output = tensor_bytes(layer);
    memory.overwrite.assign(layer.inputs.size(), false);
    switch (kernel_of(layer.op)) {
      case Kernel::kNone:
      case Kernel::kPool: break;
      case Kernel::kMaxPool: memory.output += 3; break;  // writes whole words
      case Kernel::kProduct:
        memory.scratch = plan_columns(graph, layer, options.sub_byte, options.limits).scratch_bytes();
        break;
      case Kernel::kDepthwise:
        memory.scratch = 4 * plan_planes(geometry_of(graph, layer), options.limits).bytes + 8;
        memory.overwrite[0] = layer.out.bits == input_of(graph, layer).out.bits;  // four channels at a time, in planes by then
        break;
      case Kernel::kAdd:  // a sum is written behind where it reads
        for (size_t i = 0; i < 2; ++i) memory.overwrite[i] = layer.out.bits <= input_of(graph, layer, i).out.bits;
    }
    demands.push_back(std::move(memory));
  }
  demands.front().kept = demands.back().kept = reconstructs(graph);  // for the score
  MemoryPlan memory = plan_memory(graph, demands, 4);
  memory.size += kSlack;
  return memory;
}

// A shared shift is a word a channel less, and a routine more where others of the kind cannot share theirs.
CompiledNetwork compile(const IntegerGraph& graph, const CodegenOptions& options) {
  const MemoryPlan memory = plan_activations(graph, options);
  CompiledNetwork shared = compile_once(graph, options, memory, true), own = compile_once(graph, options, memory, false);
  CompiledNetwork& smaller = own.total_bytes < shared.total_bytes ? own : shared;
  check_memory(graph, memory, smaller);
  return std::move(smaller);
}

std::vector<uint8_t> pack_codes(const TensorPlace& place, const int32_t* codes) {
  std::vector<uint8_t> bytes(size_t(place.pixels * place.pixel_bytes), 0);
  const int bits = place.scheme.bits;
  for (int64_t p = 0; p < place.pixels; ++p) {
    uint8_t* pixel = &bytes[size_t(p * place.pixel_bytes)];
    for (int64_t c = 0; c < place.channels; ++c) {
      const uint32_t code = uint32_t(codes[p * place.channels + c]);
      if (bits == 32)
        std::memcpy(pixel + 4 * c, &code, 4);
      else
        pixel[c * bits / 8] |= uint8_t((code & ((1u << bits) - 1)) << (c * bits % 8));
    }
  }
  return bytes;
}

void write_codes(Memory& memory, const TensorPlace& place, const int32_t* codes) {
  const std::vector<uint8_t> bytes = pack_codes(place, codes);
  memory.write(place.address, bytes.data(), bytes.size());
}

std::vector<int32_t> unpack_codes(const TensorPlace& place, const std::vector<uint8_t>& bytes) {
  std::vector<int32_t> codes(size_t(place.pixels * place.channels));
  const int bits = place.scheme.bits;
  size_t k = 0;
  for (int64_t p = 0; p < place.pixels; ++p) {
    const uint8_t* pixel = &bytes[size_t(p * place.pixel_bytes)];
    for (int64_t c = 0; c < place.channels; ++c, ++k) {
      if (bits == 32) {
        std::memcpy(&codes[k], pixel + 4 * c, 4);
        continue;
      }
      const uint32_t top = uint32_t(pixel[c * bits / 8]) >> (c * bits % 8) << (32 - bits);
      codes[k] = place.scheme.is_signed ? int32_t(top) >> (32 - bits) : int32_t(top >> (32 - bits));
    }
  }
  return codes;
}

std::vector<int32_t> read_codes(const Memory& memory, const TensorPlace& place) {
  std::vector<uint8_t> bytes(size_t(place.bytes()));
  memory.read(place.address, bytes.data(), bytes.size());
  return unpack_codes(place, bytes);
}

}  // namespace bitloom::mpic
