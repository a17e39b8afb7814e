// A small integer network: convolution, depthwise convolution, average pooling, linear layer, each requantized, then argmax.
#include "tests/programs/print.h"

enum { kSize = 10, kIn = 3, kChannels = 8, kPooled = 5, kClasses = 10 };

static uint8_t image[kSize][kSize][kIn];
static uint8_t features[kSize][kSize][kChannels], filtered[kSize][kSize][kChannels];
static uint8_t pooled[kPooled][kPooled][kChannels];
static int8_t conv_weights[kChannels][3][3][kIn], depthwise_weights[3][3][kChannels];
static int8_t linear_weights[kClasses][kPooled * kPooled * kChannels];
static int32_t logits[kClasses];

static uint8_t requantize(int32_t sum, int32_t multiplier, int32_t offset, int shift) {
  const int32_t scaled = (sum * multiplier + offset) >> shift;
  return (uint8_t)(scaled < 0 ? 0 : scaled > 255 ? 255 : scaled);
}

static void fill(void* bytes, size_t count, uint32_t seed) {
  for (uint8_t* byte = bytes; count--; ++byte) *byte = (uint8_t)(next_random(&seed) >> 20);
}

static void convolve(void) {
  for (int y = 0; y < kSize; ++y) {
    for (int x = 0; x < kSize; ++x) {
      for (int o = 0; o < kChannels; ++o) {
        int32_t sum = 0;
        for (int k = 0; k < 9; ++k) {
          const int in_y = y + k / 3 - 1, in_x = x + k % 3 - 1;
          if (in_y < 0 || in_y >= kSize || in_x < 0 || in_x >= kSize) continue;
          for (int i = 0; i < kIn; ++i) sum += image[in_y][in_x][i] * conv_weights[o][k / 3][k % 3][i];
        }
        features[y][x][o] = requantize(sum, 3 + o, 1 << 11, 11);
      }
    }
  }
}

static void convolve_depthwise(void) {
  for (int y = 0; y < kSize; ++y) {
    for (int x = 0; x < kSize; ++x) {
      for (int c = 0; c < kChannels; ++c) {
        int32_t sum = 0;
        for (int k = 0; k < 9; ++k) {
          const int in_y = y + k / 3 - 1, in_x = x + k % 3 - 1;
          if (in_y < 0 || in_y >= kSize || in_x < 0 || in_x >= kSize) continue;
          sum += features[in_y][in_x][c] * depthwise_weights[k / 3][k % 3][c];
        }
        filtered[y][x][c] = requantize(sum, 5, 1 << 9, 10);
      }
    }
  }
}

static void pool(void) {
  for (int y = 0; y < kPooled; ++y) {
    for (int x = 0; x < kPooled; ++x) {
      for (int c = 0; c < kChannels; ++c) {
        const int sum = filtered[2 * y][2 * x][c] + filtered[2 * y][2 * x + 1][c] + filtered[2 * y + 1][2 * x][c] +
                        filtered[2 * y + 1][2 * x + 1][c];
        pooled[y][x][c] = (uint8_t)((sum + 2) / 4);
      }
    }
  }
}

static void multiply(void) {
  const uint8_t* inputs = &pooled[0][0][0];
  for (int o = 0; o < kClasses; ++o) {
    logits[o] = 100 * o - 450;
    for (int i = 0; i < kPooled * kPooled * kChannels; ++i) logits[o] += inputs[i] * linear_weights[o][i];
  }
}

int main(void) {
  int best = 0;
  fill(image, sizeof image, 41);
  fill(conv_weights, sizeof conv_weights, 42);
  fill(depthwise_weights, sizeof depthwise_weights, 43);
  fill(linear_weights, sizeof linear_weights, 44);
  convolve();
  line_hex("conv", hash_bytes(features, sizeof features));
  convolve_depthwise();
  line_hex("depthwise", hash_bytes(filtered, sizeof filtered));
  pool();
  line_hex("pooled", hash_bytes(pooled, sizeof pooled));
  multiply();
  for (int o = 0; o < kClasses; ++o) {
    line_decimal("logit", logits[o]);
    if (logits[o] > logits[best]) best = o;
  }
  line_decimal("class", best);
  return best;
}
