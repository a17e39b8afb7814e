// Copies of windows (im2col), flipped and widened codes.
#include "mpic/compile/emit/columns.h"

#include <utility>

namespace bitloom::mpic {
namespace {

// Output position, input position, pointers.
constexpr Reg kY{1}, kX{2}, kInY{3}, kInX{4}, kSource{5}, kTarget{6}, kPixels{7}, kTaps{8}, kTapY{9}, kTapX{10}, kRows{11},
    kTemp{12}, kCounter{13}, kInput{14}, kWidth{15}, kBytes{16}, kMaxY{25}, kMaxX{26}, kOutWidth{27}, kHeight{28}, kMask{29},
    kRowQuads{21}, kPitch{22}, kTapQuads{23};
constexpr int kCopy = 17;  // first of four
constexpr Reg kWord{20};

}  // namespace

Reg ColumnEmitter::flip() const { return plan_.conversion == Conversion::kFlip ? kMask : zero; }

// Top bits of codes to flip, or the codes of every lane that become bytes.
uint32_t ColumnEmitter::mask() const {
  if (plan_.conversion == Conversion::kFlip) return flip_mask(plan_.bits);
  return plan_.bits == 4 ? 0x0f0f0f0f : 0x03030303;
}

void ColumnEmitter::gather(int pixels) {
  for (const auto& [reg, word] : {std::pair{kY, kRow}, {kX, kColumn}}) a.emit(Op::lw, reg, int(word), use::frame);
  e.load(kTarget, scratch_);
  e.load(kInput, in_.label);
  e.load(kWidth, in_.w);
  e.load(kHeight, in_.h);
  e.load(kBytes, in_.bytes);
  e.load(kOutWidth, out_.w);
  const int64_t row = layer_.kw * in_.bytes;
  e.load(kPitch, in_.w * in_.bytes - round_up(row, 4));
  e.load(kRowQuads, ceil_div(row, 4) / 4);
  e.load(kTapQuads, ceil_div(in_.bytes, 4) / 4);
  if (flip().index != 0) a.li(flip(), int32_t(mask()));
  const bool padded = layer_.pt + layer_.pb + layer_.pl + layer_.pr > 0;
  if (padded && in_.h >= layer_.kh) e.load(kMaxY, in_.h - layer_.kh);
  if (padded && in_.w >= layer_.kw) e.load(kMaxX, in_.w - layer_.kw);
  if (pixels > 1) a.li(kPixels, pixels);
  const Label pixel = a.here(), slow = a.label(), next = a.label(), same_row = a.label(), end = a.label();
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
  e.add_immediate(kTarget, kTarget, plan_.stride - plan_.bytes, kTemp);
  a.emit(Op::addi, kX, kX, 1);
  a.emit(Op::bne, kX, kOutWidth, same_row);
  a.emit(Op::addi, kX, zero, 0);
  a.emit(Op::addi, kY, kY, 1);
  a.bind(same_row);
  if (pixels > 1) {
    a.emit(Op::addi, kPixels, kPixels, -1);
    a.emit(Op::beq, kPixels, zero, end);
    a.emit(Op::jal, zero, pixel);
  }
  a.bind(end);
  a.emit(Op::sw, kY, int(kRow), use::frame);
  a.emit(Op::sw, kX, int(kColumn), use::frame);
}

void ColumnEmitter::input_position(Reg to, Reg from, int64_t stride, int64_t pad) {
  if (stride == 1) {
    e.add_immediate(to, from, -pad, kTemp);
    return;
  }
  a.li(kTemp, int32_t(stride));
  a.emit(Op::mul, to, from, kTemp);
  e.add_immediate(to, to, -pad, kTemp);
}

// kSource = address of input pixel (y, x).
void ColumnEmitter::source_of(Reg y, Reg x_position) {
  a.emit(Op::mul, kSource, y, kWidth);
  a.emit(Op::add, kSource, kSource, x_position);
  a.emit(Op::mul, kSource, kSource, kBytes);
  a.emit(Op::add, kSource, kSource, kInput);
}

void ColumnEmitter::copy_window() {
  source_of(kInY, kInX);
  const int64_t row = layer_.kw * in_.bytes, copied = round_up(row, 4);
  const auto copy_row = [&](bool last) {
    e.copy_words(kSource, kTarget, row, kCopy, kRowQuads, flip());
    e.add_immediate(kTarget, kTarget, row - copied, kTemp);
    if (!last) a.emit(Op::add, kSource, kSource, kPitch);
  };
  if (layer_.kh <= plan_.limits.unrolled_rows) {
    for (int64_t ky = 0; ky < layer_.kh; ++ky) copy_row(ky + 1 == layer_.kh);
    return;
  }
  e.repeat(1, layer_.kh, kRows, [&] {
    copy_row(false);
    a.emit(Op::addi, zero, zero, 0);
  });
}

void ColumnEmitter::copy_window_by_taps() {
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
  e.copy_words(kSource, kTarget, in_.bytes, kCopy, kTapQuads, flip());
  a.emit(Op::jal, zero, next);
  a.bind(outside);
  e.fill_words(kTarget, in_.bytes, kTapQuads, flip());
  a.bind(next);
  e.add_immediate(kTarget, kTarget, in_.bytes - copied, kTemp);
  a.emit(Op::addi, kTapX, kTapX, 1);
  a.emit(Op::addi, kTaps, kTaps, -1);
  a.emit(Op::bne, kTaps, zero, tap);
  a.emit(Op::addi, kTapY, kTapY, 1);
  a.emit(Op::addi, kRows, kRows, -1);
  a.emit(Op::bne, kRows, zero, row);
}

// Copies of the columns with other codes.
void ColumnEmitter::convert(int pixels) {
  if (plan_.in_place)
    a.emit(Op::lw, kSource, int(kTileIn), use::frame);
  else
    e.load(kSource, scratch_);
  e.load(kTarget, scratch_);
  e.load(kCounter, plan_.windows_bytes());
  if (!in_.scheme.is_signed) a.li(kMask, int32_t(mask()));
  a.emit(Op::add, kTarget, kTarget, kCounter);
  const auto column = [&](int64_t words) {
    e.load(kCounter, words);
    a.emit(Op::p_lw_post, kWord, 4, kSource);
    e.loop(0, kCounter, [&] { convert_word(); });
  };
  if (plan_.stride == plan_.words * 4) {
    column(pixels * plan_.words);
    return;
  }
  e.repeat(1, pixels, kTaps, [&] {
    column(plan_.words);
    e.load(kCounter, plan_.stride - (plan_.words + 1) * 4);
    a.emit(Op::add, kSource, kSource, kCounter);
  });
}

// One word, in kWord: flipped, or as bytes in several words, lane l of the t-th of which holds code t + parts l. Loads the next word, so that
// nothing waits.
void ColumnEmitter::convert_word() {
  const int bits = plan_.bits, parts = plan_.kernel_bits() / bits;
  const auto part = [](int t) { return x(21 + t); };
  for (int t = 0; t < parts; ++t) {
    if (plan_.conversion == Conversion::kFlip)
      a.emit(Op::xor_, part(t), kWord, kMask);
    else if (in_.scheme.is_signed)
      a.emit(Op::pv_sll_sci_b, part(t), kWord, 8 - bits * (t + 1));
    else if (t == 0)
      a.emit(Op::and_, part(t), kWord, kMask);
    else
      a.emit(Op::srli, part(t), kWord, bits * t);
  }
  a.emit(Op::p_lw_post, kWord, 4, kSource);
  for (int t = 0; t < parts; ++t) {
    if (plan_.conversion == Conversion::kFlip) continue;
    if (in_.scheme.is_signed)
      a.emit(Op::pv_sra_sci_b, part(t), part(t), 8 - bits);
    else if (t > 0)
      a.emit(Op::and_, part(t), part(t), kMask);
  }
  for (int t = 0; t < parts; ++t) a.emit(Op::p_sw_post, part(t), 4, kTarget);
}

}  // namespace bitloom::mpic
