// The description of a network that everything reads: float, quantized and search networks, cost models and lowering.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "core/names.h"
#include "core/ops/conv2d.h"
#include "datasets/task_kind.h"

namespace bitloom {

struct InputLayer {};
struct Conv2dLayer {
  int64_t kh = 1, kw = 1;
  ConvGeometry geometry;
  bool bias = false;
};
struct DepthwiseLayer {
  int64_t kh = 1, kw = 1;
  ConvGeometry geometry;
  bool bias = false;
};
struct LinearLayer {
  bool bias = false;
};
struct AddLayer {};
struct AvgPoolLayer {
  int64_t kh = 1, kw = 1;
};
struct MaxPoolLayer {
  int64_t kh = 1, kw = 1;
  ConvGeometry geometry;  // what is padded is never the largest
};
// A layer kind. Code that treats kinds differently calls match() with one lambda a kind and no catch-all, so that a new kind is a compile
// error at each place to fill in.
using LayerKind = std::variant<InputLayer, Conv2dLayer, DepthwiseLayer, LinearLayer, AddLayer, AvgPoolLayer, MaxPoolLayer>;
const char* kind_name(const LayerKind& kind);  // "conv2d", "depthwise", ...

template <class... Cases>
struct Overload : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overload(Cases...) -> Overload<Cases...>;
template <class Visitor, class... Kinds>
constexpr bool has_all_cases(const std::variant<Kinds...>*) {
  return (std::is_invocable_v<Visitor, const Kinds&> && ...);
}
template <class... Cases>
decltype(auto) match(const LayerKind& kind, Cases... cases) {
  constexpr bool kComplete = has_all_cases<Overload<Cases...>>(static_cast<const LayerKind*>(nullptr));
  static_assert(kComplete, "a layer kind has no case in this match()");  // instead of what std::visit says to that
  if constexpr (kComplete) return std::visit(Overload<Cases...>{cases...}, kind);
}

// What ends a layer.
enum class Activation { kNone, kRelu, kRelu6 };
template <>
struct NamesOf<Activation> {
  static constexpr const char* kWhat = "activation";
  static constexpr Named<Activation> kAll[] = {
      {Activation::kNone, "none"}, {Activation::kRelu, "relu"}, {Activation::kRelu6, "relu6"}};
};
// The largest value that it lets through: infinity, or 6.
float ceiling(Activation activation);

struct LayerSpec {
  std::string name;
  LayerKind kind;
  std::vector<int> inputs;                    // indices of earlier layers
  bool norm = false;                          // batch normalization of the output
  Activation activation = Activation::kNone;  // then
  int64_t h = 0, w = 0, c = 0;                // output extents
  std::string norm_name{};                    // of the normalization in weight files, where there is one
};

// Layers in execution order: layers[0] is the input, the last one the output.
struct ModelSpec {
  std::string name;
  TaskKind kind = TaskKind::kClassification;  // what the output is
  std::vector<LayerSpec> layers;
  float norm_eps = 1e-3f;

  const LayerSpec& input_of(const LayerSpec& layer, int i = 0) const { return layers[size_t(layer.inputs[size_t(i)])]; }
  int output() const { return int(layers.size()) - 1; }
};

bool has_weights(const LayerSpec& layer);
// Filter shape: (OC,KH,KW,C), depthwise (C,KH,KW,1), fully connected (O,1,1,F). Error for a layer without weights.
Shape weight_shape(const ModelSpec& spec, const LayerSpec& layer);
bool has_bias(const LayerSpec& layer);
// Has weights, and output channel c is computed from input channel c alone.
bool is_channelwise(const LayerSpec& layer);
// Multiply-accumulates for one sample; 0 for layers without weights.
int64_t macs(const ModelSpec& spec, const LayerSpec& layer);
int64_t macs(const ModelSpec& spec);
// Learned values: weights, biases, gamma and beta (Keras' "trainable params").
int64_t parameters(const ModelSpec& spec, const LayerSpec& layer);
int64_t parameters(const ModelSpec& spec);

// Error, naming the layer, unless the network can be trained, searched and lowered: every layer but the last is read by another; the last one has
// weights or is an average pool, has no activation and gives one pixel, of a reconstruction the input's; all layers' values and weights are at most
// kMaxValues.
void check_usable(const ModelSpec& spec);
inline constexpr int64_t kMaxValues = 1 << 24, kMaxExtent = 1 << 20;  // IntegerGraph::validate()'s

// Adds layers one by one, inferring shapes; every method returns the new layer's index. Layers and normalizations are what weight files name
// (conv0.weight, bn0.gamma): no two share a name, and a name is not empty and has no dot; the error says which layers do.
//
// The normalization of conv3 or dense3 is bn3, as in the reference weights, if no other has that number; else it is named after its layer: dw1_bn.
class ModelBuilder {
 public:
  ModelBuilder(std::string name, int64_t h, int64_t w, int64_t c);
  // Any layer: name, kind, inputs, norm, activation and, of a convolution or a linear layer, c are read. Error, naming the layer, when windows do not
  // fit, or sizes leave 1..kMaxExtent or values and weights kMaxValues.
  int append(LayerSpec layer);
  enum Part : unsigned { kBias = 1, kNorm = 2, kRelu = 4, kRelu6 = 8 };  // what a layer may have, or'ed
  // 'same' padding.
  int conv2d(const std::string& name, int input, int64_t channels, int64_t kh, int64_t kw, int64_t sh, int64_t sw,
             unsigned parts);
  int depthwise(const std::string& name, int input, int64_t kh, int64_t kw, int64_t sh, int64_t sw, unsigned parts);
  int linear(const std::string& name, int input, int64_t features, unsigned parts);
  int add(const std::string& name, int a, int b, unsigned parts);  // an activation or nothing
  int avg_pool(const std::string& name, int input, int64_t kh, int64_t kw);
  int max_pool(const std::string& name, int input, int64_t kh, int64_t kw, const ConvGeometry& geometry);
  // `kind`: what the last layer gives.
  ModelSpec finish(TaskKind kind = TaskKind::kClassification);
  const LayerSpec& layer(int i) const { return spec_.layers[size_t(i)]; }

 private:
  void infer_shape(LayerSpec& layer) const;
  void claim(const std::string& name, const std::string& owner);
  std::string norm_name(const std::string& layer) const;
  ModelSpec spec_;
  std::map<std::string, std::string> owners_;  // of every name
};

// The same layers with `width` times as many channels, rounded, but for those of the input and of the output; of another width than 1, the name
// tells it: "resnet8 x0.5". Error unless every layer keeps a channel, and none has more than 4096.
ModelSpec with_width(ModelSpec spec, double width);

// Positions of a window along `size` pixels with `before` and `after` zeros around them; 0 when it does not fit.
inline int64_t window_positions(int64_t size, int64_t window, int64_t stride, int64_t before, int64_t after) {
  const int64_t room = size + before + after - window;
  return room < 0 ? 0 : room / stride + 1;
}

// Padding of 'same' convolutions of an input.
ConvGeometry same_geometry(const LayerSpec& in, int64_t kh, int64_t kw, int64_t sh, int64_t sw);

// Channels that must be removed, kept and ordered alike: outputs that meet at an Add, a depthwise layer and its input, pooling and its
// input. Entry i is the group of layer i's output channels; groups are numbered by their first layer.
std::vector<int> channel_ties(const ModelSpec& spec);

}  // namespace bitloom
