// Convolutions and linear layers: columns of input codes times rows of weights, 4 channels x 4 pixels at a time.
//
// A column is the bytes of a pixel's window in memory order, (kh, kw, channels). Pointwise and linear layers read it where it is; others copy
// it first (im2col). Where weights have more bits than activations, columns are widened to the weights' bits. What fills up bytes and words
// meets zero weights. Four channels' weights lie interleaved, word by word, in the order in which the kernel reads them.
#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "mpic/emit/emitter.h"
#include "mpic/state.h"
#include "quant/integer/pack.h"
#include "quant/integer/requantize.h"

namespace bitloom::mpic {
namespace {

// Words in memory at use::frame.
enum Frame { kPixel = 0, kRow = 4, kColumn = 8, kTileOut = 12, kTileIn = 16 };
constexpr int64_t kLargestOffset = 2047;

struct Columns {
  int bits = 8;       // of activations as stored
  int64_t bytes = 0;  // of a column as stored
  int64_t words = 0;  // the same in words
  bool direct = false;
  int pixels = 4;      // per tile
  int64_t stride = 0;  // bytes between the stored columns of a tile
  int64_t wide_stride(int bits_wanted) const { return (direct ? words * 4 : stride) * (bits_wanted / bits); }
};

int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

Columns columns_of(const IntegerLayer& layer, int64_t in_h, int64_t in_w, int64_t in_c, int in_bits) {
  Columns c;
  const int64_t pixel = pixel_bytes(in_c, in_bits);
  const bool linear = layer.op == IntegerOp::kLinear;
  c.bits = in_bits;
  c.bytes = (linear ? in_h * in_w : layer.kh * layer.kw) * pixel;
  c.words = (c.bytes + 3) / 4;
  const bool pointwise =
      layer.kh == 1 && layer.kw == 1 && layer.sh == 1 && layer.sw == 1 && layer.pt + layer.pb + layer.pl + layer.pr == 0;
  c.direct = linear || pointwise;
  // Sub-groups of narrow weights are read to the end of their word: up to 4 words of activations.
  c.stride = c.direct ? pixel : round_up(c.words, 4) * 4;
  const int64_t farthest = std::max({c.stride, c.wide_stride(8), 3 * pixel_bytes(layer.c, layer.out.bits)});
  c.pixels = layer.h * layer.w >= 4 && farthest <= kLargestOffset ? 4 : 1;
  return c;
}

int widened(int activation_bits, int weight_bits, bool sub_byte) {
  return sub_byte ? std::max(activation_bits, weight_bits) : 8;
}

std::set<int> widths(const IntegerLayer& layer, int in_bits, bool sub_byte) {
  std::set<int> all;
  for (const ChannelGroup& g : layer.groups)
    if (g.bits > 0) all.insert(widened(in_bits, g.bits, sub_byte));
  return all;
}

// The format of rs1 lanes of `wide` bits and rs2 lanes of `narrow` bits.
uint32_t format_of(int wide, int narrow) {
  if (wide == narrow) return wide == 8 ? k8 : wide == 4 ? k4 : k2;
  return wide == 4 ? k2x4 : narrow == 4 ? k4x8 : k2x8;
}

// Channels that one run of the kernel produces: `rows` at a time, `count` times, all with the same weight bits.
struct Run {
  int64_t first = 0, count = 0;
  int rows = 4, bits = 8;
};

// Blocks of four, whose outputs are stored at once, so that they begin at a byte; up to three channels before and behind them together.
std::vector<Run> runs_of(const IntegerLayer& layer) {
  const int64_t alignment = layer.out.bits == 4 ? 2 : layer.out.bits == 2 ? 4 : 1;
  std::vector<Run> runs;
  int64_t at = 0;
  const auto add = [&](int64_t channels, int rows, int bits) {
    if (channels > 0) runs.push_back({at, channels / rows, rows, bits});
    at += channels;
  };
  for (const ChannelGroup& g : layer.groups) {
    const int64_t end = at + g.channels;
    if (g.bits == 0) {
      add(g.channels, 1, 0);
      continue;
    }
    const int64_t before = std::min(end, round_up(at, alignment)) - at;
    if (before > 0) add(before, int(before), g.bits);
    add((end - at) / 4 * 4, 4, g.bits);
    if (end > at) add(end - at, int(end - at), g.bits);
  }
  return runs;
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
        columns_(columns_of(layer, in.h, in.w, in.c, in.bits())),
        codes_(unpack_weights(graph, layer)),
        codes_per_channel_(codes_per_channel(graph, layer)) {
    int64_t at = columns_.direct ? 0 : columns_.pixels * columns_.stride + 4;
    for (const int bits : widths(layer, in.bits(), emitter.sub_byte_)) {
      if (bits == in.bits()) continue;
      wide_at_[bits] = at = round_up(at, 4);
      at += columns_.pixels * columns_.wide_stride(bits) + 4;
    }
  }

  void emit() {
    const int64_t last = out_.h * out_.w - columns_.pixels;
    a.la(use::frame, e.frame_);
    for (const int word : {int(kPixel), int(kRow), int(kColumn)}) a.emit(Op::sw, zero, word, use::frame);
    const Label tile = a.here(), done = a.label(), more = a.label();
    place_tile();
    if (!columns_.direct) gather(last);
    widen();
    for (const Run& run : runs_of(layer_)) emit_run(run);
    if (last == 0) return;
    a.emit(Op::lw, x(1), kPixel, use::frame);
    a.li(x(2), int32_t(last));
    a.emit(Op::bne, x(1), x(2), more);
    a.emit(Op::jal, zero, done);
    a.bind(more);
    advance(last);
    a.emit(Op::jal, zero, tile);
    a.bind(done);
  }

 private:
  // Addresses of the tile's first pixel.
  void place_tile() {
    a.emit(Op::lw, x(1), kPixel, use::frame);
    a.li(x(2), int32_t(out_.bytes));
    a.emit(Op::mul, x(3), x(1), x(2));
    a.la(x(4), out_.label);
    a.emit(Op::add, x(4), x(4), x(3));
    a.emit(Op::sw, x(4), kTileOut, use::frame);
    if (!columns_.direct) return;
    a.li(x(2), int32_t(in_.bytes));
    a.emit(Op::mul, x(3), x(1), x(2));
    a.la(x(4), in_.label);
    a.emit(Op::add, x(4), x(4), x(3));
    a.emit(Op::sw, x(4), kTileIn, use::frame);
  }

  // The next tile; the last one ends with the last pixel, also where it repeats some. x1 is the tile's pixel, x2 the last tile's.
  void advance(int64_t last) {
    a.emit(Op::addi, x(1), x(1), columns_.pixels);
    if (!columns_.direct) advance_in_rows(last);
    a.emit(Op::p_min, x(1), x(1), x(2));
    a.emit(Op::sw, x(1), kPixel, use::frame);
  }

  // Row and column of that pixel.
  void advance_in_rows(int64_t last) {
    const Label in_row = a.label(), wrap = a.label(), inside = a.label();
    a.emit(Op::lw, x(3), kRow, use::frame);
    a.emit(Op::lw, x(4), kColumn, use::frame);
    a.emit(Op::bge, x(2), x(1), inside);
    a.li(x(3), int32_t(last / out_.w));
    a.li(x(4), int32_t(last % out_.w));
    a.emit(Op::jal, zero, in_row);
    a.bind(inside);
    a.emit(Op::addi, x(4), x(4), columns_.pixels);
    a.li(x(5), int32_t(out_.w));
    a.bind(wrap);
    a.emit(Op::blt, x(4), x(5), in_row);
    a.emit(Op::sub, x(4), x(4), x(5));
    a.emit(Op::addi, x(3), x(3), 1);
    a.emit(Op::jal, zero, wrap);
    a.bind(in_row);
    a.emit(Op::sw, x(3), kRow, use::frame);
    a.emit(Op::sw, x(4), kColumn, use::frame);
  }

  // Registers of gather(): output position, input position, pointers.
  static constexpr Reg kY{1}, kX{2}, kInY{3}, kInX{4}, kSource{5}, kTarget{6}, kPixels{7}, kTaps{8}, kTapY{9}, kTapX{10},
      kRows{11}, kTemp{12}, kCounter{13}, kInput{14}, kWidth{15}, kBytes{16}, kMaxY{25}, kMaxX{26}, kOutWidth{27}, kHeight{28};
  static constexpr int kCopy = 17;  // first of four

  // Copies the windows of the tile's pixels into columns.
  void gather(int64_t last) {
    a.emit(Op::lw, kY, kRow, use::frame);
    a.emit(Op::lw, kX, kColumn, use::frame);
    a.la(kTarget, scratch_);
    a.la(kInput, in_.label);
    a.li(kWidth, int32_t(in_.w));
    a.li(kHeight, int32_t(in_.h));
    a.li(kBytes, int32_t(in_.bytes));
    a.li(kOutWidth, int32_t(out_.w));
    const bool padded = layer_.pt + layer_.pb + layer_.pl + layer_.pr > 0;
    if (padded && in_.h >= layer_.kh) a.li(kMaxY, int32_t(in_.h - layer_.kh));
    if (padded && in_.w >= layer_.kw) a.li(kMaxX, int32_t(in_.w - layer_.kw));
    if (columns_.pixels > 1) a.li(kPixels, columns_.pixels);
    const Label pixel = a.here(), slow = a.label(), next = a.label(), same_row = a.label();
    input_position(kInY, kY, layer_.sh, layer_.pt);
    input_position(kInX, kX, layer_.sw, layer_.pl);
    const bool always_slow = in_.h < layer_.kh || in_.w < layer_.kw;
    if (!always_slow) {
      if (padded) {
        a.emit(Op::bltu, kMaxY, kInY, slow);
        a.emit(Op::bltu, kMaxX, kInX, slow);
      }
      copy_window();
      if (padded) a.emit(Op::jal, zero, next);
    }
    if (padded || always_slow) {
      a.bind(slow);
      copy_window_by_taps();
    }
    a.bind(next);
    if (last == 0 && columns_.pixels == 1) return;
    e.add_immediate(kTarget, kTarget, columns_.stride - columns_.bytes, kTemp);
    a.emit(Op::addi, kX, kX, 1);
    a.emit(Op::bne, kX, kOutWidth, same_row);
    a.emit(Op::addi, kX, zero, 0);
    a.emit(Op::addi, kY, kY, 1);
    a.bind(same_row);
    if (columns_.pixels == 1) return;
    a.emit(Op::addi, kPixels, kPixels, -1);
    const Label end = a.label();
    a.emit(Op::beq, kPixels, zero, end);
    a.emit(Op::jal, zero, pixel);
    a.bind(end);
  }

  void input_position(Reg to, Reg from, int64_t stride, int64_t pad) {
    if (stride == 1) {
      a.emit(Op::addi, to, from, -pad);
      return;
    }
    a.li(kTemp, int32_t(stride));
    a.emit(Op::mul, to, from, kTemp);
    if (pad != 0) a.emit(Op::addi, to, to, -pad);
  }

  // kSource = address of input pixel (y, x).
  void source_of(Reg y, Reg x_position) {
    a.emit(Op::mul, kSource, y, kWidth);
    a.emit(Op::add, kSource, kSource, x_position);
    a.emit(Op::mul, kSource, kSource, kBytes);
    a.emit(Op::add, kSource, kSource, kInput);
  }

  void copy_window() {
    source_of(kInY, kInX);
    const int64_t row = layer_.kw * in_.bytes, copied = round_up(row, 4);
    for (int64_t ky = 0; ky < layer_.kh; ++ky) {
      e.copy_words(kSource, kTarget, row, kCopy, kCounter);
      e.add_immediate(kTarget, kTarget, row - copied, kTemp);
      if (ky + 1 < layer_.kh) e.add_immediate(kSource, kSource, in_.w * in_.bytes - copied, kTemp);
    }
  }

  void copy_window_by_taps() {
    const int64_t copied = round_up(in_.bytes, 4);
    a.emit(Op::addi, kTapY, kInY, 0);
    a.li(kRows, int32_t(layer_.kh));
    const Label row = a.here();
    a.emit(Op::addi, kTapX, kInX, 0);
    a.li(kTaps, int32_t(layer_.kw));
    const Label tap = a.here(), outside = a.label(), next = a.label();
    a.emit(Op::bgeu, kTapY, kHeight, outside);
    a.emit(Op::bgeu, kTapX, kWidth, outside);
    source_of(kTapY, kTapX);
    e.copy_words(kSource, kTarget, in_.bytes, kCopy, kCounter);
    a.emit(Op::jal, zero, next);
    a.bind(outside);
    e.zero_words(kTarget, in_.bytes, kCounter);
    a.bind(next);
    e.add_immediate(kTarget, kTarget, in_.bytes - copied, kTemp);
    a.emit(Op::addi, kTapX, kTapX, 1);
    a.emit(Op::addi, kTaps, kTaps, -1);
    a.emit(Op::bne, kTaps, zero, tap);
    a.emit(Op::addi, kTapY, kTapY, 1);
    a.emit(Op::addi, kRows, kRows, -1);
    a.emit(Op::bne, kRows, zero, row);
  }

  // Copies of the columns with wider codes, for weights with more bits than the activations.
  void widen() {
    for (const auto& [bits, at] : wide_at_) {
      const Reg source = x(5), target = x(6), mask = x(7), counter = x(8), outer = x(9);
      if (columns_.direct)
        a.emit(Op::lw, source, kTileIn, use::frame);
      else
        a.la(source, scratch_);
      a.la(target, scratch_);
      e.add_immediate(target, target, at, counter);
      if (in_.scheme.is_signed)
        e.set_format(format_of(bits, bits), 0);
      else
        a.li(mask, int32_t(in_.bits() == 4 ? 0x0f0f0f0f : bits == 4 ? 0x33333333 : 0x03030303));
      const auto column = [&](int64_t words) {
        a.emit(Op::p_lw_post, kWhole, 4, source);
        e.repeat(0, words, counter, [&, wanted = bits] { widen_word(source, target, mask, wanted); });
      };
      if (!columns_.direct || in_.bytes == columns_.words * 4) {
        column(columns_.pixels * columns_.stride / 4);
      } else {
        e.repeat(1, columns_.pixels, outer, [&] {
          column(columns_.words);
          e.add_immediate(source, source, in_.bytes - (columns_.words + 1) * 4, counter);
          a.emit(Op::addi, zero, zero, 0);
        });
      }
    }
  }

  static constexpr Reg kWhole{20};

  // One word, in kWhole, into bits / in_.bits() words; lane l of the t-th holds code t + parts l. Loads the next word, so that nothing waits.
  void widen_word(Reg source, Reg target, Reg mask, int bits) {
    const int narrow = in_.bits(), parts = bits / narrow;
    for (int t = 0; t < parts; ++t) {
      if (in_.scheme.is_signed)
        a.emit(Op::pv_sll_sci_b, x(21 + t), kWhole, bits - narrow * (t + 1));
      else if (t == 0)
        a.emit(Op::and_, x(21), kWhole, mask);
      else
        a.emit(Op::srli, x(21 + t), kWhole, narrow * t);
    }
    a.emit(Op::p_lw_post, kWhole, 4, source);
    for (int t = 0; t < parts; ++t) {
      if (in_.scheme.is_signed)
        a.emit(Op::pv_sra_sci_b, x(21 + t), x(21 + t), bits - narrow);
      else if (t > 0)
        a.emit(Op::and_, x(21 + t), x(21 + t), mask);
    }
    for (int t = 0; t < parts; ++t) a.emit(Op::p_sw_post, x(21 + t), 4, target);
  }

  void emit_run(const Run& run) {
    const int64_t out_bit = run.first * layer_.out.bits;
    a.emit(Op::lw, use::out, kTileOut, use::frame);
    if (run.bits == 0) {
      for (int64_t c = run.first; c < run.first + run.count; ++c) {
        a.li(use::sum(0), layer_.out.bits == 32 ? unclamped(c) : constant(c));
        for (int p = 1; p < columns_.pixels; ++p) a.emit(Op::addi, use::sum(p), use::sum(0), 0);
        store_one(c, 0);
      }
      return;
    }
    const int wide = widened(in_.bits(), run.bits, e.sub_byte_), parts = wide / run.bits;
    e.set_format(format_of(wide, run.bits), parts > 1 ? uint32_t(run.rows * (columns_.pixels == 4 ? 2 : 1)) : 0);
    if (parts > 1 && e.sub_byte_) a.emit(Op::csrrwi, zero, 0x00e, 0);
    place_columns(wide);
    a.la(use::weights, e.data(interleaved(run, wide)));
    a.la(use::table, e.data(tables(run)));
    if (run.rows == 4) e.add_immediate(use::out, use::out, out_bit / 8, use::spare);
    a.li(use::spare, int32_t(passes(run, wide)) - 2);
    if (run.rows == 4) {
      e.repeat(1, run.count, use::input(0), [&] {
        multiply(run, wide);
        finish_four();
      });
      return;
    }
    multiply(run, wide);
    for (int row = 0; row < run.rows; ++row) {
      load_rule(0);
      for (int p = 0; p < columns_.pixels; ++p) requantize(use::sum(row * 4 + p), 0);
      store_one(run.first + row, row);
    }
  }

  int64_t stride(int wide) const { return wide == in_.bits() ? columns_.stride : columns_.wide_stride(wide); }

  void place_columns(int wide) {
    if (wide == in_.bits() && columns_.direct) {
      a.emit(Op::lw, use::column, kTileIn, use::frame);
    } else {
      a.la(use::column, scratch_);
      if (wide != in_.bits()) e.add_immediate(use::column, use::column, wide_at_.at(wide), use::spare);
    }
    if (columns_.pixels == 4) e.add_immediate(use::column2, use::column, 2 * stride(wide), use::spare);
  }

  int64_t wide_words(int wide) const { return columns_.words * (wide / in_.bits()); }

  int64_t passes(const Run& run, int wide) const { return round_up(wide_words(wide), wide / run.bits) / (wide / run.bits); }

  // The sums of one block over whole columns; the pointers to the columns are back afterwards, that to the weights has moved on.
  // use::spare holds the passes but the first and the last; unpacking takes it.
  void multiply(const Run& run, int wide) {
    const int64_t count = passes(run, wide), rewind = 4 - count * (wide / run.bits) * 4;
    const bool in_load = rewind >= -kLargestOffset;
    const int64_t last_step = in_load ? rewind : 4;
    pass(run, wide, true, count > 1 ? 4 : last_step);
    if (unpacks(run)) a.li(use::spare, int32_t(count) - 2);
    e.repeat_counted(0, count - 2, use::spare, [&] { pass(run, wide, false, 4); });
    if (count > 1) pass(run, wide, false, last_step);
    if (in_load) return;
    e.add_immediate(use::column, use::column, rewind - 4, use::input(0));
    if (columns_.pixels == 4) e.add_immediate(use::column2, use::column2, rewind - 4, use::input(0));
  }

  // One word of weights per row. The first pass writes the sums, the others add. `step` is added to the columns' pointers at the end, 4 before.
  // No load is followed by its use.
  void pass(const Run& run, int wide, bool first, int64_t step) {
    const int parts = wide / run.bits;
    const auto step_of = [&](int part) { return part + 1 < parts ? 4 : step; };
    if (unpacks(run)) {
      load_weights(run);
      for (int part = 0; part < parts; ++part) {
        const int pixels = load_pixels(wide, step_of(part));
        for (int c = 0; c < run.rows; ++c) {
          unpack(use::word(c), run.bits, part);
          for (int p = 0; p < pixels; ++p) dot(use::sum(c * 4 + p), use::input(p), use::spare, first && part == 0);
        }
      }
      return;
    }
    const auto accumulate = [&](int pixel, Reg input, int part) {
      for (int c = 0; c < run.rows; ++c) dot(use::sum(c * 4 + pixel), input, use::word(c), first && part == 0);
    };
    if (columns_.pixels == 1) {
      for (int part = 0; part < parts; ++part) a.emit(Op::p_lw_post, use::input(part), step_of(part), use::column);
      load_weights(run);
      for (int part = 0; part < parts; ++part) accumulate(0, use::input(part), part);
      return;
    }
    load_weights(run);
    for (int pair = 0; pair < 2; ++pair) {
      const Reg column = pair == 0 ? use::column : use::column2;
      for (int part = 0; part < parts; ++part) {
        const Reg left = use::input(part % 2 * 2), right = use::input(part % 2 * 2 + 1);
        a.emit(Op::lw, right, stride(wide), column);
        a.emit(Op::p_lw_post, left, step_of(part), column);
        accumulate(2 * pair + 1, right, part);
        accumulate(2 * pair, left, part);
      }
    }
  }

  void load_weights(const Run& run) {
    for (int c = 0; c < run.rows; ++c) a.emit(Op::p_lw_post, use::word(c), 4, use::weights);
  }

  void dot(Reg sum, Reg input, Reg weights, bool begins) {
    const Op op =
        in_.scheme.is_signed ? (begins ? Op::pv_dotsp_b : Op::pv_sdotsp_b) : (begins ? Op::pv_dotusp_b : Op::pv_sdotusp_b);
    a.emit(op, sum, input, weights);
  }

  // Without dot products of narrow codes, weights become bytes by instructions.
  bool unpacks(const Run& run) const { return !e.sub_byte_ && run.bits < 8; }

  // The next word of every column into use::input; returns the number of columns.
  int load_pixels(int wide, int64_t step) {
    for (int pair = 0; pair < (columns_.pixels + 1) / 2; ++pair) {
      const Reg column = pair == 0 ? use::column : use::column2;
      if (columns_.pixels > 1) a.emit(Op::lw, use::input(2 * pair + 1), stride(wide), column);
      a.emit(Op::p_lw_post, use::input(2 * pair), step, column);
    }
    return int(columns_.pixels);
  }

  // Every (8 / bits)-th code of a word, from code `part` on, into the bytes of use::spare.
  void unpack(Reg word, int bits, int part) {
    const int above = 8 - bits * (part + 1);
    if (above > 0) a.emit(Op::pv_sll_sci_b, use::spare, word, above);
    a.emit(Op::pv_sra_sci_b, use::spare, above > 0 ? use::spare : word, 8 - bits);
  }

  // A channel's multiplier, offset and shift, into one of two sets of registers.
  void load_rule(int set) {
    for (int i = 0; i < 3; ++i) a.emit(Op::p_lw_post, x(17 + 3 * set + i), 4, use::table);
  }
  void requantize(Reg sum, int set) { e.requantize(sum, x(17 + 3 * set), x(18 + 3 * set), x(19 + 3 * set), layer_.out); }

  // Requantizes, packs and stores a block of four channels.
  void finish_four() {
    const int bits = layer_.out.bits;
    load_rule(0);
    for (int c = 0; c < 4; ++c) {
      if (c < 3) load_rule((c + 1) % 2);
      for (int p = 0; p < columns_.pixels; ++p) requantize(use::sum(c * 4 + p), c % 2);
    }
    if (bits == 32) {
      for (int p = columns_.pixels - 1; p >= 0; --p)
        for (int c = 0; c < 4; ++c) a.emit(Op::sw, use::sum(c * 4 + p), p * out_.bytes + c * 4, use::out);
      a.emit(Op::addi, use::out, use::out, 16);
      return;
    }
    for (int c = 1; c < 4; ++c)
      for (int p = 0; p < columns_.pixels; ++p) a.emit(Op::p_insert, use::sum(p), use::sum(c * 4 + p), bits - 1, c * bits);
    const Op store = bits == 8 ? Op::sw : bits == 4 ? Op::sh : Op::sb;
    const Op store_post = bits == 8 ? Op::p_sw_post : bits == 4 ? Op::p_sh_post : Op::p_sb_post;
    for (int p = columns_.pixels - 1; p > 0; --p) a.emit(store, use::sum(p), p * out_.bytes, use::out);
    a.emit(store_post, use::sum(0), bits / 2, use::out);
  }

  // Stores one channel of the tile's pixels, in a row of the sums, amid the codes of others where they share a byte. use::out is the tile's first
  // pixel.
  void store_one(int64_t channel, int row) {
    const int bits = layer_.out.bits;
    const int64_t byte = channel * bits / 8, bit = channel * bits % 8;
    const auto sum = [&](int p) { return use::sum(row * 4 + p); };
    Reg base = use::out;
    int64_t at = byte;
    if (byte + 3 * out_.bytes > kLargestOffset) {
      base = use::input(3);
      e.add_immediate(base, use::out, byte, use::input(3));
      at = 0;
    }
    if (bits >= 8) {
      for (int p = 0; p < columns_.pixels; ++p) a.emit(bits == 32 ? Op::sw : Op::sb, sum(p), at + p * out_.bytes, base);
      return;
    }
    for (int p = 0; p < columns_.pixels; ++p) a.emit(Op::lbu, use::word(p), at + p * out_.bytes, base);
    for (int p = 0; p < columns_.pixels; ++p) a.emit(Op::p_insert, use::word(p), sum(p), bits - 1, bit);
    for (int p = 0; p < columns_.pixels; ++p) a.emit(Op::sb, use::word(p), at + p * out_.bytes, base);
  }

  int32_t unclamped(int64_t c) const { return layer_.offset[size_t(c)] >> layer_.shift[size_t(c)]; }
  int32_t constant(int64_t c) const {
    return bitloom::requantize(0, layer_.multiplier[size_t(c)], layer_.offset[size_t(c)], layer_.shift[size_t(c)],
                               layer_.out.lo(), layer_.out.hi());
  }

  std::vector<uint32_t> tables(const Run& run) const {
    std::vector<uint32_t> words;
    for (int64_t c = run.first; c < run.first + run.count * run.rows; ++c)
      words.insert(words.end(),
                   {uint32_t(layer_.multiplier[size_t(c)]), uint32_t(layer_.offset[size_t(c)]), layer_.shift[size_t(c)]});
    return words;
  }

  // The code of `channel` that meets lane `lane` of word `word` of a widened column; 0 in what only fills up.
  int32_t weight(int64_t channel, int64_t word, int lane, int wide) const {
    const int narrow = in_.bits(), parts = wide / narrow;
    const int64_t stored_word = word / parts, t = word % parts;
    const int64_t code = stored_word * (32 / narrow) + t + int64_t(parts) * lane;
    const int64_t codes_per_pixel = in_.bytes * 8 / narrow, pixel = code / codes_per_pixel, c = code % codes_per_pixel;
    const int64_t pixels = codes_per_channel_ / in_.c;
    return c < in_.c && pixel < pixels ? codes_[size_t(channel * codes_per_channel_ + pixel * in_.c + c)] : 0;
  }

  std::vector<uint32_t> interleaved(const Run& run, int wide) const {
    const int parts = wide / run.bits, lanes = 32 / wide;
    std::vector<uint32_t> words;
    for (int64_t block = 0; block < run.count; ++block)
      for (int64_t pass = 0; pass < passes(run, wide); ++pass)
        for (int row = 0; row < run.rows; ++row) {
          uint32_t word = 0;
          for (int i = 0; i < 32 / run.bits; ++i) {
            const int part = unpacks(run) ? i % parts : i / lanes, lane = unpacks(run) ? i / parts : i % lanes;
            const int32_t code = weight(run.first + block * run.rows + row, pass * parts + part, lane, wide);
            word |= (uint32_t(code) & ((1u << run.bits) - 1)) << (i * run.bits);
          }
          words.push_back(word);
        }
    return words;
  }

  Emitter& e;
  Assembler& a;
  const IntegerLayer& layer_;
  const EmitTensor &in_, &out_;
  const Label scratch_;
  const Columns columns_;
  const std::vector<int8_t> codes_;
  const int64_t codes_per_channel_;
  std::map<int, int64_t> wide_at_;  // offset in scratch of the columns widened to these bits
};

void Emitter::convolution(const IntegerGraph& graph, const IntegerLayer& layer, const EmitTensor& in, const EmitTensor& out,
                          Label scratch) {
  MatrixProduct(*this, graph, layer, in, out, scratch).emit();
}

int64_t convolution_scratch(const IntegerLayer& layer, const IntegerLayer& in, bool sub_byte) {
  const Columns c = columns_of(layer, in.h, in.w, in.c, in.out.bits);
  int64_t bytes = c.direct ? 0 : c.pixels * c.stride + 4;
  for (const int bits : widths(layer, in.out.bits, sub_byte))
    if (bits != in.out.bits) bytes = round_up(bytes, 4) + c.pixels * c.wide_stride(bits) + 4;
  return bytes;
}

}  // namespace bitloom::mpic
