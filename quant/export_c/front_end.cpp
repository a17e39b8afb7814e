// Writes the front ends of networks that hear as C.
#include "quant/export_c/front_end.h"

#include "core/error.h"
#include "quant/export_c/text.h"
#include "quant/integer/anomaly_score.h"

namespace bitloom {
namespace {

const char* const kMfccHeader =
    R"c(// Mel-frequency cepstral coefficients of sound in integers; datasets/fixed_mfcc.h of bitloom describes the steps. The same for every network.
#ifndef BITLOOM_MFCC_H
#define BITLOOM_MFCC_H

)c"
    "#include \"bitloom_kernels.h\"\n"
    R"c(
// From coefficients to codes between lo and hi: the cosine transform in units of 2^-shift codes, by band and coefficient.
typedef struct {
  const BITLOOM_FLASH int16_t* dct;
  int32_t shift, lo, hi;
} bitloom_mfcc_codes;

// Of 16,000 samples at 16 kHz 49 x 10 codes. Not reentrant: work memory is static.
#ifdef __cplusplus
extern "C"
#endif
void bitloom_mfcc(const BITLOOM_FLASH bitloom_mfcc_codes* to, const int16_t* samples, int8_t* codes);

#endif
)c";

const char* const kLogMelHeader =
    R"c(// Log-mel spectra of sound in integers; datasets/fixed_log_mel.h of bitloom describes the steps. The same for every network.
#ifndef BITLOOM_LOG_MEL_H
#define BITLOOM_LOG_MEL_H

)c"
    "#include \"bitloom_kernels.h\"\n"
    R"c(
// Codes a doubling of power (Q16), and their range.
typedef struct {
  int32_t factor, lo, hi;
} bitloom_log_mel_codes;

// Of 1,024 samples at 16 kHz 128 codes. Not reentrant: work memory is static.
#ifdef __cplusplus
extern "C"
#endif
void bitloom_log_mel(const BITLOOM_FLASH bitloom_log_mel_codes* to, const int16_t* samples, int8_t* codes);

#endif
)c";

// Of one network: sound to codes, sound to outputs.
const char* const kMfccOfNetwork = R"c(
#ifdef __cplusplus
extern "C" {
#endif

#define $NAME_SAMPLES 16000  // one second at 16 kHz

// Mel-frequency cepstral coefficients of `samples` as $NAME_INPUT_SIZE codes. Not reentrant: work memory is static.
void $name_front_end(const int16_t* samples, int8_t* codes);

// From sound to what $name_infer writes; returns what it returns.
int $name_infer_sound(const int16_t* samples, $output* out);

#ifdef __cplusplus
}
#endif

#endif
)c";

const char* const kMfccOfNetworkSource = R"c(
void $name_front_end(const int16_t* samples, int8_t* codes) { bitloom_mfcc(&own_codes, samples, codes); }

int $name_infer_sound(const int16_t* samples, $output* out) {
  static int8_t codes[$NAME_INPUT_SIZE];
  $name_front_end(samples, codes);
  return $name_infer(codes, out);
}
)c";

const char* const kLogMelOfNetwork = R"c(
#ifdef __cplusplus
extern "C" {
#endif

// Sound of 16 kHz; a frame begins every $NAME_HOP samples, the network takes $NAME_FRAMES of them.
#define $NAME_SAMPLES 1024
#define $NAME_HOP 512
#define $NAME_BANDS 128
#define $NAME_FRAMES 5

// The log-mel spectrum of a frame as $NAME_BANDS codes. Not reentrant: work memory is static.
void $name_front_end(const int16_t* samples, int8_t* codes);

// Forgets what was heard.
void $name_hear_begin(void);

// The next $NAME_HOP samples. Returns 0 when `out` and the anomaly score are of the frames that end with them, 2 while too few samples were
// heard for that, else what $name_infer returns.
int $name_hear(const int16_t* samples, $output* out, uint32_t* score);

#ifdef __cplusplus
}
#endif

#endif
)c";

const char* const kLogMelOfNetworkSource = R"c(
void $name_front_end(const int16_t* samples, int8_t* codes) { bitloom_log_mel(&own_codes, samples, codes); }

static int16_t heard[$NAME_SAMPLES];
static int8_t frames[$NAME_INPUT_SIZE];
static int32_t hops;

void $name_hear_begin(void) { hops = 0; }

