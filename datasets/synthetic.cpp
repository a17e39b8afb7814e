// The built-in task: which shape, filled with stripes of which direction?
//
// An image shows one of three shapes (disc, square, diamond) of stripes in one of three directions, at a random place, size,
// phase, stripe width, contrast and pair of colours, on a background of a colour gradient and fainter stripes of a random
// direction, under noise. No single pixel tells the shape or the direction, and the class needs both.
//
// All arithmetic is on integers, so that every compiler and machine makes the same bytes.
#include <algorithm>
#include <cstdlib>

#include "datasets/drawing.h"
#include "datasets/sources.h"

namespace bitloom {
namespace {

constexpr int kSide = 16, kChannels = 3, kShapes = 3, kDirections = 3, kClasses = kShapes * kDirections;

// How hard the task is: the standard deviation of the noise in 8-bit codes. A float ResNet-8 trained for 15 epochs on the
// default sizes (PyTorch, Adam, batch 128) reached 93.2 % on the test part with 10; fine-tuned for 5 epochs with rounded
// weights, 93.2 % at 8 bits, 93.7 % at 4 and 88.7 % at 2.
constexpr int kNoise = 10;

// A plane wave of a random wavelength and phase.
struct Stripes {
  int phase, across, down;  // phase at pixel (x,y): phase + across * x + down * y

  // `longest` wavelength in pixels; the shortest is 3.
  Stripes(int direction, int longest, Rng& rng) : phase(pick(rng, 0, kTurn - 1)) {
    const int wavelength = pick(rng, 3 * kUnit, longest * kUnit);
    across = kTurn / kUnit * wave(direction + kTurn / 4) * kUnit / wavelength;
    down = kTurn / kUnit * wave(direction) * kUnit / wavelength;
  }
  int at(int x, int y) const { return wave(phase + across * x + down * y); }
};

// Whether the offset (dx,dy) lies in the shape of size r; the three have about the same area.
bool inside(int shape, int dx, int dy, int r) {
  dx = std::abs(dx), dy = std::abs(dy);
  switch (shape) {
    case 0: return dx * dx + dy * dy <= r * r;
    case 1: return std::max(dx, dy) * 9 <= r * 8;
    default: return (dx + dy) * 4 <= r * 5;
  }
}

// Renders one image of the class `shape * kDirections + direction`.
void render(int shape, int direction, Rng rng, uint8_t* out) {
  // One draw per statement: the order in which a call's arguments are evaluated differs between compilers.
  const int jitter = pick(rng, -kTurn / 40, kTurn / 40);
  const Stripes front(direction * (kTurn / 2) / kDirections + jitter, 4, rng);
  const int back_direction = pick(rng, 0, kTurn - 1);
  const Stripes back(back_direction, 6, rng);
  const int size = pick(rng, 5 * kUnit, 6 * kUnit);
  const int centre_x = pick(rng, 6 * kUnit, 9 * kUnit);
  const int centre_y = pick(rng, 6 * kUnit, 9 * kUnit);
  const int contrast = pick(rng, 40, 70);
  const int clutter = pick(rng, 10, 30);
  int front_mean[kChannels], back_mean[kChannels], front_swing[kChannels], back_swing[kChannels];
  int slope_x[kChannels], slope_y[kChannels];
  for (int k = 0; k < kChannels; ++k) {
    front_mean[k] = pick(rng, 70, 185);
    back_mean[k] = pick(rng, 70, 185);
    front_swing[k] = contrast * pick(rng, kUnit / 4, kUnit) / kUnit;
    back_swing[k] = clutter * pick(rng, -kUnit, kUnit) / kUnit;
    slope_x[k] = pick(rng, -3, 3);
    slope_y[k] = pick(rng, -3, 3);
  }
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x) {
      const bool in = inside(shape, x * kUnit - centre_x, y * kUnit - centre_y, size);
      const int phase = in ? front.at(x, y) : back.at(x, y);
      for (int k = 0; k < kChannels; ++k) {
        const int mean = in ? front_mean[k] : back_mean[k] + slope_x[k] * (x - kSide / 2) + slope_y[k] * (y - kSide / 2);
        const int value = mean + (in ? front_swing[k] : back_swing[k]) * phase / kUnit + noise(kNoise, rng);
        *out++ = uint8_t(std::clamp(value, 0, 255));
      }
    }
}

Samples make_split(const char* name, int64_t count, const Rng& rng) {
  return drawn_split("synthetic", name, count, kSide, kClasses, rng, [](int label, const Rng& own, uint8_t* out) {
    render(label / kDirections, label % kDirections, own, out);
  });
}

}  // namespace

TaskData make_synthetic(uint64_t seed, int64_t train, int64_t val, int64_t test) {
  const Rng rng = Rng(seed).split("synthetic");
  Task task;
  task.name = "synthetic";
  task.classes = kClasses;
  for (const char* shape : {"disc", "square", "diamond"})
    for (int degrees : {0, 60, 120}) task.label_names.push_back(str(shape, " ", degrees));
  task.augment.crop_padding = 2;  // a place is not a class; a flip would change the direction of the stripes
  return make_task(task, make_split("train", train, rng), make_split("val", val, rng), make_split("test", test, rng));
}

}  // namespace bitloom
