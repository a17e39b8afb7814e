// Random operands for every row of the instruction table, and code as text.
#pragma once
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "core/error.h"
#include "mpic/isa/isa.h"
#include "mpic/program/disassembler.h"
#include "mpic/program/image.h"

namespace bitloom::testing {

// Operands drawn evenly from their fields; some rows reserve some of them.
inline mpic::Insn random_operands(mpic::Op op, std::mt19937& random) {
  mpic::Insn insn = mpic::blank(op);
  for (const char* p = row(op).operands; *p != 0; ++p) {
    const mpic::Operand* o = mpic::operand(*p);
    if (o == nullptr || o->fixed >= 0) continue;
    const int64_t step = int64_t(1) << o->low_bit();
    const int64_t steps = (o->hi() - o->lo()) / step;
    const int64_t first = o->is_register() && o->segments[0].width == 3 ? 8 : 0;  // x8 to x15
    set_value(insn, *o, int32_t(first + o->lo() + step * std::uniform_int_distribution<int64_t>(0, steps)(random)));
  }
  return insn;
}

// The word of an instruction of that row; none where the operands drawn are reserved or are another row's.
inline std::optional<uint32_t> random_word(mpic::Op op, std::mt19937& random) {
  try {
    const uint32_t word = encode(random_operands(op, random));
    if (mpic::decode(word).op == op) return word;
  } catch (const Error&) {
    return std::nullopt;
  }
  return std::nullopt;
}

// The contents of an image's code, one instruction a string.
inline std::vector<std::string> code_lines(const mpic::Image& image) {
  std::vector<std::string> lines;
  for (const mpic::AddressRange& range : image.code)
    for (uint64_t at = range.begin; at < range.end;) {
      uint32_t word = 0;
      if (image.fetch(at, &word) < 2) break;
      lines.push_back(mpic::disassemble(word));
      at += mpic::is_compressed(word) ? 2 : 4;
    }
  return lines;
}

inline uint32_t word_at(const mpic::Image& image, uint32_t address) {
  uint32_t word = 0;
  image.fetch(address, &word);
  return word;
}

}  // namespace bitloom::testing
