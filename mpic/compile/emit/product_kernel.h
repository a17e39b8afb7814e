// The kernels of a matrix product: how a run of channels meets a tile of columns.
#pragma once
#include <memory>

#include "mpic/compile/emit/product.h"

namespace bitloom::mpic {

// What one layer's kernels know.
struct Product {
  Emitter& e;
  const IntegerLayer& layer;
  const EmitTensor &in, &out;
  const ColumnPlan& columns;
  const ProductData& data;
};

class ProductKernel {
 public:
  explicit ProductKernel(const Product& product)
      : e(product.e),
        a(product.e.a),
        layer_(product.layer),
        in_(product.in),
        out_(product.out),
        columns_(product.columns),
        data_(product.data) {}
  virtual ~ProductKernel() = default;

  // Of the tiles that are emitted from here on: 4 or 1.
  void set_pixels(int pixels) { pixels_ = pixels; }

  // What kernels need to know of a tile's columns, the first of which is at use::column. use::frame has the frame.
  virtual void begin_tile() = 0;
  // The codes of one tile, all channels of a run with weights. use::out is where the run's first code belongs, in the tile's first pixel, and moves on to
  // the byte of the next run's.
  virtual void emit(const Run& run, Label weights) = 0;
  // Whether a run's sums become codes in a step of their own, finish(), which runs of other formats share.
  virtual bool finishes_apart(const Run&) const { return false; }
  virtual void finish(const Run&) {}
  // The codes of channels without weights.
  void emit_constants(const Run& run, Label constants);
  // A run's weights and rules as emit() reads them.
  virtual std::vector<uint32_t> weights(const Run& run) const = 0;

 protected:
  // From a pixel's codes to those of the next one of the tile, and from the last one's to where the first one's go on.
  struct Strides {
    Reg next, back;
  };
  void load_strides(const Strides& strides, int64_t step);
  // A sub-group of the narrower operand meets `together` dot products.
  void set_format(const Run& run, int together);
  void dot(const Run& run, Reg sum, Reg input, Reg weights, bool begins);
  // By the shift of all channels, in `common`, or by the channel's own.
  void requantize(const Run& run, Reg sum, Reg multiplier, Reg offset, Reg common, Reg own);
  using Registers = std::function<Reg(int pixel)>;
  // Stores a register of each pixel by `op` and `op_rr`, the forms with a number and with a register; use::out moves on by `step`, for which the strides
  // were loaded.
  void store(Op op, Op op_rr, const Registers& values, const Strides& strides, int64_t step);
  // Bytes that use::out moves on behind a single channel, if that is not part of one.
  int64_t single_step() const { return layer_.out.bits / 8; }
  // One channel of the tile's pixels, amid the codes of others where they share a byte; then `temporary` are written.
  void store_one(int64_t channel, const Registers& codes, const Registers& temporary, const Strides& strides);
  // Four packed codes of each pixel.
  void store_four(const Registers& packed, const Strides& strides);

  Emitter& e;
  Assembler& a;
  const IntegerLayer& layer_;
  const EmitTensor &in_, &out_;
  const ColumnPlan& columns_;
  const ProductData& data_;
  int pixels_ = kTilePixels;
};

// 4 channels x 4 pixels; columns are read again for every block.
std::unique_ptr<ProductKernel> make_block_kernel(const Product& product);
// 1 channel x 4 pixels; columns of up to four words are read once for all channels.
std::unique_ptr<ProductKernel> make_held_kernel(const Product& product);

}  // namespace bitloom::mpic
