// Max pools: whole words of codes at a time, on the lanes of the code's width.
#include "core/integer_math.h"
#include "mpic/compile/emit/emitter.h"

namespace bitloom::mpic {
namespace {

// The bits of a word in which `part` of every code has ones, one code a byte: 0x0f0f0f0f and 0xf0f0f0f0 for codes of 4 bits.
int32_t mask_of(int bits, int part) { return int32_t(0x01010101u * (((1u << bits) - 1) << (part * bits))); }

// The top bit of every code of a word.
int32_t signs_of(int bits) { return int32_t(bits == 8 ? 0x80808080u : bits == 4 ? 0x88888888u : 0xaaaaaaaau); }

}  // namespace

void Emitter::max_pool(const IntegerLayer& layer, const EmitTensor& in, const EmitTensor& out) {
  // Largest codes in x1..x16, words in x17..x20.
  const Reg temporary = x(21), top = x(22), left = x(23), rows = x(24), columns = x(25), row = x(26), pixel = x(27),
            window = x(28), target = x(29), chunks = x(30), line = x(31);
  // XpulpV2 compares bytes only: there a word is taken apart into words with one code a byte. With the top bit flipped, those of signed codes are in
  // the order of unsigned ones.
  const bool apart = !sub_byte_ && in.bits() < 8;
  const int parts = apart ? 8 / in.bits() : 1;
  const bool flipped = apart && in.scheme.is_signed;
  const auto flip = [&](Reg word) {
    if (!flipped) return;
    a.li(temporary, signs_of(in.bits()));
    a.emit(Op::xor_, word, word, temporary);
  };
  const auto take = [&](int i) {
    if (!apart) return a.emit(in.scheme.is_signed ? Op::pv_max_b : Op::pv_maxu_b, use::sum(i), use::sum(i), x(17 + i));
    flip(x(17 + i));
    for (int p = 0; p < parts; ++p) {
      a.li(temporary, mask_of(in.bits(), p));
      a.emit(Op::and_, temporary, temporary, x(17 + i));
      a.emit(Op::pv_maxu_b, use::sum(i * parts + p), use::sum(i * parts + p), temporary);
    }
  };
  // `words` of an output pixel, from the windows' pixels at `window` on, which moves on.
  const auto pool_words = [&](int64_t words) {
    const int32_t lowest = in.scheme.is_signed && !apart ? signs_of(in.bits()) : 0;
    for (int i = 0; i < words * parts; ++i) a.li(use::sum(i), lowest);
    a.emit(Op::addi, row, window, 0);
    loop(1, rows, [&] {
      a.emit(Op::addi, pixel, row, 0);
      loop(0, columns, [&] {
        for (int i = 0; i < words; ++i) a.emit(Op::lw, x(17 + i), 4 * i, pixel);
        add_immediate(pixel, pixel, in.bytes, temporary);
        for (int i = 0; i < words; ++i) take(i);
      });
      add_immediate(row, row, in.w * in.bytes, temporary);
      a.emit(Op::addi, zero, zero, 0);
    });
    for (int i = 0; i < words; ++i) {
      const Reg whole = use::sum(i * parts);
      for (int p = 1; p < parts; ++p) a.emit(Op::or_, whole, whole, use::sum(i * parts + p));
      flip(whole);
      a.emit(Op::p_sw_post, whole, 4, target);  // what is written beyond the pixel is written again, or slack
    }
    a.emit(Op::addi, window, window, 4 * words);
  };
  // Of a window of `size` from `begin` on: where it begins inside the image, and how much of it is there.
  const auto clip = [&](Reg begin, int64_t size, int64_t image, Reg first, Reg count) {
    a.emit(Op::p_max, first, begin, zero);
    add_immediate(count, begin, size, temporary);
    a.li(temporary, int32_t(image));
    a.emit(Op::p_min, count, count, temporary);
    a.emit(Op::sub, count, count, first);
  };
  const auto scale = [&](Reg value, int64_t factor) {
    a.li(temporary, int32_t(factor));
    a.emit(Op::mul, value, value, temporary);
  };
  // Moves on by `step`, and back to `again` until `end`.
  const auto advance = [&](Reg value, int64_t step, int64_t end, Label again) {
    add_immediate(value, value, step, temporary);
    a.li(temporary, int32_t(end));
    const Label done = a.label();
    a.emit(Op::beq, value, temporary, done);
    a.emit(Op::jal, zero, again);
    a.bind(done);
  };
  const int64_t words = ceil_div(out.bytes, 4), whole = words / kMaxPoolWords, rest = words % kMaxPoolWords;
  set_format(in.bits() == 8 ? k8 : in.bits() == 4 ? k4 : k2, 0);
  a.la(target, out.label);
  a.li(top, int32_t(-layer.pt));
  const Label next_row = a.here();
  clip(top, layer.kh, in.h, row, rows);
  scale(row, in.w * in.bytes);
  a.la(line, in.label);
  a.emit(Op::add, line, line, row);
  a.li(left, int32_t(-layer.pl));
  const Label next_pixel = a.here();
  clip(left, layer.kw, in.w, window, columns);
  scale(window, in.bytes);
  a.emit(Op::add, window, window, line);
  if (whole > 0) {
    a.li(chunks, int32_t(whole));
    const Label chunk = a.here();
    pool_words(kMaxPoolWords);
    advance(chunks, -1, 0, chunk);
  }
  if (rest > 0) pool_words(rest);
  add_immediate(target, target, out.bytes - 4 * words, temporary);
  advance(left, layer.sw, out.w * layer.sw - layer.pl, next_pixel);
  advance(top, layer.sh, out.h * layer.sh - layer.pt, next_row);
}

}  // namespace bitloom::mpic
