// .wav files: what the encodings mean, and what is said of those that are none.
#include "datasets/wav.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>

#include "core/io.h"
#include "tests/support/files.h"

namespace bitloom {
namespace {

using testing::error_of;
using Bytes = std::vector<uint8_t>;

void append(Bytes& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i, value >>= 8) out.push_back(uint8_t(value));
}
void append(Bytes& out, const std::string& text) { out.insert(out.end(), text.begin(), text.end()); }

Bytes format(int code, int channels, int rate, int bits, bool extensible = false) {
  Bytes f;
  append(f, uint64_t(extensible ? 0xFFFE : code), 2), append(f, uint64_t(channels), 2), append(f, uint64_t(rate), 4);
  append(f, uint64_t(rate * channels * bits / 8), 4), append(f, uint64_t(channels * bits / 8), 2), append(f, uint64_t(bits), 2);
  if (extensible)
    append(f, 22, 2), append(f, uint64_t(bits), 2), append(f, 0, 4), append(f, uint64_t(code), 2), append(f, 0, 14);
  return f;
}

Bytes chunk(const std::string& name, const Bytes& content) {
  Bytes c;
  append(c, name), append(c, content.size(), 4);
  c.insert(c.end(), content.begin(), content.end());
  if (content.size() % 2) c.push_back(0);
  return c;
}

Bytes riff(const std::vector<Bytes>& chunks) {
  Bytes all;
  append(all, "RIFF"), append(all, 0, 4), append(all, "WAVE");
  for (const Bytes& c : chunks) all.insert(all.end(), c.begin(), c.end());
  return all;
}

std::vector<int16_t> samples(const Bytes& format, const Bytes& data) {
  return parse_wav(riff({chunk("fmt ", format), chunk("data", data)}), "a.wav").samples;
}

TEST(Wav, EveryEncodingMeansTheSameSound) {
  const std::vector<int16_t> expected = {0, 256, -256, 32512, -32768};
  const auto pcm = [&](int bits) {
    Bytes data;
    for (const int16_t v : expected) {
      const int64_t wide = int64_t(v) * (int64_t(1) << 16);  // 32 bits
      append(data, uint64_t(bits == 8 ? (v >> 8) + 128 : wide >> (32 - bits)), bits / 8);
    }
    return data;
  };
  for (const int bits : {8, 16, 24, 32}) {
    EXPECT_EQ(samples(format(1, 1, 16000, bits), pcm(bits)), expected) << bits;
    EXPECT_EQ(samples(format(1, 1, 16000, bits, true), pcm(bits)), expected) << bits << " extensible";
  }
  Bytes floats;
  for (const float v : {0.0f, 1 / 128.0f, -1 / 128.0f, 32512 / 32768.0f, -1.0f, 2.0f, -7.5f, std::nanf("")}) {
    uint32_t word;
    std::memcpy(&word, &v, 4);
    append(floats, word, 4);
  }
  EXPECT_EQ(samples(format(3, 1, 16000, 32), floats), (std::vector<int16_t>{0, 256, -256, 32512, -32768, 32767, -32768, 0}));
}

TEST(Wav, ChannelsAreAveragedAndDepthsRounded) {
  Bytes stereo;
  for (const int v : {100, 201, -3, -4, 32767, 32767}) append(stereo, uint64_t(v), 2);
  EXPECT_EQ(samples(format(1, 2, 8000, 16), stereo), (std::vector<int16_t>{151, -3, 32767}));
  Bytes deep;
  for (const int v : {127, 128, -128, -129, 0x7FFFFF}) append(deep, uint64_t(v), 3);
  EXPECT_EQ(samples(format(1, 1, 8000, 24), deep), (std::vector<int16_t>{0, 1, 0, -1, 32767}));
}

TEST(Wav, OtherChunksAndOpenEndsAreNoMatter) {
  Bytes data;
  append(data, 7, 2), append(data, 9, 2);
  Bytes file = riff(
      {chunk("LIST", {1, 2, 3}), chunk("fmt ", format(1, 1, 44100, 16)), chunk("fact", {0, 0, 0, 0}), chunk("data", data)});
  EXPECT_EQ(parse_wav(file, "a.wav").rate, 44100);
  EXPECT_EQ(parse_wav(file, "a.wav").samples, (std::vector<int16_t>{7, 9}));
  for (size_t i = 0; i < 4; ++i)
    file[file.size() - data.size() - 4 + i] = 0xFF;  // the length that a pipe's writer does not know
  EXPECT_EQ(parse_wav(file, "a.wav").samples, (std::vector<int16_t>{7, 9}));
  file.pop_back();  // half a sample
  EXPECT_EQ(parse_wav(file, "a.wav").samples, (std::vector<int16_t>{7}));
}

TEST(Wav, WhatIsWrongIsOneLineWithTheFile) {
  const Bytes good = format(1, 1, 16000, 16), data = {1, 0, 2, 0};
  const auto error = [](const Bytes& bytes) { return error_of([&] { parse_wav(bytes, "a.wav"); }); };
  EXPECT_EQ(error({}), "a.wav: not a .wav file: it does not begin with RIFF and WAVE");
  EXPECT_EQ(error(riff({})), "a.wav: has neither a format nor samples");
  EXPECT_EQ(error(riff({chunk("fmt ", good)})), "a.wav: has no samples: there is no data chunk");
  EXPECT_EQ(error(riff({chunk("data", data), chunk("fmt ", good)})), "a.wav: offset 12: the data come before their format");
  EXPECT_EQ(error(riff({chunk("fmt ", {1, 2})})), "a.wav: offset 20: a format of 2 bytes, expected 16 or more");
  EXPECT_NE(error(riff({chunk("fmt ", format(6, 1, 8000, 8))})).find("format 6 with 8 bits, expected PCM"), std::string::npos);
  EXPECT_NE(error(riff({chunk("fmt ", format(1, 0, 8000, 16))})).find("0 channels at 8000 Hz in frames of 0 bytes"),
            std::string::npos);
  Bytes short_of = riff({chunk("fmt ", good), chunk("data", data)});
  short_of.pop_back();
  EXPECT_EQ(error(short_of), "a.wav: truncated: 4 bytes of samples announced at offset 36, 3 there");
  Bytes big = riff({chunk("fmt ", good)});
  big[3] = 'X';
  EXPECT_NE(error(big).find("is RIFX, expected RIFF"), std::string::npos);
  EXPECT_NE(error_of([] { read_wav("none.wav"); }).find("none.wav"), std::string::npos);
}

TEST(Wav, ReadsSpeechCommands) {
  const std::string folder = testing::data_path("speech_commands_test_set_v0.02");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no Speech Commands in " << folder;
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".wav") continue;
    const Waveform w = read_wav(entry.path().string());
    EXPECT_EQ(w.rate, 16000) << entry.path();
    EXPECT_EQ(w.samples.size(), (std::filesystem::file_size(entry.path()) - 44) / 2) << entry.path();
    ++files;
  }
  EXPECT_GT(files, 10);
}

}  // namespace
}  // namespace bitloom
