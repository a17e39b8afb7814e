// Processors with fused multiply-add give the same bits, whatever their vectors and whatever compiles for them: digests of what the kernels of a training step
// compute, and of whole steps.
#include <gtest/gtest.h>

#include "core/hash.h"
#include "core/kernels/batch_norm.h"
#include "core/kernels/column_sums.h"
#include "core/kernels/conv2d.h"
#include "core/kernels/depthwise.h"
#include "core/kernels/elementwise.h"
#include "core/kernels/gemm.h"
#include "core/version.h"
#include "nn/learner.h"
#include "nn/models/models.h"
#include "quant/qat_network.h"
#include "tests/support/kernel_check.h"

namespace bitloom {
namespace {

// From the generator's integers alone: no function of a C library that rounds as it likes.
Floats uniform_values(int64_t n, uint64_t seed) {
  Rng rng(seed);
  Floats values(static_cast<size_t>(n));
  for (float& v : values) v = float(rng.uniform(-1, 1));
  return values;
}

uint64_t digest(const Floats& values) { return hash64(values.data(), int64_t(values.size() * sizeof(float))); }

Conv2dShape layer(int64_t n, int64_t h, int64_t w, int64_t c, int64_t oc, int64_t k, int64_t stride) {
  Conv2dShape s;
  s.n = n, s.h = h, s.w = w, s.c = c, s.oc = oc, s.kh = s.kw = k, s.sh = s.sw = stride;
  s.pt = s.pl = (k - 1) / 2, s.pb = s.pr = k / 2;
  return s;
}

Floats convolution(const Conv2dShape& s, bool depthwise) {
  const Floats x = uniform_values(s.n * s.h * s.w * s.c, 1), w = uniform_values(s.oc * s.kh * s.kw * (depthwise ? 1 : s.c), 2),
               bias = uniform_values(s.oc, 3), dy = uniform_values(s.n * s.oh() * s.ow() * s.oc, 4);
  Floats out = unwritten(int64_t(dy.size() + x.size() + w.size()));
  float *y = out.data(), *dx = y + dy.size(), *dw = dx + x.size();
  (depthwise ? depthwise_forward : conv2d_forward)(x.data(), w.data(), bias.data(), y, s);
  (depthwise ? depthwise_input_grad : conv2d_input_grad)(dy.data(), w.data(), dx, s);
  (depthwise ? depthwise_weight_grad : conv2d_weight_grad)(x.data(), dy.data(), dw, s);
  return out;
}

Floats normalization(int64_t rows, int64_t c) {
  const Floats x = uniform_values(rows * c, 1), dy = uniform_values(rows * c, 2), scale = uniform_values(c, 3),
               shift = uniform_values(c, 4);
  Floats out = unwritten(6 * c + 2 * rows * c);
  float *mean = out.data(), *var = mean + c, *sum = var + c, *product = sum + c, *sums = product + c, *dots = sums + c,
        *y = dots + c, *dx = y + rows * c;
  batch_norm_stats(x.data(), rows, c, mean, var);
  const ChannelNorm<float> norm{mean, scale.data(), scale.data(), shift.data(), true};
  channel_affine(x.data(), scale.data(), shift.data(), true, y, rows, c);
  batch_norm_grad_sums(x.data(), dy.data(), norm, rows, c, sum, product);
  batch_norm_input_grad(x.data(), dy.data(), norm, mean, var, dx, rows, c);
  column_sums(x.data(), rows, c, sums);
  column_dots(x.data(), dy.data(), rows, c, dots);
  return out;
}

bool is_fused() {
  return std::string(arithmetic()) == "x86-64 with fused multiply-add" || std::string(arithmetic()) == "aarch64";
}

TEST(Bits, AreTheSameForAllVectors) {
  if (!is_fused()) GTEST_SKIP() << "rounds otherwise: " << arithmetic();
  const struct {
    const char* name;
    Floats values;
    uint64_t expected;
  } cases[] = {
      {"3x3, 3 channels", convolution(layer(3, 32, 32, 3, 16, 3, 1), false), 0xbeeb65a47e2ae3e6},
      {"3x3, 16 channels", convolution(layer(3, 13, 18, 16, 16, 3, 1), false), 0x3c8f956b6d379b7e},
      {"3x3, 32 to 64 channels", convolution(layer(5, 8, 8, 32, 64, 3, 1), false), 0x0d1745d1e5df0f19},
      {"3x3 with stride 2", convolution(layer(3, 16, 16, 16, 32, 3, 2), false), 0xd96c0810c8a64a7b},
      {"1x1, 17 to 40 channels", convolution(layer(4, 5, 7, 17, 40, 1, 1), false), 0x390a83e3eb4805bf},
      {"a product of 130x129x67", convolution(layer(130, 1, 1, 129, 67, 1, 1), false), 0xf6381ad6677322eb},
      {"depthwise, 8 channels", convolution(layer(3, 12, 12, 8, 8, 3, 1), true), 0xb4a0f71d0995299f},
      {"depthwise, 24 channels with stride 2", convolution(layer(3, 12, 12, 24, 24, 3, 2), true), 0x3579ee9f2103e6a2},
      {"normalization, 16 channels", normalization(3000, 16), 0x0a61932ac5e53dd2},
      {"normalization, 17 channels", normalization(1234, 17), 0x6e5ac84bcd635be9},
  };
  for (const auto& c : cases) EXPECT_EQ(hex64(digest(c.values)), hex64(c.expected)) << c.name;
}

// What a model has learned after two steps on 5 samples: forward, backward, optimizer.
Floats trained(const std::string& name, bool quantized) {
  const ModelEntry& model = find_model(name);
  Samples samples{name, model.h, model.w, model.c, {}, {}, 1, {}, {}};
  samples.values = uniform_values(5 * samples.sample_size(), 1);
  for (int32_t i = 0; model.classes && i < 5; ++i) samples.labels.push_back(i % int32_t(model.classes));
  const ArrayDataset data(std::move(samples));
  const int64_t indices[] = {0, 1, 2, 3, 4};
  const Batch batch = gather(data, indices, 5, nullptr);
  Network network(model.make(model.h, model.w, model.c, model.classes), Rng(1));
  QuantOptions options;
  options.weight_bits = options.act_bits = {4};
  QatNetwork qat(network, options, input_scheme(data));
  if (quantized) qat.calibrate(data);
  NetworkLearner learner(network, quantized ? &qat : nullptr, {}, {});
  for (int64_t step = 0; step < 2; ++step) learner.step(batch, 0, step, 0.5);
  Floats values;
  for (const Parameter& p : network.parameters()) {
    const Tensor& v = p.value.value();
    values.insert(values.end(), v.data(), v.data() + v.size());
  }
  return values;
}

TEST(Bits, OfTrainingAreTheSameForAllVectors) {
  if (!is_fused()) GTEST_SKIP() << "rounds otherwise: " << arithmetic();
  const struct {
    const char* name;
    bool quantized;
    uint64_t expected;
  } cases[] = {
      {"resnet8", false, 0x26c6f3dbad4890d1},     {"resnet8", true, 0x43fc3ad9486ea962},
      {"ds_cnn", false, 0x4c5af6db33e0728b},      {"mobilenet_v1", false, 0xb75ed5da2ceaa9c5},
      {"autoencoder", false, 0x3238981a254fbe99},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(hex64(digest(trained(c.name, c.quantized))), hex64(c.expected)) << c.name << (c.quantized ? " quantized" : "");
  }
}

}  // namespace
}  // namespace bitloom
