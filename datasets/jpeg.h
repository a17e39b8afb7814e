// Pictures: JPEG files.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace bitloom {

// A JPEG file's bytes as a picture of h x w pixels, rows from the top, red, green, blue: baseline or progressive, in colour, gray, or CMYK (stored
// inverted, as all programs do). One of another size is squeezed into that shape, as MLPerf Tiny's pictures were: by Lanczos' kernel of three lobes,
// stretched where it shrinks; of one that is much larger, the decoder computes no more than every second, fourth or eighth pixel (DCT scaling). One of
// that size is decoded bit for bit as by libjpeg with its defaults. How EXIF says that a picture is to be turned is not looked at.
//
// Decoding takes a few rows of memory; where the format needs all of the picture (progressive ones), at most 256 MB. Error names `where`: not a
// JPEG file and what it is instead, cut, damaged, or of a kind that is not read (arithmetic coding, 12 bits).
std::vector<uint8_t> parse_jpeg(const std::vector<uint8_t>& bytes, int64_t h, int64_t w, const std::string& where);

}  // namespace bitloom
