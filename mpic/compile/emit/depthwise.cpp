// Depthwise convolutions: four channels at a time, each as a zero-padded plane of bytes on which dot products run along the rows.
//
// Channels lie side by side in memory, so a word of pixels holds four channels; four such words are transposed into one word of each channel.
// Sub-byte codes are spread to bytes first. Weights are stored as bytes, a row of the window padded to whole words.
#include <algorithm>

#include "core/error.h"
#include "mpic/compile/emit/emitter.h"
#include "mpic/isa/csr.h"
#include "quant/integer/pack.h"

namespace bitloom::mpic {
namespace {

class Depthwise {
 public:
  Depthwise(Emitter& emitter, Assembler& assembler, const IntegerGraph& graph, const IntegerLayer& layer, const EmitTensor& in,
            const EmitTensor& out, Label scratch)
      : e(emitter),
        a(assembler),
        layer_(layer),
        in_(in),
        out_(out),
        scratch_(scratch),
        plane_(plan_planes(geometry_of(graph, layer), emitter.limits_)),
        codes_(unpack_weights(graph, layer)) {}

  void emit(Label weights, Label table) {
    e.set_format(k8, 0);
    e.load(kWeights, weights);
    e.load(kTable, table);
    e.load(kIn, in_.label);
    e.load(kOut, out_.label);
    e.load(kTarget, scratch_);
    e.load(kCount, ceil_div(4 * plane_.bytes + 4, 4) / 4);
    e.fill_words(kTarget, 4 * plane_.bytes + 4, kCount);
    const int64_t groups = in_.c / 4;
    if (groups > 0) {
      e.load(kGroups, groups);
      const Label group = a.here(), end = a.label();
      emit_group(4);
      a.emit(Op::addi, kGroups, kGroups, -1);
      a.emit(Op::beq, kGroups, zero, end);
      a.emit(Op::jal, zero, group);
      a.bind(end);
    }
    if (in_.c % 4 > 0) emit_group(int(in_.c % 4));
  }

  // Words per channel: rows of the window, codes beyond it zero.
  std::vector<uint32_t> weights() const {
    std::vector<uint32_t> words;
    for (int64_t c = 0; c < in_.c; ++c)
      for (int64_t y = 0; y < layer_.kh; ++y)
        for (int64_t w = 0; w < plane_.window_words; ++w) {
          uint32_t word = 0;
          for (int64_t i = 0; i < 4 && 4 * w + i < layer_.kw; ++i)
            word |= uint32_t(uint8_t(codes_[size_t((c * layer_.kh + y) * layer_.kw + 4 * w + i)])) << (8 * i);
          words.push_back(word);
        }
    return words;
  }

 private:
  static constexpr Reg kWeights{25}, kTable{26}, kIn{27}, kOut{28}, kStep{29}, kGroups{30}, kSource{21}, kTarget{22},
      kCount{23}, kRows{24}, kSum{13}, kBeside{14}, kNextPlane{19}, kFirstPlane{20}, kNextRow{18};

  void emit_group(int channels) {
    build_planes();
    for (int c = 0; c < channels; ++c) emit_channel(c);
    a.emit(Op::addi, kIn, kIn, in_.bits() / 2);
    a.emit(Op::addi, kOut, kOut, layer_.out.bits / 2);
  }

  // The codes of four channels of `pixels` pixels, each as a word, from x1 on; moves kSource past them.
  void load_pixels(int pixels) {
    const int bits = in_.bits();
    const Op load = bits == 8 ? Op::p_lw_rr_post : bits == 4 ? Op::p_lhu_rr_post : Op::p_lbu_rr_post;
    for (int p = 0; p < 4; ++p) {
      if (p >= pixels)
        a.emit(Op::addi, x(1 + p), zero, 0);
      else
        a.emit(load, x(1 + p), kStep, kSource);
    }
  }

  // Nibbles or pairs of bits into the bytes of `word`.
  void spread(Reg word, Reg other) {
    const int bits = in_.bits();
    if (bits == 8) return;
    const auto apart = [&](int distance, Reg mask) {
      a.emit(Op::slli, other, word, distance);
      a.emit(Op::or_, word, word, other);
      a.emit(Op::and_, word, word, mask);
    };
    apart(bits == 4 ? 8 : 12, x(15));
    apart(bits == 4 ? 4 : 6, x(16));
    if (!in_.scheme.is_signed) return;
    a.emit(Op::pv_sll_sci_b, word, word, 8 - bits);
    a.emit(Op::pv_sra_sci_b, word, word, 8 - bits);
  }

