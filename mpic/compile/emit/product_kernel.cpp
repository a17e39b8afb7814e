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

void ProductKernel::dot(const Run& run, Reg sum, Reg input, Reg weights, bool begins) {
  if (in_.scheme.is_signed || columns_.flipped)
    a.emit(begins ? Op::pv_dotsp_b : Op::pv_sdotsp_b, sum, run.narrow_inputs ? weights : input,
           run.narrow_inputs ? input : weights);
  else
    a.emit(begins ? Op::pv_dotusp_b : Op::pv_sdotusp_b, sum, input, weights);
}

void ProductKernel::requantize(const Run& run, Reg sum, Reg multiplier, Reg offset, Reg common, Reg own) {
  e.requantize(sum, multiplier, offset, run.shift < 0 ? own : common, layer_.out);
}

void ProductKernel::emit_constants(const Run& run, Label constants) {
  const Strides strides{use::input(0), use::input(1)};
  const bool whole = run.rows == block_alignment(layer_.out.bits);
  const auto code = [](int) { return use::sum(0); };
  e.load(use::weights, constants);
  if (!whole) {
    load_strides(strides, 0);
    for (int row = 0; row < run.rows; ++row) {
      a.emit(Op::p_lw_post, use::sum(0), 4, use::weights);
      store_one(run.first + row, code, use::word, strides);
    }
    return;
  }
  const int64_t step = layer_.out.bits == 32 ? 4 : 1;
  load_strides(strides, step);
  e.load(use::spare, run.count);
  e.loop(0, use::spare, [&] {
    a.emit(Op::p_lw_post, use::sum(0), 4, use::weights);
    store(step == 4 ? Op::p_sw_post : Op::p_sb_post, step == 4 ? Op::p_sw_rr_post : Op::p_sb_rr_post, code, strides, step);
  });
}

void ProductKernel::load_strides(const Strides& strides, int64_t step) {
  if (pixels_ == 1) return;
  e.load(strides.next, out_.bytes);
  e.load(strides.back, step - (pixels_ - 1) * out_.bytes);
}

void ProductKernel::store(Op op, Op op_rr, const Registers& values, const Strides& strides, int64_t step) {
  if (pixels_ == 1) return a.emit(op, values(0), step, use::out);
  for (int p = 0; p < pixels_; ++p) a.emit(op_rr, values(p), p + 1 < pixels_ ? strides.next : strides.back, use::out);
}

void ProductKernel::store_one(int64_t channel, const Registers& codes, const Registers& temporary, const Strides& strides) {
  const int bits = layer_.out.bits;
  if (bits == 32) return store(Op::p_sw_post, Op::p_sw_rr_post, codes, strides, 4);
  if (bits == 8) return store(Op::p_sb_post, Op::p_sb_rr_post, codes, strides, 1);
  const int64_t bit = channel * bits % 8;
  store(Op::p_lbu_post, Op::p_lbu_rr_post, temporary, strides, 0);
  for (int p = 0; p < pixels_; ++p) a.emit(Op::p_insert, temporary(p), codes(p), bits - 1, bit);
  store(Op::p_sb_post, Op::p_sb_rr_post, temporary, strides, 0);
  if (bit + bits == 8) a.emit(Op::addi, use::out, use::out, 1);
}

void ProductKernel::store_four(const Registers& packed, const Strides& strides) {
  const int bits = layer_.out.bits;
  if (bits == 8) return store(Op::p_sw_post, Op::p_sw_rr_post, packed, strides, 4);
  if (bits == 4) return store(Op::p_sh_post, Op::p_sh_rr_post, packed, strides, 2);
  store(Op::p_sb_post, Op::p_sb_rr_post, packed, strides, 1);
}

}  // namespace bitloom::mpic
