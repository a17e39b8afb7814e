// Sub-byte codes in 32-bit words.
#include "quant/integer/pack.h"

#include "core/error.h"

namespace bitloom {

void append_packed(const int32_t* codes, int64_t count, int bits, bool is_signed, std::vector<uint32_t>& words) {
  BITLOOM_CHECK(bits == 2 || bits == 4 || bits == 8, "pack: bits must be 2, 4 or 8, got ", bits);
  const QuantScheme scheme{bits, is_signed, 1};
  const size_t first = words.size();
  words.resize(first + size_t(packed_words(count, bits)), 0);
  for (int64_t i = 0; i < count; ++i) {
    BITLOOM_CHECK(codes[i] >= scheme.lo() && codes[i] <= scheme.hi(), "pack: code ", codes[i], " at index ", i, " is outside ",
                  scheme.lo(), "..", scheme.hi(), " of ", bits, is_signed ? " signed bits" : " unsigned bits");
    const int64_t bit = i * bits;
    words[first + size_t(bit / 32)] |= (uint32_t(codes[i]) & ((1u << bits) - 1)) << (bit % 32);
  }
}

std::vector<int32_t> unpack(const uint32_t* words, int64_t count, int bits, bool is_signed) {
  BITLOOM_CHECK(bits == 2 || bits == 4 || bits == 8, "unpack: bits must be 2, 4 or 8, got ", bits);
  std::vector<int32_t> codes(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) codes[size_t(i)] = packed_code(words, i, bits, is_signed);
  return codes;
}

std::vector<int8_t> unpack_weights(const IntegerGraph& graph, const IntegerLayer& layer) {
  const int64_t count = codes_per_channel(graph, layer);
  std::vector<int8_t> codes(static_cast<size_t>(layer.c * count));
  int8_t* out = codes.data();
  const uint32_t* words = layer.weights.data();
  for (const ChannelGroup& group : layer.groups) {
    for (int64_t o = 0; o < group.channels; ++o, out += count, words += packed_words(count, group.bits)) {
      for (int64_t i = 0; i < count && group.bits != 0; ++i) out[i] = int8_t(packed_code(words, i, group.bits, true));
    }
  }
  return codes;
}

}  // namespace bitloom
