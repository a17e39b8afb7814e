// Sound: RIFF WAVE files.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace bitloom {

struct Waveform {
  int64_t rate = 0;              // samples a second
  std::vector<int16_t> samples;  // one channel: of several, the mean
};

// A .wav file's bytes: PCM of 8, 16, 24 or 32 bits or 32-bit float, plain or WAVE_FORMAT_EXTENSIBLE, chunks in any order that has the format before the
// data; other depths are rounded to 16 bits. A data chunk whose length was never filled in (0xFFFFFFFF, by programs that write into a pipe) ends
// with the file. Error names `where` and the offset: not a WAVE file, another encoding, truncated. Source: Microsoft and IBM, Multimedia
// Programming Interface and Data Specifications 1.0, "Waveform Audio File Format"; Microsoft, "Multiple Channel Audio Data and WAVE Files".
Waveform parse_wav(const std::vector<uint8_t>& bytes, const std::string& where);
// The same of a file.
Waveform read_wav(const std::string& path);

}  // namespace bitloom
