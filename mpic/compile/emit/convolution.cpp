// Convolutions and linear layers: columns of input codes times rows of weights, 4 channels x 4 pixels at a time.
//
// Where columns are the input itself, a run of channels goes over all pixels before the next run begins; where they are copies, a tile of pixels
// meets all channels before the next tile is copied. Columns of up to four words stay in registers.
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
        data_(graph, layer, in, plan_, emitter.sub_byte_),
        columns_(emitter, layer, plan_, in, out, scratch),
        kernel_((plan_.held ? make_held_kernel : make_block_kernel)({emitter, layer, in, out, plan_, data_})) {
    for (const Run& run : data_.runs()) placed_.push_back(run.bits > 0 ? kernel_->place(run) : ProductKernel::Placed{});
  }

  void emit() {
    const int64_t pixels = out_.h * out_.w, tiles = plan_.pixels == kTilePixels ? pixels / kTilePixels : 0;
    if (plan_.copied()) start_frame();
    if (tiles > 0) emit_tiles(kTilePixels, 0, tiles);
    if (const int64_t done = tiles * kTilePixels; pixels > done) emit_tiles(1, done, pixels - done);
  }

 private:
  void start_frame() {
    a.la(use::frame, e.frame_);
    for (const auto& [label, word] : {std::pair{out_.label, kTileOut}, {in_.label, kTileIn}}) {
      a.la(x(1), label);
      a.emit(Op::sw, x(1), int(word), use::frame);
    }
    for (const int word : {int(kRow), int(kColumn)}) a.emit(Op::sw, zero, word, use::frame);
  }

  // `count` tiles from pixel `first` on.
  void emit_tiles(int pixels, int64_t first, int64_t count) {
    kernel_->set_pixels(pixels);
    const std::vector<Run>& runs = data_.runs();
    if (!plan_.copied()) {
      for (size_t i = 0; i < runs.size(); ++i) emit_run(runs[i], placed_[i], pixels, first, count);
      return;
    }
    a.la(use::frame, e.frame_);
    a.li(x(1), int32_t(count));
    a.emit(Op::sw, x(1), int(kTiles), use::frame);
    const Label tile = a.here();
    columns_.emit(pixels);
    for (size_t i = 0; i < runs.size(); ++i) emit_run(runs[i], placed_[i]);
    if (count > 1 || first + pixels < out_.h * out_.w) {
      move(kTileOut, pixels * out_.bytes);
      if (plan_.in_place) move(kTileIn, pixels * in_.bytes);
    }
    if (count == 1) return;
    move(kTiles, -1);
    loop_while(x(1), tile);
  }

  // x1 = the word of the frame, moved by so much.
  void move(Frame word, int64_t bytes) {
    a.emit(Op::lw, x(1), int(word), use::frame);
    e.add_immediate(x(1), x(1), bytes, x(2));
    a.emit(Op::sw, x(1), int(word), use::frame);
  }

  // To `label` unless the register is 0, however far it is.
  void loop_while(Reg counter, Label label) {
    const Label done = a.label();
    a.emit(Op::beq, counter, zero, done);
    a.emit(Op::jal, zero, label);
    a.bind(done);
  }

  // One run over columns in place.
  void emit_run(const Run& run, const ProductKernel::Placed& placed, int pixels, int64_t first, int64_t count) {
    const Reg tiles = use::frame;
    a.la(use::out, out_.label);
    e.add_immediate(use::out, use::out, first * out_.bytes, use::column);
    if (run.bits > 0) {
      a.la(use::column, in_.label);
      e.add_immediate(use::column, use::column, first * in_.bytes, use::weights);
      kernel_->begin(run, placed);
    }
    if (count > 1) a.li(tiles, int32_t(count));
    const Label tile = a.here();
    run.bits > 0 ? kernel_->emit(run) : kernel_->emit_constants(run);
    if (count == 1) return;
    e.add_immediate(use::out, use::out, pixels * out_.bytes - kernel_->stored_bytes(run), use::input(0));
    if (run.bits > 0) kernel_->next_tile(placed);
    a.emit(Op::addi, tiles, tiles, -1);
    loop_while(tiles, tile);
  }

  // One run over a tile of copied columns.
  void emit_run(const Run& run, const ProductKernel::Placed& placed) {
    a.emit(Op::lw, use::out, int(kTileOut), use::frame);
    if (run.bits == 0) return kernel_->emit_constants(run);
    a.la(use::column, scratch_);
    if (plan_.converted()) e.add_immediate(use::column, use::column, plan_.windows_bytes(), use::weights);
    kernel_->begin(run, placed);
    kernel_->emit(run);
  }

  Emitter& e;
  Assembler& a;
  const EmitTensor &in_, &out_;
  const Label scratch_;
  const ColumnPlan plan_;
  const ProductData data_;
  ColumnEmitter columns_;
  const std::unique_ptr<ProductKernel> kernel_;
  std::vector<ProductKernel::Placed> placed_;
};

void Emitter::convolution(const IntegerGraph& graph, const IntegerLayer& layer, const EmitTensor& in, const EmitTensor& out,
                          Label scratch) {
  MatrixProduct(*this, graph, layer, in, out, scratch).emit();
}

}  // namespace bitloom::mpic
