// Writes the front ends of networks that hear as C.
#include "quant/export_c/front_end.h"

#include "core/error.h"
#include "quant/export_c/text.h"
#include "quant/integer/anomaly_score.h"

namespace bitloom {
namespace {

const char* const kNetwork = "#include \"bitloom_network.h\"\n";

const char* const kMfccHeader = R"c(
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

const char* const kLogMelHeader = R"c(
#ifdef __cplusplus
extern "C" {
#endif

// Sound of 16 kHz; a frame begins every BITLOOM_HOP samples, the network takes BITLOOM_FRAMES of them.
enum { BITLOOM_SAMPLES = 1024, BITLOOM_HOP = 512, BITLOOM_BANDS = 128, BITLOOM_FRAMES = 5 };

// The log-mel spectrum of a frame as BITLOOM_BANDS codes. Not reentrant: work memory is static.
void bitloom_front_end(const int16_t* samples, uint8_t* codes);

// Forgets what was heard.
void bitloom_hear_begin(void);

// The next BITLOOM_HOP samples. Returns 0 when `out` and the anomaly score are of the frames that end with them, 2 while too few samples were heard
// for that, else what bitloom_infer returns.
int bitloom_hear(const int16_t* samples, OUTPUT_TYPE* out, uint32_t* score);

#ifdef __cplusplus
}
#endif

#endif
)c";

// The arithmetic of datasets/fixed_spectrum.h; WINDOW and HALF are the front end's.
const char* const kSpectrum = R"c(
// The compiler must shift negative numbers arithmetically, as every common one does.
typedef char arithmetic_shift_is_needed[((int32_t)-3 >> 1) == -2 && ((int64_t)-3 >> 1) == -2 ? 1 : -1];

enum { QUARTER = HALF / 2 };

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
  int32_t i, bit, place = 0;  // of a pair of samples: its number's bits in the opposite order
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
)c";

const char* const kMfcc = R"c(
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

const char* const kLogMel = R"c(
void bitloom_front_end(const int16_t* samples, uint8_t* codes) {
  static uint32_t spectrum[HALF];
  const int32_t shift = shift_of(samples), end = first[BITLOOM_BANDS - 1] + count[BITLOOM_BANDS - 1];
  const uint16_t* weight = weights;
  uint32_t largest = 0, half;
  uint64_t least;
  int32_t down = 0, exponent, band, i;
  take_frame(samples, shift);
  transform();
  for (i = first[0]; i < end; ++i) {
    spectrum[i] = magnitude_of(i);
    if (spectrum[i] > largest) largest = spectrum[i];
  }
  while (largest >> down >> 23) ++down;
  half = ((uint32_t)1 << down) >> 1;
  exponent = 2 * (shift + PRECISION - down) + 50;  // bands are in units of 2^-exponent
  least = exponent >= 52 ? (uint64_t)1 << (exponent - 52) : 0;
  for (band = 0; band < BITLOOM_BANDS; ++band) {
    uint64_t energy = least;
    int64_t level, code;
    for (i = 0; i < count[band]; ++i) {
      const uint64_t m = (spectrum[first[band] + i] + half) >> down;
      energy += m * m * *weight++;
    }
    level = energy ? (int64_t)log2_of(energy) - exponent * (int64_t)65536 : -52 * (int64_t)65536;
    code = (level * FACTOR + ((int64_t)1 << 31)) >> 32;
    codes[band] = (uint8_t)(code < LOWEST ? LOWEST : code > HIGHEST ? HIGHEST : code);
  }
}

static int16_t heard[BITLOOM_SAMPLES];
static uint8_t frames[BITLOOM_INPUT_SIZE];
static int32_t hops;

void bitloom_hear_begin(void) { hops = 0; }

int bitloom_hear(const int16_t* samples, OUTPUT_TYPE* out, uint32_t* score) {
  int32_t i;
  int failed;
  for (i = 0; i < BITLOOM_HOP; ++i) {
    heard[i] = heard[BITLOOM_HOP + i];
    heard[BITLOOM_HOP + i] = samples[i];
  }
  if (hops < BITLOOM_FRAMES + 1) ++hops;
  if (hops < 2) return 2;
  for (i = 0; i < BITLOOM_INPUT_SIZE - BITLOOM_BANDS; ++i) frames[i] = frames[BITLOOM_BANDS + i];
  bitloom_front_end(heard, frames + BITLOOM_INPUT_SIZE - BITLOOM_BANDS);
  if (hops < BITLOOM_FRAMES + 1) return 2;
  failed = bitloom_infer(frames, out);
  *score = bitloom_anomaly_score(frames, out);
  return failed;
}
)c";

