// Convolutions and matrix products against their naive double-precision definitions in ref.h, on shapes that are awkward for
// vectors, tiles and borders, and the same bits for any number of threads.
#include <cstdlib>
#include <ostream>

#include "core/kernels/conv2d.h"
#include "core/kernels/depthwise.h"
#include "core/kernels/gemm.h"
#include "core/kernels/ref.h"
#include "tests/support/kernel_check.h"

namespace bitloom {

std::ostream& operator<<(std::ostream& out, const Conv2dShape& s) {
  return out << "x (" << s.n << "," << s.h << "," << s.w << "," << s.c << ") w (" << s.oc << "," << s.kh << "," << s.kw
             << ") stride " << s.sh << "," << s.sw << " pad " << s.pt << "," << s.pb << "," << s.pl << "," << s.pr;
}

namespace {

struct ConvCase {
  explicit ConvCase(const Conv2dShape& shape, bool is_depthwise)
      : s(shape),
        depthwise(is_depthwise),
        x(random_values(s.n * s.h * s.w * s.c, 1)),
        w(random_values(s.oc * s.kh * s.kw * (depthwise ? 1 : s.c), 2)),
        bias(random_values(s.oc, 3)),
        dy(random_values(s.n * s.oh() * s.ow() * s.oc, 4)) {}

  Floats forward(bool with_bias = true) const {
    Floats y = unwritten(int64_t(dy.size()));
    (depthwise ? depthwise_forward : conv2d_forward)(x.data(), w.data(), with_bias ? bias.data() : nullptr, y.data(), s);
    return y;
  }
  Floats input_grad() const {
    Floats dx = unwritten(int64_t(x.size()));
    (depthwise ? depthwise_input_grad : conv2d_input_grad)(dy.data(), w.data(), dx.data(), s);
    return dx;
  }
  Floats weight_grad() const {
    Floats dw = unwritten(int64_t(w.size()));
    (depthwise ? depthwise_weight_grad : conv2d_weight_grad)(x.data(), dy.data(), dw.data(), s);
    return dw;
  }

  void compare_to_reference() const {
    const std::string name = str(depthwise ? "depthwise " : "conv2d ", s);
    const Doubles dx_ = to_double(x), dw_ = to_double(w), db_ = to_double(bias), ddy_ = to_double(dy);
    Doubles y(dy.size()), gx(x.size()), gw(w.size());
    const auto forward_ref = depthwise ? ref::depthwise_forward<double> : ref::conv2d_forward<double>;
    forward_ref(dx_.data(), dw_.data(), db_.data(), y.data(), s);
    expect_close(forward(), y, 2e-6, name + " forward");
    forward_ref(dx_.data(), dw_.data(), nullptr, y.data(), s);
    expect_close(forward(false), y, 2e-6, name + " forward without bias");
    (depthwise ? ref::depthwise_input_grad<double> : ref::conv2d_input_grad<double>)(ddy_.data(), dw_.data(), gx.data(), s);
    expect_close(input_grad(), gx, 2e-6, name + " input gradient");
    (depthwise ? ref::depthwise_weight_grad<double> : ref::conv2d_weight_grad<double>)(dx_.data(), ddy_.data(), gw.data(), s);
    expect_close(weight_grad(), gw, 2e-6, name + " weight gradient");
  }

