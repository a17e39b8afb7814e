// The names of the pieces and where each lies in a table.
#include "mpic/compile/plan/pieces.h"

#include "core/error.h"

namespace bitloom::mpic {
namespace {

struct PieceRow {
  Piece piece;
  const char* name;
  PieceVariants variants;
};

constexpr PieceVariants kOne{false, false}, kByTile{true, false}, kByCase{false, true}, kByBoth{true, true};

constexpr PieceRow kRows[] = {
    {kTiles, "tiles", kByTile},
    {kTile, "tile", kByTile},
    {kGatherPixel, "gather pixel", kOne},
    {kGatherRow, "gather row", kOne},
    {kGatherWord, "gather word", kOne},
    {kBorderPixel, "border pixel", kOne},
    {kBorderTap, "border tap", kOne},
    {kBorderWord, "border word", kOne},
    {kOutsideTap, "outside tap", kOne},
    {kOutsideWord, "outside word", kOne},
    {kMisaligned, "misaligned copy", kOne},
    {kMisalignedLoad, "misaligned load", kOne},
    {kFlipTile, "flip tile", kByTile},
    {kFlipWord, "flip word", kOne},
    {kBlockRun, "block run", kByTile},
    {kSingleRun, "single run", kByTile},
    {kChannel, "channel", kByTile},
    {kWord, "word", kByBoth},
    {kSingle, "single channel", kByTile},
    {kSingleWord, "single word", kByBoth},
    {kShift, "shift", kOne},
    {kSingleRunWord, "single run word", kByBoth},
    {kNarrowWord, "narrow word", kByBoth},
    {kNarrowSingleWord, "narrow single word", kByBoth},
    {kNarrowSingleRunWord, "narrow single run word", kByBoth},
    {kHeldInput, "held input", kByTile},
    {kHeldChannel, "held channel", kByTile},
    {kHeldSingle, "held single channel", kByTile},
    {kHeldWord, "held word", kByBoth},
    {kConstantRun, "constant run", kByTile},
    {kConstant, "constant channel", kByTile},
    {kSubByteStore, "sub-byte store", kByTile},
    {kDepthwiseLayer, "depthwise layer", kOne},
    {kPlaneWord, "plane word", kOne},
    {kGroup, "channel group", kOne},
    {kPlaneRow, "plane row", kOne},
    {kPlaneQuad, "plane quad", kOne},
    {kPlaneSpread, "plane spread", kOne},
    {kPlaneChannel, "plane channel", kOne},
    {kPlaneOutputRow, "plane output row", kOne},
    {kPlaneOutput, "plane output", kOne},
    {kPlaneInsert, "plane insert", kOne},
    {kPlaneTap, "plane tap", kOne},
    {kLargeOutput, "large output", kOne},
    {kLargeRow, "large row", kOne},
    {kLargeWord, "large word", kOne},
    {kAddLayer, "add layer", kOne},
    {kAddChunk, "add chunk", kOne},
    {kAddCode, "add code", kOne},
    {kAddRead, "add read", kByCase},
    {kAddWrite, "add write", kByCase},
    {kPoolLayer, "pool layer", kOne},
    {kPoolChunk, "pool chunk", kOne},
    {kPoolPixel, "pool pixel", kOne},
    {kPoolRead, "pool read", kByCase},
    {kPoolWrite, "pool write", kByCase},
    {kMaxPoolLayer, "max pool layer", kOne},
    {kMaxPoolLine, "max pool line", kOne},
    {kMaxPoolPixel, "max pool pixel", kOne},
    {kMaxPoolChunk, "max pool chunk", kOne},
    {kMaxPoolRow, "max pool row", kOne},
    {kMaxPoolTap, "max pool tap", kOne},
    {kMaxPoolWord, "max pool word", kOne},
    {kMaxPoolStore, "max pool store", kOne},
};
static_assert(sizeof kRows / sizeof *kRows == kPieces);

}  // namespace

const char* to_string(Piece piece) { return kRows[piece].name; }
PieceVariants variants_of(Piece piece) { return kRows[piece].variants; }

int piece_index(Piece piece, bool single_pixel, int which) {
  int index = 0;
  for (int p = 0; p < piece; ++p) index += kRows[p].variants.count();
  const PieceVariants v = kRows[piece].variants;
  const int tile = v.by_tile && single_pixel ? 1 : 0;
  return index + (v.by_case ? 3 * tile + which : tile);
}

int piece_count() { return piece_index(Piece(kPieces - 1)) + kRows[kPieces - 1].variants.count(); }

int bits_index(int bits, const std::string& where) {
  BITLOOM_CHECK(bits == 2 || bits == 4 || bits == 8, where, " has no entry for ", bits, " bits");
  return bits == 2 ? 0 : bits == 4 ? 1 : 2;
}

}  // namespace bitloom::mpic
