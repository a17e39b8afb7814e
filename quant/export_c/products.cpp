// The part of the C kernels' text that is made for a processor: sums of products, and the columns of codes that they read.
#include "quant/export_c/kernels.h"

namespace bitloom {

const char* const kProductsSource = R"c(// Code `i` of the word of weights w of a depthwise layer, and of another.
#define WEIGHT(w, bits, i) ((int32_t)((w) << (32 - (bits) * ((i) + 1))) >> (32 - (bits)))
#define PAIRED_WEIGHT(w, bits, i) WEIGHT(w, bits, (i) / 2 + (i) % 2 * (16 / (bits)))

// What needs all registers.
#if defined __GNUC__
#define NOT_INLINE __attribute__((noinline))
#else
#define NOT_INLINE
#endif

// The sum of products of one channel's weights with a column of codes (dot), and with LANES columns at once (dot_lanes); of kh x kw taps, TAP_STEP
// columns after the other, with the windows at x in a plane of w columns (dot_windows).
#if defined __ARM_FEATURE_SIMD32 && !defined __ARM_BIG_ENDIAN && !defined BITLOOM_PORTABLE

// With Arm's DSP extension: two products an instruction. Code i of lane l of n is column[PLACE(i, n) + 2 * l], so that pairs lie together.
#include <arm_acle.h>
#include <string.h>
#define PLACE(i, lanes) (((i) & ~1) * (lanes) + ((i) & 1))

static uint32_t word_at(const void* place) {
  uint32_t word;
  memcpy(&word, place, sizeof word);
  return word;
}
static void put_word(int16_t* place, uint32_t word) { memcpy(place, &word, sizeof word); }

// Calls M with the pairs of a word of weights in order. Those of 4 and 2 bits stay at the top of their bytes: 16 and 64 times as large.
#define PAIR(w) (uint32_t) __sxtb16((int8x4_t)(w))
#define UPPER_PAIR(w) PAIR((w) >> 8 | (w) << 24)
#define PAIRS_8(M) M(0, PAIR(w)) M(1, UPPER_PAIR(w))
#define PAIRS_4(M)                                                           \
  {                                                                          \
    const uint32_t even = w << 4 & 0xf0f0f0f0u, odd = w & 0xf0f0f0f0u;       \
    M(0, PAIR(even)) M(1, PAIR(odd)) M(2, UPPER_PAIR(even)) M(3, UPPER_PAIR(odd)) \
  }
#define PAIRS_2(M)                                                                        \
  {                                                                                       \
    const uint32_t a = w << 6 & 0xc0c0c0c0u, b = w << 4 & 0xc0c0c0c0u, c = w << 2 & 0xc0c0c0c0u, d = w & 0xc0c0c0c0u; \
    M(0, PAIR(a)) M(1, PAIR(b)) M(2, PAIR(c)) M(3, PAIR(d))                               \
    M(4, UPPER_PAIR(a)) M(5, UPPER_PAIR(b)) M(6, UPPER_PAIR(c)) M(7, UPPER_PAIR(d))       \
  }
#define SMLAD(a, b, sum) __smlad((int16x2_t)(a), (int16x2_t)(b), sum)
#define MULTIPLY(k, pair) s0 = SMLAD(pair, word_at(x + 2 * (k)), s0);
#define MULTIPLY_LANES(k, pair)                               \
  {                                                           \
    const uint32_t codes = pair;                              \
    s0 = SMLAD(codes, word_at(x + 2 * LANES * (k)), s0);      \
    s1 = SMLAD(codes, word_at(x + 2 * LANES * (k) + 2), s1);  \
    s2 = SMLAD(codes, word_at(x + 2 * LANES * (k) + 4), s2);  \
    s3 = SMLAD(codes, word_at(x + 2 * LANES * (k) + 6), s3);  \
  }
#define FOR_EACH_WORD(bits, lanes, M)                             \
  for (; weights < end; ++weights, x += (lanes) * (32 / (bits))) { \
    const uint32_t w = *weights;                                  \
    PAIRS_##bits(M)                                               \
  }

enum { BLOCK = 4096 };  // words whose sums of products, as large as they are, fit 32 bits

static int32_t dot(const uint32_t* weights, int32_t words, int32_t bits, const int16_t* x) {
  const int32_t shift = bits == 4 ? 4 : bits == 2 ? 6 : 0;
  int32_t sum = 0;
  while (words > 0) {
    const uint32_t* const end = weights + (words < BLOCK ? words : (int32_t)BLOCK);
    int32_t s0 = 0;
    if (bits == 8) FOR_EACH_WORD(8, 1, MULTIPLY)
    if (bits == 4) FOR_EACH_WORD(4, 1, MULTIPLY)
    if (bits == 2) FOR_EACH_WORD(2, 1, MULTIPLY)
    sum += s0 >> shift;
    words -= BLOCK;
  }
  return sum;
}

// 8-bit codes keep their size, and need no blocks.
#define DOT_LANES(bits, shift)                                                                                       \
  NOT_INLINE static void dot_lanes_##bits(const uint32_t* weights, int32_t words, const int16_t* x, int32_t* sums) { \
    int32_t t0 = 0, t1 = 0, t2 = 0, t3 = 0;                                                                          \
    do {                                                                                                             \
      const uint32_t* const end = weights + ((shift) == 0 || words < BLOCK ? words : (int32_t)BLOCK);                \
      int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;                                                                        \
      FOR_EACH_WORD(bits, LANES, MULTIPLY_LANES)                                                                     \
      t0 += s0 >> (shift);                                                                                           \
      t1 += s1 >> (shift);                                                                                           \
      t2 += s2 >> (shift);                                                                                           \
      t3 += s3 >> (shift);                                                                                           \
      words -= BLOCK;                                                                                                \
    } while ((shift) != 0 && words > 0);                                                                             \
    sums[0] = t0;                                                                                                    \
    sums[1] = t1;                                                                                                    \
    sums[2] = t2;                                                                                                    \
    sums[3] = t3;                                                                                                    \
  }
