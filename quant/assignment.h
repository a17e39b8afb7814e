// The result of a search: a bit-width for every weight channel and every activation tensor.
#pragma once
#include <string>
#include <vector>

#include "nn/model_spec.h"

namespace bitloom {

// How the output of a layer is represented between layers.
enum class ActKind {
  kNone,  // no scheme of its own: the last layer's logits, 32-bit accumulators; the codes of a max pooling, which are its input's
  kUnsigned,  // after a ReLU, or an average of such values: searched bits
  kSigned,    // before an Add, or a last layer that reconstructs its input: 8 bits
};
ActKind act_kind(const ModelSpec& spec, int layer);
// Whose codes the output of a layer consists of: its own, or those that a max pooling reads. (The largest of rounded values is the largest value,
// rounded: a quantizer of its own behind it would only round again.)
int codes_of(const ModelSpec& spec, int layer);

struct Assignment {
  // Per layer of the spec; empty / 0 where the layer has no weights or no searched activation.
  std::vector<std::vector<int>> weight_bits;  // per output channel, 0 removes the channel
  std::vector<int> act_bits;                  // of the layer's output tensor

  // All weights and activations alike.
  static Assignment uniform(const ModelSpec& spec, int weight_bits, int act_bits);
};

// JSON: {"model": ..., "layers": [{"name", "weight_bits": [...], "act_bits"}]}.
std::string to_json(const ModelSpec& spec, const Assignment& assignment);
// Error names `where`, layer and channel: bits that do not exist, a layer that is missing or unknown, channels that honour_ties() would change.
Assignment assignment_from_json(const ModelSpec& spec, const std::string& json, const std::string& where);

// Makes 0-bit channels consistent: a channel of a channelwise layer and the channel it reads are removed together, and every tie group keeps a channel
// (its first one then gets `fallback_bits`).
void honour_ties(const ModelSpec& spec, Assignment& assignment, int fallback_bits);

// Whether channels of a layer with weights may go: not those that are the network's output, as they are or pooled.
bool is_removable(const ModelSpec& spec, int layer);

// kept[layer][channel]: false where a channel carries only zeros and is removed, alike over its tie group.
std::vector<std::vector<bool>> kept_channels(const ModelSpec& spec, const Assignment& assignment);

}  // namespace bitloom
