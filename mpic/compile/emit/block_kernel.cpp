// 4 channels x 4 pixels: 16 sums, 4 words of weights, 4 of activations. Columns are read again for every block.
#include "mpic/compile/emit/product_kernel.h"

namespace bitloom::mpic {
namespace {

// From so many bits times words on, columns are multiplied for so long that the five cycles of another step behind matter little: found on the networks of
// results/cifar10, whose programs may take 2 % more cycles.
constexpr int64_t kLongColumn = 56;

class BlockKernel : public ProductKernel {
 public:
  using ProductKernel::ProductKernel;

  std::vector<uint32_t> weights(const Run& run) const override { return data_.blocks(run); }

  void begin_tile() override {
    if (pixels_ == 1) return;
    e.load(use::word(0), 2 * columns_.kernel_stride());
    e.load(use::stride, columns_.kernel_stride());
    a.emit(Op::add, use::column2, use::column, use::word(0));
  }

  void emit(const Run& run, Label weights) override {
    // Weights of narrow inputs are read where they meet all pixels, others where they meet two.
    set_format(run, run.unit() * (pixels_ == 1 ? 1 : run.narrow_inputs ? 4 : 2));
    if (run.blocks()) e.load(use::input(0), run.count);
    e.load(use::weights, weights);
    const int64_t passes = run.passes > 1 ? e.record_word(run.passes - 1) : 0;
    if (run.passes > 1 && !run.unpacks) a.emit(Op::lw, use::spare, passes, use::record);
    if (pixels_ == 1) load_constants(run);
    if (run.blocks())
      return e.loop(1, use::input(0), [&] {
        multiply(run, passes);
        finish_four(run);
      });
    multiply(run, passes);
    if (!finishes_apart(run)) finish_singles(run);
  }

  bool finishes_apart(const Run& run) const override {
    return pixels_ > 1 && !run.blocks() && columns_.bits * columns_.words >= kLongColumn;
  }
  void finish(const Run& run) override { finish_singles(run); }

 private:
  // What the columns' pointers move on in a multiplication, and the shift of all channels. Tiles of one pixel have registers for them; others load them
  // behind every multiplication.
  Reg rewind() const { return pixels_ == 1 ? use::sum(1) : use::input(3); }
  Reg shift() const { return pixels_ == 1 ? use::sum(2) : use::input(2); }
  void load_shift(const Run& run) {
    if (run.shift >= 0) e.load(shift(), run.shift);
  }
  void load_constants(const Run& run) {
    e.load(rewind(), run.passes * run.input_words() * 4);
    load_shift(run);
  }

  // The sums of one block over whole columns; the pointers to the columns are back afterwards, that to the weights has moved on. use::spare holds
  // the passes but the first; unpacking takes it.
  void multiply(const Run& run, int64_t passes) {
    pass(run, true);
    if (run.passes > 1) {
      if (run.unpacks) a.emit(Op::lw, use::spare, passes, use::record);
      e.loop(0, use::spare, [&] { pass(run, false); });
    }
    if (pixels_ > 1) e.load(rewind(), run.passes * run.input_words() * 4);
    if (run.blocks()) begin_finish(run);
    if (finishes_apart(run)) e.load_next();
    a.emit(Op::sub, use::column, use::column, rewind());
    if (pixels_ > 1) a.emit(Op::sub, use::column2, use::column2, rewind());
  }

