// Random changes of one training sample.
#pragma once
#include <cstdint>

#include "core/rng.h"

namespace bitloom {

// What may be done to a sample. Of an image, in this order: flip, rotation, translation, crop, zoom. All are pure functions of the Rng.
struct Augment {
  bool flip = false;          // mirror left-right with probability 1/2
  double rotate_degrees = 0;  // uniform in [-d, d], bilinear, zero outside
  double translate = 0;       // uniform in [-t, t] of height and width, whole pixels, zero outside
  double zoom = 0;            // height and width each seen as 1-z to 1+z of themselves, bilinear, zero outside
  int64_t crop_padding = 0;   // pad by p zeros on each side, then crop the original size at a random place
  // Of sound (datasets/speech.h):
  double speed = 0;     // played faster or slower by up to this part
  double shift_ms = 0;  // earlier or later by up to so many milliseconds, zero around
  double noise = 0;     // background noise whose root mean square is up to this part of the loudest sample

  static constexpr const char* kImageItems = "flip, crop=PIXELS, rotate=DEGREES, translate=FRACTION, zoom=FRACTION";
  static constexpr const char* kSoundItems = "shift=MILLISECONDS, noise=FRACTION, speed=FRACTION";
  bool of_images() const { return flip || rotate_degrees > 0 || translate > 0 || crop_padding > 0 || zoom > 0; }
  bool of_sound() const { return speed > 0 || shift_ms > 0 || noise > 0; }
  bool any() const { return of_images() || of_sound(); }
};

// Writes the augmented form of `in` to `out`, both (h,w,c), not overlapping. The enabled steps draw from `rng` in the order of
// `Augment`, rotation before the vertical before the horizontal shift, so equal generators give equal images.
//
// The steps compose to one map from the output pixel (y,x) to a place in the input, which is sampled once; places outside the
// input are 0. With whole-pixel shifts (dy,dx), zooms (zy,zx), the centre (cy,cx) = ((h-1)/2, (w-1)/2) and the angle a:
//   v = cy + (y-cy) zy + dy,  u = cx + (x-cx) zx + dx           dy = oy - p - ty: crop corner oy in [0,2p], translation ty
//   v' = cy + (v-cy) cos a + (u-cx) sin a,  u' = cx - (v-cy) sin a + (u-cx) cos a
//   u'' = w-1-u' if flipped
// Without rotation and zoom v'', u'' are whole and pixels are copied; with it they are interpolated bilinearly.
void augment_sample(const float* in, float* out, int64_t h, int64_t w, int64_t c, const Augment& augment, Rng rng);

}  // namespace bitloom
