// A Lempel-Ziv compressor with a hash of the last positions, its decompressor, and a round trip over four kinds of data.
#include "tests/programs/print.h"

enum { kSize = 4096, kWindow = 1024, kShortest = 3, kLongest = 34, kHashBits = 9 };

static uint8_t data[kSize], packed[kSize + kSize / 8 + 8], restored[kSize];

static uint32_t hash3(const uint8_t* p) {
  return (p[0] * 2654435761u ^ p[1] * 40503u ^ p[2] * 97u) >> 7 & ((1 << kHashBits) - 1);
}

// A flag byte precedes eight items: a literal byte, or 10 bits of distance - 1 and 5 bits of length - kShortest, low byte first.
static int compress(const uint8_t* in, int size, uint8_t* out) {
  static int16_t last[1 << kHashBits];
  int written = 0, flags = 0, items = 8;
  for (int i = 0; i < 1 << kHashBits; ++i) last[i] = -1;
  for (int at = 0; at < size;) {
    if (items == 8) {
      flags = written++;
      out[flags] = 0;
      items = 0;
    }
    int length = 0, distance = 0;
    if (at + kShortest <= size) {
      const uint32_t hash = hash3(in + at);
      const int candidate = last[hash];
      last[hash] = (int16_t)at;
      if (candidate >= 0 && at - candidate <= kWindow) {
        while (length < kLongest && at + length < size && in[candidate + length] == in[at + length]) ++length;
        distance = at - candidate;
      }
    }
    if (length >= kShortest) {
      const int code = (distance - 1) | (length - kShortest) << 10;
      out[flags] |= (uint8_t)(1 << items);
      out[written++] = (uint8_t)code;
      out[written++] = (uint8_t)(code >> 8);
      at += length;
    } else {
      out[written++] = in[at++];
    }
    ++items;
  }
  return written;
}

static int decompress(const uint8_t* in, int size, uint8_t* out) {
  int written = 0;
  for (int at = 0; at < size;) {
    const int flags = in[at++];
    for (int item = 0; item < 8 && at < size; ++item) {
      if (flags >> item & 1) {
        const int code = in[at] | in[at + 1] << 8;
        at += 2;
        const uint8_t* from = out + written - (code & (kWindow - 1)) - 1;
        for (int left = (code >> 10) + kShortest; left > 0; --left) out[written++] = *from++;
      } else {
        out[written++] = in[at++];
      }
    }
  }
  return written;
}

static void fill(int kind) {
  static const char words[] = "weights activations channels precision cycles energy ";
  uint32_t state = 101 + (uint32_t)kind;
  for (int i = 0; i < kSize; ++i) {
    const uint32_t random = next_random(&state);
    switch (kind) {
      case 0: data[i] = 0; break;
      case 1: data[i] = (uint8_t)words[(i + (i / 512) * 7) % (int)(sizeof words - 1)]; break;
      case 2: data[i] = (uint8_t)(random % 11 == 0 ? random >> 24 : (uint32_t)i / 64); break;
      default: data[i] = (uint8_t)(random >> 24); break;
    }
  }
}

int main(void) {
  static const char* const names[] = {"zeros", "text", "steps", "noise"};
  int wrong = 0;
  for (int kind = 0; kind < 4; ++kind) {
    fill(kind);
    const int size = compress(data, kSize, packed);
    for (int i = 0; i < kSize; ++i) restored[i] = 0xff;
    const int back = decompress(packed, size, restored);
    wrong += back != kSize || hash_bytes(data, kSize) != hash_bytes(restored, kSize);
    line_decimal(names[kind], size);
    line_hex("packed", hash_bytes(packed, (size_t)size));
  }
  line_decimal("wrong", wrong);
  return wrong;
}
