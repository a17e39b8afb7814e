// Small sequences that all emitters use.
#include "mpic/compile/emit/emitter.h"

#include <algorithm>

namespace bitloom::mpic {

void Emitter::layer(const IntegerGraph& graph, const IntegerLayer& layer, const std::vector<EmitTensor>& tensors,
                    const EmitTensor& out, Label scratch) {
  const auto in = [&](size_t i) -> const EmitTensor& { return tensors[size_t(layer.inputs[i])]; };
  switch (kernel_of(layer.op)) {
    case Kernel::kNone: return;
    case Kernel::kProduct: return convolution(graph, layer, in(0), out, scratch);
    case Kernel::kDepthwise: return depthwise(graph, layer, in(0), out, scratch);
    case Kernel::kAdd: return add(layer, in(0), in(1), out);
    case Kernel::kPool: return average_pool(layer, in(0), out);
    case Kernel::kMaxPool: return max_pool(layer, in(0), out);
  }
}

void Emitter::repeat(int which, int64_t count, Reg counter, const std::function<void()>& body) {
  if (count <= 0) return;
  if (count == 1) return body();
  a.li(counter, int32_t(count));
  loop(which, counter, body);
}

void Emitter::loop(int which, Reg counter, const std::function<void()>& body) {
  const Label last = a.label();
  a.emit(Op::lp_setup, which, counter, last);
  body();
  a.bind_last(last);
}

void Emitter::add_immediate(Reg rd, Reg rs, int64_t value, Reg temporary) {
  if (value == 0 && rd.index == rs.index) return;
  if (value >= -2048 && value < 2048) {
    a.emit(Op::addi, rd, rs, value);
  } else {
    a.li(temporary, int32_t(value));
    a.emit(Op::add, rd, rs, temporary);
  }
}

void Emitter::set_format(uint32_t format, uint32_t skip) {
  if (!sub_byte_) return;
  a.emit(Op::csrrwi, zero, Csr::simd_format, format);
  a.emit(Op::csrrwi, zero, Csr::simd_skip, skip);
}

void Emitter::requantize(Reg value, Reg multiplier, Reg offset, Reg shift, const QuantScheme& scheme) {
  a.emit(Op::mul, value, value, multiplier);
  a.emit(Op::p_addnr, value, offset, shift);
  clamp(value, scheme);
}

// p.clip and p.clipu take the number of bits, of unsigned codes one more.
void Emitter::clamp(Reg value, const QuantScheme& scheme) {
  if (scheme.bits == 32) return;
  if (scheme.is_signed)
    a.emit(Op::p_clip, value, value, scheme.bits);
  else
    a.emit(Op::p_clipu, value, value, scheme.bits + 1);
}

void Emitter::copy_words(Reg source, Reg target, int64_t bytes, int first, Reg quads, Reg flip) {
  const auto some = [&](int64_t n) {
    for (int i = 0; i < n; ++i) a.emit(Op::p_lw_post, x(first + i), 4, source);
    if (flip.index != 0)
      for (int i = 0; i < n; ++i) a.emit(Op::xor_, x(first + i), x(first + i), flip);
    for (int i = 0; i < n; ++i) a.emit(Op::p_sw_post, x(first + i), 4, target);
  };
  const int64_t words = (bytes + 3) / 4;
  if (words >= 4) loop(0, quads, [&] { some(4); });
  some(words % 4);
}

void Emitter::fill_words(Reg target, int64_t bytes, Reg quads, Reg value) {
  const auto some = [&](int64_t n) {
    for (int i = 0; i < n; ++i) a.emit(Op::p_sw_post, value, 4, target);
  };
  const int64_t words = (bytes + 3) / 4;
  if (words >= 4) loop(0, quads, [&] { some(4); });
  some(words % 4);
}

}  // namespace bitloom::mpic
