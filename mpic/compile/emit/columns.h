// The columns that the matrix kernels read: where they lie, and the code that makes them.
//
// A column is the bytes of a pixel's window in memory order, (kh, kw, channels). Pointwise and linear layers read it where it is; others copy
// it first (im2col). What fills up bytes and words meets zero weights.
#pragma once
#include <algorithm>
#include <utility>

#include "mpic/compile/emit/emitter.h"

namespace bitloom::mpic {

inline int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// Words in memory at use::frame: what is left of the current loop over tiles, its output and input, row and column of its next pixel.
enum Frame { kTiles = 0, kTileOut = 4, kTileIn = 8, kRow = 12, kColumn = 16, kFrameBytes = 32 };
inline constexpr int64_t kLargestOffset = 2047;  // of a load or store

// What becomes of the codes on their way into the columns. Dot products multiply unsigned by signed codes, or two signed ones, and the second
// operand is the one that may have fewer bits. So activations with fewer bits than their weights have to be signed: flipping their top bit
// subtracts 2^(bits - 1), which the channels' offsets give back. XpulpV2 multiplies bytes only.
enum class Conversion { kNone, kFlip, kWiden };
inline uint32_t flip_mask(int bits) { return bits == 4 ? 0x88888888 : 0xaaaaaaaa; }

struct ColumnLayout {
  int bits = 8;                  // of activations as stored
  int64_t bytes = 0, words = 0;  // of a column as stored
  bool in_place = false;         // no copy of windows
  Conversion conversion = Conversion::kNone;
  int pixels = 4;        // per tile, or 1 where four are out of reach
  int64_t stride = 0;    // bytes between the stored columns of a tile
  bool flipped = false;  // the kernels see signed codes where the input has unsigned ones
  bool held = false;     // the kernels keep the columns in registers, and flip columns in place there
  int kernel_bits() const { return conversion == Conversion::kWiden ? 8 : bits; }
  // The same of the columns that kernels read.
  int64_t kernel_words() const { return words * (kernel_bits() / bits); }
  int64_t kernel_stride() const {
    return in_place && conversion != Conversion::kNone ? kernel_words() * 4 : stride * (kernel_bits() / bits);
  }
  bool copied() const { return !in_place || conversion != Conversion::kNone; }
  // Copies behind the windows' copies: in-place columns, and windows that become wider.
  bool converted() const { return conversion == Conversion::kWiden || (in_place && conversion == Conversion::kFlip); }
  int64_t windows_bytes() const { return in_place ? 0 : round_up(pixels * stride + 4, 4); }
  int64_t scratch_bytes() const { return windows_bytes() + (converted() ? pixels * kernel_stride() + 4 : 0); }
};

ColumnLayout column_layout(const IntegerLayer& layer, int64_t in_h, int64_t in_w, int64_t in_c, int in_bits,
                           Conversion conversion);

// Emits the copies. Registers are free between tiles.
class ColumnEmitter {
 public:
  ColumnEmitter(Emitter& emitter, const IntegerLayer& layer, const ColumnLayout& layout, const EmitTensor& in,
                const EmitTensor& out, Label scratch)
      : e(emitter), a(emitter.a), layer_(layer), layout_(layout), in_(in), out_(out), scratch_(scratch) {}

  // Columns of the next `pixels` pixels, from row kRow and column kColumn on, which move on; or from kTileIn on.
  void emit(int pixels) {
    if (!layout_.in_place) gather(pixels);
    if (layout_.converted()) convert(pixels);
  }

 private:
  void gather(int pixels);
  void input_position(Reg to, Reg from, int64_t stride, int64_t pad);
  void source_of(Reg y, Reg x_position);
  void copy_window();
  void copy_window_by_taps();
  void convert(int pixels);
  void convert_word();
  Reg flip() const;
  uint32_t mask() const;

  Emitter& e;
  Assembler& a;
  const IntegerLayer& layer_;
  const ColumnLayout& layout_;
  const EmitTensor &in_, &out_;
  const Label scratch_;
};

}  // namespace bitloom::mpic
