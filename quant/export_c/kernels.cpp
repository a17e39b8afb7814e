// The text of the C kernels: the formulas of quant/integer/graph.h on packed activations.
#include "quant/export_c/kernels.h"

#include "core/error.h"

namespace bitloom {

const char* const kKernelsHeader =
    R"c(// Integer kernels of the networks that bitloom exports. C99 without floating point, allocation or state.
#ifndef BITLOOM_KERNELS_H
#define BITLOOM_KERNELS_H

#include <stdint.h>

// Where constants are: a qualifier for memory that ordinary loads do not read. avr-gcc has __flash for the first 64 kB, and __memx for all
// of a larger chip's flash (-DBITLOOM_FLASH=__memx); in C only, so compile these files as C there.
#ifndef BITLOOM_FLASH
#if defined __FLASH && !defined __cplusplus
#define BITLOOM_FLASH __flash
#else
#define BITLOOM_FLASH
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

// An image of codes between lo and hi: rows of pixels of c codes. With 2, 4 or 8 bits every pixel starts at a byte and its
// codes follow each other from the low bits up, in two's complement if lo is negative; with 32 bits every code is an int32_t.
typedef struct {
  int32_t h, w, c, bits, lo, hi;
} bitloom_tensor;

// The next `channels` output channels have weights of `bits` bits: 2, 4, 8, or 0 for none.
typedef struct {
  int32_t bits, channels;
} bitloom_group;

// Weights are two's complement codes in (kh, kw, input channel) order, every output channel padded with zeros to whole words. From the low bits
// up, a word has its even codes and then, from its middle on, its odd ones; those of depthwise layers simply follow each other. Each output channel
// has a multiplier, an offset and a shift; avg_pool has one of each for all, add too, but two multipliers; max_pool has none.
typedef struct {
  const BITLOOM_FLASH bitloom_tensor *in, *second, *out;
  int32_t kh, kw, sh, sw;  // window and stride
  int32_t pt, pl;          // rows above and columns left of the image that count as zeros, or for max_pool not at all
  const BITLOOM_FLASH bitloom_group* groups;
  int32_t group_count;
  const BITLOOM_FLASH uint32_t* weights;
  const BITLOOM_FLASH int32_t *multiplier, *offset;
  const BITLOOM_FLASH uint8_t* shift;
} bitloom_layer;

// What a program may want to know of a network that it does not know by name. value = (code - zero point) * scale.
typedef struct {
  const char* name;
  bitloom_tensor input, output;  // of one code a byte; of 32 bits: an int32_t
  float input_scale, output_scale;
  int32_t input_zero_point, output_zero_point;
  int32_t scratch_bytes;
  const char* const* class_names;                           // one for each output; 0 where outputs are no classes
  int (*infer)(const void* in, void* out, void* scratch);  // what NAME_infer_with does
} bitloom_description;

// Each reads and writes codes packed as the layer's tensors say. `scratch` has the size that the exporter computed; what is in
// it does not matter. `out` may be an input where the exporter found that no code is overwritten before its last use.
void bitloom_conv2d(const BITLOOM_FLASH bitloom_layer* layer, const uint8_t* in, void* out, int16_t* scratch);
void bitloom_depthwise(const BITLOOM_FLASH bitloom_layer* layer, const uint8_t* in, void* out, int16_t* scratch);
void bitloom_linear(const BITLOOM_FLASH bitloom_layer* layer, const uint8_t* in, void* out, int16_t* scratch);  // the window is all of `in`
void bitloom_avg_pool(const BITLOOM_FLASH bitloom_layer* layer, const uint8_t* in, void* out);
void bitloom_add(const BITLOOM_FLASH bitloom_layer* layer, const uint8_t* in, const uint8_t* second, void* out);
void bitloom_max_pool(const BITLOOM_FLASH bitloom_layer* layer, const uint8_t* in, void* out);

// Code number `index` in (row, column, channel) order.
int32_t bitloom_code(const BITLOOM_FLASH bitloom_tensor* tensor, const void* codes, int32_t index);

// Whether every code is between lo and hi.
int bitloom_in_range(const BITLOOM_FLASH bitloom_tensor* tensor, const uint8_t* codes);

// With BITLOOM_TRACE defined, networks call this function of yours after every layer with its number, from 1 on, and its codes; bitloom_code
// reads them.
#ifdef BITLOOM_TRACE
void bitloom_trace(int layer, const BITLOOM_FLASH bitloom_tensor* tensor, const void* codes);
#endif

#ifdef __cplusplus
}
#endif