std::string header(const std::string& own, const std::string& output_type) {
  std::string text =
      "// The sound that the network hears, as the codes that it takes; exported by bitloom.\n#ifndef BITLOOM_FRONT_END_H\n"
      "#define BITLOOM_FRONT_END_H\n\n" +
      (kNetwork + own);
  const std::string hole = "OUTPUT_TYPE";
  return text.replace(text.find(hole), hole.size(), output_type);
}

void check_input(const IntegerGraph& graph, int64_t size, bool fits, const char* features) {
  const IntegerLayer& in = graph.layers.front();
  BITLOOM_CHECK(fits && in.h * in.w * in.c == size && in.out.bits == 8 && in.out.is_signed, "front end: the network '",
                graph.model, "' takes ", in.h, "x", in.w, "x", in.c, " codes of ", in.out.bits,
                in.out.is_signed ? " signed" : " unsigned", " bits; ", features, " of 8 signed ones");
}

// What every front end begins with.
void put_spectrum(std::ostream& source, const char* features, const FixedSpectrum& spectrum, int32_t lo, int32_t hi) {
  source << "// " << features << " of bitloom describes the steps.\n#include \"bitloom_front_end.h\"\n\n"
         << "enum { WINDOW = " << spectrum.window() << ", HALF = " << spectrum.fft() / 2
         << ", PRECISION = " << spectrum.precision() << ", LOWEST = " << lo << ", HIGHEST = " << hi << " };\n\n";
  put_c_array(source, "int32_t", "hann", spectrum.hann());
  put_c_array(source, "int32_t", "sine", spectrum.sine());
  put_c_array(source, "uint32_t", "logarithm", fixed_log2_table());
  source << kSpectrum;
}

}  // namespace

FixedMfcc mfcc_of(const IntegerGraph& graph) {
  const IntegerLayer& in = graph.layers.front();
  check_input(graph, Mfcc::kFrames * Mfcc::kCoefficients, in.h == Mfcc::kFrames && in.w == Mfcc::kCoefficients,
              "MFCC are 49x10x1");
  return FixedMfcc(in.out.scale, in.out.lo(), in.out.hi());
}

FixedLogMel log_mel_of(const IntegerGraph& graph) {
  check_input(graph, 5 * LogMel::kBands, reconstructs(graph), "five log-mel frames, to be reconstructed, are 640");
  const QuantScheme& in = graph.layers.front().out;
  return FixedLogMel(in.scale, in.lo(), in.hi());
}

std::vector<TextFile> front_end_c(const FixedMfcc& mfcc, const std::string& output_type) {
  const FixedMfcc::Tables& t = mfcc.tables();
  std::ostringstream source;
  put_spectrum(source, "Mel-frequency cepstral coefficients in integers: datasets/fixed_mfcc.h", mfcc.spectrum(), mfcc.lo(),
               mfcc.hi());
  source << "\nenum { STRIDE = 320, FRAMES = 49, BANDS = 40, COEFFICIENTS = 10, DOWN = " << t.dct_shift + 16 << " };\n\n";
  put_c_array(source, "uint8_t", "first", t.first);
  put_c_array(source, "uint8_t", "count", t.count);
  put_c_array(source, "uint16_t", "weights", t.weights);
  put_c_array(source, "int16_t", "dct", t.dct);
  source << kMfcc << "int bitloom_infer_sound(const int16_t* samples, " << output_type
         << "* out) {\n  static uint8_t codes[BITLOOM_INPUT_SIZE];\n  bitloom_front_end(samples, codes);\n"
         << "  return bitloom_infer(codes, out);\n}\n";
  return {{"bitloom_front_end.h", header(kMfccHeader, output_type)}, {"bitloom_front_end.c", source.str()}};
}

std::vector<TextFile> front_end_c(const FixedLogMel& log_mel, const std::string& output_type) {
  const FixedLogMel::Tables& t = log_mel.tables();
  std::ostringstream source;
  put_spectrum(source, "Log-mel spectra in integers: datasets/fixed_log_mel.h", log_mel.spectrum(), log_mel.lo(), log_mel.hi());
  source << "\nenum { FACTOR = " << t.factor << " };\n\n";
  put_c_array(source, "uint16_t", "first", t.first);
  put_c_array(source, "uint16_t", "count", t.count);
  put_c_array(source, "uint16_t", "weights", t.weights);
  std::string code = kLogMel;
  const std::string hole = "OUTPUT_TYPE";
  source << code.replace(code.find(hole), hole.size(), output_type);
  return {{"bitloom_front_end.h", header(kLogMelHeader, output_type)}, {"bitloom_front_end.c", source.str()}};
}

}  // namespace bitloom
