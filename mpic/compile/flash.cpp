// Flash that a network takes as a program.
#include "mpic/compile/flash.h"

#include <numeric>
#include <utility>

#include "core/error.h"
#include "mpic/compile/codegen.h"
#include "mpic/compile/emit/emitter.h"
#include "quant/integer/anomaly_score.h"
#include "quant/integer/pack.h"

namespace bitloom::mpic {
namespace {

// Of so many channels side by side, code is that of any other number with the same remainder, blocks of kBlockChannels being there.
constexpr int64_t kManyChannels = 3 * kBlockChannels;

// The layer behind its inputs, as a graph of its own.
IntegerGraph alone(const IntegerGraph& graph, const IntegerLayer& layer) {
  IntegerGraph own;
  for (const int32_t i : layer.inputs) {
    const IntegerLayer& in = graph.layers[size_t(i)];
    IntegerLayer input;
    input.name = in.name, input.h = in.h, input.w = in.w, input.c = in.c, input.out = in.out;
    own.layers.push_back(std::move(input));
  }
  own.layers.push_back(layer);
  std::iota(own.layers.back().inputs.begin(), own.layers.back().inputs.end(), 0);
  return own;
}

// Takes channels away without which the code of a matrix product is the same; returns the bytes of their weights and rules.
int64_t shorten(IntegerGraph& own) {
  const IntegerLayer whole = own.layers.back();
  IntegerLayer& layer = own.layers.back();
  const LayerGeometry geometry = geometry_of(own, layer);
  const int in_bits = own.layers[0].out.bits;
  int64_t bytes = 0;
  for (ChannelGroup& group : layer.groups) {
    if (group.channels < kManyChannels) continue;
    const int64_t less = (group.channels - 2 * kBlockChannels) / kBlockChannels * kBlockChannels;
    const ChannelBytes each = channel_bytes(geometry, in_bits, layer.out.bits, group.bits);
    bytes += less * (each.weights + each.rule);
    group.channels -= less, layer.c -= less;
  }
  if (plan_columns(own, layer, true).pixels == plan_columns(own, whole, true).pixels) return bytes;
  layer = whole;  // long pixels are taken one by one
  return 0;
}

// Weights of zero, and rules that take two instructions where they are part of the code.
void fill_in(IntegerGraph& own) {
  constexpr int32_t kLong = 0x12345;
  IntegerLayer& layer = own.layers.back();
  layer.multiplier.assign(layer.has_weights() ? size_t(layer.c) : 2, kLong);
  layer.offset.assign(layer.multiplier.size(), kLong);
  layer.shift.assign(layer.multiplier.size(), 0);
  int64_t words = 0;
  for (const ChannelGroup& group : layer.groups)
    words += group.channels * packed_words(codes_per_channel(own, layer), group.bits);
  layer.weights.assign(size_t(words), 0);
}

// What code depends on, but for names.
std::vector<int64_t> key_of(const IntegerGraph& own) {
  std::vector<int64_t> key;
  for (const IntegerLayer& l : own.layers) {
    key.insert(key.end(), {int64_t(l.op), l.h, l.w, l.c, l.out.bits, l.out.is_signed});
    key.insert(key.end(), {l.kh, l.kw, l.sh, l.sw, l.pt, l.pb, l.pl, l.pr});
    for (const ChannelGroup& group : l.groups) key.insert(key.end(), {group.bits, group.channels});
  }
  return key;
}

// Beginning and end of every program, and the words for what does not fit the registers.
int64_t frame_bytes() {
  IntegerGraph empty;
  empty.layers.emplace_back();
  empty.layers[0].h = empty.layers[0].w = empty.layers[0].c = 1;
  const CompiledNetwork network = compile(empty);
  return network.code_bytes + network.data_bytes;
}

}  // namespace

int64_t flash_bytes(const IntegerGraph& graph) {
  CodegenOptions options;
  options.memory = kAnyMemory;
  return compile(graph, options).flash_bytes();
}

int64_t FlashBytes::total() const { return std::accumulate(layers.begin(), layers.end(), other); }

template <class F>
const FlashCounter::Part& FlashCounter::remember(std::vector<int64_t> key, const IntegerGraph& graph, F emit) {
  if (const auto known = parts_.find(key); known != parts_.end()) return known->second;
  Assembler a;
  Emitter emitter(a, a.label(), true, false, {});
  std::vector<EmitTensor> tensors;
  for (const IntegerLayer& l : graph.layers) tensors.push_back({a.label(), l.h, l.w, l.c, pixel_bytes(l.c, l.out.bits), l.out});
  const uint32_t begin = a.address();
  emit(emitter, tensors);
  Part part;
  part.bytes = a.address() - begin + emitter.pending_bytes();
  for (const std::vector<uint8_t>& code : emitter.routines()) {
    const auto [routine, unknown] = routines_.try_emplace(code, routine_bytes_.size());
    if (unknown) routine_bytes_.push_back(int64_t(code.size()));
    part.routines.push_back(routine->second);
  }
  return parts_.emplace(std::move(key), std::move(part)).first->second;
}

const FlashCounter::Part& FlashCounter::part_of(const IntegerGraph& own) {
  return remember(key_of(own), own, [&](Emitter& emitter, const std::vector<EmitTensor>& tensors) {
    IntegerGraph filled = own;
    fill_in(filled);
    emitter.layer(filled, filled.layers.back(), tensors, tensors.back(), emitter.a.label());
  });
}

const FlashCounter::Part& FlashCounter::score_of(const IntegerGraph& shape) {
  static constexpr AnomalyRule kLong = {32767, 32767, 2048, 12,
                                        1};  // each of its constants takes two instructions, where any does
  const IntegerLayer &in = shape.layers.front(), &out = shape.layers.back();
  return remember({in.h, in.w, in.c, in.out.is_signed, out.out.is_signed}, shape,
                  [](Emitter& emitter, const std::vector<EmitTensor>& tensors) {
                    emitter.anomaly_score(kLong, tensors.front(), tensors.back(), emitter.a.label());
                  });
}

FlashBytes FlashCounter::count(const IntegerGraph& shape) {
  static const int64_t frame = frame_bytes();
  FlashBytes bytes;
  bytes.layers.assign(shape.layers.size(), 0);
  bytes.other = frame;
  std::vector<bool> used;
  for (size_t i = 0; i < shape.layers.size(); ++i) {
    const IntegerLayer& layer = shape.layers[i];
    if (layer.op == IntegerOp::kInput) continue;
    IntegerGraph own = alone(shape, layer);
    if (kernel_of(layer.op) == Kernel::kProduct) bytes.layers[i] += shorten(own);
    try {
      const Part& part = part_of(own);
      bytes.layers[i] += part.bytes;
      used.resize(routine_bytes_.size());
      for (const size_t r : part.routines)
        if (!used[r]) used[r] = true, bytes.layers[i] += routine_bytes_[r];
    } catch (const Error& error) {
      throw Error(str("flash: layer '", layer.name, "' (", to_string(layer.op), "): ", error.what()));
    }
  }
  if (reconstructs(shape)) bytes.other += score_of(shape).bytes + int64_t(sizeof(uint32_t));
  return bytes;
}

}  // namespace bitloom::mpic
