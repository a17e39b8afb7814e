// Writes the front end of a keyword network as C.
#include "quant/export_c/front_end.h"

#include "core/error.h"
#include "quant/export_c/text.h"

namespace bitloom {
namespace {

const char* const kHeader =
    "// The sound that the network hears, as the codes that it takes; exported by bitloom.\n"
    "#ifndef BITLOOM_FRONT_END_H\n#define BITLOOM_FRONT_END_H\n\n#include \"bitloom_network.h\"\n"
    R"c(
#ifdef __cplusplus
extern "C" {
#endif

enum { BITLOOM_SAMPLES = 16000 };  // one second at 16 kHz

// Mel-frequency cepstral coefficients of `samples` as BITLOOM_INPUT_SIZE codes. Not reentrant: work memory is static.
void bitloom_front_end(const int16_t* samples, uint8_t* codes);

// From sound to what bitloom_infer writes; returns what it returns.
int bitloom_infer_sound(const int16_t* samples, OUTPUT_TYPE* out);

#ifdef __cplusplus
}
#endif

#endif
)c";

const char* const kBegin =
    "// Mel-frequency cepstral coefficients in integers: datasets/fixed_mfcc.h of bitloom describes the steps.\n"
    "#include \"bitloom_front_end.h\"\n"
    R"c(
// The compiler must shift negative numbers arithmetically, as every common one does.
typedef char arithmetic_shift_is_needed[((int32_t)-3 >> 1) == -2 && ((int64_t)-3 >> 1) == -2 ? 1 : -1];

enum { WINDOW = 480, STRIDE = 320, FRAMES = 49, BANDS = 40, COEFFICIENTS = 10, QUARTER = 128, HALF = 256 };

)c";

const char* const kCode = R"c(
// Samples and spectrum of a frame: even ones or real parts, and odd ones or imaginary parts.
static int32_t re[HALF], im[HALF];

static int32_t sine_of(int32_t i) { return i <= QUARTER ? sine[i] : sine[HALF - i]; }
static int32_t cosine_of(int32_t i) { return i <= QUARTER ? sine[QUARTER - i] : -sine[i - QUARTER]; }

// That gives the largest magnitude 15 bits.
static int32_t shift_of(const int16_t* frame) {
  int32_t peak = 0, shift = 0, i;
  for (i = 0; i < WINDOW; ++i) {
    const int32_t size = frame[i] < 0 ? -frame[i] : frame[i];
    if (size > peak) peak = size;
  }
  while (shift < 14 && peak * ((int32_t)2 << shift) < 32768) ++shift;
  return shift;
}

static int32_t high(int32_t a, int32_t b) { return (int32_t)(((int64_t)a * b) >> 32); }

static void take_frame(const int16_t* frame, int32_t shift) {
  int32_t i, bit, place = 0;  // of a pair of samples: its number's 8 bits in the opposite order
  for (i = 0; i < HALF; ++i) re[i] = im[i] = 0;
  for (i = 0; i < WINDOW; i += 2) {
    re[place] = high(frame[i] * ((int32_t)1 << (shift + 16)), hann[i < WINDOW - i ? i : WINDOW - i]);
    im[place] = high(frame[i + 1] * ((int32_t)1 << (shift + 16)), hann[i + 1 < WINDOW - i ? i + 1 : WINDOW - i - 1]);
    for (bit = HALF / 2; place & bit; bit /= 2) place -= bit;
    place += bit;
  }
}

static void transform(void) {
  int32_t span, k, a;
  for (span = 1; span < HALF; span *= 2) {
    for (k = 0; k < span; ++k) {
      const int32_t c = cosine_of(k * HALF / span), s = sine_of(k * HALF / span);
      for (a = k; a < HALF; a += 2 * span) {
        const int32_t b = a + span, ar = re[a] >> 1, ai = im[a] >> 1, br = re[b], bi = im[b];
        const int32_t tr = high(br, c) + high(bi, s), ti = high(bi, c) - high(br, s);
        re[a] = ar + tr, im[a] = ai + ti;
        re[b] = ar - tr, im[b] = ai - ti;
      }
    }
  }
}

// Rounded down, bit by bit.
static uint32_t square_root(uint32_t v) {
  uint32_t root = 0, bit;
  for (bit = (uint32_t)1 << 30; bit > 0; bit >>= 2) {
    const uint32_t with = root + bit;
    root >>= 1;
    if (v >= with) v -= with, root += bit;
  }
  return root;
}

static uint32_t magnitude_of(int32_t k) {
  const int32_t a = k, b = HALF - k;
  const int64_t even_re = (int64_t)re[a] + re[b], even_im = (int64_t)im[a] - im[b], odd_re = (int64_t)im[a] + im[b],
                odd_im = (int64_t)re[b] - re[a], c = cosine_of(k), s = sine_of(k), one = (int64_t)1 << 31;
  const int64_t real = (even_re * one + odd_re * c + odd_im * s + one) >> 32;
  const int64_t imaginary = (even_im * one - odd_re * s + odd_im * c + one) >> 32;
  uint32_t x = (uint32_t)(real < 0 ? -real : real), y = (uint32_t)(imaginary < 0 ? -imaginary : imaginary);
  int32_t down = 0;
  while ((x | y) >> 19) x >>= 4, y >>= 4, down += 4;
  while ((x | y) >> 15) x >>= 1, y >>= 1, ++down;
  return square_root(x * x + y * y) << down;
}

