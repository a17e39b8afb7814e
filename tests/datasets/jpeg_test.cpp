// Tests of datasets/jpeg: every kind of file that is read, sizes against the definition of the resampling, and files that are not read.
#include "datasets/jpeg.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "core/io.h"
#include "core/npz.h"
#include "tests/support/picture.h"

namespace bitloom {
namespace {

using testing::data_path;
using testing::error_of;
using testing::jpeg_bytes;
using testing::Picture;
using testing::shared_path;

// Smooth, so that little is lost by storing it.
int smooth(int64_t y, int64_t x, int channel) {
  return int(128 + 60 * std::sin(double(y) / 9 + channel) + 60 * std::cos(double(x) / (7 + channel)));
}

Picture picture(int64_t h, int64_t w) {
  Picture p;
  p.h = h, p.w = w, p.value = smooth;
  return p;
}

int worst(const std::vector<uint8_t>& got, int64_t h, int64_t w, const std::function<double(int64_t, int64_t, int)>& expected) {
  EXPECT_EQ(int64_t(got.size()), h * w * 3);
  double most = 0;
  for (int64_t i = 0; i < int64_t(got.size()); ++i)
    most = std::max(most, std::fabs(double(got[size_t(i)]) - expected(i / 3 / w, i / 3 % w, int(i % 3))));
  return int(std::ceil(most));
}

std::string decode_error(const std::vector<uint8_t>& bytes) {
  return error_of([&] { parse_jpeg(bytes, 8, 8, "a.jpg"); });
}

TEST(Jpeg, OfItsOwnSizeIsWhatWasStored) {
  for (const bool progressive : {false, true}) {
    Picture p = picture(40, 56);
    p.progressive = progressive;
    EXPECT_LE(worst(parse_jpeg(jpeg_bytes(p), 40, 56, "p"), 40, 56, smooth), 4) << progressive;
  }
}

TEST(Jpeg, GrayIsThreeEqualChannels) {
  Picture p = picture(24, 24);
  p.channels = 1;
  const auto gray = [](int64_t y, int64_t x, int) { return smooth(y, x, 0); };
  EXPECT_LE(worst(parse_jpeg(jpeg_bytes(p), 24, 24, "p"), 24, 24, gray), 2);
}

// Ink C of 255 - c, K of 255 - k: light c k / 255.
TEST(Jpeg, CmykIsWhatItLooksLike) {
  Picture p = picture(24, 24);
  p.channels = 4;
  p.value = [](int64_t y, int64_t x, int channel) { return channel == 3 ? 200 : smooth(y, x, channel); };
  const auto light = [](int64_t y, int64_t x, int channel) { return double(smooth(y, x, channel)) * 200 / 255; };
  EXPECT_LE(worst(parse_jpeg(jpeg_bytes(p), 24, 24, "p"), 24, 24, light), 3);
}

// Of equally many places, the sum of kernel times sample by its definition.
double resized(int64_t in_h, int64_t in_w, int64_t h, int64_t w, int64_t y, int64_t x, int channel) {
  const auto sinc = [](double t) { return t == 0 ? 1 : std::sin(M_PI * t) / (M_PI * t); };
  const auto kernel = [&](double t) { return std::fabs(t) < 3 ? sinc(t) * sinc(t / 3) : 0; };
  double sum = 0, weights = 0;
  for (int64_t v = 0; v < in_h; ++v) {
    const double fy = double(in_h) / double(h), ky = kernel((double(v) + 0.5 - (double(y) + 0.5) * fy) / std::max(1.0, fy));
    if (ky == 0) continue;
    for (int64_t u = 0; u < in_w; ++u) {
      const double fx = double(in_w) / double(w), kx = kernel((double(u) + 0.5 - (double(x) + 0.5) * fx) / std::max(1.0, fx));
      sum += ky * kx * smooth(v, u, channel);
      weights += ky * kx;
    }
  }
  return sum / weights;
}

TEST(Jpeg, OtherSizesAreResampled) {
  const std::pair<int64_t, int64_t> sizes[] = {{30, 41}, {97, 96}, {61, 191}, {200, 150}, {16, 300}, {1, 1}};
  for (const auto& [in_h, in_w] : sizes) {
    const auto expected = [in_h = in_h, in_w = in_w](int64_t y, int64_t x, int c) {
      return std::clamp(resized(in_h, in_w, 12, 10, y, x, c), 0.0, 255.0);
    };
    const bool scaled = in_h >= 4 * 12 && in_w >= 4 * 10;  // the decoder leaves out what is too fine, a little otherwise
    EXPECT_LE(worst(parse_jpeg(jpeg_bytes(picture(in_h, in_w)), 12, 10, "p"), 12, 10, expected), scaled ? 7 : 4)
        << in_h << " x " << in_w;
  }
}

TEST(Jpeg, AHugePictureTakesLittleMemory) {
  if (std::getenv("BITLOOM_FAST")) GTEST_SKIP() << "BITLOOM_FAST is set";
  Picture p;
  p.h = p.w = 20000;
  p.channels = 1;
  p.quality = 30;
  p.plain_rows = true;
  p.value = [](int64_t y, int64_t, int) { return int(y * 255 / 20000); };
  const std::vector<uint8_t> bytes = jpeg_bytes(p);
  rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  const std::vector<uint8_t> got = parse_jpeg(bytes, 96, 96, "p");
  getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 10000) << "kB";
  EXPECT_LE(worst(got, 96, 96, [](int64_t y, int64_t, int) { return (double(y) + 0.5) * 255 / 96; }), 6);
  // Of a progressive one all is kept until the end: refused, and at once, since this file ends after its size.
  p.h = p.w = 64, p.progressive = true;
  std::vector<uint8_t> progressive = jpeg_bytes(p);
  constexpr uint8_t kFrame[] = {0xff, 0xc2};
  const auto frame = std::search(progressive.begin(), progressive.end(), kFrame, kFrame + 2);
  ASSERT_NE(frame, progressive.end());
  for (const int at : {5, 7}) frame[at] = 20000 >> 8, frame[at + 1] = 20000 & 255;
  EXPECT_EQ(
      error_of([&] { parse_jpeg(progressive, 96, 96, "p.jpg"); }),
      "p.jpg: a progressive picture of 20000 x 20000 pixels takes more than 256 MB to decode; make it smaller, or save it as a "
      "baseline JPEG");
}

TEST(Jpeg, EveryCutIsFound) {
  for (const bool progressive : {false, true}) {
    Picture p = picture(33, 17);
    p.progressive = progressive;
    const std::vector<uint8_t> bytes = jpeg_bytes(p);
    for (size_t size = 2; size + 2 < bytes.size(); ++size) {
      const std::vector<uint8_t> cut(bytes.begin(), bytes.begin() + std::ptrdiff_t(size));
      ASSERT_EQ(decode_error(cut), "a.jpg: cut: the file ends in the middle of the picture") << size;
    }
  }
}

TEST(Jpeg, WhatIsOnlyUnusualIsRead) {
  std::vector<uint8_t> bytes = jpeg_bytes(picture(16, 16));
  const std::vector<uint8_t> plain = parse_jpeg(bytes, 16, 16, "p");
  bytes.insert(bytes.end(), {1, 2, 3});                                    // after the end
  bytes.insert(bytes.begin() + 2, {0xff, 0xfe, 0, 4, 'h', 'i', 0, 0, 0});  // a comment, and zeros before the next marker
  EXPECT_EQ(parse_jpeg(bytes, 16, 16, "p"), plain);
}

TEST(Jpeg, OtherFilesAreNamed) {
  const std::string advice = ", whatever its name says; convert it to JPEG";
  const auto of = [](const std::string& text) { return std::vector<uint8_t>(text.begin(), text.end()); };
  EXPECT_EQ(decode_error({}), "a.jpg: is empty" + advice);
  EXPECT_EQ(decode_error(of("\x89PNG\r\n\x1a\n")), "a.jpg: is a PNG picture" + advice);
  EXPECT_EQ(decode_error(of("RIFF\x10\x20\x30\x40WEBPVP8 ")), "a.jpg: is a WebP picture" + advice);
  EXPECT_EQ(decode_error(std::vector<uint8_t>{0, 0, 0, 24, 'f', 't', 'y', 'p', 'h', 'e', 'i', 'c'}),
            "a.jpg: is a HEIC or AVIF picture" + advice);
  EXPECT_EQ(decode_error(of("<!doctype html><html>")), "a.jpg: is a page of HTML or an SVG" + advice);
  EXPECT_EQ(decode_error(of("some text")), "a.jpg: is no JPEG file" + advice);
}

TEST(Jpeg, DamageIsFound) {
  Picture p = picture(64, 64);
  p.arithmetic = true;
  EXPECT_EQ(decode_error(jpeg_bytes(p)), "a.jpg: is coded arithmetically, which few programs read; save it as a baseline JPEG");
  p.arithmetic = false;
  const std::vector<uint8_t> bytes = jpeg_bytes(p);
  std::vector<uint8_t> marked = bytes;
  marked[marked.size() / 2] = 0xff, marked[marked.size() / 2 + 1] = 0xd9;
  EXPECT_EQ(decode_error(marked).find("a.jpg: damaged"), 0u) << decode_error(marked);
  constexpr uint8_t kFrame[] = {0xff, 0xc0};
  std::vector<uint8_t> precise = bytes;
  *(std::search(precise.begin(), precise.end(), kFrame, kFrame + 2) + 4) = 12;
  EXPECT_EQ(decode_error(precise), "a.jpg: damaged, or not read by libjpeg: Unsupported JPEG data precision 12");
}

// Pixels that PIL decoded (data/README.md): the same bits.
TEST(Jpeg, PicturesOfCocoAreWhatOthersDecode) {
  const std::string folder = data_path("coco128_96"), golden_path = shared_path("data/models/golden_mlperf_mobilenet_v1.npz");
  BITLOOM_NEEDS(folder);
  BITLOOM_NEEDS(golden_path);
  const Npz golden = read_npz(golden_path);
  const Tensor input = golden.at("input").to_float("input");
  const NpyArray& names = golden.at("source");
  const size_t width = names.bytes.size() / 8;
  for (size_t i = 0; i < 8; ++i) {
    const std::string name(names.bytes.begin() + std::ptrdiff_t(i * width),
                           names.bytes.begin() + std::ptrdiff_t((i + 1) * width));
    const std::vector<uint8_t> got = parse_jpeg(read_file(data_path(name.substr(0, name.find('\0')))), 96, 96, name);
    for (size_t k = 0; k < got.size(); ++k)
      ASSERT_EQ(int(got[k]), int(std::lround(input[int64_t(i * got.size() + k)] * 255))) << name << " " << k;
  }
}

}  // namespace
}  // namespace bitloom
