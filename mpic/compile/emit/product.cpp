// Runs of channels; the order of weights in memory.
#include "mpic/compile/emit/product.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "quant/integer/pack.h"
#include "quant/integer/requantize.h"

namespace bitloom::mpic {

ProductData::ProductData(const IntegerGraph& graph, const IntegerLayer& layer, const EmitTensor& in,
                         const ColumnLayout& columns, bool sub_byte)
    : layer_(layer),
      in_(in),
      columns_(columns),
      codes_(unpack_weights(graph, layer)),
      codes_per_channel_(codes_per_channel(graph, layer)) {
  add_runs(sub_byte);
}

// Blocks of four, whose outputs are stored at once, so that they begin at a byte; up to three channels before and behind them together.
void ProductData::add_runs(bool sub_byte) {
  const int64_t alignment = layer_.out.bits == 4 ? 2 : layer_.out.bits == 2 ? 4 : 1;
  int64_t at = 0;
  for (const ChannelGroup& g : layer_.groups) {
    const int64_t end = at + g.channels;
    if (g.bits > 0) {
      const int64_t before = std::min(end, round_up(at, alignment)) - at;
      add_run(at, before, int(before), g.bits, sub_byte);
      add_run(at, (end - at) / 4 * 4, 4, g.bits, sub_byte);
      add_run(at, end - at, int(end - at), g.bits, sub_byte);
    } else {
      add_run(at, g.channels, 1, 0, sub_byte);
    }
  }
}

void ProductData::add_run(int64_t& at, int64_t channels, int rows, int bits, bool sub_byte) {
  if (channels == 0) return;
  Run run;
  const int in_bits = columns_.kernel_bits();
  run.narrow_inputs = bits > in_bits;
  if (run.narrow_inputs && rows == 3 && !columns_.held) {  // not a whole number of units
    add_run(at, 2, 2, bits, sub_byte);
    return add_run(at, 1, 1, bits, sub_byte);
  }
  run.first = at, run.count = channels / rows, run.rows = rows, run.bits = bits;
  at += channels;
  if (bits > 0) {
    run.wide = std::max(in_bits, bits);
    run.unpacks = !sub_byte && bits < 8;
    run.parts = run.wide / std::min(in_bits, bits);
    run.passes = round_up(columns_.kernel_words(), run.input_words()) / run.input_words();
  }
  if (bits > 0) run.shift = common_shift(run);
  runs_.push_back(run);
}

// (v << n) >> (shift + n) is v >> shift: rules may take the largest shift among them as far as 32 bits have room. Multipliers are bounded
// (quant/lower.cpp), so that narrow codes leave some.
int ProductData::common_shift(const Run& run) const {
  const auto begin = layer_.shift.begin() + run.first;
  const int largest = *std::max_element(begin, begin + run.count * run.rows);
  for (int64_t c = run.first; c < run.first + run.count * run.rows; ++c) {
    int64_t low = 0, high = 0;  // of the sum: any input may be 0, or padding
    for (int64_t k = c * codes_per_channel_; k < (c + 1) * codes_per_channel_; ++k) {
      const int64_t a = int64_t(codes_[size_t(k)]) * in_.scheme.lo(), b = int64_t(codes_[size_t(k)]) * in_.scheme.hi();
      low += std::min({int64_t(0), a, b});
      high += std::max({int64_t(0), a, b});
    }
    const int64_t product = std::max(-low, high) * std::abs(int64_t(layer_.multiplier[size_t(c)]));
    const int64_t bound = product + std::abs(int64_t(layer_.offset[size_t(c)]));
    if (bound > INT32_MAX >> (largest - layer_.shift[size_t(c)])) return -1;
  }
  return largest;
}

// The code of `channel` that meets lane `lane` of word `word` of a column; 0 in what only fills up.
int32_t ProductData::weight(const Run& run, int64_t channel, int64_t word, int lane) const {
  const int spread = columns_.kernel_bits() / columns_.bits, lanes = 32 / run.wide;
  // Widened words hold every spread-th code of a stored one (ColumnEmitter::convert_word).
  const int64_t code = spread == 1 ? word * lanes + lane : (word / spread * lanes + lane) * spread + word % spread;
  const int64_t codes_per_pixel = in_.bytes * 8 / columns_.bits, pixel = code / codes_per_pixel, c = code % codes_per_pixel;
  const int64_t pixels = codes_per_channel_ / in_.c;
  return c < in_.c && pixel < pixels ? codes_[size_t(channel * codes_per_channel_ + pixel * in_.c + c)] : 0;
}

// A channel's weights, word by word.
uint32_t ProductData::word(const Run& run, int64_t channel, int64_t index) const {
  const int lanes = 32 / run.wide, parts = run.narrow_inputs ? 1 : run.parts;
  uint32_t word = 0;
  for (int i = 0; i < lanes * parts; ++i) {
    const int part = run.unpacks ? i % parts : i / lanes, lane = run.unpacks ? i / parts : i % lanes;
    const uint32_t code = uint32_t(weight(run, channel, index * parts + part, lane));
    word |= (code & (0xffffffff >> (32 - run.bits))) << (i * run.bits);
  }
  return word;
}

std::vector<uint32_t> ProductData::weights(const Run& run) const {
  std::vector<uint32_t> words;
  for (int64_t block = 0; block < run.count; ++block)
    for (int64_t pass = 0; pass < run.passes; ++pass)
      for (int unit = 0; unit < run.rows; unit += run.unit())
        for (int part = 0; part < run.weight_words(); ++part)
          for (int row = unit; row < unit + run.unit(); ++row)
            words.push_back(word(run, run.first + block * run.rows + row, pass * run.weight_words() + part));
  return words;
}

// Where inputs are flipped, the sums lack 2^(bits - 1) times the sum of the weights. Wrapping is harmless: the exact result fits.
void ProductData::append_rule(std::vector<uint32_t>& words, const Run& run, int64_t channel) const {
  const int shift = layer_.shift[size_t(channel)], more = run.shift < 0 ? 0 : run.shift - shift;
  const uint32_t multiplier = uint32_t(layer_.multiplier[size_t(channel)]) << more;
  uint32_t offset = uint32_t(layer_.offset[size_t(channel)]) << more;
  if (columns_.flipped) {
    const auto first = codes_.begin() + channel * codes_per_channel_;
    offset += multiplier * uint32_t(std::accumulate(first, first + codes_per_channel_, 0)) << (columns_.bits - 1);
  }
  words.insert(words.end(), {multiplier, offset});
  if (run.shift < 0) words.push_back(uint32_t(shift));
}

std::vector<uint32_t> ProductData::rules(const Run& run) const {
  std::vector<uint32_t> words;
  for (int64_t c = run.first; c < run.first + run.count * run.rows; ++c) append_rule(words, run, c);
  return words;
}

std::vector<uint32_t> ProductData::stream(const Run& run) const {
  std::vector<uint32_t> words;
  for (int64_t c = run.first; c < run.first + run.count * run.rows; ++c) {
    for (int64_t i = 0; i < run.passes * run.weight_words(); ++i) words.push_back(word(run, c, i));
    append_rule(words, run, c);
  }
  return words;
}

int32_t ProductData::constant(int64_t channel) const {
  const size_t c = size_t(channel);
  if (layer_.out.bits == 32) return layer_.offset[c] >> layer_.shift[c];
  return bitloom::requantize(0, layer_.multiplier[c], layer_.offset[c], layer_.shift[c], layer_.out.lo(), layer_.out.hi());
}

}  // namespace bitloom::mpic