DOT_LANES(8, 0)
DOT_LANES(4, 4)
DOT_LANES(2, 6)

static void dot_lanes(const uint32_t* weights, int32_t words, int32_t bits, const int16_t* x, int32_t* sums) {
  if (bits == 8) {
    dot_lanes_8(weights, words, x, sums);
  } else if (bits == 4) {
    dot_lanes_4(weights, words, x, sums);
  } else if (bits == 2) {
    dot_lanes_2(weights, words, x, sums);
  } else {
    sums[0] = sums[1] = sums[2] = sums[3] = 0;
  }
}

// Codes first .. first + count - 1 of one of `lanes` columns are zero.
static void put_zeros(int32_t first, int32_t count, int16_t* column, int32_t lanes) {
  for (int32_t i = first; i < first + count; ++i) column[PLACE(i, lanes)] = 0;
}

// They are those from the start of a byte on.
static void unpack(packing p, const uint8_t* bytes, int32_t first, int32_t count, int16_t* column, int32_t lanes) {
  const int32_t end = first + count;
  int32_t i = first;
  if (first % 2 == 0 && p.bits == 8) {
    for (int16_t* place = column + first * lanes; i + 3 < end; i += 4, bytes += 4, place += 4 * lanes) {
      const uint32_t four = word_at(bytes);
      const uint32_t even = p.sign ? PAIR(four) : four & 0xff00ffu, odd = p.sign ? UPPER_PAIR(four) : four >> 8 & 0xff00ffu;
      put_word(place, (even & 0xffffu) | odd << 16);
      put_word(place + 2 * lanes, even >> 16 | (odd & 0xffff0000u));
    }
  } else if (first % 2 == 0) {
    const int32_t in_byte = 8 / (int32_t)p.bits;
    for (int16_t* place = column + first * lanes; i + in_byte <= end; i += in_byte, ++bytes) {
      for (uint32_t shift = 0; shift < 8; shift += 2 * p.bits, place += 2 * lanes) {
        const uint32_t even = (uint32_t)decode(p, *bytes, shift), odd = (uint32_t)decode(p, *bytes, shift + p.bits);
        put_word(place, (even & 0xffffu) | odd << 16);
      }
    }
  }
  for (; i < end; ++bytes) {
    for (uint32_t shift = 0; shift < 8 && i < end; shift += p.bits, ++i) {
      column[PLACE(i, lanes)] = (int16_t)decode(p, *bytes, shift);
    }
  }
}

enum { LANE_STEP = 2 };  // from a code to that of the next lane
#define TAP_STEP(kw) 4     // taps of a row multiplied at once

NOT_INLINE static void dot_windows(const int16_t* taps, int32_t kh, int32_t kw, int32_t w, const int16_t* const* x, int32_t* sums) {
  int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  for (int32_t k = 0; k < kw; k += 4) {
    const int16_t *x0 = x[0] + k, *x1 = x[1] + k, *x2 = x[2] + k, *x3 = x[3] + k;
    for (const int16_t* const end = taps + kh * 4; taps < end; taps += 4) {
      const uint32_t first = word_at(taps), second = word_at(taps + 2);
      s0 = SMLAD(second, word_at(x0 + 2), SMLAD(first, word_at(x0), s0));
      s1 = SMLAD(second, word_at(x1 + 2), SMLAD(first, word_at(x1), s1));
      s2 = SMLAD(second, word_at(x2 + 2), SMLAD(first, word_at(x2), s2));
      s3 = SMLAD(second, word_at(x3 + 2), SMLAD(first, word_at(x3), s3));
      x0 += w;
      x1 += w;
      x2 += w;
      x3 += w;
    }
  }
  sums[0] = s0;
  sums[1] = s1;
  sums[2] = s2;
  sums[3] = s3;
}