  // A place in the planes.
  void load_place(Reg rd, int64_t offset) {
    e.load(rd, scratch_);
    e.load(kCount, offset);
    a.emit(Op::add, rd, rd, kCount);
  }

  void build_planes() {
    const int bits = in_.bits();
    if (bits != 8) {
      a.li(x(15), bits == 4 ? 0x00ff00ff : 0x000f000f);
      a.li(x(16), bits == 4 ? 0x0f0f0f0f : 0x03030303);
    }
    a.li(x(13), 0x05010400);  // selectors of the transposition: see transpose()
    a.li(x(14), 0x07030602);
    a.li(x(17), 0x05040100);
    a.li(x(18), 0x07060302);
    e.load(kNextPlane, plane_.bytes);
    e.load(kFirstPlane, 4 - 3 * plane_.bytes);
    e.load(kStep, in_.bytes);
    a.emit(Op::addi, kSource, kIn, 0);
    load_place(kTarget, layer_.pt * plane_.row + plane_.margin);
    const int64_t quads = in_.w / 4, rest = in_.w % 4;
    e.load(kRows, in_.h);
    if (quads > 0) e.load(kCount, quads);
    e.loop(1, kRows, [&] {
      if (quads > 0) e.loop(0, kCount, [&] { four_pixels(4); });
      if (rest > 0) four_pixels(int(rest));
      e.add_immediate(kTarget, kTarget, plane_.row - (quads + (rest > 0 ? 1 : 0)) * 4, x(5));
      a.emit(Op::addi, zero, zero, 0);
    });
  }

  // Four pixels of four channels: x1..x4 hold pixels, x5..x12 what becomes of them. Of fewer, the others are zero: they lie in the padding.
  void four_pixels(int pixels) {
    load_pixels(pixels);
    for (int p = 0; p < pixels; ++p) spread(x(1 + p), x(5));
    transpose();
    for (int c = 0; c < 4; ++c) a.emit(Op::p_sw_rr_post, x(9 + c), c < 3 ? kNextPlane : kFirstPlane, kTarget);
  }

  // 4 x 4 bytes, by two rounds of shuffles. In a selector, 0..3 name bytes of rd, 4..7 of rs1.
  void transpose() {
    const auto mix = [&](int to, int rd, int rs1, Reg selectors) {
      a.emit(Op::addi, x(to), x(rd), 0);
      a.emit(Op::pv_shuffle2_b, x(to), x(rs1), selectors);
    };
    mix(5, 1, 2, x(13));  // p0c0 p1c0 p0c1 p1c1
    mix(6, 1, 2, x(14));  // p0c2 p1c2 p0c3 p1c3
    mix(7, 3, 4, x(13));
    mix(8, 3, 4, x(14));
    mix(9, 5, 7, x(17));   // channel 0 of the four pixels
    mix(10, 5, 7, x(18));  // channel 1
    mix(11, 6, 8, x(17));
    mix(12, 6, 8, x(18));
  }

  // One channel of the group: weights in x1.., the rule in x5..x7, window words in x9.., the sum in x13, offsets of window words in x15...
  void emit_channel(int c) {
    const int64_t taps = layer_.kh * plane_.window_words;
    for (int64_t i = 0; i < taps && plane_.in_registers; ++i) a.emit(Op::p_lw_post, x(int(1 + i)), 4, kWeights);
    for (int i = 0; i < 3; ++i) a.emit(Op::p_lw_post, x(5 + i), 4, kTable);
    e.load(kStep, out_.bytes);
    const int64_t bit = c * layer_.out.bits;
    load_place(kSource, c * plane_.bytes + plane_.margin - layer_.pl);
    e.add_immediate(kTarget, kOut, bit / 8, kCount);
    if (!plane_.in_registers) return emit_large_windows(int(bit % 8));
    for (int64_t i = 1; i < taps; ++i)
      e.load(offset(i), i / plane_.window_words * plane_.row + i % plane_.window_words * 4 - layer_.sw);
    e.load(kRows, out_.h);
    e.load(kCount, out_.w);
    e.load(kNextRow, layer_.sh * plane_.row - layer_.sw * out_.w);
    e.loop(1, kRows, [&] {
      e.loop(0, kCount, [&] {
        sum_window();
        finish_output(int(bit % 8));
      });
      a.emit(Op::add, kSource, kSource, kNextRow);
      a.emit(Op::addi, zero, zero, 0);
    });
  }