// The logarithm to base 2 in Q16 of v >= 1.
static int32_t log2_of(uint64_t v) {
  int32_t whole = 63, by;
  uint32_t fraction, part;
  const uint32_t* step;
  for (by = 32; by > 0; by /= 2) {
    if (!(v >> (64 - by))) v <<= by, whole -= by;
  }
  fraction = (uint32_t)(v >> 47) & 0xffffu;
  step = logarithm + fraction / 1024;
  part = (step[1] - step[0]) * (fraction % 1024) + 512;
  return whole * 65536 + (int32_t)(step[0] + part / 1024);
}

void bitloom_front_end(const int16_t* samples, uint8_t* codes) {
  static uint32_t spectrum[HALF];
  int32_t largest = 0, t, i, band, k;
  for (i = 0; i < BITLOOM_SAMPLES; ++i) {
    if (samples[i] > largest) largest = samples[i];
  }
  for (t = 0; t < FRAMES; ++t) {
    const int16_t* frame = samples + t * STRIDE;
    const int32_t shift = shift_of(frame);
    const uint64_t unit = (uint64_t)(largest > 0 ? largest : 1) << shift, least = (unit * 137439u + 32768u) >> 16;
    const int32_t log_unit = log2_of(unit) + ((int32_t)21 << 16);
    int64_t sums[COEFFICIENTS] = {0};
    const uint16_t* weight = weights;
    take_frame(frame, shift);
    transform();
    for (k = first[0]; k < first[BANDS - 1] + count[BANDS - 1]; ++k) spectrum[k] = magnitude_of(k);
    for (band = 0; band < BANDS; ++band) {
      uint64_t energy = least;
      int64_t level;
      for (i = 0; i < count[band]; ++i) energy += (uint64_t)*weight++ * spectrum[first[band] + i];
      level = log2_of(energy) - log_unit;
      for (k = 0; k < COEFFICIENTS; ++k) sums[k] += level * dct[band * COEFFICIENTS + k];
    }
    for (k = 0; k < COEFFICIENTS; ++k) {
      const int64_t code = (sums[k] + ((int64_t)1 << (DOWN - 1))) >> DOWN;
      codes[t * COEFFICIENTS + k] = (uint8_t)(code < LOWEST ? LOWEST : code > HIGHEST ? HIGHEST : code);
    }
  }
}

)c";

}  // namespace

FixedMfcc front_end_of(const IntegerGraph& graph) {
  const IntegerLayer& in = graph.layers.front();
  BITLOOM_CHECK(in.h == Mfcc::kFrames && in.w == Mfcc::kCoefficients && in.c == 1 && in.out.bits == 8 && in.out.is_signed,
                "front end: the network '", graph.model, "' takes ", in.h, "x", in.w, "x", in.c, " codes of ", in.out.bits,
                in.out.is_signed ? " signed" : " unsigned", " bits; MFCC are ", Mfcc::kFrames, "x", Mfcc::kCoefficients,
                "x1 of 8 signed ones");
  return FixedMfcc(in.out.scale, in.out.lo(), in.out.hi());
}

std::vector<TextFile> front_end_c(const FixedMfcc& mfcc, const std::string& output_type) {
  const FixedMfcc::Tables& t = mfcc.tables();
  std::string header = kHeader;
  const std::string hole = "OUTPUT_TYPE";
  header.replace(header.find(hole), hole.size(), output_type);
  std::ostringstream source;
  source << kBegin << "enum { LOWEST = " << mfcc.lo() << ", HIGHEST = " << mfcc.hi() << ", DOWN = " << t.dct_shift + 16
         << " };\n\n";
  put_c_array(source, "int32_t", "hann", t.hann);
  put_c_array(source, "int32_t", "sine", t.sine);
  put_c_array(source, "uint8_t", "first", t.first);
  put_c_array(source, "uint8_t", "count", t.count);
  put_c_array(source, "uint16_t", "weights", t.weights);
  put_c_array(source, "uint32_t", "logarithm", t.log2);
  put_c_array(source, "int16_t", "dct", t.dct);
  source << kCode << "int bitloom_infer_sound(const int16_t* samples, " << output_type
         << "* out) {\n  static uint8_t codes[BITLOOM_INPUT_SIZE];\n  bitloom_front_end(samples, codes);\n"
         << "  return bitloom_infer(codes, out);\n}\n";
  return {{"bitloom_front_end.h", header}, {"bitloom_front_end.c", source.str()}};
}

}  // namespace bitloom
