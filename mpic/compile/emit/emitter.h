// What the emitters of all layer kinds share: the assembler, the data that code refers to, tensors, and small sequences.
#pragma once
#include <functional>
#include <vector>

#include "mpic/compile/codegen.h"
#include "mpic/compile/plan/plan.h"
#include "mpic/program/assembler.h"
#include "quant/integer/anomaly_score.h"

namespace bitloom::mpic {

// A tensor as code sees it: its address is a label until the program is complete.
struct EmitTensor {
  Label label;
  int64_t h = 0, w = 0, c = 0;
  int64_t bytes = 0;  // per pixel
  QuantScheme scheme;
  int bits() const { return scheme.bits; }
};

// Register number n. All of x1 to x31 are the emitters': the program has no stack and calls nothing.
inline Reg x(int n) { return Reg{uint8_t(n)}; }
inline constexpr Reg zero{0};

// The registers of emitted code. Sixteen sums, eight words of operands, pointers.
namespace use {
inline Reg sum(int i) { return x(1 + i); }     // 16
inline Reg word(int i) { return x(17 + i); }   // 4: weights; afterwards free
inline Reg input(int i) { return x(21 + i); }  // 4: activations; afterwards free
inline constexpr Reg weights{25}, column{26}, out{27}, rules{28}, column2{29}, spare{30}, frame{31};
}  // namespace use

class Emitter {
 public:
  Emitter(Assembler& assembler, Label frame, bool sub_byte, const KernelLimits& limits)
      : a(assembler), frame_(frame), sub_byte_(sub_byte), limits_(limits) {}

  // Code of one layer; `in` are its inputs.
  void convolution(const IntegerGraph& graph, const IntegerLayer& layer, const EmitTensor& in, const EmitTensor& out,
                   Label scratch);
  void depthwise(const IntegerGraph& graph, const IntegerLayer& layer, const EmitTensor& in, const EmitTensor& out,
                 Label scratch);
  void add(const IntegerLayer& layer, const EmitTensor& in0, const EmitTensor& in1, const EmitTensor& out);
  void anomaly_score(const AnomalyRule& rule, const EmitTensor& in, const EmitTensor& out, Label score);
  void average_pool(const IntegerLayer& layer, const EmitTensor& in, const EmitTensor& out);
  void max_pool(const IntegerLayer& layer, const EmitTensor& in, const EmitTensor& out);

  // Data that was asked for, behind the code; returns its bytes.
  size_t flush_data();

  uint32_t pending_bytes() const;

  // Words placed behind the code.
  Label data(std::vector<uint32_t> words);

  // Hardware loop `which` around `body`, `count` times: none for 1, no body for less, and `counter` is written. The body must have two instructions or more
  // and must not end in a jump or in another loop's end.
  void repeat(int which, int64_t count, Reg counter, const std::function<void()>& body);
  // The same with the count in the register already.
  void repeat_counted(int which, int64_t count, Reg counter, const std::function<void()>& body);
  void add_immediate(Reg rd, Reg rs, int64_t value, Reg temporary);
  // Nothing for XpulpV2.
  void set_format(uint32_t format, uint32_t skip);
  // (value * multiplier + offset) >> shift, clamped to the scheme; in place.
  void requantize(Reg value, Reg multiplier, Reg offset, Reg shift, const QuantScheme& scheme);
  void requantize(Reg value, Reg multiplier, Reg offset, int shift, const QuantScheme& scheme);
  void clamp(Reg value, const QuantScheme& scheme);
  // Copies words from (source) to (target), both moved on, with the bits of `flip` flipped unless it is x0; up to 4 registers from `first` are
  // used. May copy up to 3 bytes more than `bytes`.
  void copy_words(Reg source, Reg target, int64_t bytes, int first, Reg counter, Reg flip = zero);
  void fill_words(Reg target, int64_t bytes, Reg counter, Reg value = zero);

  Assembler& a;
  const Label frame_;    // words in memory for what does not fit the registers
  const bool sub_byte_;  // dot products of 4-bit and 2-bit codes
  const KernelLimits limits_;

 private:
  struct Data {
    Label label;
    std::vector<uint32_t> words;
  };
  std::vector<Data> pending_;
};

}  // namespace bitloom::mpic