#endif
)c";

// Three pieces: products.cpp has the one in the middle.
const char* const kPieces[] = {
    "// Integer kernels of the networks that bitloom exports.\n"
    "#include \"bitloom_kernels.h\"\n"
    R"c(
// The compiler must shift negative numbers arithmetically and wrap conversions to int32_t, as every common one does.
typedef char arithmetic_shift_is_needed[((int32_t)-3 >> 1) == -2 && (int32_t)UINT32_MAX == -1 ? 1 : -1];

enum { LANES = 4 };  // output pixels computed together, so that a weight is unpacked once for all of them

// A tensor's packing and range in registers: loads through a tensor* would be repeated after every store of a byte.
typedef struct {
  uint32_t bits, mask, sign;
  int32_t lo, hi;
} packing;

static packing packing_of(const BITLOOM_FLASH bitloom_tensor* tensor) {
  packing p;
  p.bits = (uint32_t)tensor->bits;
  p.mask = 0xffffffffu >> (32 - tensor->bits);
  p.sign = tensor->lo < 0 ? (uint32_t)1 << (tensor->bits - 1) : 0;
  p.lo = tensor->lo;
  p.hi = tensor->hi;
  return p;
}

static int32_t pixel_bytes(const BITLOOM_FLASH bitloom_tensor* tensor) { return (tensor->c * tensor->bits + 7) / 8; }

static int32_t decode(packing p, uint32_t byte, uint32_t shift) {
  return (int32_t)(((byte >> shift) & p.mask) ^ p.sign) - (int32_t)p.sign;
}

static int32_t load(packing p, const uint8_t* pixel, int32_t channel) {
  const uint32_t bit = (uint32_t)channel * p.bits;
  return decode(p, pixel[bit / 8], bit % 8);
}

static void store(packing p, uint8_t* pixel, int32_t channel, int32_t code) {
  if (p.bits == 8) {
    pixel[channel] = (uint8_t)code;
  } else if (p.bits == 32) {
    ((int32_t*)(void*)pixel)[channel] = code;
  } else {
    const uint32_t bit = (uint32_t)channel * p.bits, shift = bit % 8;
    const uint32_t others = pixel[bit / 8] & ~(p.mask << shift);
    pixel[bit / 8] = (uint8_t)(others | ((uint32_t)code & p.mask) << shift);
  }
}

// The rounding rule: half up, the half being in the offset. No sum or product that the network can reach leaves int32_t.
static int32_t requantize(int32_t sum, int32_t multiplier, int32_t offset, int32_t shift, packing out) {
  const int32_t code = (sum * multiplier + offset) >> shift;
  return code < out.lo ? out.lo : code > out.hi ? out.hi : code;
}

)c",
    kProductsSource,
    R"c(// The codes below the window of an output pixel, in one of `lanes` columns, zero outside the image.
