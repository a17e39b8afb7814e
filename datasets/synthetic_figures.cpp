// The built-in visual wake words: is there a figure?
//
// A figure is a head, a body, two arms and two legs, in any place and pose, of several sizes and colours, before other shapes. Where there is none, as many
// other shapes more are in its place. Not photographs: what is measured on it says how the method works, and nothing about people.
//
// How hard it is: MobileNetV1 x0.25 got 86 % of the test part right after the demo's 25 epochs, about what it does of photographs. With the same six parts
// scattered where there is no figure, or in colours close to each other, it found out little more than chance in that time.
#include <algorithm>
#include <vector>

#include "datasets/drawing.h"
#include "datasets/sources.h"

namespace bitloom {
namespace {

constexpr int kSide = 48, kChannels = 3, kClasses = 2, kParts = 6;
constexpr int kNoise = 8;  // standard deviation in 8-bit codes

// Lengths and places are in 1/kUnit pixels.
struct Point {
  int x, y;
};

Point along(Point from, int angle, int length) {
  return {from.x + length * wave(angle + kTurn / 4) / kUnit, from.y + length * wave(angle) / kUnit};
}

// All within `radius` of a line.
struct Stroke {
  Point from, to;
  int radius;
  int colour[kChannels];
};

struct Canvas {
  int pixels[kSide][kSide][kChannels];

  void draw(const Stroke& s) {
    const int64_t dx = s.to.x - s.from.x, dy = s.to.y - s.from.y, square = std::max<int64_t>(dx * dx + dy * dy, 1);
    for (int y = 0; y < kSide; ++y)
      for (int x = 0; x < kSide; ++x) {
        const int64_t px = x * kUnit - s.from.x, py = y * kUnit - s.from.y;
        const int64_t part = std::clamp<int64_t>(px * dx + py * dy, 0, square);
        const int64_t ex = px - dx * part / square, ey = py - dy * part / square;
        if (ex * ex + ey * ey <= int64_t(s.radius) * s.radius) std::copy_n(s.colour, kChannels, pixels[y][x]);
      }
  }
};

// Every channel is darker or brighter than the background.
void paint(Stroke& stroke, Rng& rng) {
  for (int& channel : stroke.colour) channel = pick(rng, 0, 1) ? pick(rng, 10, 60) : pick(rng, 195, 245);
}

Point anywhere(Rng& rng) {
  const int x = pick(rng, 0, kSide * kUnit);
  return {x, pick(rng, 0, kSide * kUnit)};
}

// Head, body, arms, legs.
std::vector<Stroke> figure(Rng& rng) {
  const int height = pick(rng, 30 * kUnit, 44 * kUnit), lean = pick(rng, -kTurn / 24, kTurn / 24);
  const int down = kTurn / 4 + lean, margin = kSide * kUnit - height;
  const int x = pick(rng, height / 4, kSide * kUnit - height / 4);
  const Point neck{x, pick(rng, 0, margin) + height / 4};
  const Point hip = along(neck, down, height * 28 / 100), shoulder = along(neck, down, height * 4 / 100);
  std::vector<Stroke> parts(kParts);
  const Point head = along(neck, down, -height * 12 / 100);
  parts[0] = {head, head, height * 11 / 100, {}};
  parts[1] = {neck, hip, height * 9 / 100, {}};
  for (int side = 0; side < 2; ++side) {
    const int sign = side == 0 ? -1 : 1;
    const int arm = pick(rng, kTurn / 16, kTurn * 6 / 16), leg = pick(rng, kTurn / 48, kTurn / 10);
    parts[size_t(2 + side)] = {shoulder, along(shoulder, down + sign * arm, height * 34 / 100), height * 5 / 100, {}};
    parts[size_t(4 + side)] = {hip, along(hip, down + sign * leg, height * 45 / 100), height * 6 / 100, {}};
  }
  paint(parts[0], rng), paint(parts[1], rng), paint(parts[4], rng);
  for (const size_t arm : {2, 3}) std::copy_n(parts[1].colour, kChannels, parts[arm].colour);
  std::copy_n(parts[4].colour, kChannels, parts[5].colour);
  return parts;
}

Stroke clutter(Rng& rng) {
  Stroke stroke{};
  stroke.from = anywhere(rng);
  const int angle = pick(rng, 0, kTurn - 1), length = pick(rng, 0, 30 * kUnit);
  stroke.to = along(stroke.from, angle, length);
  stroke.radius = pick(rng, kUnit, 5 * kUnit);
  paint(stroke, rng);
  return stroke;
}

void render(bool present, Rng rng, uint8_t* out) {
  Canvas canvas;
  int mean[kChannels], across[kChannels], down[kChannels];
  for (int k = 0; k < kChannels; ++k) {
    mean[k] = pick(rng, 100, 155);
    across[k] = pick(rng, -30, 30);
    down[k] = pick(rng, -30, 30);
  }
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x)
      for (int k = 0; k < kChannels; ++k)
        canvas.pixels[y][x][k] = mean[k] + across[k] * (2 * x - kSide) / kSide + down[k] * (2 * y - kSide) / kSide;
  for (int n = pick(rng, 1, 3) + (present ? 0 : kParts); n > 0; --n) canvas.draw(clutter(rng));
  if (present)
    for (const Stroke& part : figure(rng)) canvas.draw(part);
  for (const auto& row : canvas.pixels)
    for (const auto& pixel : row)
      for (const int channel : pixel) *out++ = uint8_t(std::clamp(channel + noise(kNoise, rng), 0, 255));
}

Samples make_split(const char* name, int64_t count, const Rng& rng) {
  return drawn_split("synthetic figures", name, count, kSide, kClasses, rng,
                     [](int label, const Rng& own, uint8_t* out) { render(label == 1, own, out); });
}

}  // namespace

TaskData make_synthetic_figures(uint64_t seed, int64_t train, int64_t val, int64_t test) {
  const Rng rng = Rng(seed).split("synthetic figures");
  Task task;
  task.name = "synthetic_vww";
  task.classes = kClasses;
  task.label_names = {"no figure", "figure"};
  task.augment.flip = true;
  task.augment.translate = 0.05;
  return make_task(task, make_split("train", train, rng), make_split("val", val, rng), make_split("test", test, rng));
}

}  // namespace bitloom
