// Made-up recordings for tests.
#pragma once
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/files.h"

namespace bitloom::testing {

// A .wav file of 16-bit mono PCM.
inline std::vector<uint8_t> wav_bytes(const std::vector<int16_t>& samples, int64_t rate = 16000) {
  std::vector<uint8_t> bytes;
  const auto text = [&](const char* tag) { bytes.insert(bytes.end(), tag, tag + 4); };
  const auto number = [&](int64_t value, int count) {
    for (int i = 0; i < count; ++i) bytes.push_back(uint8_t(value >> (8 * i)));
  };
  const int64_t size = int64_t(samples.size()) * 2;
  text("RIFF"), number(36 + size, 4), text("WAVE"), text("fmt "), number(16, 4), number(1, 2), number(1, 2), number(rate, 4);
  number(2 * rate, 4), number(2, 2), number(16, 2), text("data"), number(size, 4);
  for (const int16_t v : samples) number(v, 2);
  return bytes;
}

// `count` samples of a sine of that pitch.
inline std::vector<int16_t> tone(double hz, int64_t count = 16000, double amplitude = 8000) {
  std::vector<int16_t> samples;
  for (int64_t i = 0; i < count; ++i) samples.push_back(int16_t(amplitude * std::sin(2 * M_PI * hz * double(i) / 16000)));
  return samples;
}

// Writes folder/name, with the folders in between.
inline void write_wav(const std::string& path, const std::vector<int16_t>& samples, int64_t rate = 16000) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  write_bytes(path, wav_bytes(samples, rate));
}

}  // namespace bitloom::testing