static void gather(const BITLOOM_FLASH bitloom_layer* layer, const uint8_t* in, int32_t pixel, int16_t* column, int32_t lanes) {
  const BITLOOM_FLASH bitloom_tensor* image = layer->in;
  const packing p = packing_of(image);
  const int32_t bytes = pixel_bytes(image), c = image->c;
  const int32_t top = pixel / layer->out->w * layer->sh - layer->pt, left = pixel % layer->out->w * layer->sw - layer->pl;
  const int32_t begin = left < 0 ? -left : 0, end = image->w - left < layer->kw ? image->w - left : layer->kw;
  const int32_t run = 8 * bytes == c * image->bits ? end - begin : 1;  // pixels without a gap between them
  int32_t at = 0;
  for (int32_t y = top; y < top + layer->kh; ++y, at += layer->kw * c) {
    const int inside = y >= 0 && y < image->h;
    const int32_t first = inside ? begin : layer->kw, last = inside ? end : layer->kw;
    put_zeros(at, first * c, column, lanes);
    for (int32_t x = first; x < last; x += run) {
      unpack(p, in + (y * image->w + left + x) * bytes, at + x * c, run * c, column, lanes);
    }
    put_zeros(at + last * c, (layer->kw - last) * c, column, lanes);
  }
}

// Code `channel` of `count` pixels, `bytes` apart.
static void store_codes(const BITLOOM_FLASH bitloom_layer* layer, packing p, int32_t channel, const int32_t* sums, int32_t count, uint8_t* pixel,
                        int32_t bytes) {
  const int32_t multiplier = layer->multiplier[channel], offset = layer->offset[channel], shift = layer->shift[channel];
  for (int32_t i = 0; i < count; ++i, pixel += bytes) {
    const int32_t code = requantize(sums[i], multiplier, offset, shift, p);
    if (p.bits == 8) {
      pixel[channel] = (uint8_t)code;
    } else {
      store(p, pixel, channel, code);
    }
  }
}

// All channels of output pixels first .. first + count - 1, from their columns.
static void finish_pixels(const BITLOOM_FLASH bitloom_layer* layer, const int16_t* columns, int32_t lanes, int32_t first, int32_t count,
                          void* out) {
  const BITLOOM_FLASH bitloom_tensor* image = layer->out;
  const packing p = packing_of(image);
  const int32_t codes = layer->kh * layer->kw * layer->in->c, bytes = pixel_bytes(image);
  const BITLOOM_FLASH uint32_t* weights = layer->weights;
  uint8_t* const pixels = (uint8_t*)out + first * bytes;
  int32_t channel = 0;
  for (const BITLOOM_FLASH bitloom_group* group = layer->groups; group < layer->groups + layer->group_count; ++group) {
    const int32_t words = (codes * group->bits + 31) / 32;
    for (const int32_t end = channel + group->channels; channel < end; ++channel, weights += words) {
      int32_t sums[LANES];
      if (lanes == 1) {
        sums[0] = dot(weights, words, group->bits, columns);
      } else {
        dot_lanes(weights, words, group->bits, columns, sums);
      }
      store_codes(layer, p, channel, sums, count, pixels, bytes);
    }
  }
}

void bitloom_conv2d(const BITLOOM_FLASH bitloom_layer* layer, const uint8_t* in, void* out, int16_t* scratch) {
  const int32_t pixels = layer->out->h * layer->out->w;
  for (int32_t first = 0; first < pixels; first += LANES) {
    // Lanes after the last pixel see more of the image or zeros: sums as harmless as all others, which nobody stores.
    for (int32_t lane = 0; lane < LANES; ++lane) gather(layer, in, first + lane, scratch + LANE_STEP * lane, LANES);
    finish_pixels(layer, scratch, LANES, first, pixels - first < LANES ? pixels - first : (int32_t)LANES, out);
  }
}

void bitloom_linear(const BITLOOM_FLASH bitloom_layer* layer, const uint8_t* in, void* out, int16_t* scratch) {
  gather(layer, in, 0, scratch, 1);
  finish_pixels(layer, scratch, 1, 0, 1, out);
}