int $name_hear(const int16_t* samples, $output* out, uint32_t* score) {
  int32_t i;
  int failed;
  for (i = 0; i < $NAME_HOP; ++i) {
    heard[i] = heard[$NAME_HOP + i];
    heard[$NAME_HOP + i] = samples[i];
  }
  if (hops < $NAME_FRAMES + 1) ++hops;
  if (hops < 2) return 2;
  for (i = 0; i < $NAME_INPUT_SIZE - $NAME_BANDS; ++i) frames[i] = frames[$NAME_BANDS + i];
  $name_front_end(heard, frames + $NAME_INPUT_SIZE - $NAME_BANDS);
  if (hops < $NAME_FRAMES + 1) return 2;
  failed = $name_infer(frames, out);
  *score = $name_anomaly_score(frames, out);
  return failed;
}
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
    const int32_t sample = frame[i], size = sample < 0 ? -sample : sample;
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
        re[a] = ar + tr;
        im[a] = ai + ti;
        re[b] = ar - tr;
        im[b] = ai - ti;
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
    if (v >= with) {
      v -= with;
      root += bit;
    }
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
  for (; (x | y) >> 19; down += 4) {
    x >>= 4;
    y >>= 4;
  }
  for (; (x | y) >> 15; ++down) {
    x >>= 1;
    y >>= 1;
  }
  return square_root(x * x + y * y) << down;
}

// The logarithm to base 2 in Q16 of v >= 1.
static int32_t log2_of(uint64_t v) {
  int32_t whole = 63, by;
  uint32_t fraction, part;
  const BITLOOM_FLASH uint32_t* step;
  for (by = 32; by > 0; by /= 2) {
    if (!(v >> (64 - by))) {
      v <<= by;
      whole -= by;
    }
  }
  fraction = (uint32_t)(v >> 47) & 0xffffu;
  step = logarithm + fraction / 1024;
  part = (step[1] - step[0]) * (fraction % 1024) + 512;
  return whole * 65536 + (int32_t)(step[0] + part / 1024);
}
)c";

const char* const kMfcc = R"c(
void bitloom_mfcc(const BITLOOM_FLASH bitloom_mfcc_codes* to, const int16_t* samples, int8_t* codes) {
  static uint32_t spectrum[HALF];
  const int32_t down = to->shift + 16;
  int32_t largest = 0, t, i, band, k;
  for (i = 0; i < SAMPLES; ++i) {
    if (samples[i] > largest) largest = samples[i];
  }
  for (t = 0; t < FRAMES; ++t) {
    const int16_t* frame = samples + t * STRIDE;
    const int32_t shift = shift_of(frame);
    const uint64_t unit = (uint64_t)(largest > 0 ? largest : 1) << shift, least = (unit * 137439u + 32768u) >> 16;
    const int32_t log_unit = log2_of(unit) + ((int32_t)21 << 16);
    int64_t sums[COEFFICIENTS] = {0};
    const BITLOOM_FLASH uint16_t* weight = weights;
    take_frame(frame, shift);
    transform();
    for (k = first[0]; k < first[BANDS - 1] + count[BANDS - 1]; ++k) spectrum[k] = magnitude_of(k);
    for (band = 0; band < BANDS; ++band) {
      uint64_t energy = least;
      int64_t level;
      for (i = 0; i < count[band]; ++i) energy += (uint64_t)*weight++ * spectrum[first[band] + i];
      level = log2_of(energy) - log_unit;
      for (k = 0; k < COEFFICIENTS; ++k) sums[k] += level * to->dct[band * COEFFICIENTS + k];
    }
    for (k = 0; k < COEFFICIENTS; ++k) {
      const int64_t code = (sums[k] + ((int64_t)1 << (down - 1))) >> down;
      codes[t * COEFFICIENTS + k] = (int8_t)(code < to->lo ? to->lo : code > to->hi ? to->hi : code);
    }
  }
}

)c";

const char* const kLogMel = R"c(
void bitloom_log_mel(const BITLOOM_FLASH bitloom_log_mel_codes* to, const int16_t* samples, int8_t* codes) {
  static uint32_t spectrum[HALF];
  const int32_t shift = shift_of(samples), end = first[BANDS - 1] + count[BANDS - 1];
  const BITLOOM_FLASH uint16_t* weight = weights;
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
  for (band = 0; band < BANDS; ++band) {
    uint64_t energy = least;
    int64_t level, code;
    for (i = 0; i < count[band]; ++i) {
      const uint64_t m = (spectrum[first[band] + i] + half) >> down;
      energy += m * m * *weight++;
    }
    level = energy ? (int64_t)log2_of(energy) - exponent * (int64_t)65536 : -52 * (int64_t)65536;
    code = (level * to->factor + ((int64_t)1 << 31)) >> 32;
    codes[band] = (int8_t)(code < to->lo ? to->lo : code > to->hi ? to->hi : code);
  }
}
)c";