  Conv2dShape s;
  bool depthwise;
  Floats x, w, bias, dy;
};

Conv2dShape conv_shape(int64_t n, int64_t h, int64_t w, int64_t c, int64_t oc, int64_t kh, int64_t kw, int64_t sh, int64_t sw) {
  Conv2dShape s;
  s.n = n, s.h = h, s.w = w, s.c = c, s.oc = oc, s.kh = kh, s.kw = kw, s.sh = sh, s.sw = sw;
  return s;
}

const int64_t kChannels[] = {1, 2, 3, 5, 8, 16, 17, 31, 33, 64};

TEST(Conv2d, MatchesReferenceForEveryPairOfChannelCounts) {
  for (int64_t c : kChannels) {
    for (int64_t oc : kChannels) {
      Conv2dShape s = conv_shape(2, 5, 6, c, oc, 3, 3, 1 + (c + oc) % 2, 1);
      s.pt = s.pb = s.pl = s.pr = 1;
      ConvCase(s, false).compare_to_reference();
    }
  }
}

// Random filters, strides, paddings and batches; a window may lie entirely in the padding.
Conv2dShape random_shape(Rng& rng, bool depthwise) {
  const int64_t filters[][2] = {{1, 1}, {3, 3}, {10, 4}, {1, 3}, {2, 5}};
  const auto pick = [&](int64_t n) { return rng.below(n); };
  const auto& filter = filters[pick(5)];
  Conv2dShape s = conv_shape(1 + pick(9), 1 + pick(14), 1 + pick(14), kChannels[pick(10)], kChannels[pick(10)], filter[0],
                             filter[1], 1 + pick(3), 1 + pick(3));
  if (depthwise) s.oc = s.c;
  s.pt = pick(4), s.pb = pick(4), s.pl = pick(4), s.pr = pick(4);
  s.pb = std::max(s.pb, s.kh - s.h - s.pt);
  s.pr = std::max(s.pr, s.kw - s.w - s.pl);
  return s;
}

TEST(Conv2d, MatchesReferenceOnRandomShapes) {
  Rng rng(5);
  for (int i = 0; i < 150; ++i) ConvCase(random_shape(rng, false), false).compare_to_reference();
}

TEST(Depthwise, MatchesReferenceOnRandomShapes) {
  Rng rng(6);
  for (int i = 0; i < 200; ++i) ConvCase(random_shape(rng, true), true).compare_to_reference();
}

// Shapes that tap_products.h takes: images of a few pixels and of several groups of rows, both strides, every padding, windows in the padding alone.
TEST(Depthwise, MatchesReferenceForFiltersOf3x3) {
  Rng rng(7);
  for (int i = 0; i < 60; ++i) {
    const int64_t c = 16 * (1 + rng.below(5));
    Conv2dShape s =
        conv_shape(1 + rng.below(3), 1 + rng.below(30), 1 + rng.below(30), c, c, 3, 3, 1 + rng.below(2), 1 + rng.below(2));
    s.pt = rng.below(4), s.pl = rng.below(4);
    s.pb = std::max<int64_t>(rng.below(4), 3 - s.h - s.pt), s.pr = std::max<int64_t>(rng.below(4), 3 - s.w - s.pl);
    ConvCase(s, true).compare_to_reference();
  }
}

TEST(Conv2d, MatchesReferenceOnLayersOfTheBenchmarkModels) {
  Conv2dShape stem = conv_shape(3, 32, 32, 3, 16, 3, 3, 1, 1);
  stem.pt = stem.pb = stem.pl = stem.pr = 1;
  Conv2dShape down = conv_shape(3, 32, 32, 16, 32, 3, 3, 2, 2);  // TensorFlow 'same' padding
  down.pb = down.pr = 1;
  Conv2dShape keywords = conv_shape(2, 49, 10, 1, 64, 10, 4, 2, 2);
  keywords.pt = 4, keywords.pb = 5, keywords.pl = keywords.pr = 1;
  for (const Conv2dShape& s :
       {stem, down, keywords, conv_shape(3, 32, 32, 16, 32, 1, 1, 2, 2), conv_shape(2, 25, 5, 64, 64, 1, 1, 1, 1)}) {
    ConvCase(s, false).compare_to_reference();
  }
  Conv2dShape depthwise = conv_shape(2, 25, 5, 64, 64, 3, 3, 1, 1);
  depthwise.pt = depthwise.pb = depthwise.pl = depthwise.pr = 1;
  ConvCase(depthwise, true).compare_to_reference();
}

// Shapes that winograd.h takes: tiles cut off by the image's edges, every padding, channels of several column blocks, and one channel too many.
TEST(Conv2d, MatchesReferenceOnThreeByThreeFilters) {
  Rng rng(7);
  const int shapes = std::getenv("BITLOOM_FAST") ? 15 : 60;
  for (int i = 0; i < shapes; ++i) {
    Conv2dShape s = conv_shape(1 + rng.below(5), 3 + rng.below(16), 3 + rng.below(16), 16 * (1 + rng.below(5)),
                               16 * (1 + rng.below(5)), 3, 3, 1, 1);
    s.pt = rng.below(4), s.pb = rng.below(4), s.pl = rng.below(4), s.pr = rng.below(4);
    if (i % 10 == 0) ++(i % 20 == 0 ? s.c : s.oc);
    ConvCase(s, false).compare_to_reference();
  }
  for (int64_t c : {16, 32, 64}) {  // ResNet-8's
    Conv2dShape s = conv_shape(5, 512 / c, 512 / c, c, c, 3, 3, 1, 1);
    s.pt = s.pb = s.pl = s.pr = 1;
    ConvCase(s, false).compare_to_reference();
  }
}

TEST(Convolution, RejectsShapesThatHaveNoOutput) {
  const Conv2dShape large = conv_shape(1, 2, 8, 1, 1, 3, 3, 1, 1), empty = conv_shape(0, 4, 4, 1, 1, 3, 3, 1, 1);
  EXPECT_EQ(message_of([&] { conv2d_forward(nullptr, nullptr, nullptr, nullptr, large); }),
            "conv2d: a 3x3 filter does not fit in a 2x8 input padded by (0,0,0,0)");
  EXPECT_EQ(message_of([&] { conv2d_weight_grad(nullptr, nullptr, nullptr, empty); }),
            "conv2d: sizes and strides must be positive, got input (0,4,4,1), filters (1,3,3), stride (1,1)");
  EXPECT_EQ(message_of([&] { depthwise_input_grad(nullptr, nullptr, nullptr, conv_shape(1, 4, 4, 2, 3, 3, 3, 1, 1)); }),
            "depthwise: needs as many outputs as inputs, got 2 inputs and 3 outputs");
}

TEST(Gemm, MatchesReference) {
  for (int64_t m : {1, 3, 16, 37, 130}) {
    for (int64_t n : {1, 7, 16, 33, 130}) {
      for (int64_t k : {1, 5, 64, 129}) {
        const std::string name = str("gemm ", m, "x", n, "x", k);
        const Floats a = random_values(m * k, 1), b = random_values(k * n, 2), bias = random_values(n, 3);
        const Doubles da = to_double(a), db = to_double(b), dbias = to_double(bias);
        Floats c = unwritten(m * n);
        Doubles expected(size_t(m * n));
        ref::gemm(false, true, da.data(), db.data(), dbias.data(), expected.data(), m, n, k);
        gemm_nt(a.data(), b.data(), bias.data(), c.data(), m, n, k);
        expect_close(c, expected, 2e-6, name + " nt");
        ref::gemm<double>(false, false, da.data(), db.data(), nullptr, expected.data(), m, n, k);
        gemm_nn(a.data(), b.data(), c.data(), m, n, k);
        expect_close(c, expected, 2e-6, name + " nn");
        ref::gemm<double>(true, false, da.data(), db.data(), nullptr, expected.data(), m, n, k);
        gemm_tn(a.data(), b.data(), c.data(), m, n, k);
        expect_close(c, expected, 2e-6, name + " tn");
      }
    }
  }
}

// Rows so long that the gradient of the filters packs them: several bands, and channels that fill no vector.
TEST(Gemm, MatchesReferenceForLongRows) {
  const int64_t m = 515, n = 530, k = 600;
  const Floats a = random_values(k * m, 1), b = random_values(k * n, 2);
  Floats c = unwritten(m * n);
  Doubles expected(size_t(m * n));
  ref::gemm<double>(true, false, to_double(a).data(), to_double(b).data(), nullptr, expected.data(), m, n, k);
  gemm_tn(a.data(), b.data(), c.data(), m, n, k);
  expect_close(c, expected, 2e-6, "gemm of long rows");
}

TEST(Convolution, GivesTheSameBitsForAnyNumberOfThreads) {
  Rng rng(7);
  for (int i = 0; i < 40; ++i) {
    const bool depthwise = i % 2;
    Conv2dShape s = random_shape(rng, depthwise);
    if (i < 8) s.n = 40, s.h += 16;  // several partial sums
    if (i < 4 && !depthwise) s.c = s.oc = 32, s.kh = s.kw = 3, s.sh = s.sw = 1, s.w += 4, s.pt = s.pb = s.pl = s.pr = 1;
    const ConvCase conv(s, depthwise);
    expect_same_bits(str("forward ", s), [&] { return conv.forward(); });
    expect_same_bits(str("input gradient ", s), [&] { return conv.input_grad(); });
    expect_same_bits(str("weight gradient ", s), [&] { return conv.weight_grad(); });
  }
}

}  // namespace
}  // namespace bitloom
