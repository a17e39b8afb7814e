// A fixed-point FFT of 128 points in Q15, forward and back, over a sine table that a CORDIC computes.
#include "tests/programs/print.h"

enum { kBits = 7, kSize = 1 << kBits, kOne = 1 << 15 };

typedef struct {
  int32_t re, im;
} Complex;

static int32_t cosines[kSize], sines[kSize];
static Complex signal[kSize], spectrum[kSize];

// Arctangents of 2^-i, in 2^-30 turns.
static const int32_t kArctangents[] = {134217728, 79233351, 41864721, 21251178, 10666826, 5338618, 2669959, 1335061,
                                       667541,    333771,   166886,   83443,    41722,    20861,   10430,   5215};

static Complex cordic(int32_t angle) {
  Complex v = {19898 << 10, 0};  // 2^15 over the gain of the sixteen rotations
  const int negative = angle > 1 << 28 && angle < 3 << 28;
  if (negative) angle -= 1 << 29;
  if (angle >= 3 << 28) angle -= 1 << 30;
  for (int i = 0; i < 16; ++i) {
    const int32_t dx = v.re >> i, dy = v.im >> i;
    if (angle >= 0) {
      v = (Complex){v.re - dy, v.im + dx};
      angle -= kArctangents[i];
    } else {
      v = (Complex){v.re + dy, v.im - dx};
      angle += kArctangents[i];
    }
  }
  v = (Complex){(v.re + 512) >> 10, (v.im + 512) >> 10};
  return negative ? (Complex){-v.re, -v.im} : v;
}

static int32_t scale(int32_t a, int32_t b) { return (int32_t)(((int64_t)a * b + (kOne >> 1)) >> 15); }

// Every stage halves, so that the result is the transform over kSize.
static void transform(Complex* v, int inverse) {
  for (int i = 1, j = 0; i < kSize; ++i) {
    int bit = kSize >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j |= bit;
    if (i < j) {
      const Complex value = v[i];
      v[i] = v[j];
      v[j] = value;
    }
  }
  for (int length = 2; length <= kSize; length *= 2) {
    for (int first = 0; first < kSize; first += length) {
      for (int k = 0; k < length / 2; ++k) {
        const int turn = k * (kSize / length);
        const int32_t c = cosines[turn], s = inverse ? sines[turn] : -sines[turn];
        Complex *a = &v[first + k], *b = a + length / 2;
        const Complex turned = {scale(b->re, c) - scale(b->im, s), scale(b->re, s) + scale(b->im, c)};
        *b = (Complex){(a->re - turned.re) >> 1, (a->im - turned.im) >> 1};
        *a = (Complex){(a->re + turned.re) >> 1, (a->im + turned.im) >> 1};
      }
    }
  }
}

int main(void) {
  uint32_t state = 141;
  int largest_error = 0, peak = 0;
  for (int i = 0; i < kSize; ++i) {
    const Complex unit = cordic(i * ((1 << 30) / kSize));
    cosines[i] = unit.re;
    sines[i] = unit.im;
  }
  line_hex("table", hash_bytes(cosines, sizeof cosines) ^ hash_bytes(sines, sizeof sines));
  line_decimal("cos 0", cosines[0]);
  line_decimal("sin 45", sines[kSize / 8]);
  for (int i = 0; i < kSize; ++i) {
    const int32_t noise = (int32_t)(next_random(&state) >> 18) - 8192;
    signal[i] = (Complex){scale(40 * kOne, cosines[13 * i % kSize]) + scale(25 * kOne, sines[40 * i % kSize]) + noise, 0};
    spectrum[i] = signal[i];
  }
  transform(spectrum, 0);
  line_hex("spectrum", hash_bytes(spectrum, sizeof spectrum));
  for (int i = 0; i < kSize / 2; ++i) {
    const int64_t power = (int64_t)spectrum[i].re * spectrum[i].re + (int64_t)spectrum[i].im * spectrum[i].im;
    if (power > 1ll << 34) line_decimal("line at", i);
    const int64_t best = (int64_t)spectrum[peak].re * spectrum[peak].re + (int64_t)spectrum[peak].im * spectrum[peak].im;
    if (power > best) peak = i;
  }
  for (int i = 0; i < kSize; ++i) spectrum[i] = (Complex){spectrum[i].re * kSize, spectrum[i].im * kSize};
  transform(spectrum, 1);
  for (int i = 0; i < kSize; ++i) {
    const int32_t error = spectrum[i].re > signal[i].re ? spectrum[i].re - signal[i].re : signal[i].re - spectrum[i].re;
    if (error > largest_error) largest_error = error;
  }
  line_decimal("largest error", largest_error);
  return peak;
}