#else

// Code i of lane l of n is column[n * i + l].
#define CODES_8(M) M(8, 0) M(8, 1) M(8, 2) M(8, 3)
#define CODES_4(M) M(4, 0) M(4, 1) M(4, 2) M(4, 3) M(4, 4) M(4, 5) M(4, 6) M(4, 7)
#define CODES_2(M)                                                        \
  M(2, 0) M(2, 1) M(2, 2) M(2, 3) M(2, 4) M(2, 5) M(2, 6) M(2, 7) M(2, 8) \
  M(2, 9) M(2, 10) M(2, 11) M(2, 12) M(2, 13) M(2, 14) M(2, 15)

#define MULTIPLY(bits, i) s0 += PAIRED_WEIGHT(w, bits, i) * x[i];
#define MULTIPLY_LANES(bits, i)                     \
  {                                                 \
    const int32_t code = PAIRED_WEIGHT(w, bits, i); \
    s0 += code * x[LANES * (i)];                    \
    s1 += code * x[LANES * (i) + 1];                \
    s2 += code * x[LANES * (i) + 2];                \
    s3 += code * x[LANES * (i) + 3];                \
  }
#define FOR_EACH_WORD(bits, lanes, M)                                                   \
  for (const BITLOOM_FLASH uint32_t* end = weights + words; weights < end; ++weights) { \
    const uint32_t w = *weights;                                                        \
    CODES_##bits(M) x += (lanes) * (32 / (bits));                                       \
  }

static int32_t dot(const BITLOOM_FLASH uint32_t* weights, int32_t words, int32_t bits, const int16_t* x) {
  int32_t s0 = 0;
  if (bits == 8) FOR_EACH_WORD(8, 1, MULTIPLY)
  if (bits == 4) FOR_EACH_WORD(4, 1, MULTIPLY)
  if (bits == 2) FOR_EACH_WORD(2, 1, MULTIPLY)
  return s0;
}

static void dot_lanes(const BITLOOM_FLASH uint32_t* weights, int32_t words, int32_t bits, const int16_t* x, int32_t* sums) {
  int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  if (bits == 8) FOR_EACH_WORD(8, LANES, MULTIPLY_LANES)
  if (bits == 4) FOR_EACH_WORD(4, LANES, MULTIPLY_LANES)
  if (bits == 2) FOR_EACH_WORD(2, LANES, MULTIPLY_LANES)
  sums[0] = s0;
  sums[1] = s1;
  sums[2] = s2;
  sums[3] = s3;
}

// Codes first .. first + count - 1 of one of `lanes` columns are zero.
static void put_zeros(int32_t first, int32_t count, int16_t* column, int32_t lanes) {
  column += first * lanes;
  for (int32_t i = 0; i < count; ++i, column += lanes) *column = 0;
}

// They are those from the start of a byte on.
static void unpack(packing p, const uint8_t* bytes, int32_t first, int32_t count, int16_t* column, int32_t lanes) {
  int16_t* out = column + first * lanes;
  int32_t i = 0;
  if (p.bits == 8 && p.sign) {
    for (; i < count; ++i, out += lanes) *out = (int8_t)*bytes++;
  } else if (p.bits == 8) {
    for (; i < count; ++i, out += lanes) *out = *bytes++;
  }
  for (; i < count; ++bytes) {
    const uint32_t byte = *bytes;
    for (uint32_t shift = 0; shift < 8 && i < count; shift += p.bits, ++i, out += lanes) *out = (int16_t)decode(p, byte, shift);
  }
}

enum { LANE_STEP = 1 };  // from a code to that of the next lane
#define TAP_STEP(kw) (kw)  // taps of a row multiplied at once

NOT_INLINE static void dot_windows(const int16_t* taps, int32_t kh, int32_t kw, int32_t w, const int16_t* const* x, int32_t* sums) {
  const int16_t *x0 = x[0], *x1 = x[1], *x2 = x[2], *x3 = x[3];
  int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  for (int32_t row = 0; row < kh * w; row += w) {
    for (int32_t at = row; at < row + kw; ++at) {
      const int32_t code = *taps++;
      s0 += code * x0[at];
      s1 += code * x1[at];
      s2 += code * x2[at];
      s3 += code * x3[at];
    }
  }
  sums[0] = s0;
  sums[1] = s1;
  sums[2] = s2;
  sums[3] = s3;
}

#endif

)c";

}  // namespace bitloom
