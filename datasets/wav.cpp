// Sound: RIFF WAVE files.
#include "datasets/wav.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "core/error.h"
#include "core/io.h"

namespace bitloom {
namespace {

constexpr size_t kMaxBytes = size_t(1) << 30;

struct Format {
  int64_t code, channels, rate, frame, bits;
};

class Reader {
 public:
  Reader(const std::vector<uint8_t>& bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  Waveform wave() const {
    BITLOOM_CHECK(tag(0) != "RIFX" && tag(0) != "RF64", where_, ": is ", tag(0), ", expected RIFF; convert it to a plain .wav");
    BITLOOM_CHECK(tag(0) == "RIFF" && tag(8) == "WAVE", where_, ": not a .wav file: it does not begin with RIFF and WAVE");
    std::optional<Format> format;
    for (size_t at = 12; at + 8 <= bytes_.size();) {
      const size_t size = size_t(little_endian(at + 4, 4)), begin = at + 8, left = bytes_.size() - begin;
      if (tag(at) == "data") {
        BITLOOM_CHECK(format, where_, ": offset ", at, ": the data come before their format");
        BITLOOM_CHECK(size <= left || size == 0xFFFFFFFF, where_, ": truncated: ", size,
                      " bytes of samples announced at offset ", at, ", ", left, " there");
        return samples(*format, begin, std::min(size, left));
      }
      BITLOOM_CHECK(size <= left, where_, ": truncated: the chunk at offset ", at, " has ", size, " bytes, ", left,
                    " are there");
      if (tag(at) == "fmt ") format = format_at(begin, size);
      at = begin + size + size % 2;
    }
    throw Error(where_ + (format ? ": has no samples: there is no data chunk" : ": has neither a format nor samples"));
  }

 private:
  std::string tag(size_t at) const {
    return at + 4 <= bytes_.size() ? std::string(bytes_.begin() + std::ptrdiff_t(at), bytes_.begin() + std::ptrdiff_t(at + 4))
                                   : "";
  }

  int64_t little_endian(size_t at, int count) const {
    int64_t value = 0;
    for (int i = 0; i < count; ++i) value |= int64_t(bytes_[at + size_t(i)]) << (8 * i);
    return value;
  }

  Format format_at(size_t at, size_t size) const {
    BITLOOM_CHECK(size >= 16, where_, ": offset ", at, ": a format of ", size, " bytes, expected 16 or more");
    Format f{little_endian(at, 2), little_endian(at + 2, 2), little_endian(at + 4, 4), little_endian(at + 12, 2),
             little_endian(at + 14, 2)};
    constexpr int64_t kExtensible = 0xFFFE;
    if (f.code == kExtensible && size >= 26) f.code = little_endian(at + 24, 2);  // the first bytes of the sub-format
    const bool pcm = f.code == 1 && (f.bits == 8 || f.bits == 16 || f.bits == 24 || f.bits == 32),
               is_float = f.code == 3 && f.bits == 32;
    BITLOOM_CHECK(pcm || is_float, where_, ": format ", f.code, " with ", f.bits,
                  " bits, expected PCM (1) of 8, 16, 24 or 32 bits or float (3) of 32; convert it, for example with sox -b 16");
    BITLOOM_CHECK(f.channels > 0 && f.rate > 0 && f.frame == f.channels * f.bits / 8, where_, ": offset ", at, ": ", f.channels,
                  " channels at ", f.rate, " Hz in frames of ", f.frame, " bytes make no sense");
    return f;
  }

  // In units of a 16-bit sample.
  double sample(const Format& f, size_t at) const {
    const int bytes = int(f.bits / 8);
    if (f.code == 3) {
      const uint32_t word = uint32_t(little_endian(at, 4));
      float value;
      std::memcpy(&value, &word, sizeof value);
      return std::isfinite(value) ? double(value) * 32768 : 0;
    }
    if (bytes == 1) return double(bytes_[at] - 128) * 256;  // the only unsigned one
    const int64_t raw = little_endian(at, bytes), sign = int64_t(1) << (f.bits - 1);
    return double((raw ^ sign) - sign) / double(int64_t(1) << (f.bits - 16));
  }

  Waveform samples(const Format& f, size_t begin, size_t size) const {
    const size_t frames = size / size_t(f.frame);
    Waveform w;
    w.rate = f.rate;
    w.samples.reserve(frames);
    for (size_t i = 0; i < frames; ++i) {
      double sum = 0;
      for (int64_t c = 0; c < f.channels; ++c) sum += sample(f, begin + i * size_t(f.frame) + size_t(c * f.bits / 8));
      w.samples.push_back(int16_t(std::clamp(std::floor(sum / double(f.channels) + 0.5), -32768.0, 32767.0)));
    }
    return w;
  }

  const std::vector<uint8_t>& bytes_;
  const std::string& where_;
};

}  // namespace

Waveform parse_wav(const std::vector<uint8_t>& bytes, const std::string& where) { return Reader(bytes, where).wave(); }

Waveform read_wav(const std::string& path) { return parse_wav(read_file(path, kMaxBytes), path); }

}  // namespace bitloom
