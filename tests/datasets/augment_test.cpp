// Tests of datasets/augment: against the documented map written out naively, and what each step may and must do.
#include "datasets/augment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace bitloom {
namespace {

constexpr double kPi = 3.14159265358979323846;

std::vector<float> random_image(int64_t size, Rng& rng) {
  std::vector<float> image(static_cast<size_t>(size));
  for (float& v : image) v = float(rng.uniform(0.1, 1));
  return image;
}

std::vector<float> augmented(const std::vector<float>& in, int64_t h, int64_t w, int64_t c, const Augment& augment,
                             const Rng& rng) {
  std::vector<float> out(in.size(), -9);
  augment_sample(in.data(), out.data(), h, w, c, augment, rng);
  return out;
}

// augment.h's formulas in double, one pixel and one neighbour at a time.
std::vector<float> reference(const std::vector<float>& in, int64_t h, int64_t w, int64_t c, const Augment& augment, Rng rng) {
  const bool flip = augment.flip && rng.below(2) == 1;
  const double a = augment.rotate_degrees > 0 ? rng.uniform(-augment.rotate_degrees, augment.rotate_degrees) * kPi / 180 : 0;
  int64_t dy = 0, dx = 0;
  if (augment.translate > 0) {
    dy = -std::lround(rng.uniform(-augment.translate, augment.translate) * double(h));
    dx = -std::lround(rng.uniform(-augment.translate, augment.translate) * double(w));
  }
  if (augment.crop_padding > 0) {
    dy += rng.below(2 * augment.crop_padding + 1) - augment.crop_padding;
    dx += rng.below(2 * augment.crop_padding + 1) - augment.crop_padding;
  }
  const double zy = augment.zoom > 0 ? rng.uniform(1 - augment.zoom, 1 + augment.zoom) : 1;
  const double zx = augment.zoom > 0 ? rng.uniform(1 - augment.zoom, 1 + augment.zoom) : 1;
  const double cy = double(h - 1) / 2, cx = double(w - 1) / 2;
  std::vector<float> out(in.size());
  for (int64_t y = 0; y < h; ++y)
    for (int64_t x = 0; x < w; ++x) {
      const double v = cy + (double(y) - cy) * zy + double(dy), u = cx + (double(x) - cx) * zx + double(dx);
      const double from_v = cy + (v - cy) * std::cos(a) + (u - cx) * std::sin(a);
      double from_u = cx - (v - cy) * std::sin(a) + (u - cx) * std::cos(a);
      if (flip) from_u = double(w - 1) - from_u;
      for (int64_t k = 0; k < c; ++k) {
        double sum = 0;
        for (int64_t j = 0; j < h; ++j)
          for (int64_t i = 0; i < w; ++i)
            sum += std::max(0.0, 1 - std::abs(from_v - double(j))) * std::max(0.0, 1 - std::abs(from_u - double(i))) *
                   double(in[size_t((j * w + i) * c + k)]);
        out[size_t((y * w + x) * c + k)] = float(sum);
      }
    }
  return out;
}

TEST(Augment, MatchesItsDefinition) {
  Rng rng(5);
  for (int round = 0; round < 300; ++round) {
    const int64_t h = 1 + rng.below(9), w = 1 + rng.below(9), c = 1 + rng.below(4);
    Augment augment;
    augment.flip = rng.below(2);
    augment.rotate_degrees = rng.below(2) ? rng.uniform(0, 180) : 0;
    augment.translate = rng.below(2) ? rng.uniform(0, 1.5) : 0;
    augment.crop_padding = rng.below(2) ? 1 + rng.below(10) : 0;
    augment.zoom = rng.below(2) ? rng.uniform(0, 0.9) : 0;
    const std::vector<float> image = random_image(h * w * c, rng);
    const Rng stream = rng.split("image", uint64_t(round));
    const std::vector<float> got = augmented(image, h, w, c, augment, stream),
                             want = reference(image, h, w, c, augment, stream);
    for (size_t i = 0; i < want.size(); ++i)
      ASSERT_NEAR(got[i], want[i], 2e-5) << "element " << i << " of (" << h << "," << w << "," << c << "), flip "
                                         << augment.flip << ", rotation " << augment.rotate_degrees << ", translation "
                                         << augment.translate << ", crop " << augment.crop_padding << ", zoom " << augment.zoom
                                         << ", round " << round;
  }
}

TEST(Augment, NothingEnabledCopies) {
  Rng rng(6);
  const std::vector<float> image = random_image(5 * 7 * 3, rng);
  EXPECT_EQ(augmented(image, 5, 7, 3, Augment(), rng), image);
  EXPECT_FALSE(Augment().any());
}

TEST(Augment, FlipMirrorsHalfOfTheImages) {
  Rng rng(7);
  Augment augment;
  augment.flip = true;
  const std::vector<float> image = {1, 2, 3, 4, 5, 6}, mirrored = {3, 2, 1, 6, 5, 4};
  int flips = 0;
  for (uint64_t i = 0; i < 1000; ++i) {
    const std::vector<float> out = augmented(image, 2, 3, 1, augment, rng.split("image", i));
    ASSERT_TRUE(out == image || out == mirrored);
    flips += out == mirrored;
  }
  EXPECT_NEAR(flips, 500, 5 * std::sqrt(250.0));
}

TEST(Augment, CropReachesEveryPlaceAndPadsWithZeros) {
  Rng rng(8);
  Augment augment;
  augment.crop_padding = 2;
  const std::vector<float> image = random_image(16, rng);
  std::set<std::vector<float>> seen;
  for (uint64_t i = 0; i < 2000; ++i) seen.insert(augmented(image, 4, 4, 1, augment, rng.split("image", i)));
  EXPECT_EQ(seen.size(), 25u);
  EXPECT_TRUE(seen.count(image));
  int64_t most = 0;
  for (const auto& out : seen) most = std::max<int64_t>(most, std::count(out.begin(), out.end(), 0.0f));
  EXPECT_EQ(most, 12) << "shifted by two rows and two columns, 4 of 16 pixels remain";
}

TEST(Augment, TranslationStaysInItsRange) {
  Rng rng(9);
  Augment augment;
  augment.translate = 0.1;
  std::vector<float> image(32 * 32);
  image[16 * 32 + 16] = 1;
  std::set<int64_t> rows, columns;
  for (uint64_t i = 0; i < 500; ++i) {
    const std::vector<float> out = augmented(image, 32, 32, 1, augment, rng.split("image", i));
    const int64_t at = std::find(out.begin(), out.end(), 1.0f) - out.begin();
    ASSERT_LT(at, 32 * 32);
    rows.insert(at / 32 - 16);
    columns.insert(at % 32 - 16);
  }
  const std::set<int64_t> expected = {-3, -2, -1, 0, 1, 2, 3};
  EXPECT_EQ(rows, expected);
  EXPECT_EQ(columns, expected);
}

TEST(Augment, RotationKeepsTheCentreAndTheRangeOfValues) {
  Rng rng(10);
  Augment augment;
  augment.rotate_degrees = 15;
  const std::vector<float> image = random_image(9 * 9, rng);
  for (uint64_t i = 0; i < 100; ++i) {
    const std::vector<float> out = augmented(image, 9, 9, 1, augment, rng.split("image", i));
    EXPECT_NEAR(out[40], image[40], 1e-5);
    EXPECT_GE(*std::min_element(out.begin(), out.end()), -1e-6);
    EXPECT_LE(*std::max_element(out.begin(), out.end()), 1 + 1e-6);
  }
}

}  // namespace
}  // namespace bitloom
