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
  struct Words {
    Label label;
    int64_t bytes = 0;
  };
  struct Placed {
    Words weights, rules;
  };

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

  // Weights and rules, behind the code.
  virtual Placed place(const Run& run) = 0;
  // Formats and pointers of a run with weights. use::column is at the tile's first column, use::out at the first byte of its first pixel.
  virtual void begin(const Run& run, const Placed& placed) = 0;
  // The codes of one tile, all channels of the run.
  virtual void emit(const Run& run) = 0;
  // Moves the pointers on to the next tile of columns in place, or back; not use::out.
  virtual void next_tile(const Placed& placed) = 0;

  // The same of channels without weights, which need nothing but use::out.
  void emit_constants(const Run& run);
  // How far a run moves use::out in a tile: single channels are stored from the tile's first byte on.
  int64_t stored_bytes(const Run& run) const {
    return run.rows == kBlockChannels && run.bits > 0 ? run.count * kBlockChannels * layer_.out.bits / 8 : 0;
  }

 protected:
  Words words(const std::vector<uint32_t>& words) { return {e.data(words), int64_t(4 * words.size())}; }
  // A sub-group of the narrower operand meets `together` dot products.
  void set_format(const Run& run, int together);
  // Single channels are stored from the tile's first byte on, blocks from their own.
  void begin_output(const Run& run);
  void dot(const Run& run, Reg sum, Reg input, Reg weights, bool begins);
  void requantize(const Run& run, Reg sum, Reg multiplier, Reg offset, Reg shift);
  using Registers = std::function<Reg(int pixel)>;
  // Stores one channel of the tile's pixels, amid the codes of others where they share a byte; then `temporary` are written.
  void store_one(int64_t channel, const Registers& codes, const Registers& temporary, Reg base);
  // Four packed codes of each pixel; moves on use::out.
  void store_four(const Registers& packed);

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