// Channel `channel` of the image, at its place among the zeros of a plane of h x w codes.
static void gather_plane(const BITLOOM_FLASH bitloom_layer* layer, const uint8_t* in, int32_t channel, int16_t* plane, int32_t h, int32_t w) {
  const BITLOOM_FLASH bitloom_tensor* image = layer->in;
  const packing p = packing_of(image);
  const int32_t bytes = pixel_bytes(image);
  const uint32_t bit = (uint32_t)channel * p.bits, shift = bit % 8;
  const int32_t rows = image->h < h - layer->pt ? image->h : h - layer->pt;
  const int32_t columns = image->w < w - layer->pl ? image->w : w - layer->pl;
  for (int32_t y = 0; y < rows; ++y) {
    const uint8_t* byte = in + y * image->w * bytes + bit / 8;
    int16_t* row = plane + (y + layer->pt) * w + layer->pl;
    if (p.bits == 8 && !p.sign) {
      for (int32_t x = 0; x < columns; ++x, byte += bytes) row[x] = *byte;
    } else {
      for (int32_t x = 0; x < columns; ++x, byte += bytes) row[x] = (int16_t)decode(p, *byte, shift);
    }
  }
}

// One channel: the window with its `taps` slides over the plane.
static void slide(const BITLOOM_FLASH bitloom_layer* layer, const int16_t* taps, const int16_t* plane, int32_t w, int32_t channel,
                  void* out) {
  const BITLOOM_FLASH bitloom_tensor* image = layer->out;
  const packing p = packing_of(image);
  const int32_t kh = layer->kh, kw = layer->kw, bytes = pixel_bytes(image), columns = image->w, sw = layer->sw;
  const int32_t to_row = layer->sh * w - (columns - 1) * sw;  // from a row's last window to the next row's first one
  const int16_t* window = plane;
  int32_t column = columns;  // windows left in the row
  uint8_t* pixel = (uint8_t*)out;
  for (int32_t left = image->h * columns; left > 0; left -= LANES) {
    const int16_t* x[LANES];
    int32_t sums[LANES];
    for (int32_t lane = 0; lane < LANES; ++lane) {  // lanes after the last pixel have its window
      x[lane] = window;
      if (lane + 1 >= left) continue;
      window += --column ? sw : to_row;
      column = column ? column : columns;
    }
    dot_windows(taps, kh, kw, w, x, sums);
    store_codes(layer, p, channel, sums, left < LANES ? left : (int32_t)LANES, pixel, bytes);
    pixel += LANES * bytes;
  }
}

void bitloom_depthwise(const BITLOOM_FLASH bitloom_layer* layer, const uint8_t* in, void* out, int16_t* scratch) {
  const int32_t kh = layer->kh, kw = layer->kw, step = TAP_STEP(kw), tap_codes = (kw + step - 1) / step * step * kh;
  const int32_t h = (layer->out->h - 1) * layer->sh + kh, w = (layer->out->w - 1) * layer->sw + kw;
  int16_t *const taps = scratch, *const plane = scratch + tap_codes;
  for (int32_t i = 0; i < tap_codes + h * w + 3; ++i) scratch[i] = 0;  // a step may begin at the last code
  const BITLOOM_FLASH uint32_t* weights = layer->weights;
  int32_t channel = 0;
  for (const BITLOOM_FLASH bitloom_group* group = layer->groups; group < layer->groups + layer->group_count; ++group) {
    const int32_t bits = group->bits;
    for (const int32_t end = channel + group->channels; channel < end; ++channel, weights += (kh * kw * bits + 31) / 32) {
      for (int32_t i = 0; i < kh * kw; ++i) {
        taps[(i % kw / step * kh + i / kw) * step + i % kw % step] = (int16_t)(bits == 0 ? 0 : WEIGHT(weights[i * bits / 32], bits, i % (32 / bits)));
      }
      gather_plane(layer, in, channel, plane, h, w);
      slide(layer, taps, plane, w, channel, out);
    }
  }
}

