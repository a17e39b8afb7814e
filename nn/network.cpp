// A trainable network made from a ModelSpec.
#include "nn/network.h"

#include <cmath>

#include "core/ops/ops.h"

namespace bitloom {
namespace {

Tensor he_normal(const Shape& shape, Rng rng) {
  const int64_t fan_in = shape.size() / shape[0];
  const double deviation = std::sqrt(2.0 / double(fan_in));
  Tensor w(shape);
  for (int64_t i = 0; i < w.size(); ++i) w[i] = float(deviation * rng.normal());
  return w;
}

}  // namespace

Variable activate(Tape& tape, Activation activation, const Variable& y) {
  switch (activation) {
    case Activation::kNone: break;
    case Activation::kRelu: return tape.apply(Relu{}, {y});
    case Activation::kRelu6: return tape.apply(Relu6{}, {y});
  }
  return y;
}

Network::Network(ModelSpec spec, Rng rng) : spec_(std::move(spec)), parts_(spec_.layers.size()) {
  for (size_t i = 0; i < spec_.layers.size(); ++i) {
    const LayerSpec& layer = spec_.layers[i];
    if (!has_weights(layer)) continue;
    Parts& p = parts_[i];
    const auto add = [&](const std::string& name, ParamRole role, Tensor value, bool trained) {
      Variable v(std::move(value), trained);
      if (trained) parameters_.push_back({name, role, v});
      return v;
    };
    p.weight =
        add(layer.name + ".weight", ParamRole::kWeight, he_normal(weight_shape(spec_, layer), rng.split(layer.name)), true);
    // In front of a normalization a bias is cancelled by the batch mean: its gradient is zero, so it is kept but not trained.
    if (has_bias(layer)) p.bias = add(layer.name + ".bias", ParamRole::kBias, Tensor(Shape{layer.c}, 0.0f), !layer.norm);
    if (!layer.norm) continue;
    p.gamma = add(layer.norm_name + ".gamma", ParamRole::kNorm, Tensor(Shape{layer.c}, 1.0f), true);
    p.beta = add(layer.norm_name + ".beta", ParamRole::kNorm, Tensor(Shape{layer.c}, 0.0f), true);
    p.norm = {Tensor(Shape{layer.c}, 0.0f), Tensor(Shape{layer.c}, 1.0f), spec_.norm_eps, 0.1f};
  }
}

void Network::check_input(const Tensor& x) const {
  const LayerSpec& in = spec_.layers[0];
  const Shape& s = x.shape();
  BITLOOM_CHECK(s.rank() == 4 && s[1] == in.h && s[2] == in.w && s[3] == in.c, "model ", spec_.name, ": expected input (N,",
                in.h, ",", in.w, ",", in.c, "), got ", s);
}

Variable Network::forward(Tape& tape, const Tensor& x, Pass pass, LayerTransform* transform, std::vector<Variable>* layers) {
  check_input(x);
  std::vector<Variable> outputs(spec_.layers.size());
  for (size_t i = 0; i < spec_.layers.size(); ++i) {
    const LayerSpec& layer = spec_.layers[i];
    const ProfileScope scope(layer.name);
    const auto in = [&](int k) { return outputs[size_t(layer.inputs[size_t(k)])]; };
    const Activation activation = transform ? Activation::kNone : layer.activation;
    // Normalizations and sums have the ReLU in one pass with them.
    const bool relu = activation == Activation::kRelu, moments = layer.norm && pass == Pass::kTraining;
    const auto finish = [&](const Variable& y) {
      Parts& p = parts_[i];
      if (!layer.norm) return activate(tape, activation, y);
      const Variable normal = tape.apply(BatchNorm(p.norm, pass == Pass::kTraining, relu), {y, p.gamma, p.beta});
      return relu ? normal : activate(tape, activation, normal);
    };
    const auto weighted = [&](auto op) {
      const Variable w = transform ? transform->weight(tape, int(i), parts_[i].weight) : parts_[i].weight;
      const Variable x0 = transform ? transform->read(tape, int(i), in(0)) : in(0);
      return finish(tape.apply(std::move(op), {x0, w, parts_[i].bias}));
    };
    Variable& y = outputs[i];
    y = match(
        layer.kind, [&](const InputLayer&) { return transform ? transform->input(x) : Variable(x); },
        [&](const Conv2dLayer& k) { return weighted(Conv2d(k.geometry, moments)); },
        [&](const DepthwiseLayer& k) { return weighted(Depthwise(k.geometry, moments)); },
        [&](const LinearLayer&) { return weighted(Linear{}); },
        [&](const AddLayer&) {
          const Variable sum = tape.apply(Add(relu), {in(0), in(1)});
          return relu ? sum : activate(tape, activation, sum);
        },
        [&](const AvgPoolLayer& k) { return tape.apply(AvgPool(k.kh, k.kw), {in(0)}); },
        [&](const MaxPoolLayer& k) { return tape.apply(MaxPool(k.kh, k.kw, k.geometry), {in(0)}); });
    if (transform && i > 0) y = transform->output(tape, int(i), y);
  }
  if (layers) *layers = outputs;
  return outputs.back();
}

template <class Self, class F>
void Network::each_tensor(Self& self, F f) {
  for (size_t i = 0; i < self.spec_.layers.size(); ++i) {
    const LayerSpec& layer = self.spec_.layers[i];
    auto& p = self.parts_[i];
    if (p.weight.defined()) f(layer.name + ".weight", p.weight.value());
    if (p.bias.defined()) f(layer.name + ".bias", p.bias.value());
    if (!layer.norm) continue;
    const std::string& bn = layer.norm_name;
    f(bn + ".gamma", p.gamma.value());
    f(bn + ".beta", p.beta.value());
    f(bn + ".mean", p.norm.mean);
    f(bn + ".var", p.norm.var);
  }
}

StateDict Network::state() const {
  StateDict out;
  each_tensor(*this, [&](const std::string& key, const Tensor& t) { out.put(key, t); });
  for (size_t i = 0; i < parts_.size(); ++i)
    if (spec_.layers[i].norm) out.put(spec_.layers[i].norm_name + ".eps", Tensor(Shape{1}, parts_[i].norm.eps));
  return out;
}

void Network::load(const StateDict& state) {
  const std::string otherwise = "these weights are not for model " + spec_.name;
  each_tensor(*this, [&](const std::string& key, Tensor& t) { t = state.finite_tensor(key, t.shape(), otherwise); });
  for (size_t i = 0; i < parts_.size(); ++i) {
    if (!spec_.layers[i].norm) continue;
    const std::string key = spec_.layers[i].norm_name + ".eps";
    const float eps = state.finite_tensor(key, Shape{1}, otherwise)[0];
    BITLOOM_CHECK(eps >= 0, otherwise, ": array '", key, "' is ", eps, ", expected 0 or more");
    parts_[i].norm.eps = eps;
  }
}

StateDict load_weights(Network& network, const std::string& path) {
  StateDict weights(read_npz(path), path);
  network.load(weights);
  return weights;
}

}  // namespace bitloom
