// The runs of channels of a matrix product as the kernels take them, and their weights and rules as they read them.
#pragma once
#include <algorithm>
#include <vector>

#include "mpic/compile/emit/emitter.h"
#include "mpic/compile/plan/plan.h"

namespace bitloom::mpic {

// Channels that one loop produces: `rows` at a time, `count` times, all with the same weight bits. Without weights, `rows` are the codes of whole bytes
// or fewer.
struct Run : Pairing {
  int64_t first = 0, count = 0;
  int rows = kBlockChannels, bits = 8;
  bool blocks() const { return bits > 0 && rows == kBlockChannels; }
  int shift = -1;  // of all its channels' rules, where they can do with one
  int rule_words() const { return shift < 0 ? 3 : 2; }
  // Channels whose weights are at hand together. A sub-group is kept for at most 15 dot products (the 4 bits of CSR simd_skip), which 4 channels x
  // 4 pixels are not.
  int unit() const { return narrow_inputs ? std::min(rows, 2) : rows; }
};

class ProductData {
 public:
  ProductData(const IntegerGraph& graph, const IntegerLayer& layer, const EmitTensor& in, const ColumnPlan& columns,
              bool sub_byte, bool share_shifts);

  const std::vector<Run>& runs() const { return runs_; }
  // For each block of rows: pass after pass, unit after unit, the words of the unit's channels; then each channel's rule: multiplier and offset,
  // and its shift unless the run has one.
  std::vector<uint32_t> blocks(const Run& run) const;
  // For each channel its weights and then its rule.
  std::vector<uint32_t> stream(const Run& run) const;
  // What channels without weights are: a code each, or a byte of codes.
  std::vector<uint32_t> constants(const Run& run) const;

 private:
  void add_run(int64_t first, int64_t channels, int rows, int bits, bool sub_byte);
  void add_constants(int64_t first, int64_t channels);
  int32_t constant(int64_t channel) const;
  int32_t weight(const Run& run, int64_t channel, int64_t word, int lane) const;
  uint32_t word(const Run& run, int64_t channel, int64_t index) const;
  void append_rule(std::vector<uint32_t>& words, const Run& run, int64_t channel) const;

  const IntegerGraph& graph_;
  const IntegerLayer& layer_;
  const EmitTensor& in_;
  const ColumnPlan& columns_;
  const std::vector<int8_t> codes_;
  const int64_t codes_per_channel_;
  const bool share_shifts_;
  std::vector<Run> runs_;
};

}  // namespace bitloom::mpic
