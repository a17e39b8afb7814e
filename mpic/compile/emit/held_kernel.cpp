// Columns of up to four words, held in registers while all channels of a run pass by.
#include <algorithm>

#include "mpic/compile/emit/columns.h"
#include "mpic/compile/emit/product_kernel.h"

namespace bitloom::mpic {
namespace {

// x1 to x16 are the columns' words, four a pixel.
Reg input(int pixel, int64_t word) { return x(1 + pixel * 4 + int(word)); }
// Two sets of sums: four channels' packed codes, and one channel's own.
Reg sum(int set, int pixel) { return x(17 + set * 4 + pixel); }
// What is read from use::weights passes through three registers.
Reg item(int64_t index) { return x(28 + int(index % 3)); }
// The shift of all channels, once the columns are loaded.
constexpr Reg kShift = use::column;

class HeldKernel : public ProductKernel {
  static constexpr Strides kBlockStrides{{21}, {22}};  // in place of the second set of sums

 public:
  using ProductKernel::ProductKernel;

  std::vector<uint32_t> weights(const Run& run) const override { return data_.stream(run); }

  void begin_tile() override { a.emit(Op::sw, use::column, int(kTileColumn), use::frame); }

  void emit(const Run& run, Label weights) override {
    set_format(run, pixels_);
    e.load(item(0), e.frame_);
    e.load(use::weights, weights);
    a.emit(Op::lw, use::column, int(kTileColumn), item(0));
    if (run.blocks()) e.load(item(1), run.count);
    load_columns();
    if (run.shift >= 0) e.load(kShift, run.shift);
    if (run.blocks()) {
      if (layer_.out.bits == 32) load_strides(kBlockStrides, 4);
      return e.loop(1, item(1), [&] { emit_four(run); });
    }
    for (int row = 0; row < run.rows; ++row) {
      emit_channel(run, 0);
      const Strides strides{item(0), item(1)};
      load_strides(strides, single_step());
      store_one(
          run.first + row, [](int p) { return sum(0, p); }, [](int p) { return sum(1, p); }, strides);
    }
  }

 private:
  void load_columns() {
    for (int p = 0; p < pixels_; ++p)
      for (int64_t w = 0; w < columns_.words; ++w)
        a.emit(Op::lw, input(p, w), p * columns_.kernel_stride() + 4 * w, use::column);
    if (!columns_.flipped || !columns_.in_place) return;
    a.li(item(0), int32_t(flip_mask(columns_.bits)));
    for (int p = 0; p < pixels_; ++p)
      for (int64_t w = 0; w < columns_.words; ++w) a.emit(Op::xor_, input(p, w), input(p, w), item(0));
  }

  // One channel's codes, from its weights and rule; what is used next is already on its way.
  void emit_channel(const Run& run, int set) {
    const int64_t words = run.passes * run.weight_words();
    const auto load = [&](int64_t index) { a.emit(Op::p_lw_post, item(index), 4, use::weights); };
    load(0);
    for (int64_t i = 0; i < words; ++i) {
      load(i + 1);
      for (int part = 0; part < run.input_words(); ++part) {
        // Behind the last word weights are 0, and any input will do.
        const int64_t word = std::min(run.narrow_inputs ? i / run.parts : i * run.parts + part, columns_.words - 1);
        for (int p = 0; p < pixels_; ++p) dot(run, sum(set, p), input(p, word), item(i), i + part == 0);
      }
    }
    for (int i = 1; i < run.rule_words(); ++i) load(words + i);
    for (int p = 0; p < pixels_; ++p) requantize(run, sum(set, p), item(words), item(words + 1), kShift, item(words + 2));
  }

  void emit_four(const Run& run) {
    const int bits = layer_.out.bits;
    for (int c = 0; c < 4; ++c) {
      const int set = c == 0 || bits == 32 ? 0 : 1;
      emit_channel(run, set);
      const auto code = [](int p) { return sum(0, p); };
      if (bits == 32)
        store_one(c, code, code, kBlockStrides);
      else if (c > 0)
        for (int p = 0; p < pixels_; ++p) a.emit(Op::p_insert, sum(0, p), sum(1, p), bits - 1, c * bits);
    }
    if (bits == 32) return;
    load_strides(kBlockStrides, bits / 2);
    store_four([](int p) { return sum(0, p); }, kBlockStrides);
  }
};

}  // namespace

std::unique_ptr<ProductKernel> make_held_kernel(const Product& product) { return std::make_unique<HeldKernel>(product); }

}  // namespace bitloom::mpic