void bitloom_avg_pool(const BITLOOM_FLASH bitloom_layer* layer, const uint8_t* in, void* out) {
  const BITLOOM_FLASH bitloom_tensor *image = layer->in, *pooled = layer->out;
  const packing from = packing_of(image), to = packing_of(pooled);
  const int32_t bytes = pixel_bytes(image), row_bytes = image->w * bytes;
  const int32_t multiplier = *layer->multiplier, offset = *layer->offset, shift = *layer->shift;
  uint8_t* pixel = (uint8_t*)out;
  for (int32_t y = 0; y < pooled->h; ++y) {
    for (int32_t x = 0; x < pooled->w; ++x, pixel += pixel_bytes(pooled)) {
      const uint8_t* window = in + y * layer->kh * row_bytes + x * layer->kw * bytes;
      for (int32_t channel = 0; channel < pooled->c; ++channel) {
        int32_t sum = 0;
        for (int32_t ky = 0; ky < layer->kh; ++ky) {
          const uint8_t* row = window + ky * row_bytes;
          for (int32_t kx = 0; kx < layer->kw; ++kx) sum += load(from, row + kx * bytes, channel);
        }
        store(to, pixel, channel, requantize(sum, multiplier, offset, shift, to));
      }
    }
  }
}

void bitloom_add(const BITLOOM_FLASH bitloom_layer* layer, const uint8_t* in, const uint8_t* second, void* out) {
  const BITLOOM_FLASH bitloom_tensor* sum = layer->out;
  const packing a = packing_of(layer->in), b = packing_of(layer->second), to = packing_of(sum);
  const int32_t offset = *layer->offset, shift = *layer->shift;
  uint8_t* pixel = (uint8_t*)out;
  for (int32_t i = 0; i < sum->h * sum->w; ++i) {
    for (int32_t channel = 0; channel < sum->c; ++channel) {
      const int32_t product = load(b, second, channel) * layer->multiplier[1];
      store(to, pixel, channel, requantize(load(a, in, channel), layer->multiplier[0], product + offset, shift, to));
    }
    in += pixel_bytes(layer->in);
    second += pixel_bytes(layer->second);
    pixel += pixel_bytes(sum);
  }
}

int32_t bitloom_code(const BITLOOM_FLASH bitloom_tensor* tensor, const void* codes, int32_t index) {
  if (tensor->bits == 32) return ((const int32_t*)codes)[index];
  return load(packing_of(tensor), (const uint8_t*)codes + index / tensor->c * pixel_bytes(tensor), index % tensor->c);
}

int bitloom_in_range(const BITLOOM_FLASH bitloom_tensor* tensor, const uint8_t* codes) {
  for (int32_t i = 0; i < tensor->h * tensor->w * tensor->c; ++i) {
    const int32_t code = bitloom_code(tensor, codes, i);
    if (code < tensor->lo || code > tensor->hi) return 0;
  }
  return 1;
}

void bitloom_max_pool(const BITLOOM_FLASH bitloom_layer* layer, const uint8_t* in, void* out) {
  const BITLOOM_FLASH bitloom_tensor *image = layer->in, *pooled = layer->out;
  const packing from = packing_of(image), to = packing_of(pooled);
  const int32_t bytes = pixel_bytes(image);
  uint8_t* pixel = (uint8_t*)out;
  for (int32_t oy = 0; oy < pooled->h; ++oy) {
    const int32_t top = oy * layer->sh - layer->pt, first = top < 0 ? 0 : top;
    const int32_t last = top + layer->kh < image->h ? top + layer->kh : image->h;
    for (int32_t ox = 0; ox < pooled->w; ++ox) {
      const int32_t left = ox * layer->sw - layer->pl, begin = left < 0 ? 0 : left;
      const int32_t end = left + layer->kw < image->w ? left + layer->kw : image->w;
      for (int32_t channel = 0; channel < pooled->c; ++channel) {
        int32_t largest = image->lo;
        for (int32_t y = first; y < last; ++y) {
          for (int32_t x = begin; x < end; ++x) {
            const int32_t code = load(from, in + (y * image->w + x) * bytes, channel);
            largest = code > largest ? code : largest;
          }
        }
        store(to, pixel, channel, largest);
      }
      pixel += pixel_bytes(pooled);
    }
  }
}
)c"};

std::string kernels_source() { return str(kPieces[0], kPieces[1], kPieces[2]); }

}  // namespace bitloom
