// 4 channels x 4 pixels: 16 sums, 4 words of weights, 4 of activations. Columns are read again for every block.
#include "mpic/compile/emit/product_kernel.h"

namespace bitloom::mpic {
namespace {

class BlockKernel : public ProductKernel {
 public:
  using ProductKernel::ProductKernel;

  Placed place(const Run& run) override { return {words(data_.weights(run)), words(data_.rules(run))}; }

  void begin(const Run& run, const Placed& placed) override {
    // Weights of narrow inputs are read where they meet all pixels, others where they meet two.
    set_format(run, run.unit() * (pixels_ == 1 ? 1 : run.narrow_inputs ? 4 : 2));
    if (pixels_ == kTilePixels) e.add_immediate(use::column2, use::column, 2 * columns_.kernel_stride(), use::input(0));
    a.la(use::weights, placed.weights.label);
    a.la(use::rules, placed.rules.label);
    begin_output(run);
    if (loops(run)) a.li(use::spare, int32_t(run.passes) - 2);
  }

  void emit(const Run& run) override {
    if (run.rows == kBlockChannels) {
      e.repeat(1, run.count, use::input(0), [&] {
        multiply(run);
        finish_four(run);
      });
      return;
    }
    multiply(run);
    for (int row = 0; row < run.rows; ++row) {
      const auto sum = [&](int p) { return use::sum(row * 4 + p); };
      load_rule(run, 0);
      for (int p = 0; p < pixels_; ++p) requantize_with(run, sum(p), 0);
      store_one(run.first + row, sum, use::word, use::input(3));
    }
  }

  void next_tile(const Placed& placed) override {
    e.add_immediate(use::column, use::column, pixels_ * in_.bytes, use::input(0));
    if (pixels_ == kTilePixels) e.add_immediate(use::column2, use::column2, pixels_ * in_.bytes, use::input(0));
    e.add_immediate(use::weights, use::weights, -placed.weights.bytes, use::input(0));
    e.add_immediate(use::rules, use::rules, -placed.rules.bytes, use::input(0));
  }

 private:
  bool loops(const Run& run) const { return run.passes > 4; }  // what is shorter is written out

  // The sums of one block over whole columns; the pointers to the columns are back afterwards, that to the weights has moved on. use::spare holds
  // the passes but the first and the last; unpacking takes it.
  void multiply(const Run& run) {
    const int64_t rewind = 4 - run.passes * run.input_words() * 4;
    const bool in_load = rewind >= -columns_.limits.reach;
    const int64_t last_step = in_load ? rewind : 4;
    pass(run, true, run.passes > 1 ? 4 : last_step);
    if (loops(run)) {
      if (run.unpacks) a.li(use::spare, int32_t(run.passes) - 2);
      e.repeat_counted(0, run.passes - 2, use::spare, [&] { pass(run, false, 4); });
    } else {
      for (int64_t i = 0; i < run.passes - 2; ++i) pass(run, false, 4);
    }
    if (run.passes > 1) pass(run, false, last_step);
    if (in_load) return;
    e.add_immediate(use::column, use::column, rewind - 4, use::input(0));
    if (pixels_ == kTilePixels) e.add_immediate(use::column2, use::column2, rewind - 4, use::input(0));
  }

  // One word of the narrower operand. The first pass writes the sums, the others add. `step` is added to the columns' pointers at the end, 4
  // before. No load is followed by its use.
  void pass(const Run& run, bool first, int64_t step) {
    if (run.unpacks) return pass_unpacking(run, first, step);
    if (run.narrow_inputs) return pass_of_narrow_inputs(run, first, step);
    const auto step_of = [&](int part) { return part + 1 < run.parts ? 4 : step; };
    const auto accumulate = [&](int pixel, Reg input, int part) {
      for (int c = 0; c < run.rows; ++c) dot(run, use::sum(c * 4 + pixel), input, use::word(c), first && part == 0);
    };
    if (pixels_ == 1) {
      for (int part = 0; part < run.parts; ++part) a.emit(Op::p_lw_post, use::input(part), step_of(part), use::column);
      load_weights(run.rows);
      for (int part = 0; part < run.parts; ++part) accumulate(0, use::input(part), part);
      return;
    }
    load_weights(run.rows);
    for (int pair = 0; pair < 2; ++pair) {
      for (int part = 0; part < run.parts; ++part) {
        const Reg left = use::input(part % 2 * 2), right = use::input(part % 2 * 2 + 1);
        load_pair(left, right, pair == 0 ? use::column : use::column2, step_of(part));
        accumulate(2 * pair + 1, right, part);
        accumulate(2 * pair, left, part);
      }
    }
  }

