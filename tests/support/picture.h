// Made-up pictures for tests.
#pragma once
// clang-format off
#include <cstdio>  // for jpeglib.h
#include <jpeglib.h>
// clang-format on

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/files.h"

namespace bitloom::testing {

// How a picture is stored. value(y, x, channel) gives its pixels; CMYK as it is stored, inverted.
struct Picture {
  int64_t h = 0, w = 0;
  std::function<int(int64_t y, int64_t x, int channel)> value;
  int channels = 3;  // 1: gray, 4: CMYK
  bool progressive = false, arithmetic = false;
  bool plain_rows = false;  // value() is asked for the first pixel of each row only
  int quality = 100;
};

inline std::vector<uint8_t> jpeg_bytes(const Picture& p) {
  jpeg_compress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &memory, &size);
  info.image_width = JDIMENSION(p.w), info.image_height = JDIMENSION(p.h);
  info.input_components = p.channels;
  info.in_color_space = p.channels == 1 ? JCS_GRAYSCALE : p.channels == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, p.quality, TRUE);
  for (int k = 0; k < info.num_components; ++k) info.comp_info[k].h_samp_factor = info.comp_info[k].v_samp_factor = 1;
  if (p.progressive) jpeg_simple_progression(&info);
  info.arith_code = p.arithmetic;
  jpeg_start_compress(&info, TRUE);
  std::vector<uint8_t> row(size_t(p.w) * size_t(p.channels));
  for (int64_t y = 0; y < p.h; ++y) {
    const size_t asked = p.plain_rows ? size_t(p.channels) : row.size();
    for (size_t i = 0; i < asked; ++i) row[i] = uint8_t(p.value(y, int64_t(i) / p.channels, int(i) % p.channels));
    for (size_t i = asked; i < row.size(); ++i) row[i] = row[i - asked];
    uint8_t* start = row.data();
    jpeg_write_scanlines(&info, &start, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  const std::vector<uint8_t> bytes(memory, memory + size);
  std::free(memory);
  return bytes;
}

// A small picture of one colour, which need not be like any other's.
inline std::vector<uint8_t> plain_jpeg(int red, int green, int blue, int64_t h = 16, int64_t w = 16) {
  return jpeg_bytes({h, w, [=](int64_t, int64_t, int channel) { return channel == 0 ? red : channel == 1 ? green : blue; }});
}

// Writes folder/name, with the folders in between.
inline void write_picture(const std::string& path, const std::vector<uint8_t>& bytes) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  write_bytes(path, bytes);
}

}  // namespace bitloom::testing
