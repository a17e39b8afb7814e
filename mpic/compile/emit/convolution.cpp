// Convolutions and linear layers: columns of input codes times rows of weights, 4 channels x 4 pixels at a time.
//
// A tile of pixels meets all runs of channels before the next tile: one step for the tile, in which its columns are made unless they are the input
// itself, and one for each run. Columns of up to four words stay in registers.
#include "core/error.h"
#include "mpic/compile/emit/columns.h"
#include "mpic/compile/emit/product_kernel.h"

namespace bitloom::mpic {
// Emits the code of one convolution or linear layer.
class MatrixProduct {
 public:
  MatrixProduct(Emitter& emitter, const IntegerGraph& graph, const IntegerLayer& layer, const EmitTensor& in,
                const EmitTensor& out, Label scratch)
      : e(emitter),
        a(emitter.a),
        in_(in),
        out_(out),
        scratch_(scratch),
        plan_(plan_columns(graph, layer, emitter.sub_byte_, emitter.limits_)),
        data_(graph, layer, in, plan_, emitter.sub_byte_, emitter.share_shifts_),
        columns_(emitter, layer, plan_, in, out, scratch),
        kernel_((plan_.held ? make_held_kernel : make_block_kernel)({emitter, layer, in, out, plan_, data_})) {
    for (const Run& run : data_.runs()) weights_.push_back(e.data(run.bits > 0 ? kernel_->weights(run) : data_.constants(run)));
  }

  void emit() {
    const int64_t pixels = out_.h * out_.w, tiles = plan_.pixels == kTilePixels ? pixels / kTilePixels : 0;
    const Step exit = e.exit();
    Step next = exit;
    if (const int64_t rest = pixels - tiles * kTilePixels; rest > 0) next = tiles_of(1, rest, tiles == 0, next);
    if (tiles > 0) next = tiles_of(kTilePixels, tiles, true, next);
    e.enter(next, exit);
  }

 private:
  // The next `count` tiles, which may be the layer's first ones; then `next`.
  Step tiles_of(int pixels, int64_t count, bool are_first, const Step& next) {
    kernel_->set_pixels(pixels);
    const Step first = e.step("tiles", [&] {
      e.load(use::frame, e.frame_);
      e.load(x(1), count);
      if (are_first) start_frame();
      a.emit(Op::sw, x(1), int(kTiles), use::frame);
      e.leave();
    });
    const Step tile = e.step(plan_.copied() ? "columns" : "tile", [&] { begin_tile(pixels, next); });
    e.follow(first, tile);
    Step before = tile;
    for (size_t i = 0; i < data_.runs().size(); ++i) {
      const Run& run = data_.runs()[i];
      follow(before, emit_run(run, weights_[i]));
      if (run.bits > 0 && kernel_->finishes_apart(run)) follow(before, emit_finish(run));
    }
    e.follow(before, tile);
    return first;
  }

  void start_frame() {
    e.load(x(2), out_.label);
    e.load(x(3), in_.label);
    for (const int word : {int(kRow), int(kColumn)}) a.emit(Op::sw, zero, word, use::frame);
    a.emit(Op::sw, x(2), int(kTileOut), use::frame);
    a.emit(Op::sw, x(3), int(kTileIn), use::frame);
  }

  void follow(Step& before, const Step& step) {
    e.follow(before, step);
    before = step;
  }

  Step emit_run(const Run& run, Label weights) {
    const std::string kind = run.bits == 0 ? "constants" : run.blocks() ? "blocks" : "channels";
    return e.step(run.bits == 0 ? kind : str(kind, " w", run.bits, "a", plan_.bits), [&] {
      run.bits > 0 ? kernel_->emit(run, weights) : kernel_->emit_constants(run, weights);
      e.leave();
    });
  }

  Step emit_finish(const Run& run) {
    return e.step("finish", [&] {
      kernel_->finish(run);
      e.leave();
    });
  }

  // Goes on to `next` when no tile is left.
  void begin_tile(int pixels, const Step& next) {
    const Reg left = x(1), bytes = x(2), moved = x(1);
    const Label finished = a.label();
    e.load(use::frame, e.frame_);
    a.emit(Op::lw, left, int(kTiles), use::frame);
    a.emit(Op::addi, left, left, -1);
    a.emit(Op::blt, left, zero, finished);
    a.emit(Op::sw, left, int(kTiles), use::frame);
    columns_.emit(pixels);
    e.load(bytes, pixels * out_.bytes);
    a.emit(Op::lw, use::out, int(kTileOut), use::frame);
    if (plan_.in_place) a.emit(Op::lw, use::column, int(kTileIn), use::frame);
    a.emit(Op::add, moved, use::out, bytes);
    a.emit(Op::sw, moved, int(kTileOut), use::frame);
    if (plan_.in_place) {
      e.load(bytes, pixels * in_.bytes);
      a.emit(Op::add, moved, use::column, bytes);
      a.emit(Op::sw, moved, int(kTileIn), use::frame);
    }
    if (plan_.copied()) e.load(use::column, scratch_);
    if (plan_.converted()) {
      e.load(bytes, plan_.windows_bytes());
      a.emit(Op::add, use::column, use::column, bytes);
    }
    kernel_->begin_tile();
    e.leave();
    a.bind(finished);
    e.leave_to(next);
  }

  Emitter& e;
  Assembler& a;
  const EmitTensor &in_, &out_;
  const Label scratch_;
  const ColumnPlan plan_;
  const ProductData data_;
  ColumnEmitter columns_;
  const std::unique_ptr<ProductKernel> kernel_;
  std::vector<Label> weights_;  // of the runs, or their constants, behind the code
};

void Emitter::convolution(const IntegerGraph& graph, const IntegerLayer& layer, const EmitTensor& in, const EmitTensor& out,
                          Label scratch) {
  MatrixProduct(*this, graph, layer, in, out, scratch).emit();
}

}  // namespace bitloom::mpic
