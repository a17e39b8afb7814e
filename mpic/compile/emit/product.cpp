// Runs of channels; the order of weights in memory.
#include "mpic/compile/emit/product.h"

#include <numeric>

#include "quant/integer/pack.h"
#include "quant/integer/requantize.h"

namespace bitloom::mpic {

ProductData::ProductData(const IntegerGraph& graph, const IntegerLayer& layer, const EmitTensor& in, const ColumnPlan& columns,
                         bool sub_byte, bool share_shifts)
    : graph_(graph),
      layer_(layer),
      in_(in),
      columns_(columns),
      codes_(unpack_weights(graph, layer)),
      codes_per_channel_(codes_per_channel(graph, layer)),
      share_shifts_(share_shifts || layer.out.bits == 32) {  // logits are not shifted
  for (const ChannelRun& run : split_channels(layer.groups, layer.out.bits))
    run.bits == 0 ? add_constants(run.first, run.channels)
                  : add_run(run.first, run.channels, run.blocks ? kBlockChannels : int(run.channels), run.bits, sub_byte);
}

// Whole bytes where there are; the channels in front of them and behind share theirs with others.
void ProductData::add_constants(int64_t first, int64_t channels) {
  const int64_t per_byte = block_alignment(layer_.out.bits), end = first + channels;
  const auto add = [&](int64_t count, int64_t rows) {
    if (count * rows == 0) return;
    Run run;
    run.first = first, run.count = count, run.rows = int(rows), run.bits = 0;
    runs_.push_back(run);
    first += count * rows;
  };
  add(1, std::min(end, round_up(first, per_byte)) - first);
  add((end - first) / per_byte, per_byte);
  add(1, end - first);
}

// Of 3 single channels with narrow inputs, which are no whole number of units, 2 and 1.
void ProductData::add_run(int64_t first, int64_t channels, int rows, int bits, bool sub_byte) {
  Run run;
  static_cast<Pairing&>(run) = pair_words(columns_, bits, sub_byte);
  if (run.narrow_inputs && rows == 3 && !columns_.held) {
    add_run(first, 2, 2, bits, sub_byte);
    return add_run(first + 2, 1, 1, bits, sub_byte);
  }
  run.first = first, run.count = channels / rows, run.rows = rows, run.bits = bits;
  run.shift = share_shifts_ ? common_shift(graph_, layer_, codes_, first, channels) : -1;
  runs_.push_back(run);
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

std::vector<uint32_t> ProductData::blocks(const Run& run) const {
  std::vector<uint32_t> words;
  for (int64_t block = 0; block < run.count; ++block) {
    const int64_t first = run.first + block * run.rows;
    for (int64_t pass = 0; pass < run.passes; ++pass)
      for (int unit = 0; unit < run.rows; unit += run.unit())
        for (int part = 0; part < run.weight_words(); ++part)
          for (int row = unit; row < unit + run.unit(); ++row)
            words.push_back(word(run, first + row, pass * run.weight_words() + part));
    for (int64_t c = first; c < first + run.rows; ++c) append_rule(words, run, c);
  }
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

std::vector<uint32_t> ProductData::stream(const Run& run) const {
  std::vector<uint32_t> words;
  for (int64_t c = run.first; c < run.first + run.count * run.rows; ++c) {
    for (int64_t i = 0; i < run.passes * run.weight_words(); ++i) words.push_back(word(run, c, i));
    append_rule(words, run, c);
  }
  return words;
}

std::vector<uint32_t> ProductData::constants(const Run& run) const {
  const int bits = layer_.out.bits, per_word = run.rows == block_alignment(bits) ? run.rows : 1;
  std::vector<uint32_t> words;
  for (int64_t c = run.first; c < run.first + run.count * run.rows; c += per_word) {
    words.push_back(0);
    for (int i = 0; i < per_word; ++i) words.back() |= (uint32_t(constant(c + i)) & (0xffffffff >> (32 - bits))) << (i * bits);
  }
  return words;
}

int32_t ProductData::constant(int64_t channel) const {
  const size_t c = size_t(channel);
  if (layer_.out.bits == 32) return layer_.offset[c] >> layer_.shift[c];
  return bitloom::requantize(0, layer_.multiplier[c], layer_.offset[c], layer_.shift[c], layer_.out.lo(), layer_.out.hi());
}

}  // namespace bitloom::mpic
