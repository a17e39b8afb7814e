// Networks of the paper's authors as their training code computes them, to measure their checkpoints (github.com/eml-eda/multi-prec-nas). Nothing of
// this can be deployed: ../nas/README.md, section 9, says what is done here instead.
#pragma once
#include <map>

#include "nn/network.h"

namespace bitloom {

// Whether a file of weights is such a checkpoint: it has clips of layers' inputs (conv1.input_clip).
bool is_published(const StateDict& weights);

// The model as they have it: no ReLU, normalizations and biases where the file holds them, padding and strides of the file, and DS-CNN's pool over
// half of the input's height and width. Error when the file's geometry gives a layer other extents than the model's.
ModelSpec published_form(ModelSpec spec, const StateDict& weights);

// Their 8-bit quantizers.
//   what a layer reads   clamp(x, 0, clip), rounded down to a multiple of clip / 255 (PACT, in place of the ReLU before). Without a clip, the
//                        network's input: each sample rounded to a multiple of (max - min) / 255
//   filters              each output channel rounded to a multiple of (max - min) / 255, without an offset, not clamped
//   biases               the whole rounded to a multiple of (max - min) / (2^32 - 1)
class PublishedQuantizers : public LayerTransform {
 public:
  // Rounds the network's biases; `weights` are those that it was loaded from. Error for a clip that is not a positive number.
  PublishedQuantizers(Network& network, const StateDict& weights);

  Variable input(const Tensor& x) override { return Variable(x); }
  Variable read(Tape& tape, int layer, const Variable& x) override;
  Variable weight(Tape& tape, int layer, const Variable& w) override;
  Variable output(Tape&, int, const Variable& y) override { return y; }
  std::vector<Parameter> parameters() const override { return {}; }
  StateDict state() const override { return {}; }
  void load(const StateDict&) override {}

 private:
  std::map<int, float> clips_;  // by layer
};

}  // namespace bitloom
