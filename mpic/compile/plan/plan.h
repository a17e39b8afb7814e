// How MPIC's kernels cut a layer: the kernel it gets, tiles, columns, runs of channels. mpic/compile/emit executes what is decided here,
// pieces.h counts it.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "core/integer_math.h"
#include "quant/integer/graph.h"

namespace bitloom::mpic {

// What the registers of the matrix kernels are laid out for: the output pixels of a tile and the channels of a block. What is left over is done
// one by one.
inline constexpr int kTilePixels = 4, kBlockChannels = 4;
// Codes that Adds and pools take at a time: whole words at every width.
inline constexpr int64_t kChunkCodes = 16;
// Words of codes that max pools take at a time.
inline constexpr int64_t kMaxPoolWords = 4;

// Where one way of doing it ends and another begins.
struct KernelLimits {
  int64_t reach = 2047;    // largest offset of a load or store, in bytes: 12 bits with a sign (RISC-V unprivileged manual, 2.6)
  int64_t held_words = 4;  // columns of up to so many words, 4 at most, stay in registers
  int64_t unrolled_rows = 24;   // rows of a window whose copies are written out one behind the other
  int64_t unrolled_codes = 64;  // codes of a pixel of an Add, likewise
};

enum class Kernel { kNone, kProduct, kDepthwise, kAdd, kPool, kMaxPool };
Kernel kernel_of(IntegerOp op);

// Size and window of a layer, without weights. Its (first) input has in_h x in_w x in_c.
struct LayerGeometry {
  IntegerLayer layer;
  int64_t in_h = 0, in_w = 0, in_c = 0;
  bool signed_in = false;
};
LayerGeometry geometry_of(const IntegerGraph& graph, const IntegerLayer& layer);

// Bytes of a pixel of `channels` codes, packed; every pixel begins at a byte.
inline int64_t pixel_bytes(int64_t channels, int bits) { return ceil_div(channels * bits, 8); }

// ---- Matrix products: convolutions and linear layers

// What becomes of the codes on their way into the columns. Dot products multiply unsigned by signed codes, or two signed ones, and the second
// operand is the one that may have fewer bits. So activations with fewer bits than their weights have to be signed: flipping their top bit
// subtracts 2^(bits - 1), which the channels' offsets give back. XpulpV2 multiplies bytes only.
enum class Conversion { kNone, kFlip, kWiden };

// The columns that the kernels read. A column is the bytes of a pixel's window in memory order, (kh, kw, channels). Pointwise and linear layers
// read it where it is; others copy it first (im2col). What fills up bytes and words meets zero weights.
struct ColumnPlan {
  KernelLimits limits;
  int bits = 8;                  // of activations as stored
  int64_t bytes = 0, words = 0;  // of a column as stored
  bool in_place = false;         // no copy of windows
  Conversion conversion = Conversion::kNone;
  int pixels = kTilePixels;  // per tile, or 1 where so many are out of reach
  int64_t stride = 0;        // bytes between the stored columns of a tile
  bool flipped = false;      // the kernels see signed codes where the input has unsigned ones
  bool held = false;         // the kernels keep the columns in registers, and flip columns in place there
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

struct ColumnOptions {
  int in_bits = 8, out_bits = 8;
  bool wider_weights = false;  // some weights have more bits than the activations
  bool sub_byte = true;        // dot products of 4-bit and 2-bit codes
  KernelLimits limits = {};
};
ColumnPlan plan_columns(const LayerGeometry& geometry, const ColumnOptions& options);
ColumnPlan plan_columns(const IntegerGraph& graph, const IntegerLayer& layer, bool sub_byte, const KernelLimits& limits = {});

// How words of weights of one precision meet words of a column.
struct Pairing {
  int wide = 8;                // bits of the wider operand
  bool narrow_inputs = false;  // the activations have fewer bits than the weights
  bool unpacks = false;        // weights become bytes by instructions, where dot products know no narrower codes
  int parts = 1;               // words of the wider operand to one of the narrower
  int64_t passes = 0;          // words of the narrower operand
  int weight_words() const { return narrow_inputs ? parts : 1; }  // per pass and channel
  int input_words() const { return narrow_inputs ? 1 : parts; }   // per pass and pixel
};
Pairing pair_words(const ColumnPlan& columns, int weight_bits, bool sub_byte = true);

// Consecutive output channels of one precision: whole blocks, or (up to 3) channels by themselves.
struct ChannelRun {
  int64_t first = 0, channels = 0;
  int bits = 8;
  bool blocks = false;
};
// Codes of a block are stored at once, so that blocks begin at a byte: at a multiple of so many channels.
inline int64_t block_alignment(int out_bits) { return out_bits < 8 ? 8 / out_bits : 1; }
// Channels without weights are one run.
std::vector<ChannelRun> split_channels(const std::vector<ChannelGroup>& groups, int out_bits);

// (v << n) >> (shift + n) is v >> shift, so that channels of a run may have one shift, the largest among them, as far as 32 bits have room.
// That shift, or -1: then every channel reads its own. `codes`: all of the layer's weights, by channel.
int common_shift(const IntegerGraph& graph, const IntegerLayer& layer, const std::vector<int8_t>& codes, int64_t first,
                 int64_t channels);
// Whether it exists for channels from lower() as a rule: whether multipliers of kMultiplierBits leave two bits of 32, a channel's `codes` weights
// being half the largest on average.
bool one_shift_suffices(int64_t codes, int in_bits, int weight_bits);

// What one more output channel of a matrix product or a depthwise layer takes behind the code, in bytes: words of weights as its kernel reads them, and
// its rule, where channels do not share a shift. The geometry's in_c counts the input channels that are there.
struct ChannelBytes {
  int64_t weights = 0, rule = 0;
};
ChannelBytes channel_bytes(const LayerGeometry& geometry, int in_bits, int out_bits, int weight_bits);

// ---- Depthwise convolutions

// Four channels at a time become zero-padded planes of bytes.
struct PlanePlan {
  int64_t margin = 4;          // bytes left of a row, so that its first pixel is on a word
  int64_t row = 0, bytes = 0;  // bytes of a row, and of a plane
  int64_t window_words = 0;    // of a row of the window
  bool in_registers = true;    // the weights of a channel and its windows are; larger windows are walked through in memory
};
PlanePlan plan_planes(const LayerGeometry& geometry, const KernelLimits& limits = {});

// ---- Adds

// Whether pixels of so many codes need nothing to fill up their last byte.
inline bool is_dense(int64_t channels, int bits) { return channels * bits % 8 == 0; }

// How many codes are added at a time, before the pointers move on.
struct AddPlan {
  int64_t codes = 0;       // where `chunks` of them are the whole tensor or, each, a pixel
  int64_t chunks = 0;      // in all
  bool by_chunks = false;  // pixels are too long for that: kChunkCodes at a time and what is left of the pixel
};
// `dense`: inputs and output are, so that pixels do not matter.
AddPlan plan_add(const IntegerLayer& layer, bool dense, const KernelLimits& limits = {});

}  // namespace bitloom::mpic