  // The same where windows do not fit the registers: both hardware loops run over them, branches over the outputs.
  void emit_large_windows(int bit) {
    const Reg row_loop = x(1), word_loop = x(2), outputs = x(3), at = x(8), weight_at = x(9), input = x(10), weight = x(11);
    a.li(kRows, int32_t(out_.h));
    const Label row = a.here();
    a.li(outputs, int32_t(out_.w));
    const Label output = a.here();
    a.emit(Op::addi, kSum, zero, 0);
    a.emit(Op::addi, at, kSource, 0);
    a.emit(Op::addi, weight_at, kWeights, 0);
    e.repeat(1, layer_.kh, row_loop, [&] {
      e.repeat(0, plane_.window_words, word_loop, [&] {
        a.emit(Op::p_lw_post, input, 4, at);
        a.emit(Op::p_lw_post, weight, 4, weight_at);
        a.emit(dot(false), kSum, input, weight);
      });
      e.add_immediate(at, at, plane_.row - 4 * plane_.window_words, word_loop);
      a.emit(Op::addi, zero, zero, 0);
    });
    finish_output(bit);
    e.add_immediate(kSource, kSource, layer_.sw, word_loop);
    a.emit(Op::addi, outputs, outputs, -1);
    a.emit(Op::bne, outputs, zero, output);
    e.add_immediate(kSource, kSource, layer_.sh * plane_.row - layer_.sw * out_.w, word_loop);
    a.emit(Op::addi, kRows, kRows, -1);
    a.emit(Op::bne, kRows, zero, row);
    e.add_immediate(kWeights, kWeights, 4 * layer_.kh * plane_.window_words, word_loop);
  }

  static Reg offset(int64_t tap) { return x(int(14 + tap)); }

  Op dot(bool begins) const {
    if (in_.scheme.is_signed) return begins ? Op::pv_dotsp_b : Op::pv_sdotsp_b;
    return begins ? Op::pv_dotusp_b : Op::pv_sdotusp_b;
  }

  void sum_window() {
    const int64_t taps = layer_.kh * plane_.window_words;
    // The first load moves the pointer on; the others look back.
    a.emit(Op::p_lw_post, x(9), layer_.sw, kSource);
    for (int64_t i = 1; i < taps; ++i) a.emit(Op::p_lw_rr, x(int(9 + i)), offset(i), kSource);
    if (layer_.out.bits < 8) a.emit(Op::lbu, kBeside, 0, kTarget);
    for (int64_t i = 0; i < taps; ++i) a.emit(dot(i == 0), kSum, x(int(9 + i)), x(int(1 + i)));
  }

  void finish_output(int bit) {
    const int bits = layer_.out.bits;
    if (bits < 8 && !plane_.in_registers) a.emit(Op::lbu, kBeside, 0, kTarget);
    e.requantize(kSum, x(5), x(6), x(7), layer_.out);
    if (bits < 8) a.emit(Op::p_insert, kBeside, kSum, bits - 1, bit);
    const Reg code = bits < 8 ? kBeside : kSum;
    a.emit(bits == 32 ? Op::p_sw_rr_post : Op::p_sb_rr_post, code, kStep, kTarget);
  }

  Emitter& e;
  Assembler& a;
  const IntegerLayer& layer_;
  const EmitTensor &in_, &out_;
  const Label scratch_;
  const PlanePlan plane_;
  const std::vector<int8_t> codes_;
};

}  // namespace

void Emitter::depthwise(const IntegerGraph& graph, const IntegerLayer& layer, const EmitTensor& in, const EmitTensor& out,
                        Label scratch) {
  Depthwise d(*this, a, graph, layer, in, out, scratch);
  std::vector<uint32_t> table;
  for (size_t c = 0; c < size_t(layer.c); ++c)
    table.insert(table.end(), {uint32_t(layer.multiplier[c]), uint32_t(layer.offset[c]), layer.shift[c]});
  const Label weights = data(d.weights()), rules = data(std::move(table));
  run(step("depthwise", [&] {
    d.emit(weights, rules);
    leave();
  }));
}

}  // namespace bitloom::mpic
