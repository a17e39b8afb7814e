// How an ONNX graph becomes layers, node by node (nn/onnx.h says which). Only the files nn/onnx*.cpp include this.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "nn/model_file.h"
#include "nn/onnx_graph.h"

namespace bitloom {

using Numbers = std::vector<int64_t>;
inline const Numbers kToNhwc = {0, 2, 3, 1}, kToNchw = {0, 3, 1, 2};  // as Transpose has them

// How a tensor of the graph holds the output of a layer: as an image, or its elements one after the other.
enum class Layout { kNchw, kNhwc, kFlatNchw, kFlatNhwc };
inline bool is_nhwc(Layout layout) { return layout == Layout::kNhwc || layout == Layout::kFlatNhwc; }
inline bool is_flat(Layout layout) { return layout == Layout::kFlatNchw || layout == Layout::kFlatNhwc; }

struct Value {
  int layer = 0;
  Layout layout = Layout::kNchw;
  ConvGeometry pad{};  // zeros around it, which a Pad adds
  bool padded() const { return pad.pt + pad.pb + pad.pl + pad.pr > 0; }
};

// What follows a layer and becomes part of it.
struct Tail {
  const OnnxTensor* bias = nullptr;
  const OnnxNode* norm = nullptr;
  Activation activation = Activation::kNone;
};

class OnnxImport {
 public:
  OnnxImport(const OnnxGraph& graph, std::string name, std::string where);
  ModelFile run();

 private:
  using Method = void (OnnxImport::*)(const OnnxNode&);
  static const std::vector<std::pair<const char*, Method>>& methods();
  std::string who(const OnnxNode& node) const;
  template <class... Parts>
  void check(bool ok, const OnnxNode& node, const Parts&... problem) const {
    BITLOOM_CHECK(ok, who(node), problem...);
  }

  // ---- Values
  void take_input(std::string name);
  // Whether all that read the input turn it from NHWC to NCHW; of one channel a Reshape does.
  bool is_transposed_first(const OnnxInput& in) const;
  const OnnxTensor* constant(const OnnxNode& node, size_t i) const;
  // Input i as an activation.
  const Value& value(const OnnxNode& node, size_t i = 0, bool may_be_padded = false) const;
  void set(const OnnxNode& node, int layer, Layout layout) { values_[node.outputs[0]] = {layer, layout, {}}; }
  const LayerSpec& layer(const Value& v) const { return builder_->layer(v.layer); }
  Numbers dims_of(const Value& v, Layout layout) const;
  // An image, channels first.
  const LayerSpec& image(const OnnxNode& node, const Value& v) const;
  // The only node that reads a tensor which is no output, or null.
  const OnnxNode* only_reader(const std::string& name) const;

  // ---- What becomes part of the layer before
  static bool passes_on(const std::string& op) { return op == "Identity" || op == "Dropout" || op == "Cast"; }
  // What the largest of its elements may go through before or after a ReLU.
  static bool commutes(const std::string& op);
  // Behind tensor `name`, which holds c channels: a bias unless there is one (or none can be: `bare`), a normalization, an activation.
  Tail tail(std::string name, int64_t c, Layout layout, bool biased, bool bare = false);
  // The bias that an Add adds: one number a channel; null when it is something else.
  const OnnxTensor* bias_of(const OnnxNode& node, int64_t c, Layout layout) const;
  // What a Relu, Clip or Min lets through.
  std::optional<std::pair<float, float>> range_of(const OnnxNode& node) const;

  // ---- Layers
  std::string new_name(const char* kind) { return str(kind, names_[kind]++); }
  // Adds a layer with what follows it, and stores its parameters: `weight` as here, bias (c) or undefined.
  int append(LayerSpec spec, const Tail& tail, const Tensor& weight, Tensor bias);
  struct Norm {
    Tensor gamma, beta, mean, var;
    float eps;
  };
  Norm norm_of(const OnnxNode& node, int64_t c) const;
  // Stride and padding of a window over the image of v, with the zeros that a Pad adds before it.
  ConvGeometry geometry(const OnnxNode& node, const Value& v, int64_t kh, int64_t kw) const;
  void conv(const OnnxNode& node);
  // The bias of Conv and Gemm is input 2.
  void add_weighted(const OnnxNode& node, LayerSpec spec, const Tensor& weight, Layout layout);
  void gemm(const OnnxNode& node);
  void mat_mul(const OnnxNode& node) { product(node, false); }
  void product(const OnnxNode& node, bool outputs_first);
  void add(const OnnxNode& node);
  // One that is no layer's: a depthwise convolution of one tap.
  void batch_norm(const OnnxNode& node);
  // Those that were no part of a layer: they change nothing, or cannot be.
  void relu(const OnnxNode& node);

  // ---- Pools
  void average_pool(const OnnxNode& node);
  void pool(const OnnxNode& node, const Value& v, const LayerKind& kind, Layout layout);
  void global_pool(const OnnxNode& node);
  void reduce_mean(const OnnxNode& node);
  void max_pool(const OnnxNode& node);

  // ---- What changes no number
  Numbers axes_of(const OnnxNode& node) const;
  void pad(const OnnxNode& node);
  Layout transposed(const OnnxNode& node, Layout layout) const;
  void transpose(const OnnxNode& node);
  // The same elements in the same order under other extents.
  void reshape(const OnnxNode& node);
  Numbers wanted_dims(const OnnxNode& node, const Value& v) const;
  // -1 stands for one extent, which follows from the others; the first one is the batch.
  bool matches(const Numbers& dims, const Numbers& wanted) const;
  void cast(const OnnxNode& node);
  void identity(const OnnxNode& node) { values_[node.outputs[0]] = value(node, 0, true); }
  void softmax(const OnnxNode& node);
  void shape(const OnnxNode& node);
  // Whether the node's inputs, and so its output, are constants, which it then is among.
  bool is_constant(const OnnxNode& node);
  void visit(const OnnxNode& node);

  const OnnxGraph& graph_;
  std::string where_;
  std::map<std::string, std::vector<const OnnxNode*>> readers_;  // null: it is an output
  std::map<std::string, OnnxTensor> constants_;
  std::map<std::string, Value> values_;
  std::set<const OnnxNode*> folded_;  // part of a layer before
  std::map<std::string, int> names_;
  std::optional<ModelBuilder> builder_;
  StateDict weights_;
  int64_t batch_ = 0;
  float norm_eps_ = 1e-3f;
};

}  // namespace bitloom