void check_input(const IntegerGraph& graph, int64_t size, bool fits, const char* features) {
  const IntegerLayer& in = graph.layers.front();
  BITLOOM_CHECK(fits && in.h * in.w * in.c == size && in.out.bits == 8 && in.out.is_signed, "front end: the network '",
                graph.model, "' takes ", in.h, "x", in.w, "x", in.c, " codes of ", in.out.bits,
                in.out.is_signed ? " signed" : " unsigned", " bits; ", features, " of 8 signed ones");
}

// What the source of every front end begins with.
void put_spectrum(std::ostream& source, const char* header, const FixedSpectrum& spectrum) {
  source << "#include \"" << header << "\"\n\nenum { WINDOW = " << spectrum.window() << ", HALF = " << spectrum.fft() / 2
         << ", PRECISION = " << spectrum.precision() << " };\n\n";
  put_c_array(source, "BITLOOM_FLASH int32_t", "hann", spectrum.hann());
  put_c_array(source, "BITLOOM_FLASH int32_t", "sine", spectrum.sine());
  put_c_array(source, "BITLOOM_FLASH uint32_t", "logarithm", fixed_log2_table());
  source << kSpectrum;
}

template <class Tables>
void put_bands(std::ostream& source, const char* type, const Tables& t) {
  put_c_array(source, str("BITLOOM_FLASH ", type).c_str(), "first", t.first);
  put_c_array(source, str("BITLOOM_FLASH ", type).c_str(), "count", t.count);
  put_c_array(source, "BITLOOM_FLASH uint16_t", "weights", t.weights);
}

// NAME_front_end.{h,c}; `kind` is a shared front end, `constants` define own_codes.
std::vector<TextFile> of_network(const CNames& names, const std::string& kind, const char* declarations,
                                 const char* definitions, const std::string& constants) {
  const std::string header =
      names.fill(
          "// The sound that the network hears, as the codes that it takes; exported by bitloom.\n#ifndef "
          "$name_FRONT_END_H\n#define $name_FRONT_END_H\n\n#include \"$network.h\"\n") +
      names.fill(declarations);
  const std::string source =
      names.fill("#include \"$name_front_end.h\"\n\n#include \"" + kind + ".h\"\n\n") + constants + names.fill(definitions);
  return {{names.name + "_front_end.h", header}, {names.name + "_front_end.c", source}};
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

std::vector<TextFile> front_end_c(const FixedMfcc& mfcc, const CNames& names) {
  const FixedMfcc::Tables& t = mfcc.tables();
  std::ostringstream source, constants;
  put_spectrum(source, "bitloom_mfcc.h", mfcc.spectrum());
  source << "\nenum { SAMPLES = 16000, STRIDE = 320, FRAMES = 49, BANDS = 40, COEFFICIENTS = 10 };\n\n";
  put_bands(source, "uint8_t", t);
  source << kMfcc;
  put_c_array(constants, "BITLOOM_FLASH int16_t", "dct", t.dct);
  constants << "static const BITLOOM_FLASH bitloom_mfcc_codes own_codes = {dct, " << t.dct_shift << ", " << mfcc.lo() << ", "
            << mfcc.hi() << "};\n";
  std::vector<TextFile> files = of_network(names, "bitloom_mfcc", kMfccOfNetwork, kMfccOfNetworkSource, constants.str());
  files.push_back({"bitloom_mfcc.h", kMfccHeader});
  files.push_back({"bitloom_mfcc.c", source.str()});
  return files;
}

std::vector<TextFile> front_end_c(const FixedLogMel& log_mel, const CNames& names) {
  const FixedLogMel::Tables& t = log_mel.tables();
  std::ostringstream source;
  put_spectrum(source, "bitloom_log_mel.h", log_mel.spectrum());
  source << "\nenum { BANDS = 128 };\n\n";
  put_bands(source, "uint16_t", t);
  source << kLogMel;
  const std::string constants = str("static const BITLOOM_FLASH bitloom_log_mel_codes own_codes = {", t.factor, ", ",
                                    log_mel.lo(), ", ", log_mel.hi(), "};\n");
  std::vector<TextFile> files = of_network(names, "bitloom_log_mel", kLogMelOfNetwork, kLogMelOfNetworkSource, constants);
  files.push_back({"bitloom_log_mel.h", kLogMelHeader});
  files.push_back({"bitloom_log_mel.c", source.str()});
  return files;
}

}  // namespace bitloom