  // The word of activations stays, the weights' words pass by. Single channels have all of theirs loaded first, so that none is waited for.
  void pass_of_narrow_inputs(const Run& run, bool first, int64_t step) {
    load_pixels(step);
    const int unit = run.unit();
    for (int row = 0; row < run.rows; row += unit) {
      if (unit == 1) load_weights(run.parts);
      for (int part = 0; part < run.parts; ++part) {
        if (unit > 1) load_weights(unit);
        for (int c = 0; c < unit; ++c)
          for (int p = 0; p < pixels_; ++p)
            dot(run, use::sum((row + c) * 4 + p), use::input(p), use::word(unit == 1 ? part : c), first && part == 0);
      }
    }
  }

  void pass_unpacking(const Run& run, bool first, int64_t step) {
    load_weights(run.rows);
    for (int part = 0; part < run.parts; ++part) {
      load_pixels(part + 1 < run.parts ? 4 : step);
      for (int c = 0; c < run.rows; ++c) {
        unpack(use::word(c), run.bits, part);
        for (int p = 0; p < pixels_; ++p) dot(run, use::sum(c * 4 + p), use::input(p), use::spare, first && part == 0);
      }
    }
  }

  void load_weights(int count) {
    for (int c = 0; c < count; ++c) a.emit(Op::p_lw_post, use::word(c), 4, use::weights);
  }

  void load_pair(Reg left, Reg right, Reg column, int64_t step) {
    a.emit(Op::lw, right, columns_.kernel_stride(), column);
    a.emit(Op::p_lw_post, left, step, column);
  }

  // The next word of every column into use::input.
  void load_pixels(int64_t step) {
    if (pixels_ == 1) {
      a.emit(Op::p_lw_post, use::input(0), step, use::column);
    } else {
      load_pair(use::input(0), use::input(1), use::column, step);
      load_pair(use::input(2), use::input(3), use::column2, step);
    }
  }

  // Every (8 / bits)-th code of a word, from code `part` on, into the bytes of use::spare.
  void unpack(Reg word, int bits, int part) {
    const int above = 8 - bits * (part + 1);
    if (above > 0) a.emit(Op::pv_sll_sci_b, use::spare, word, above);
    a.emit(Op::pv_sra_sci_b, use::spare, above > 0 ? use::spare : word, 8 - bits);
  }

  // A channel's rule, into one of two sets of registers.
  void load_rule(const Run& run, int set) {
    for (int i = 0; i < run.rule_words(); ++i) a.emit(Op::p_lw_post, x(17 + 3 * set + i), 4, use::rules);
  }
  void requantize_with(const Run& run, Reg sum, int set) {
    requantize(run, sum, x(17 + 3 * set), x(18 + 3 * set), x(19 + 3 * set));
  }

  // Requantizes, packs and stores a block of four channels.
  void finish_four(const Run& run) {
    const auto sum = [](int c, int p) { return use::sum(c * 4 + p); };
    const int bits = layer_.out.bits;
    load_rule(run, 0);
    for (int c = 0; c < 4; ++c) {
      if (c < 3) load_rule(run, (c + 1) % 2);
      for (int p = 0; p < pixels_; ++p) requantize_with(run, sum(c, p), c % 2);
    }
    if (bits == 32) {
      for (int p = pixels_ - 1; p >= 0; --p)
        for (int c = 0; c < 4; ++c) a.emit(Op::sw, sum(c, p), p * out_.bytes + c * 4, use::out);
      a.emit(Op::addi, use::out, use::out, 16);
      return;
    }
    for (int p = 0; p < pixels_; ++p) {
      if (bits == 8) {
        a.emit(Op::pv_packhi_b, sum(0, p), sum(3, p), sum(2, p));
        a.emit(Op::pv_packlo_b, sum(0, p), sum(1, p), sum(0, p));
      } else {
        for (int c = 1; c < 4; ++c) a.emit(Op::p_insert, sum(0, p), sum(c, p), bits - 1, c * bits);
      }
    }
    store_four([&](int p) { return sum(0, p); });
  }
};

}  // namespace

std::unique_ptr<ProductKernel> make_block_kernel(const Product& product) { return std::make_unique<BlockKernel>(product); }

}  // namespace bitloom::mpic
