// The code that makes the columns of a ColumnPlan.
#pragma once
#include "mpic/compile/emit/emitter.h"
#include "mpic/compile/plan/plan.h"

namespace bitloom::mpic {

// Words in memory at use::frame: the tiles that are left, the next one's output and input, row and column of its first pixel; the current one's first
// column.
enum Frame { kTiles = 0, kTileOut = 4, kTileIn = 8, kRow = 12, kColumn = 16, kTileColumn = 20, kFrameBytes = 32 };

inline uint32_t flip_mask(int bits) { return bits == 4 ? 0x88888888 : 0xaaaaaaaa; }

// Emits the copies. All registers but use::frame and use::record are free between tiles.
class ColumnEmitter {
 public:
  ColumnEmitter(Emitter& emitter, const IntegerLayer& layer, const ColumnPlan& plan, const EmitTensor& in,
                const EmitTensor& out, Label scratch)
      : e(emitter), a(emitter.a), layer_(layer), plan_(plan), in_(in), out_(out), scratch_(scratch) {}

  // Columns of the next `pixels` pixels, from row kRow and column kColumn on, which move on; or from kTileIn on.
  void emit(int pixels) {
    if (!plan_.in_place) gather(pixels);
    if (plan_.converted()) convert(pixels);
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
  const ColumnPlan& plan_;
  const EmitTensor &in_, &out_;
  const Label scratch_;
};

}  // namespace bitloom::mpic
