// Convolutions and linear layers: columns of input codes times rows of weights, 4 channels x 4 pixels at a time.
//
// Where columns are the input itself, a run of channels goes over all pixels before the next run begins; where they are copies, a tile of pixels
// meets all channels before the next tile is copied. Columns of up to four words stay in registers.
#include <algorithm>

#include "mpic/emit/columns.h"
#include "mpic/emit/product.h"
#include "mpic/state.h"

namespace bitloom::mpic {
namespace {

constexpr int64_t kHeldWords = 4;

ColumnLayout layout_of(const IntegerLayer& layer, int64_t in_h, int64_t in_w, int64_t in_c, const QuantScheme& in,
                       bool sub_byte) {
  const auto with = [&](Conversion conversion) { return column_layout(layer, in_h, in_w, in_c, in.bits, conversion); };
  if (!sub_byte) return with(in.bits < 8 ? Conversion::kWiden : Conversion::kNone);
  const bool flipped = !in.is_signed && std::any_of(layer.groups.begin(), layer.groups.end(),
                                                    [&](const ChannelGroup& g) { return g.bits > in.bits; });
  ColumnLayout layout = with(flipped ? Conversion::kFlip : Conversion::kNone);
  if (layout.words <= kHeldWords && layout.in_place) layout = with(Conversion::kNone);
  layout.held = layout.words <= kHeldWords;
  layout.flipped = flipped;
  return layout;
}

}  // namespace

// Emits the code of one convolution or linear layer.
class MatrixProduct {
 public:
  MatrixProduct(Emitter& emitter, const IntegerGraph& graph, const IntegerLayer& layer, const EmitTensor& in,
                const EmitTensor& out, Label scratch)
      : e(emitter),
        a(emitter.a),
        layer_(layer),
        in_(in),
        out_(out),
        scratch_(scratch),
        layout_(layout_of(layer, in.h, in.w, in.c, in.scheme, emitter.sub_byte_)),
        data_(graph, layer, in, layout_, emitter.sub_byte_),
        columns_(emitter, layer, layout_, in, out, scratch) {
    for (const Run& run : data_.runs()) {
      Placed placed;
      if (run.bits > 0 && layout_.held) placed.weights = place(data_.stream(run));
      if (run.bits > 0 && !layout_.held) placed.weights = place(data_.weights(run)), placed.rules = place(data_.rules(run));
      placed_.push_back(placed);
    }
  }

  void emit() {
    const int64_t pixels = out_.h * out_.w, tiles = layout_.pixels == 4 ? pixels / 4 : 0;
    if (layout_.copied()) start_frame();
    if (tiles > 0) emit_tiles(4, 0, tiles);
    if (pixels > 4 * tiles) emit_tiles(1, 4 * tiles, pixels - 4 * tiles);
  }