  // One word of the narrower operand. The first pass writes the sums, the others add. No load is followed by its use.
  void pass(const Run& run, bool first) {
    if (run.unpacks) return pass_unpacking(run, first);
    if (run.narrow_inputs) return pass_of_narrow_inputs(run, first);
    const auto accumulate = [&](int pixel, Reg input, int part) {
      for (int c = 0; c < run.rows; ++c) dot(run, use::sum(c * 4 + pixel), input, use::word(c), first && part == 0);
    };
    if (pixels_ == 1) {
      for (int part = 0; part < run.parts; ++part) a.emit(Op::p_lw_post, use::input(part), 4, use::column);
      load_weights(run.rows);
      for (int part = 0; part < run.parts; ++part) accumulate(0, use::input(part), part);
      return;
    }
    load_weights(run.rows);
    for (int pair = 0; pair < 2; ++pair) {
      for (int part = 0; part < run.parts; ++part) {
        const Reg left = use::input(part % 2 * 2), right = use::input(part % 2 * 2 + 1);
        load_pair(left, right, pair == 0 ? use::column : use::column2);
        accumulate(2 * pair + 1, right, part);
        accumulate(2 * pair, left, part);
      }
    }
  }

  // The word of activations stays, the weights' words pass by. Single channels have all of theirs loaded first, so that none is waited for.
  void pass_of_narrow_inputs(const Run& run, bool first) {
    load_pixels();
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

  void pass_unpacking(const Run& run, bool first) {
    load_weights(run.rows);
    for (int part = 0; part < run.parts; ++part) {
      load_pixels();
      for (int c = 0; c < run.rows; ++c) {
        unpack(use::word(c), run.bits, part);
        for (int p = 0; p < pixels_; ++p) dot(run, use::sum(c * 4 + p), use::input(p), use::spare, first && part == 0);
      }
    }
  }

  void load_weights(int count) {
    for (int c = 0; c < count; ++c) a.emit(Op::p_lw_post, use::word(c), 4, use::weights);
  }

  void load_pair(Reg left, Reg right, Reg column) {
    a.emit(Op::p_lw_rr, right, use::stride, column);
    a.emit(Op::p_lw_post, left, 4, column);
  }

  // The next word of every column into use::input.
  void load_pixels() {
    if (pixels_ == 1) {
      a.emit(Op::p_lw_post, use::input(0), 4, use::column);
    } else {
      load_pair(use::input(0), use::input(1), use::column);
      load_pair(use::input(2), use::input(3), use::column2);
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
    for (int i = 0; i < run.rule_words(); ++i) a.emit(Op::p_lw_post, x(17 + 3 * set + i), 4, use::weights);
  }
  void requantize_with(const Run& run, Reg sum, int set) {
    requantize(run, sum, x(17 + 3 * set), x(18 + 3 * set), shift(), x(19 + 3 * set));
  }

  void begin_finish(const Run& run) {
    if (pixels_ > 1) load_shift(run);
    load_rule(run, 0);
  }

  // Requantizes and stores up to three channels.
  void finish_singles(const Run& run) {
    begin_finish(run);
    const Strides strides{use::input(0), use::input(1)};
    load_strides(strides, single_step());
    for (int row = 0; row < run.rows; ++row) {
      const auto sum = [&](int p) { return use::sum(row * 4 + p); };
      if (row > 0) load_rule(run, 0);
      for (int p = 0; p < pixels_; ++p) requantize_with(run, sum(p), 0);
      store_one(run.first + row, sum, use::word, strides);
    }
  }

  // Requantizes, packs and stores a block of four channels, the first one's rule being loaded.
  void finish_four(const Run& run) {
    const auto sum = [](int c, int p) { return use::sum(c * 4 + p); };
    const int bits = layer_.out.bits;
    for (int c = 0; c < 4; ++c) {
      if (c < 3) load_rule(run, (c + 1) % 2);
      for (int p = 0; p < pixels_; ++p) requantize_with(run, sum(c, p), c % 2);
    }
    const Strides strides{use::word(0), use::word(1)};
    load_strides(strides, bits == 32 ? 4 : bits / 2);
    if (bits == 32) {
      for (int c = 0; c < 4; ++c)
        store_one(
            0, [&](int p) { return sum(c, p); }, use::word, strides);
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
    store_four([&](int p) { return sum(0, p); }, strides);
  }
};

}  // namespace

std::unique_ptr<ProductKernel> make_block_kernel(const Product& product) { return std::make_unique<BlockKernel>(product); }

}  // namespace bitloom::mpic
