// Residual sums, average pools and the anomaly score: code by code.
#include <algorithm>
#include <utility>

#include "mpic/compile/emit/emitter.h"

namespace bitloom::mpic {
namespace {

// Reads consecutive codes at fixed places behind a pointer; sub-byte codes come out of words that stay in a register.
class CodeReader {
 public:
  CodeReader(Assembler& assembler, Reg pointer, Reg word, const QuantScheme& scheme)
      : a(assembler), pointer_(pointer), word_(word), scheme_(scheme) {}

  // Loads what code i needs; the code itself when it is a byte. To be called for i in order, some instructions before take().
  void fetch(int64_t i, Reg to) {
    if (scheme_.bits == 8) {
      a.emit(scheme_.is_signed ? Op::lb : Op::lbu, to, i, pointer_);
    } else if (const int64_t bit = i * scheme_.bits; bit % 32 == 0) {
      a.emit(Op::lw, word_, bit / 8, pointer_);
    }
  }
  void take(int64_t i, Reg to) {
    if (scheme_.bits == 8) return;
    a.emit(scheme_.is_signed ? Op::p_extract : Op::p_extractu, to, word_, scheme_.bits - 1, i * scheme_.bits % 32);
  }

 private:
  Assembler& a;
  Reg pointer_, word_;
  QuantScheme scheme_;
};

// Writes them. A byte is stored when its last code is known, a word of codes where `words` allows it.
class CodeWriter {
 public:
  CodeWriter(Assembler& assembler, Reg pointer, Reg word, int bits, int64_t count)
      : a(assembler), pointer_(pointer), word_(word), bits_(bits), count_(count) {}

  void put(int64_t i, Reg code) {
    if (bits_ >= 8) {
      a.emit(bits_ == 32 ? Op::sw : Op::sb, code, i * bits_ / 8, pointer_);
      return;
    }
    const int64_t per_byte = 8 / bits_, in_byte = i % per_byte;
    if (in_byte == 0)
      a.emit(Op::addi, word_, code, 0);
    else
      a.emit(Op::p_insert, word_, code, bits_ - 1, in_byte * bits_);
    if (in_byte + 1 == per_byte || i + 1 == count_) a.emit(Op::sb, word_, i / per_byte, pointer_);
  }