 private:
  struct Data {
    Label label;
    int64_t bytes = 0;
  };
  struct Placed {
    Data weights, rules;
  };
  Data place(const std::vector<uint32_t>& words) { return {e.data(words), int64_t(4 * words.size())}; }

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
    pixels_ = pixels;
    if (!layout_.copied()) {
      for (size_t i = 0; i < data_.runs().size(); ++i) emit_run(data_.runs()[i], placed_[i], first, count);
      return;
    }
    a.la(use::frame, e.frame_);
    a.li(x(1), int32_t(count));
    a.emit(Op::sw, x(1), int(kTiles), use::frame);
    const Label tile = a.here();
    columns_.emit(pixels);
    for (size_t i = 0; i < data_.runs().size(); ++i) {
      a.emit(Op::lw, use::out, int(kTileOut), use::frame);
      begin(data_.runs()[i], placed_[i]);
      emit_block(data_.runs()[i]);
    }
    if (count > 1 || first + pixels < out_.h * out_.w) {
      move(kTileOut, pixels * out_.bytes);
      if (layout_.in_place) move(kTileIn, pixels * in_.bytes);
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
  void emit_run(const Run& run, const Placed& placed, int64_t first, int64_t count) {
    const Reg temporary = use::input(0), tiles = use::frame;
    a.la(use::out, out_.label);
    e.add_immediate(use::out, use::out, first * out_.bytes, temporary);
    first_column_ = first * in_.bytes;
    begin(run, placed);
    if (count > 1) a.li(tiles, int32_t(count));
    const Label tile = a.here();
    emit_block(run);
    if (count == 1) return;
    e.add_immediate(use::out, use::out, pixels_ * out_.bytes - stored_bytes(run), temporary);
    if (run.bits > 0) {
      const int64_t step = pixels_ * in_.bytes;
      e.add_immediate(use::column, use::column, step, temporary);
      if (pixels_ == 4 && !layout_.held) e.add_immediate(use::column2, use::column2, step, temporary);
      e.add_immediate(use::weights, use::weights, -placed.weights.bytes, temporary);
      if (!layout_.held) e.add_immediate(use::rules, use::rules, -placed.rules.bytes, temporary);
    }
    a.emit(Op::addi, tiles, tiles, -1);
    loop_while(tiles, tile);
  }

  // How far a run moves use::out: single channels are stored from the tile's first byte on.
  int64_t stored_bytes(const Run& run) const { return run.rows == 4 && run.bits > 0 ? run.count * 4 * layer_.out.bits / 8 : 0; }

  // Formats and pointers.
  void begin(const Run& run, const Placed& placed) {
    if (run.bits == 0) return;
    const int unit = layout_.held ? 1 : run.unit();
    // A unit meets four pixels at once where it is read for each pass, else two.
    const int together = pixels_ == 1 ? 1 : layout_.held || run.narrow_inputs ? 4 : 2;
    e.set_format(format_of(run), run.parts > 1 ? uint32_t(unit * together) : 0);
    if (run.parts > 1 && e.sub_byte_) a.emit(Op::csrrwi, zero, 0x00e, 0);
    place_columns();
    a.la(use::weights, placed.weights.label);
    if (!layout_.held) a.la(use::rules, placed.rules.label);
    if (run.rows == 4) e.add_immediate(use::out, use::out, run.first * layer_.out.bits / 8, use::input(0));
    if (!layout_.held && loops(run)) a.li(use::spare, int32_t(run.passes) - 2);
  }

  uint32_t format_of(const Run& run) const {
    const int narrow = run.wide / run.parts;
    if (!e.sub_byte_ || run.parts == 1) return run.wide == 8 || !e.sub_byte_ ? k8 : run.wide == 4 ? k4 : k2;
    return run.wide == 4 ? k2x4 : narrow == 4 ? k4x8 : k2x8;
  }

  void place_columns() {
    if (layout_.copied()) {
      a.la(use::column, scratch_);
      if (layout_.converted()) e.add_immediate(use::column, use::column, layout_.windows_bytes(), use::input(0));
    } else {
      a.la(use::column, in_.label);
      e.add_immediate(use::column, use::column, first_column_, use::input(0));
    }
    if (pixels_ == 4 && !layout_.held) e.add_immediate(use::column2, use::column, 2 * layout_.kernel_stride(), use::input(0));
  }

  // All channels of a run for one tile.
  void emit_block(const Run& run) {
    if (run.bits == 0) return emit_constants(run);
    if (layout_.held) load_columns();
    if (run.rows == 4) {
      e.repeat(1, run.count, use::input(0), [&] {
        if (layout_.held) return emit_four_held(run);
        multiply(run);
        finish_four(run);
      });
      return;
    }
    if (!layout_.held) multiply(run);
    for (int row = 0; row < run.rows; ++row) {
      if (layout_.held) {
        emit_channel(run, 0);
        store_one(
            run.first + row, [](int p) { return held::sum(0, p); }, [](int p) { return held::sum(1, p); });
        continue;
      }
      load_rule(run, 0);
      for (int p = 0; p < pixels_; ++p) requantize(run, use::sum(row * 4 + p), 0);
      store_one(
          run.first + row, [&](int p) { return use::sum(row * 4 + p); }, [](int p) { return use::word(p); });
    }
  }

  void emit_constants(const Run& run) {
    for (int64_t c = run.first; c < run.first + run.count; ++c) {
      a.li(use::sum(0), data_.constant(c));
      store_one(
          c, [](int) { return use::sum(0); }, [](int p) { return use::word(p); });
    }
  }

  // --- 4 channels x 4 pixels, columns read again for every block --------------------------------------------------------------------------------

  bool loops(const Run& run) const { return run.passes > 4; }  // what is shorter is written out

  // The sums of one block over whole columns; the pointers to the columns are back afterwards, that to the weights has moved on. use::spare holds
  // the passes but the first and the last; unpacking takes it.
  void multiply(const Run& run) {
    const int64_t rewind = 4 - run.passes * run.input_words() * 4;
    const bool in_load = rewind >= -kLargestOffset;
    const int64_t last_step = in_load ? rewind : 4;
    pass(run, true, run.passes > 1 ? 4 : last_step);
    if (loops(run)) {
      if (run.unpacks) a.li(use::spare, int32_t(run.passes) - 2);
      e.repeat_counted(0, run.passes - 2, use::spare, [&] { pass(run, false, 4); });
    } else {
      for (int64_t i = 0; i < run.passes - 2; ++i) pass(run, false, 4);
    }
    if (run.passes > 1) pass(run, false, last_step);
    if (in_load) return;
    e.add_immediate(use::column, use::column, rewind - 4, use::input(0));
    if (pixels_ == 4) e.add_immediate(use::column2, use::column2, rewind - 4, use::input(0));
  }

  // One word of the narrower operand. The first pass writes the sums, the others add. `step` is added to the columns' pointers at the end, 4
  // before. No load is followed by its use.
  void pass(const Run& run, bool first, int64_t step) {
    if (run.unpacks) return pass_unpacking(run, first, step);
    if (run.narrow_inputs) return pass_of_narrow_inputs(run, first, step);
    const auto step_of = [&](int part) { return part + 1 < run.parts ? 4 : step; };
    const auto accumulate = [&](int pixel, Reg input, int part) {
      for (int c = 0; c < run.rows; ++c) dot(run, use::sum(c * 4 + pixel), input, use::word(c), first && part == 0);
    };
    if (pixels_ == 1) {
      for (int part = 0; part < run.parts; ++part) a.emit(Op::p_lw_post, use::input(part), step_of(part), use::column);
      load_weights(run.rows);
      for (int part = 0; part < run.parts; ++part) accumulate(0, use::input(part), part);
      return;
    }
    load_weights(run.rows);
    for (int pair = 0; pair < 2; ++pair) {
      for (int part = 0; part < run.parts; ++part) {
        const Reg left = use::input(part % 2 * 2), right = use::input(part % 2 * 2 + 1);
        load_pair(left, right, pair == 0 ? use::column : use::column2, step_of(part));
        accumulate(2 * pair + 1, right, part);
        accumulate(2 * pair, left, part);
      }
    }
  }

  // The word of activations stays, the weights' words pass by. Single channels have all of theirs loaded first, so that none is waited for.
  void pass_of_narrow_inputs(const Run& run, bool first, int64_t step) {
    load_pixels(step);
    const int unit = run.unit();
    for (int row = 0; row < run.rows; row += unit) {
      if (unit == 1) load_weights(run.parts);
      for (int part = 0; part < run.parts; ++part) {
        if (unit > 1) load_weights(unit);
        for (int c = 0; c < unit; ++c)
          for (int p = 0; p < pixels_; ++p)
            dot(run, use::sum((row + c) * 4 + p), use::input(p), use::word(unit == 1 ? part : c), first && part == 0);
      }
    }
  }

  void pass_unpacking(const Run& run, bool first, int64_t step) {
    load_weights(run.rows);
    for (int part = 0; part < run.parts; ++part) {
      load_pixels(part + 1 < run.parts ? 4 : step);
      for (int c = 0; c < run.rows; ++c) {
        unpack(use::word(c), run.bits, part);
        for (int p = 0; p < pixels_; ++p) dot(run, use::sum(c * 4 + p), use::input(p), use::spare, first && part == 0);
      }
    }
  }

  void load_weights(int count) {
    for (int c = 0; c < count; ++c) a.emit(Op::p_lw_post, use::word(c), 4, use::weights);
  }

  void load_pair(Reg left, Reg right, Reg column, int64_t step) {
    a.emit(Op::lw, right, layout_.kernel_stride(), column);
    a.emit(Op::p_lw_post, left, step, column);
  }

  // The next word of every column into use::input.
  void load_pixels(int64_t step) {
    if (pixels_ == 1) {
      a.emit(Op::p_lw_post, use::input(0), step, use::column);
    } else {
      load_pair(use::input(0), use::input(1), use::column, step);
      load_pair(use::input(2), use::input(3), use::column2, step);
    }
  }

  void dot(const Run& run, Reg sum, Reg input, Reg weights, bool begins) {
    if (in_.scheme.is_signed || layout_.flipped)
      a.emit(begins ? Op::pv_dotsp_b : Op::pv_sdotsp_b, sum, run.narrow_inputs ? weights : input,
             run.narrow_inputs ? input : weights);
    else
      a.emit(begins ? Op::pv_dotusp_b : Op::pv_sdotusp_b, sum, input, weights);
  }

  // Every (8 / bits)-th code of a word, from code `part` on, into the bytes of use::spare.
  void unpack(Reg word, int bits, int part) {
    const int above = 8 - bits * (part + 1);
    if (above > 0) a.emit(Op::pv_sll_sci_b, use::spare, word, above);
    a.emit(Op::pv_sra_sci_b, use::spare, above > 0 ? use::spare : word, 8 - bits);
  }

  // A channel's rule, into one of two sets of registers.
  void load_rule(const Run& run, int set) {
    for (int i = 0; i < run.rule_words(); ++i) a.emit(Op::p_lw_post, x(17 + 3 * set + i), 4, use::rules);
  }
  void requantize(const Run& run, Reg sum, int set) { requantize(run, sum, x(17 + 3 * set), x(18 + 3 * set), x(19 + 3 * set)); }
  void requantize(const Run& run, Reg sum, Reg multiplier, Reg offset, Reg shift) {
    if (run.shift < 0)
      e.requantize(sum, multiplier, offset, shift, layer_.out);
    else
      e.requantize(sum, multiplier, offset, run.shift, layer_.out);
  }

  // Requantizes, packs and stores a block of four channels.
  void finish_four(const Run& run) {
    const auto sum = [](int c, int p) { return use::sum(c * 4 + p); };
    const int bits = layer_.out.bits;
    load_rule(run, 0);
    for (int c = 0; c < 4; ++c) {
      if (c < 3) load_rule(run, (c + 1) % 2);
      for (int p = 0; p < pixels_; ++p) requantize(run, sum(c, p), c % 2);
    }
    if (bits == 32) {
      for (int p = pixels_ - 1; p >= 0; --p)
        for (int c = 0; c < 4; ++c) a.emit(Op::sw, sum(c, p), p * out_.bytes + c * 4, use::out);
      a.emit(Op::addi, use::out, use::out, 16);
      return;
    }
    for (int p = 0; p < pixels_; ++p) {
      if (bits == 8) {
        a.emit(Op::pv_packhi_b, sum(0, p), sum(3, p), sum(2, p));
        a.emit(Op::pv_packlo_b, sum(0, p), sum(1, p), sum(0, p));
      } else {
        for (int c = 1; c < 4; ++c) a.emit(Op::p_insert, sum(0, p), sum(c, p), bits - 1, c * bits);
      }
    }
    store_four([&](int p) { return sum(0, p); });
  }

  // Four packed codes of each pixel.
  template <class Packed>
  void store_four(Packed packed) {
    const int bits = layer_.out.bits;
    const Op store = bits == 8 ? Op::sw : bits == 4 ? Op::sh : Op::sb;
    const Op store_post = bits == 8 ? Op::p_sw_post : bits == 4 ? Op::p_sh_post : Op::p_sb_post;
    for (int p = pixels_ - 1; p > 0; --p) a.emit(store, packed(p), p * out_.bytes, use::out);
    a.emit(store_post, packed(0), bits / 2, use::out);
  }

  // --- Columns of up to four words, held in registers for all channels --------------------------------------------------------------------------

  // x1 to x16 are the columns' words, four a pixel; the sums are four channels' packed codes and one channel's own.
  struct held {
    static Reg input(int pixel, int64_t word) { return x(1 + pixel * 4 + int(word)); }
    static Reg sum(int set, int pixel) { return x(17 + set * 4 + pixel); }
    // What is read from use::weights passes through three registers.
    static Reg item(int64_t index) { return x(28 + int(index % 3)); }
  };

  void load_columns() {
    for (int p = 0; p < pixels_; ++p)
      for (int64_t w = 0; w < layout_.words; ++w)
        a.emit(Op::lw, held::input(p, w), p * layout_.kernel_stride() + 4 * w, use::column);
    if (!layout_.flipped || !layout_.in_place) return;
    const Reg mask = held::item(0);
    a.li(mask, int32_t(flip_mask(layout_.bits)));
    for (int p = 0; p < pixels_; ++p)
      for (int64_t w = 0; w < layout_.words; ++w) a.emit(Op::xor_, held::input(p, w), held::input(p, w), mask);
  }

  // One channel's codes, from its weights and rule; what is used next is already on its way.
  void emit_channel(const Run& run, int set) {
    const int64_t words = run.passes * run.weight_words();
    const auto load = [&](int64_t index) { a.emit(Op::p_lw_post, held::item(index), 4, use::weights); };
    load(0);
    for (int64_t i = 0; i < words; ++i) {
      load(i + 1);
      for (int part = 0; part < run.input_words(); ++part) {
        // Behind the last word weights are 0, and any input will do.
        const int64_t word = std::min(run.narrow_inputs ? i / run.parts : i * run.parts + part, layout_.words - 1);
        for (int p = 0; p < pixels_; ++p) dot(run, held::sum(set, p), held::input(p, word), held::item(i), i + part == 0);
      }
    }
    for (int i = 1; i < run.rule_words(); ++i) load(words + i);
    for (int p = 0; p < pixels_; ++p)
      requantize(run, held::sum(set, p), held::item(words), held::item(words + 1), held::item(words + 2));
  }

  void emit_four_held(const Run& run) {
    const int bits = layer_.out.bits;
    for (int c = 0; c < 4; ++c) {
      const int set = c == 0 ? 0 : 1;
      emit_channel(run, set);
      for (int p = 0; p < pixels_; ++p) {
        if (bits == 32)
          a.emit(Op::sw, held::sum(set, p), p * out_.bytes + c * 4, use::out);
        else if (c > 0)
          a.emit(Op::p_insert, held::sum(0, p), held::sum(1, p), bits - 1, c * bits);
      }
    }
    if (bits == 32)
      a.emit(Op::addi, use::out, use::out, 16);
    else
      store_four([](int p) { return held::sum(0, p); });
  }

  // ----------------------------------------------------------------------------------------------------------------------------------------------

  // Stores one channel of the tile's pixels, amid the codes of others where they share a byte. use::out is the tile's first pixel.
  template <class Sums, class Words>
  void store_one(int64_t channel, Sums sum, Words word) {
    const int bits = layer_.out.bits;
    const int64_t byte = channel * bits / 8, bit = channel * bits % 8;
    Reg base = use::out;
    int64_t at = byte;
    if (byte + 3 * out_.bytes > kLargestOffset) {
      base = layout_.held ? held::item(0) : use::input(3);
      e.add_immediate(base, use::out, byte, base);
      at = 0;
    }
    if (bits >= 8) {
      for (int p = 0; p < pixels_; ++p) a.emit(bits == 32 ? Op::sw : Op::sb, sum(p), at + p * out_.bytes, base);
      return;
    }
    for (int p = 0; p < pixels_; ++p) a.emit(Op::lbu, word(p), at + p * out_.bytes, base);
    for (int p = 0; p < pixels_; ++p) a.emit(Op::p_insert, word(p), sum(p), bits - 1, bit);
    for (int p = 0; p < pixels_; ++p) a.emit(Op::sb, word(p), at + p * out_.bytes, base);
  }

  Emitter& e;
  Assembler& a;
  const IntegerLayer& layer_;
  const EmitTensor &in_, &out_;
  const Label scratch_;
  const ColumnLayout layout_;
  const ProductData data_;
  ColumnEmitter columns_;
  std::vector<Placed> placed_;
  int pixels_ = 4;            // of the tiles that are being emitted
  int64_t first_column_ = 0;  // the bytes before them
};

void Emitter::convolution(const IntegerGraph& graph, const IntegerLayer& layer, const EmitTensor& in, const EmitTensor& out,
                          Label scratch) {
  MatrixProduct(*this, graph, layer, in, out, scratch).emit();
}

int64_t convolution_scratch(const IntegerLayer& layer, const IntegerLayer& in, bool sub_byte) {
  return layout_of(layer, in.h, in.w, in.c, in.out, sub_byte).scratch_bytes();
}

}  // namespace bitloom::mpic
