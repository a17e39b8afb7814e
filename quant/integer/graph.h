// The integer network: plain data, the definition of what every backend (interpreter, C, MPIC) computes.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bitloom {

// A quantized tensor or weight: value = scale * code.
struct QuantScheme {
  int bits = 8;            // 2, 4, 8; 32 for logits, whose codes are int32 whatever is_signed says
  bool is_signed = false;  // codes: signed [-2^(b-1), 2^(b-1)-1], unsigned [0, 2^b-1]
  double scale = 1;
  int32_t lo() const;
  int32_t hi() const;
};

enum class IntegerOp : uint8_t { kInput, kConv2d, kDepthwise, kLinear, kAdd, kAvgPool, kMaxPool };

// What a kind takes and gives, the shared part of every check and count. A new kind is a compile error in traits(), and in each switch over
// IntegerOp, until it is filled in.
struct OpTraits {
  enum class Window { kNone, kSliding, kTiles, kWhole };  // kTiles: side by side, without padding; kWhole: all of the input
  enum class Weights { kNone, kAllChannels, kOwnChannel };
  const char* name = nullptr;  // null: there is no such kind
  size_t inputs = 0;
  Window window = Window::kNone;
  Weights weights = Weights::kNone;
  bool requantizes =
      true;  // else the output's codes are codes of the input, in its scheme, and the layer has no multipliers, offsets and shifts
};
OpTraits traits(IntegerOp op);
const char* to_string(IntegerOp op);

// A run of consecutive output channels with one weight precision. bits 0: no weights are stored, the channel is its offset.
struct ChannelGroup {
  int bits = 8;
  int64_t channels = 0;
};

// Output (h,w,c). With acc = sum of weight code * input code over the window (zero padding adds code 0), output code o is
//   requantize(acc, multiplier[o], offset[o], shift[o])   clamped to out.lo() .. out.hi()           kConv2d, kDepthwise, kLinear
//   requantize_add(x0, multiplier[0], x1, multiplier[1], offset[0], shift[0])                       kAdd, one rule for all channels
//   requantize(sum over the kh x kw window, multiplier[0], offset[0], shift[0])                     kAvgPool, stride == window
//   the largest code of the window inside the image                                                 kMaxPool
struct IntegerLayer {
  std::string name;
  IntegerOp op = IntegerOp::kInput;
  std::vector<int32_t> inputs;  // indices of earlier layers
  int64_t h = 0, w = 0, c = 0;
  int64_t kh = 1, kw = 1, sh = 1, sw = 1, pt = 0, pb = 0, pl = 0, pr = 0;
  QuantScheme out;
  std::vector<ChannelGroup> groups;  // cover the c channels in order
  // Packed weights, group after group, channel after channel; a channel's codes in (kh,kw,c_in) order ((kh,kw) for kDepthwise), two's
  // complement at the group's bits, low element in the low bits, padded with zero codes to whole 32-bit words (pack.h).
  std::vector<uint32_t> weights;
  std::vector<int32_t> multiplier, offset;
  std::vector<uint8_t> shift;
  bool has_weights() const { return traits(op).weights != OpTraits::Weights::kNone; }
};

struct IntegerGraph {
  std::string model, task;
  std::vector<IntegerLayer> layers;  // layers[0] is the input, the last one the output
  // Throws Error naming the layer: unknown op, forward references, shapes or counts that disagree, bits outside {0,2,4,8}, shift outside
  // 0..31, or an accumulator, product or sum that could leave int32 for some input (proved from the codes).
  void validate() const;
};

// Rows and columns of the input that one output reads.
std::array<int64_t, 2> window_of(const IntegerGraph& graph, const IntegerLayer& layer);
// Weight codes of one output channel: kh * kw * input channels (kh * kw for kDepthwise, the whole input for kLinear); 0 without weights.
int64_t codes_per_channel(const IntegerGraph& graph, const IntegerLayer& layer);
int64_t macs(const IntegerGraph& graph, const IntegerLayer& layer);  // 0 without weights; 0-bit channels do none
int64_t weight_bytes(const IntegerGraph& graph);                     // packed words
int64_t table_bytes(const IntegerGraph& graph);                      // multipliers, offsets, shifts

// Little-endian file with magic, version and CRC-32; written atomically. load_graph validates.
void save_graph(const IntegerGraph& graph, const std::string& path);
IntegerGraph load_graph(const std::string& path);

}  // namespace bitloom
