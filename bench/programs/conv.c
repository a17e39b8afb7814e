// int8 3x3 convolution, 16 x 16 x 16 to the same with zero padding, NHWC and OHWI; outputs multiplied, shifted and clipped.
#include "bench/programs/bench.h"

#ifndef REPEAT
#define REPEAT 200
#endif

enum { kSize = 16, kIn = 16, kOut = 16, kKernel = 3, kMultiplier = 9, kShift = 13 };

static int8_t image[kSize][kSize][kIn];
static int8_t weights[kOut][kKernel][kKernel][kIn];
static int32_t outputs[kSize][kSize][kOut];

static int32_t requantize(int32_t sum) {
  const int32_t scaled = (sum * kMultiplier) >> kShift;
  return scaled < 0 ? 0 : scaled > 255 ? 255 : scaled;
}

static int32_t convolve_at(int y, int x, int channel) {
  int32_t sum = 1 << (kShift - 5);
  for (int ky = 0; ky < kKernel; ++ky) {
    const int in_y = y + ky - 1;
    if (in_y < 0 || in_y >= kSize) continue;
    for (int kx = 0; kx < kKernel; ++kx) {
      const int in_x = x + kx - 1;
      if (in_x < 0 || in_x >= kSize) continue;
      const int8_t* pixel = image[in_y][in_x];
      const int8_t* weight = weights[channel][ky][kx];
      for (int i = 0; i < kIn; ++i) sum += pixel[i] * weight[i];
    }
  }
  return requantize(sum);
}

static void convolve(void) {
  for (int y = 0; y < kSize; ++y) {
    for (int x = 0; x < kSize; ++x) {
      for (int channel = 0; channel < kOut; ++channel) outputs[y][x][channel] = convolve_at(y, x, channel);
    }
  }
}

int main(void) {
  fill_random(&image[0][0][0], kSize * kSize * kIn, 3);
  fill_random(&weights[0][0][0][0], kOut * kKernel * kKernel * kIn, 4);
  for (int repeat = 0; repeat < REPEAT; ++repeat) {
    convolve();
    forget();
  }
  return report(hash_words(&outputs[0][0][0], kSize * kSize * kOut), 0xbda3dc5cu);
}
