// A trainable network made from a ModelSpec.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "core/ops/batch_norm.h"
#include "core/rng.h"
#include "core/state_dict.h"
#include "nn/model_spec.h"

namespace bitloom {

// What a parameter is decides how it may be trained: only kWeight is ever decayed, and kArch never meets a weight optimizer.
enum class ParamRole { kWeight, kBias, kNorm, kClip, kArch };

struct Parameter {
  std::string name;
  ParamRole role;
  Variable value;
};

// A seam between layers: how a quantized or searched network changes the float one without describing it again.
class LayerTransform {
 public:
  virtual ~LayerTransform() = default;
  virtual Variable input(const Tensor& x) = 0;
  // What a layer with filters reads, of another's output.
  virtual Variable read(Tape&, int /*layer*/, const Variable& x) { return x; }
  // The filters the layer convolves with.
  virtual Variable weight(Tape& tape, int layer, const Variable& w) = 0;
  // The layer's output after normalization, or the sum of an Add. A transform applies the layer's ReLU itself.
  virtual Variable output(Tape& tape, int layer, const Variable& y) = 0;
  // What it learns, to be trained with the weights.
  virtual std::vector<Parameter> parameters() const = 0;
  virtual StateDict state() const = 0;
  virtual void load(const StateDict& state) = 0;
};

// What the layer's activation makes of y.
Variable activate(Tape& tape, Activation activation, const Variable& y);

// kTraining normalizes by the batch's statistics and moves the running ones; kInference uses these and leaves them.
enum class Pass { kTraining, kInference };

class Network {
 public:
  // Weights: He normal (arXiv 1502.01852), biases 0, gamma 1, beta 0, each tensor from its own named stream.
  Network(ModelSpec spec, Rng rng);

  // x (N,H,W,C) -> output (N,h,w,c) of the last layer. Without a transform, the float network. `layers`, if set, receives every
  // layer's output in spec order. Error when x does not fit the input layer.
  Variable forward(Tape& tape, const Tensor& x, Pass pass, LayerTransform* transform = nullptr,
                   std::vector<Variable>* layers = nullptr);

  const ModelSpec& spec() const { return spec_; }
  std::vector<Parameter>& parameters() { return parameters_; }
  // The parts of layer i; undefined / null where it has none.
  Variable weight(int i) const { return parts_[size_t(i)].weight; }
  Variable bias(int i) const { return parts_[size_t(i)].bias; }
  Variable gamma(int i) const { return parts_[size_t(i)].gamma; }
  Variable beta(int i) const { return parts_[size_t(i)].beta; }
  NormState* norm(int i) { return spec_.layers[size_t(i)].norm ? &parts_[size_t(i)].norm : nullptr; }

  // Parameters and running statistics, named as in the reference weights: conv0.weight, conv0.bias, bn0.gamma, bn0.mean ...
  StateDict state() const;
  // Error names the first missing key or wrong shape and says which model the values are not for.
  void load(const StateDict& state);

 private:
  struct Parts {
    Variable weight, bias, gamma, beta;
    NormState norm;
  };
  // Calls f(key, tensor) for every stored tensor.
  template <class Self, class F>
  static void each_tensor(Self& self, F f);
  void check_input(const Tensor& x) const;

  ModelSpec spec_;
  std::vector<Parts> parts_;  // one a layer
  std::vector<Parameter> parameters_;
};

// Loads the weights of an .npz file, and returns all it holds. Errors name the file.
StateDict load_weights(Network& network, const std::string& path);

}  // namespace bitloom
