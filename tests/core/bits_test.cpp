// Processors with fused multiply-add give the same bits, whatever their vectors: digests of what the kernels of a training step compute, made with
// g++ 12 for x86-64-v3 (AVX2) and x86-64-v4 (AVX-512).
#include <gtest/gtest.h>

#include "core/hash.h"
#include "core/kernels/batch_norm.h"
#include "core/kernels/column_sums.h"
#include "core/kernels/conv2d.h"
#include "core/kernels/depthwise.h"
#include "core/kernels/elementwise.h"
#include "core/kernels/gemm.h"
#include "core/version.h"
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

TEST(Bits, AreTheSameForAllVectors) {
  if (std::string(arithmetic()) != "x86-64 with fused multiply-add") GTEST_SKIP() << "rounds otherwise: " << arithmetic();
#if defined(__clang__) || defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "clang, and g++ with sanitizers, contract other products and sums";
#endif
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

}  // namespace
}  // namespace bitloom
