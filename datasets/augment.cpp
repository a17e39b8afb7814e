// Random changes of one training image: one resampling for all of them.
#include "datasets/augment.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace bitloom {
namespace {

// What the generator decided for one image.
struct Placement {
  bool flip = false;
  double angle = 0;  // radians
  int64_t dy = 0, dx = 0;
  double zoom_y = 1, zoom_x = 1;
};

Placement draw(const Augment& augment, int64_t h, int64_t w, Rng& rng) {
  Placement place;
  if (augment.flip) place.flip = rng.below(2) == 1;
  if (augment.rotate_degrees > 0) place.angle = rng.uniform(-augment.rotate_degrees, augment.rotate_degrees) * (M_PI / 180);
  if (augment.translate > 0) {
    place.dy -= std::lround(rng.uniform(-augment.translate, augment.translate) * double(h));
    place.dx -= std::lround(rng.uniform(-augment.translate, augment.translate) * double(w));
  }
  if (const int64_t padding = augment.crop_padding; padding > 0) {
    place.dy += rng.below(2 * padding + 1) - padding;
    place.dx += rng.below(2 * padding + 1) - padding;
  }
  if (augment.zoom > 0) {
    place.zoom_y = rng.uniform(1 - augment.zoom, 1 + augment.zoom);
    place.zoom_x = rng.uniform(1 - augment.zoom, 1 + augment.zoom);
  }
  return place;
}

void copy_shifted(const float* in, float* out, int64_t h, int64_t w, int64_t c, const Placement& place) {
  // Columns [begin,end) of an output row come from inside the input.
  const int64_t begin = std::clamp<int64_t>(-place.dx, 0, w), end = std::clamp<int64_t>(w - place.dx, begin, w);
  for (int64_t y = 0; y < h; ++y, out += w * c) {
    const int64_t v = y + place.dy;
    if (v < 0 || v >= h) {
      std::fill(out, out + w * c, 0.0f);
      continue;
    }
    const float* row = in + v * w * c;
    std::fill(out, out + begin * c, 0.0f);
    if (place.flip) {
      for (int64_t x = begin; x < end; ++x) std::copy_n(row + (w - 1 - x - place.dx) * c, c, out + x * c);
    } else {
      std::copy_n(row + (begin + place.dx) * c, (end - begin) * c, out + begin * c);
    }
    std::fill(out + end * c, out + w * c, 0.0f);
  }
}

void resample(const float* in, float* out, int64_t h, int64_t w, int64_t c, const Placement& place) {
  // A border of one zero pixel: every place, clamped to it, has four readable neighbours, and interpolates towards 0.
  const int64_t row = (w + 2) * c;
  std::vector<float> padded(static_cast<size_t>((h + 2) * row));
  for (int64_t y = 0; y < h; ++y) std::copy_n(in + y * w * c, w * c, &padded[size_t((y + 1) * row + c)]);

  const float cosine = float(std::cos(place.angle)), sine = float(std::sin(place.angle));
  const float cy = float(h - 1) / 2, cx = float(w - 1) / 2;
  const float zoom_y = float(place.zoom_y), zoom_x = float(place.zoom_x);
  for (int64_t y = 0; y < h; ++y) {
    const float dv = (float(y) - cy) * zoom_y + float(place.dy);
    for (int64_t x = 0; x < w; ++x, out += c) {
      const float du = (float(x) - cx) * zoom_x + float(place.dx);
      const float across = cx - dv * sine + du * cosine;
      // Coordinates in the padded image.
      const float v = std::clamp(cy + dv * cosine + du * sine, -1.0f, float(h)) + 1;
      const float u = std::clamp(place.flip ? float(w - 1) - across : across, -1.0f, float(w)) + 1;
      const int64_t top = std::min(int64_t(v), h), left = std::min(int64_t(u), w);
      const float fv = v - float(top), fu = u - float(left);
      const float* p = &padded[size_t(top * row + left * c)];
      for (int64_t k = 0; k < c; ++k) {
        const float above = p[k] + fu * (p[k + c] - p[k]);
        const float below = p[k + row] + fu * (p[k + row + c] - p[k + row]);
        out[k] = above + fv * (below - above);
      }
    }
  }
}

}  // namespace

void augment_sample(const float* in, float* out, int64_t h, int64_t w, int64_t c, const Augment& augment, Rng rng) {
  const Placement place = draw(augment, h, w, rng);
  if (place.angle != 0 || place.zoom_y != 1 || place.zoom_x != 1) {
    resample(in, out, h, w, c, place);
  } else {
    copy_shifted(in, out, h, w, c, place);
  }
}

}  // namespace bitloom
