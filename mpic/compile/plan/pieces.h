// What the code that MPIC runs for a layer consists of, counted. The measured cost table says how many cycles each piece takes.
#pragma once
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "mpic/compile/plan/plan.h"

namespace bitloom::mpic {

// Pieces of the kernels in mpic/compile/emit. Matrix products run over tiles of kTilePixels output pixels, or of 1.
enum Piece : int {
  kTiles,        // once where there are tiles of this size
  kTile,         // tile
  kGatherPixel,  // pixel whose column is copied first, its window being inside the image
  kGatherRow,    // row of that window
  kGatherWord,   // word of that row
  kBorderPixel,  // pixel with a window across the border, copied tap by tap
  kBorderTap,    // tap of it inside the image
  kBorderWord,
  kOutsideTap,  // tap outside, zeroed
  kOutsideWord,
  kMisaligned,      // load or store of one of these words across two words of memory
  kMisalignedLoad,  // elsewhere
  kFlipTile,        // tile of columns in place that are copied because weights have more bits than the activations
  kFlipWord,        // word of such a column, or of a copied one
  kBlockRun,        // run of blocks of four channels with one precision in a tile
  kSingleRun,       // run of channels by themselves
  kChannel,         // channel of a block
  kWord,            // its word of weights
  kSingle,          // channel by itself
  kSingleWord,      // its word of weights
  kShift,           // channel of either kind that reads its shift
  kSingleRunWord,   // words of weights of a run of singles, side by side
  kNarrowWord,      // the three where weights have more bits than the activations: per word of those
  kNarrowSingleWord,
  kNarrowSingleRunWord,
  kHeldInput,     // word of a column that is held in registers, for one run
  kHeldChannel,   // channel of a block over such columns
  kHeldSingle,    // channel by itself
  kHeldWord,      // word of weights of either
  kConstantRun,   // run of channels without weights that are not removed, in a tile
  kConstant,      // byte of their codes, a code where that is more
  kSubByteStore,  // code of a channel by itself where codes are smaller than bytes
  kDepthwiseLayer,
  kPlaneWord,       // word of the zero-padded planes
  kGroup,           // four channels
  kPlaneRow,        // row of the input in them
  kPlaneQuad,       // four pixels of that row
  kPlaneSpread,     // pixel whose codes are spread to bytes
  kPlaneChannel,    // channel
  kPlaneOutputRow,  // row of its output
  kPlaneOutput,     // output
  kPlaneInsert,     // output between others in a byte
  kPlaneTap,        // word of its window
  kLargeOutput,     // the three where windows do not fit the registers: output
  kLargeRow,        // row of its window
  kLargeWord,       // word of that row
  kAddLayer,
  kAddChunk,  // sixteen codes
  kAddCode,
  kAddRead,
  kAddWrite,
  kPoolLayer,
  kPoolChunk,  // sixteen channels
  kPoolPixel,  // pixel of a window in them
  kPoolRead,   // its code
  kPoolWrite,  // code of the output
  kMaxPoolLayer,
  kMaxPoolLine,   // row of the output
  kMaxPoolPixel,  // pixel of it
  kMaxPoolChunk,  // kMaxPoolWords words of that pixel
  kMaxPoolRow,    // row of the window, in each of them
  kMaxPoolTap,    // pixel of that row
  kMaxPoolWord,   // its word
  kMaxPoolStore,  // word of the output
  kPieces
};
const char* to_string(Piece piece);

// A piece may take different times in tiles of 4 pixels and of 1, and in three cases: by bits 2, 4, 8 of the codes it reads or writes, or by
// the words 1, 2, 4 of the wider operand that a word of the narrower one meets.
struct PieceVariants {
  bool by_tile = false, by_case = false;
  int count() const { return (by_tile ? 2 : 1) * (by_case ? 3 : 1); }
};
PieceVariants variants_of(Piece piece);
// Where the time of a piece lies in a table of all: variants in the order [tile of 4, of 1][case].
int piece_index(Piece piece, bool single_pixel = false, int which = 0);
int piece_count();

// Index of 2, 4 or 8 bits; Error, naming `where`, for others.
int bits_index(int bits, const std::string& where);

inline constexpr int kMixBits[3] = {2, 4, 8};  // of the arrays below

// Output channels of one precision: blocks of four wherever they lie side by side, the others by themselves.
template <class T>
struct ChannelRuns {
  T channels = 0, single = 0;         // all; those in no block
  T block_runs = 0, single_runs = 0;  // uninterrupted sequences of blocks; of singles
};

// Precisions in shares, T a double or a Real: `in`, `in2` (of an Add) and `out` over 2, 4 and 8 bits (32-bit outputs, geometry.layer.out.bits,
// are counted as 8); kept channels; the output's by weight bits 0, 2, 4, 8.
template <class T>
struct LayerMix {
  std::array<T, 3> in{}, in2{}, out{};
  T kept_in = 0, kept_out = 0;
  std::array<ChannelRuns<T>, 4> runs;
};

// How often each piece of a layer runs, by index, as plan.h cuts it. Channels are counted as the kernels run them; what depends on their order
// and on remainders is counted as it is on average. Defined for double and Real.
template <class T>
using PieceCounts = std::vector<std::pair<int, T>>;
template <class T>
PieceCounts<T> count_pieces(const LayerGeometry& geometry, const LayerMix<T>& mix, const KernelLimits& limits = {});
// The pieces of one layer of a deployed network.
PieceCounts<double> count_pieces(const IntegerGraph& graph, const IntegerLayer& layer, const KernelLimits& limits = {});

}  // namespace bitloom::mpic
