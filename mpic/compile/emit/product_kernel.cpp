// Formats, dot products and stores that all kernels share.
#include "mpic/compile/emit/product_kernel.h"

#include "mpic/isa/csr.h"

namespace bitloom::mpic {

void ProductKernel::set_format(const Run& run, int together) {
  if (!e.sub_byte_) return e.set_format(k8, 0);
  const int narrow = run.wide / run.parts;
  if (run.parts == 1) return e.set_format(run.wide == 8 ? k8 : run.wide == 4 ? k4 : k2, 0);
  e.set_format(run.wide == 4 ? k2x4 : narrow == 4 ? k4x8 : k2x8, uint32_t(together));
  a.emit(Op::csrrwi, zero, Csr::simd_group, 0);
}

void ProductKernel::begin_output(const Run& run) {
  if (run.rows == kBlockChannels) e.add_immediate(use::out, use::out, run.first * layer_.out.bits / 8, use::input(0));
}

void ProductKernel::dot(const Run& run, Reg sum, Reg input, Reg weights, bool begins) {
  if (in_.scheme.is_signed || columns_.flipped)
    a.emit(begins ? Op::pv_dotsp_b : Op::pv_sdotsp_b, sum, run.narrow_inputs ? weights : input,
           run.narrow_inputs ? input : weights);
  else
    a.emit(begins ? Op::pv_dotusp_b : Op::pv_sdotusp_b, sum, input, weights);
}

void ProductKernel::requantize(const Run& run, Reg sum, Reg multiplier, Reg offset, Reg shift) {
  if (run.shift < 0)
    e.requantize(sum, multiplier, offset, shift, layer_.out);
  else
    e.requantize(sum, multiplier, offset, run.shift, layer_.out);
}

void ProductKernel::emit_constants(const Run& run) {
  for (int64_t c = run.first; c < run.first + run.count; ++c) {
    a.li(use::sum(0), data_.constant(c));
    store_one(
        c, [](int) { return use::sum(0); }, use::word, use::input(3));
  }
}

void ProductKernel::store_one(int64_t channel, const Registers& codes, const Registers& temporary, Reg base) {
  const int bits = layer_.out.bits;
  const int64_t bit = channel * bits % 8;
  int64_t at = channel * bits / 8;
  if (at + (kTilePixels - 1) * out_.bytes > columns_.limits.reach) {
    e.add_immediate(base, use::out, at, base);
    at = 0;
  } else {
    base = use::out;
  }
  if (bits >= 8) {
    for (int p = 0; p < pixels_; ++p) a.emit(bits == 32 ? Op::sw : Op::sb, codes(p), at + p * out_.bytes, base);
    return;
  }
  for (int p = 0; p < pixels_; ++p) a.emit(Op::lbu, temporary(p), at + p * out_.bytes, base);
  for (int p = 0; p < pixels_; ++p) a.emit(Op::p_insert, temporary(p), codes(p), bits - 1, bit);
  for (int p = 0; p < pixels_; ++p) a.emit(Op::sb, temporary(p), at + p * out_.bytes, base);
}

void ProductKernel::store_four(const Registers& packed) {
  const int bits = layer_.out.bits;
  const Op store = bits == 8 ? Op::sw : bits == 4 ? Op::sh : Op::sb;
  const Op store_post = bits == 8 ? Op::p_sw_post : bits == 4 ? Op::p_sh_post : Op::p_sb_post;
  for (int p = pixels_ - 1; p > 0; --p) a.emit(store, packed(p), p * out_.bytes, use::out);
  a.emit(store_post, packed(0), bits / 2, use::out);
}

}  // namespace bitloom::mpic