 private:
  Assembler& a;
  Reg pointer_, word_;
  int bits_;
  int64_t count_;
};

}  // namespace

void Emitter::add(const IntegerLayer& layer, const EmitTensor& in0, const EmitTensor& in1, const EmitTensor& out) {
  const Reg p0 = x(25), p1 = x(26), po = x(27), counter = x(28), m0 = x(29), m1 = x(30), shift = x(24), inner = x(8),
            offset = x(9);
  const auto dense = [](const EmitTensor& t) { return is_dense(t.c, t.bits()); };
  const AddPlan plan = plan_add(layer, dense(in0) && dense(in1) && dense(out), limits_);
  // Adds `count` codes and moves on past them.
  const auto add_codes = [&](int64_t count) {
    CodeReader read0(a, p0, x(1), in0.scheme), read1(a, p1, x(2), in1.scheme);
    CodeWriter write(a, po, x(3), out.bits(), count);
    // By twos, so that no load is followed by its use.
    for (int64_t i = 0; i < count; i += 2) {
      const int64_t n = std::min<int64_t>(2, count - i);
      for (int64_t j = 0; j < n; ++j) {
        read0.fetch(i + j, x(int(4 + 2 * j)));
        read1.fetch(i + j, x(int(5 + 2 * j)));
      }
      for (int64_t j = 0; j < n; ++j) {
        const Reg a0 = x(int(4 + 2 * j)), a1 = x(int(5 + 2 * j));
        read0.take(i + j, a0);
        read1.take(i + j, a1);
        a.emit(Op::mul, a0, a0, m0);
        a.emit(Op::p_mac, a0, a1, m1);
        a.emit(Op::p_addnr, a0, offset, shift);
        clamp(a0, layer.out);
      }
      for (int64_t j = 0; j < n; ++j) write.put(i + j, x(int(4 + 2 * j)));
    }
    for (const auto& [pointer, tensor] : {std::pair{p0, &in0}, {p1, &in1}, {po, &out}})
      a.emit(Op::addi, pointer, pointer, pixel_bytes(count, tensor->bits()));
  };
  const Step sum = step("add", [&] {
    load(p0, in0.label);
    load(p1, in1.label);
    load(po, out.label);
    load(m0, layer.multiplier[0]);
    load(m1, layer.multiplier[1]);
    load(offset, layer.offset[0]);
    load(shift, layer.shift[0]);
    load(counter, plan.by_chunks ? layer.h * layer.w : plan.chunks);
    loop(1, counter, [&] {
      if (!plan.by_chunks) return add_codes(plan.codes);
      repeat(0, plan.codes / kChunkCodes, inner, [&] { add_codes(kChunkCodes); });
      if (plan.codes % kChunkCodes > 0) add_codes(plan.codes % kChunkCodes);
      a.emit(Op::addi, zero, zero, 0);
    });
    leave();
  });
  run(sum);
}

void Emitter::anomaly_score(const AnomalyRule& rule, const EmitTensor& in, const EmitTensor& out, Label score) {
  const Reg p0 = x(25), p1 = x(26), counter = x(28), m0 = x(29), m1 = x(30), offset = x(31), shift = x(24), sum = x(1);
  a.la(p0, in.label);
  a.la(p1, out.label);
  a.li(m0, rule.in_multiplier);
  a.li(m1, -rule.out_multiplier);
  a.li(offset, rule.offset);
  a.li(shift, rule.shift);
  a.li(sum, 0);
  // By twos, so that no load is followed by its use.
  const auto add_squares = [&](int codes) {
    for (int j = 0; j < codes; ++j) {
      a.emit(in.scheme.is_signed ? Op::p_lb_post : Op::p_lbu_post, x(4 + j), 1, p0);
      a.emit(out.scheme.is_signed ? Op::p_lb_post : Op::p_lbu_post, x(6 + j), 1, p1);
    }
    for (int j = 0; j < codes; ++j) {
      a.emit(Op::mul, x(4 + j), x(4 + j), m0);
      a.emit(Op::p_mac, x(4 + j), x(6 + j), m1);
      a.emit(Op::p_addnr, x(4 + j), offset, shift);
      a.emit(Op::p_mac, sum, x(4 + j), x(4 + j));
    }
  };
  const int64_t codes = in.h * in.w * in.c;
  repeat(0, codes / 2, counter, [&] { add_squares(2); });
  if (codes % 2 == 1) add_squares(1);
  a.la(p0, score);
  a.emit(Op::sw, sum, 0, p0);
}

void Emitter::average_pool(const IntegerLayer& layer, const EmitTensor& in, const EmitTensor& out) {
  // Sums in x1..x16, codes in x17.., pointers and counters above.
  const Reg source = x(21), window = x(22), columns = x(23), rows = x(24), target = x(25), chunk_in = x(26), chunk_out = x(27),
            chunks = x(28), out_x = x(29), out_y = x(30), row_start = x(31);
  const auto pool_chunk = [&](int64_t codes) {
    a.emit(Op::addi, row_start, chunk_in, 0);
    a.emit(Op::addi, target, chunk_out, 0);
    a.li(out_y, int32_t(out.h));
    const Label next_row = a.here();
    a.emit(Op::addi, source, row_start, 0);
    a.li(out_x, int32_t(out.w));
    const Label next_pixel = a.here();
    for (int64_t i = 0; i < codes; ++i) a.emit(Op::addi, use::sum(int(i)), zero, 0);
    a.emit(Op::addi, window, source, 0);
    repeat(1, layer.kh, rows, [&] {
      repeat(0, layer.kw, columns, [&] {
        CodeReader read(a, window, x(17), in.scheme);
        for (int64_t i = 0; i < codes; i += 2) {
          const int64_t n = std::min<int64_t>(2, codes - i);
          for (int64_t j = 0; j < n; ++j) read.fetch(i + j, x(int(18 + j)));
          for (int64_t j = 0; j < n; ++j) {
            read.take(i + j, x(int(18 + j)));
            a.emit(Op::add, use::sum(int(i + j)), use::sum(int(i + j)), x(int(18 + j)));
          }
        }
        add_immediate(window, window, in.bytes, x(17));
      });
      add_immediate(window, window, (in.w - layer.kw) * in.bytes, x(17));
      a.emit(Op::addi, zero, zero, 0);
    });
    a.li(x(17), layer.multiplier[0]);
    a.li(x(18), layer.offset[0]);
    a.li(x(19), layer.shift[0]);
    CodeWriter write(a, target, x(20), out.bits(), codes);
    for (int64_t i = 0; i < codes; ++i) {
      requantize(use::sum(int(i)), x(17), x(18), x(19), layer.out);
      write.put(i, use::sum(int(i)));
    }
    add_immediate(target, target, out.bytes, x(20));
    add_immediate(source, source, layer.kw * in.bytes, x(17));
    a.emit(Op::addi, out_x, out_x, -1);
    const Label row_done = a.label(), done = a.label();
    a.emit(Op::beq, out_x, zero, row_done);
    a.emit(Op::jal, zero, next_pixel);
    a.bind(row_done);
    add_immediate(row_start, row_start, layer.kh * in.w * in.bytes, x(17));
    a.emit(Op::addi, out_y, out_y, -1);
    a.emit(Op::beq, out_y, zero, done);
    a.emit(Op::jal, zero, next_row);
    a.bind(done);
  };
  a.la(chunk_in, in.label);
  a.la(chunk_out, out.label);
  if (const int64_t whole = in.c / kChunkCodes; whole > 0) {
    a.li(chunks, int32_t(whole));
    const Label chunk = a.here(), end = a.label();
    pool_chunk(kChunkCodes);
    a.emit(Op::addi, chunk_in, chunk_in, kChunkCodes * in.bits() / 8);
    a.emit(Op::addi, chunk_out, chunk_out, kChunkCodes * out.bits() / 8);
    a.emit(Op::addi, chunks, chunks, -1);
    a.emit(Op::beq, chunks, zero, end);
    a.emit(Op::jal, zero, chunk);
    a.bind(end);
  }
  if (in.c % kChunkCodes > 0) pool_chunk(in.c % kChunkCodes);
}

}  // namespace bitloom::mpic
