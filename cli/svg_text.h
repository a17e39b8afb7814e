// Numbers and texts as SVG and HTML hold them.
#pragma once
#include <string>

namespace bitloom {

// A coordinate, to a tenth of a pixel.
std::string pixel(double v);
// Markup and control characters replaced.
std::string escaped(const std::string& text);

}  // namespace bitloom
