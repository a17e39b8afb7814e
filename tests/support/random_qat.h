// Quantized networks with random parameters, of every model at a small size.
#pragma once
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "nn/models/models.h"
#include "quant/qat_network.h"

namespace bitloom::testing {

// What the built-in ones have not: ReLU6, max pools of an input, of signed and of unsigned codes, padded ones, windows over a whole image. Ends with such a
// convolution, or with a pool as GlobalAveragePool is.
inline ModelSpec own_model(bool ends_with_pool) {
  ModelBuilder b(ends_with_pool ? "pooled" : "windowed", 9, 8, 3);
  constexpr unsigned kBias = ModelBuilder::kBias, kNorm = ModelBuilder::kNorm, kRelu6 = ModelBuilder::kRelu6;
  int x = b.max_pool("pool0", 0, 2, 2, {1, 1, 1, 0, 0, 1});
  x = b.depthwise("conv1", b.conv2d("conv0", x, 7, 3, 3, 1, 1, kNorm | kRelu6), 3, 3, 1, 1, kBias | kRelu6);
  x = b.max_pool("pool1", x, 3, 3, {2, 2, 1, 1, 1, 1});
  const int y = b.max_pool("pool2", b.conv2d("conv2", x, 7, 3, 3, 1, 1, kBias | kNorm), 2, 2, {1, 1, 1, 0, 1, 0});
  x = b.max_pool("pool3", b.add("add0", x, y, kRelu6), 2, 2, {2, 2, 0, 0, 0, 0});
  const LayerSpec& in = b.layer(x);
  LayerSpec last;
  last.name = "conv3", last.inputs = {x}, last.c = 5;
  last.kind = ends_with_pool ? Conv2dLayer{1, 1, {}, true} : Conv2dLayer{in.h, in.w, {}, true};
  const int out = b.append(last);
  if (ends_with_pool) b.avg_pool("pool4", out, b.layer(out).h, b.layer(out).w);
  ModelSpec spec = b.finish();
  check_usable(spec);
  return spec;
}

// The models at sizes at which every layer still has something to do.
inline ModelSpec small_model(const std::string& name) {
  if (name == "pooled" || name == "windowed") return own_model(name == "pooled");
  if (name == "resnet8") return resnet8(8, 8, 3, 5);
  if (name == "ds_cnn") return ds_cnn(12, 6, 1, 4);
  if (name == "mobilenet_v1") return mobilenet_v1(32, 32, 3, 2);
  BITLOOM_CHECK(name == "autoencoder", "small_model: no small size is known for '", name, "'");
  return autoencoder(1, 1, 24, 0);
}

// Samples of 8-bit codes, or of values of both signs.
inline ArrayDataset random_data(const LayerSpec& input, int64_t count, bool codes, Rng rng) {
  Samples data;
  data.name = "random";
  data.h = input.h, data.w = input.w, data.c = input.c;
  data.scale = 1.0f / 255;
  for (int64_t i = 0; i < count * data.sample_size(); ++i) {
    if (codes) {
      data.codes.push_back(uint8_t(rng.below(256)));
    } else {
      data.values.push_back(float(rng.normal()));
    }
  }
  return ArrayDataset(std::move(data));
}

// Weights, biases and normalization with random statistics and gammas of both signs.
inline void randomize(Network& network, Rng rng) {
  const auto fill = [&](Tensor t, double lo, double hi) {
    for (int64_t k = 0; k < t.size(); ++k) t[k] = float(rng.uniform(lo, hi));
  };
  for (int i = 1; i <= network.spec().output(); ++i) {
    if (network.bias(i).defined()) fill(network.bias(i).value(), -0.5, 0.5);
    NormState* norm = network.norm(i);
    if (!norm) continue;
    fill(norm->mean, -0.5, 0.5);
    fill(norm->var, 0.3, 2);
    fill(network.beta(i).value(), -0.5, 0.5);
    Tensor gamma = network.gamma(i).value();
    for (int64_t k = 0; k < gamma.size(); ++k) gamma[k] = float(rng.uniform(0.4, 1.5) * (rng.below(4) ? 1 : -1));
  }
}

// Any of the options for every channel and activation, made consistent.
inline Assignment random_assignment(const QatNetwork& qat, Rng rng) {
  Assignment a = qat.assignment();
  const auto pick = [&](const std::vector<int>& options) { return options[size_t(rng.below(int64_t(options.size())))]; };
  for (size_t i = 1; i < a.weight_bits.size(); ++i) {
    for (int& bits : a.weight_bits[i]) bits = pick(qat.weight_bits(int(i)));
    if (a.act_bits[i]) a.act_bits[i] = pick(qat.act_bits(int(i)));
  }
  honour_ties(qat.network().spec(), a, 2);
  return a;
}

struct RandomQat {
  RandomQat(const std::string& model, QuantOptions options, Rng rng)
      : network(small_model(model), rng.split("init")),
        data(random_data(network.spec().layers[0], 12, network.spec().kind == TaskKind::kClassification, rng.split("data"))),
        qat(network, std::move(options), input_scheme(data)) {
    randomize(network, rng.split("network"));
    qat.calibrate(data);
    Rng noise = rng.split("scales");
    for (Parameter& p : qat.parameters()) {
      Tensor t = p.value.value();
      for (int64_t k = 0; k < t.size(); ++k) t[k] += float(noise.uniform(-0.3, 0.3));
    }
  }
  Network network;
  ArrayDataset data;
  QatNetwork qat;
};

}  // namespace bitloom::testing
