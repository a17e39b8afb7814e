// What the emitters of all layer kinds share: the assembler, the data that code refers to, tensors, and small sequences.
#pragma once
#include <functional>
#include <map>
#include <string>
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

// Register number n. All of x1 to x31 are the emitters': the program has no stack, and its steps do not return.
inline Reg x(int n) { return Reg{uint8_t(n)}; }
inline constexpr Reg zero{0};

// The registers of emitted code. Sixteen sums, eight words of operands, pointers.
namespace use {
inline Reg sum(int i) { return x(1 + i); }     // 16
inline Reg word(int i) { return x(17 + i); }   // 4: weights; afterwards free
inline Reg input(int i) { return x(21 + i); }  // 4: activations; afterwards free
inline constexpr Reg weights{25}, column{26}, out{27}, spare{28}, column2{29}, stride{30}, record{31};
inline constexpr Reg frame = stride;  // where a tile begins
}  // namespace use

// A part of a layer. Its code is a routine, which all steps share whose code is the same; what distinguishes them are the words of its record, which
// begins with the step that follows. A routine begins with its record in use::record and ends in Emitter::leave().
struct Step {
  Label routine, record;
  size_t index = 0;  // among all records
};

class Emitter {
 public:
  Emitter(Assembler& assembler, Label frame, bool sub_byte, bool share_shifts, const KernelLimits& limits)
      : a(assembler), frame_(frame), sub_byte_(sub_byte), share_shifts_(share_shifts), limits_(limits) {}

  // Code of one layer of any kind; `tensors` are by index in the graph.
  void layer(const IntegerGraph& graph, const IntegerLayer& layer, const std::vector<EmitTensor>& tensors,
             const EmitTensor& out, Label scratch);
  // Of one kind; `in` are its inputs.
  void convolution(const IntegerGraph& graph, const IntegerLayer& layer, const EmitTensor& in, const EmitTensor& out,
                   Label scratch);
  void depthwise(const IntegerGraph& graph, const IntegerLayer& layer, const EmitTensor& in, const EmitTensor& out,
                 Label scratch);
  void add(const IntegerLayer& layer, const EmitTensor& in0, const EmitTensor& in1, const EmitTensor& out);
  void anomaly_score(const AnomalyRule& rule, const EmitTensor& in, const EmitTensor& out, Label score);
  void average_pool(const IntegerLayer& layer, const EmitTensor& in, const EmitTensor& out);
  void max_pool(const IntegerLayer& layer, const EmitTensor& in, const EmitTensor& out);

  // The routines of all steps, behind the code of the layers; then the data and records.
  void flush_routines();
  void flush_data();
  uint32_t routine_bytes() const { return routine_bytes_; }
  const std::vector<std::vector<uint8_t>>& routines() const { return routine_order_; }  // their code
  uint32_t pending_bytes() const;

  // Words placed behind the code.
  Label data(std::vector<uint32_t> words);

  // A step whose routine is what `body` emits.
  Step step(const std::string& name, const std::function<void()>& body);
  void follow(const Step& step, const Step& next);
  // Runs a chain of steps. The last one is followed by what this returns: the code behind the place where enter() was called with it.
  Step exit();
  void enter(const Step& first, const Step& exit);
  // The same of a single step.
  void run(const Step& step);
  // In the body of a step: a word of its record, by its offset from use::record; rd = that word.
  int64_t record_word(int64_t value);
  void load(Reg rd, int64_t value);
  void load(Reg rd, Label address);
  // Loads where leave() goes on, some instructions before it, so that it does not wait; into use::word(3).
  void load_next();
  // Goes on to the next step, or to another one; writes use::word(3).
  void leave();
  void leave_to(const Step& step);

  // Hardware loop `which` around `body`, as often as `counter` says, 1 at least. The body must have two instructions or more and must not end in a jump or
  // in another loop's end.
  void loop(int which, Reg counter, const std::function<void()>& body);
  // The same `count` times: no loop for 1, no body for less, and `counter` is written.
  void repeat(int which, int64_t count, Reg counter, const std::function<void()>& body);
  void add_immediate(Reg rd, Reg rs, int64_t value, Reg temporary);
  // Nothing for XpulpV2.
  void set_format(uint32_t format, uint32_t skip);
  // (value * multiplier + offset) >> shift, clamped to the scheme; in place.
  void requantize(Reg value, Reg multiplier, Reg offset, Reg shift, const QuantScheme& scheme);
  void clamp(Reg value, const QuantScheme& scheme);
  // Copies words from (source) to (target), both moved on, with the bits of `flip` flipped unless it is x0; up to 4 registers from `first` are
  // used. May copy up to 3 bytes more than `bytes`. `quads`: how many times four words these are, if any.
  void copy_words(Reg source, Reg target, int64_t bytes, int first, Reg quads, Reg flip = zero);
  void fill_words(Reg target, int64_t bytes, Reg quads, Reg value = zero);

  Assembler& a;
  const Label frame_;        // words in memory for what does not fit the registers
  const bool sub_byte_;      // dot products of 4-bit and 2-bit codes
  const bool share_shifts_;  // channels of a run have one shift where they can; else only logits, which have none
  const KernelLimits limits_;

 private:
  struct Data {
    Label label;
    std::vector<uint32_t> words;
  };
  struct Word {
    uint32_t value = 0;
    Label address;
    bool is_address = false;
  };
  struct Record {
    Label label;
    std::vector<Word> words;
  };
  std::vector<Data> pending_;
  std::vector<Record> records_;  // the last one is that of the step whose body is being emitted
  std::map<std::vector<uint8_t>, Label> routines_;
  std::vector<std::vector<uint8_t>> routine_order_;
  uint32_t routine_bytes_ = 0;
  bool next_is_loaded_ = false;
};

}  // namespace bitloom::mpic
